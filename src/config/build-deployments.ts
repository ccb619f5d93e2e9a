/** Makes deployments of the entries of `model_list`: parameters sorted by what they are for, credentials filled in. */
import { createHash } from 'node:crypto'
import type * as z from 'zod'
import { findProvider, providerNames } from '../providers/provider.ts'
import type { Environment } from './environment.ts'
import { type KeyPath, type LocatedMap, nodeAt, toPlain } from './located.ts'
import { nearestName } from './nearest-name.ts'
import type { Credential } from './schema/credential-list.ts'
import {
  isPriceKey,
  LITELLM_PARAMS_NOT_IN_FORCE,
  litellmParamsSchema,
  MODEL_INFO_NOT_IN_FORCE,
  modelInfoSchema,
  priceSchema,
} from './schema/model-list.ts'
import { Secret } from './secret.ts'
import type { SectionReader } from './section-reader.ts'
import { anything, nameText, type ParameterValue, shapeOf, text } from './setting.ts'

type KnownParams = Readonly<Omit<z.output<typeof litellmParamsSchema>, 'organization'>>

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
  reader.warnOfKeys(path, entry, {
    shape: { model_name: text(), litellm_params: text(), model_info: text() },
    notInForce: [],
  })
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
      id: uniqueId(reader, path, info.known.id ?? hashOf(reader.source, path, single), surroundings.ids),
      rest: info.rest,
    },
    provider,
    api_key_variable: filled.variable,
    prices: { ...info.prices, ...params.prices },
  }))
}

type Params = z.output<typeof litellmParamsSchema>

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
): { known: Params; prices: SortedMembers['prices']; rest: SortedMembers['rest'] } | undefined {
  const node = nodeAt(reader.root, path)
  if (node?.kind !== 'map') {
    reader.reportUnfit(path, 'a map of parameters with at least `model`')
    return undefined
  }
  const shape = shapeOf(litellmParamsSchema)
  const aside = new Set([...LITELLM_PARAMS_NOT_IN_FORCE, ...Object.keys(PARAMETER_ALIASES), 'model_info'])
  const sorted = sortMembers(reader, path, node, new Set([...Object.keys(shape), ...aside]))
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
  const sorted = sortMembers(reader, path, node, new Set(Object.keys(shapeOf(modelInfoSchema))))
  reader.warnOfAccepted(path, node, { shape: {}, notInForce: MODEL_INFO_NOT_IN_FORCE })
  const known = reader.parse(path, modelInfoSchema, sorted.known)
  return known === undefined ? undefined : { known, prices: sorted.prices, rest: sorted.rest }
}

function applyCredential(
  reader: SectionReader,
  path: KeyPath,
  params: Params,
  credentials: readonly Credential[],
): Params {
  const name = params.litellm_credential_name
  if (name === undefined) return params
  const credential = credentials.find((candidate) => candidate.credential_name === name)
  if (credential === undefined) {
    const at = [...path, 'litellm_credential_name']
    const found = reader.quote(at, name)
    reader.report('error', 'bad_reference', at, `no credential has the name ${found}`, {
      expected:
        credentials.map((candidate) => candidate.credential_name).join(', ') || 'an entry of credential_list',
      found,
      hint: 'add it to credential_list',
    })
    return params
  }
  const values = credential.credential_values
  return {
    ...params,
    api_key: params.api_key ?? values.api_key,
    api_base: params.api_base ?? values.api_base,
    api_version: params.api_version ?? values.api_version,
    organization: params.organization ?? values.organization,
    extra_headers: params.extra_headers ?? values.extra_headers,
  }
}

function providerOf(model: string, named: string | undefined): string {
  if (named !== undefined) return named
  const slash = model.indexOf('/')
  if (slash > 0) return model.slice(0, slash)
  if (model === '*') return '*'
  return model.startsWith('claude') ? 'anthropic' : 'openai'
}

/** Tells what will keep the deployment from serving calls. */
function checkProvider(
  reader: SectionReader,
  path: KeyPath,
  name: string,
  apiBase: string | undefined,
): void {
  if (apiBase !== undefined && !isHttpUrl(apiBase)) {
    const expected = 'a URL that starts with http:// or https://'
    reader.report('error', 'wrong_type', [...path, 'api_base'], `expected ${expected}, found another text`, {
      expected,
      found: 'another text',
    })
  }
  if (name === '*') return
  const provider = findProvider(name)
  if (provider === undefined) {
    const at = [...path, 'model']
    const found = reader.quote(at, name)
    const nearest = nearestName(name, providerNames())
    reader.report(
      'warning',
      'not_in_force',
      at,
      `the provider ${found} is not supported yet; calls to this model are refused`,
      {
        expected: `one of ${providerNames().join(', ')}`,
        found,
        hint:
          nearest === undefined
            ? 'for an OpenAI-compatible server write openai/<model> and api_base'
            : `did you mean "${nearest}"?`,
      },
    )
  } else if (apiBase === undefined && provider.defaultApiBase === undefined) {
    reader.report(
      'warning',
      'missing_key',
      path,
      `the provider "${name}" needs api_base; calls to this model are refused`,
      {
        expected: 'api_base',
        found: 'nothing',
        hint:
          provider.baseVariables.length === 0
            ? undefined
            : `set api_base or ${provider.baseVariables[0] ?? ''}`,
      },
    )
  }
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}

/** First variable of the list that is set and not empty. */
function firstSet(names: readonly string[], environment: Environment): string | undefined {
  return names.find((name) => environment[name])
}

function fillFromEnvironment(
  providerName: string,
  params: Params,
  environment: Environment,
): { params: Params; variable: string | undefined } {
  const provider = findProvider(providerName)
  if (provider === undefined) return { params, variable: undefined }
  const keyVariable = params.api_key === undefined ? firstSet(provider.keyVariables, environment) : undefined
  const baseVariable =
    params.api_base === undefined ? firstSet(provider.baseVariables, environment) : undefined
  const key = keyVariable === undefined ? undefined : environment[keyVariable]
  return {
    params: {
      ...params,
      api_key: key === undefined ? params.api_key : new Secret(key),
      api_base: baseVariable === undefined ? params.api_base : environment[baseVariable],
    },
    variable: keyVariable,
  }
}

/**
 * Hex SHA-256 of the entry as it is written, before variables are put in: an id outlives the rotation of a key that
 * stands in the environment.
 */
function hashOf(source: LocatedMap, path: KeyPath, organization: string | undefined): string {
  const name = nodeAt(source, [...path, 'model_name'])
  const params = nodeAt(source, [...path, 'litellm_params'])
  const text = JSON.stringify([
    name && toPlain(name),
    params && sortedKeys(toPlain(params)),
    organization ?? null,
  ])
  return createHash('sha256').update(text).digest('hex')
}

function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1))
  return members.map(([name, member]) => [name, sortedKeys(member)])
}

/** Two equal entries are two deployments: the second gets a number behind its id. */
function uniqueId(reader: SectionReader, path: KeyPath, id: string, ids: Map<string, number>): string {
  const count = (ids.get(id) ?? 0) + 1
  ids.set(id, count)
  if (count === 1) return id
  const unique = `${id}-${count}`
  const named = nodeAt(reader.root, [...path, 'model_info', 'id']) !== undefined
  if (named) {
    reader.report(
      'warning',
      'bad_reference',
      [...path, 'model_info', 'id'],
      `the id "${id}" stands twice; this one is "${unique}"`,
    )
  }
  return unique
}
