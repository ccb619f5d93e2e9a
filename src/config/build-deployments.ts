/** Makes deployments of the entries of `model_list`: parameters sorted by what they are for, credentials filled in. */
import type * as z from 'zod'
import { deploymentId, uniqueId } from './deployment-id.ts'
import { applyCredential, checkProvider, fillFromEnvironment, providerOf } from './deployment-provider.ts'
import type { Environment } from './environment.ts'
import { type KeyPath, type LocatedMap, nodeAt, toPlain } from './located.ts'
import type { Credential } from './schema/credential-list.ts'
import {
  isPriceKey,
  LITELLM_PARAMS_NOT_IN_FORCE,
  type LitellmParams,
  litellmParamsSchema,
  MODEL_INFO_NOT_IN_FORCE,
  modelInfoSchema,
  priceSchema,
} from './schema/model-list.ts'
import type { SectionReader } from './section-reader.ts'
import { anything, nameText, type ParameterValue, shapeOf, text } from './setting.ts'

type KnownParams = Readonly<Omit<LitellmParams, 'organization'>>

export interface DeploymentParams extends KnownParams {
  readonly organization: string | undefined
  /** Parameters of the provider, set in calls that do not have them. */
  readonly rest: Readonly<Record<string, ParameterValue>>
}

export interface ModelInfo extends Readonly<Omit<z.output<typeof modelInfoSchema>, 'id'>> {
  readonly id: string
  /** Any further key; `/model/info` shows them. */
  readonly rest: Readonly<Record<string, ParameterValue>>
}

/** One deployment: a `model_list` entry with its credential and the environment's defaults put in. */
export interface DeploymentConfig {
  /** What clients call; may hold `*`. */
  readonly model_name: string
  readonly litellm_params: DeploymentParams
  readonly model_info: ModelInfo
  /** `custom_llm_provider`, else what stands before the first `/` of `model`, else `anthropic` or `openai`; `*` for any. */
  readonly provider: string
  /** The variable that `api_key` was taken from, when the file gives none. */
  readonly api_key_variable: string | undefined
  /** Price overrides in USD by LiteLLM's names; `litellm_params` wins over `model_info`. */
  readonly prices: Readonly<Record<string, number>>
}

/** Other names under which LiteLLM takes the same parameter. */
const PARAMETER_ALIASES: Readonly<Record<string, string>> = {
  base_url: 'api_base',
  default_headers: 'extra_headers',
}

/** Members of `litellm_params` that are the gateway's own: they are not sent to the provider. */
const OWN_PARAMETERS: ReadonlySet<string> = new Set([
  ...Object.keys(shapeOf(litellmParamsSchema)),
  ...LITELLM_PARAMS_NOT_IN_FORCE,
  ...Object.keys(PARAMETER_ALIASES),
])

const MODEL_INFO_KEYS: ReadonlySet<string> = new Set(Object.keys(shapeOf(modelInfoSchema)))

const ENTRY_KEYS = {
  shape: { model_name: text(), litellm_params: text(), model_info: text() },
  notInForce: [],
}

/** Reads all entries; those that do not fit are reported and left out. */
export function buildDeployments(
  reader: SectionReader,
  credentials: readonly Credential[],
  environment: Environment,
): DeploymentConfig[] {
  const list = nodeAt(reader.root, ['model_list'])
  if (list === undefined || (list.kind === 'scalar' && list.value === null)) return []
  if (list.kind !== 'list') {
    reader.reportUnfit(['model_list'], 'a list of models')
    return []
  }
  const ids = new Map<string, number>()
  return list.items.flatMap((item, index) => {
    const path: KeyPath = ['model_list', index]
    if (item.kind === 'map') return readEntry(reader, path, item, { credentials, environment, ids })
    reader.reportUnfit(path, 'a map with model_name and litellm_params')
    return []
  })
}

interface Surroundings {
  readonly credentials: readonly Credential[]
  readonly environment: Environment
  /** How often each deployment id has been given. */
  readonly ids: Map<string, number>
}

function readEntry(
  reader: SectionReader,
  path: KeyPath,
  entry: LocatedMap,
  surroundings: Surroundings,
): DeploymentConfig[] {
  reader.warnOfKeys(path, entry, ENTRY_KEYS)
  const name = reader.parse([...path, 'model_name'], nameText())
  const params = readParams(reader, [...path, 'litellm_params'])
  const info = readInfo(reader, [...path, 'model_info'])
  if (name === undefined || params === undefined || info === undefined) return []
  const withCredential = applyCredential(
    reader,
    [...path, 'litellm_params'],
    params.known,
    surroundings.credentials,
  )
  const provider = providerOf(params.known.model, params.known.custom_llm_provider)
  const filled = fillFromEnvironment(provider, withCredential, surroundings.environment)
  checkProvider(reader, [...path, 'litellm_params'], provider, filled.params.api_base)
  const { organization, ...known } = filled.params
  const organizations = Array.isArray(organization) ? organization : [organization]
  return organizations.map((single) => ({
    model_name: name,
    litellm_params: { ...known, organization: single, rest: params.rest },
    model_info: {
      ...info.known,
      id: uniqueId(
        reader,
        path,
        info.known.id ?? deploymentId(reader.source, path, single),
        surroundings.ids,
      ),
      rest: info.rest,
    },
    provider,
    api_key_variable: filled.variable,
    prices: { ...info.prices, ...params.prices },
  }))
}

interface SortedMembers {
  readonly known: Record<string, unknown>
  readonly prices: Record<string, number>
  readonly rest: Record<string, ParameterValue>
}

/** Sorts the members of a map into those of a schema, prices and the rest. Empty values are left out. */
function sortMembers(
  reader: SectionReader,
  path: KeyPath,
  map: LocatedMap,
  known: ReadonlySet<string>,
): SortedMembers {
  const sorted: SortedMembers = { known: {}, prices: {}, rest: {} }
  for (const [name, { value }] of map.entries) {
    if (value.kind === 'scalar' && value.value === null) continue
    if (known.has(name)) sorted.known[name] = toPlain(value)
    else if (isPriceKey(name)) sortPrice(reader, [...path, name], name, sorted)
    else defineMember(sorted.rest, name, anything().parse(toPlain(value)))
  }
  return sorted
}

function sortPrice(reader: SectionReader, path: KeyPath, name: string, sorted: SortedMembers): void {
  const node = nodeAt(reader.root, path)
  if (node !== undefined && node.kind !== 'scalar') {
    reader.report('warning', 'not_in_force', path, `"${name}" is accepted, but not in force yet`)
    return
  }
  const price = reader.parse(path, priceSchema)
  if (price !== undefined) sorted.prices[name] = price
}

/** Sets an own property whatever its name: `__proto__` would else change the prototype. */
function defineMember(target: Record<string, ParameterValue>, name: string, value: ParameterValue): void {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true })
}

function readParams(
  reader: SectionReader,
  path: KeyPath,
): { known: LitellmParams; prices: SortedMembers['prices']; rest: SortedMembers['rest'] } | undefined {
  const node = nodeAt(reader.root, path)
  if (node?.kind !== 'map') {
    reader.reportUnfit(path, 'a map of parameters with at least `model`')
    return undefined
  }
  const shape = shapeOf(litellmParamsSchema)
  const sorted = sortMembers(reader, path, node, OWN_PARAMETERS)
  reader.warnOfAccepted(path, node, { shape, notInForce: LITELLM_PARAMS_NOT_IN_FORCE })
  for (const [alias, name] of Object.entries(PARAMETER_ALIASES)) {
    if (sorted.known[alias] !== undefined) sorted.known[name] ??= sorted.known[alias]
  }
  const known = reader.parse(path, litellmParamsSchema, sorted.known)
  return known === undefined ? undefined : { known, prices: sorted.prices, rest: sorted.rest }
}

function readInfo(
  reader: SectionReader,
  path: KeyPath,
):
  | { known: z.output<typeof modelInfoSchema>; prices: SortedMembers['prices']; rest: SortedMembers['rest'] }
  | undefined {
  const node = nodeAt(reader.root, path)
  if (node === undefined || (node.kind === 'scalar' && node.value === null)) {
    return { known: modelInfoSchema.parse({}), prices: {}, rest: {} }
  }
  if (node.kind !== 'map') {
    reader.reportUnfit(path, 'a map')
    return undefined
  }
  const sorted = sortMembers(reader, path, node, MODEL_INFO_KEYS)
  reader.warnOfAccepted(path, node, { shape: {}, notInForce: MODEL_INFO_NOT_IN_FORCE })
  const known = reader.parse(path, modelInfoSchema, sorted.known)
  return known === undefined ? undefined : { known, prices: sorted.prices, rest: sorted.rest }
}
