/** Makes a `Deployment` of a configured entry: everything that a call would else compute each time. */
import type { DeploymentConfig } from '../config/build-deployments.ts'
import { parameterJson, type ParameterValue } from '../config/setting.ts'
import type { DialectName } from '../dialects/dialect.ts'
import { DIALECTS } from '../dialects/index.ts'
import {
  credentialHeaders,
  endpointPath,
  findProvider,
  providerNames,
  type Provider,
} from '../providers/provider.ts'
import type { ModelPrice } from '../spend/prices/model-price.ts'
import type { Deployment } from './deployment.ts'
import { NO_GATEWAY_SCOPES, scopesOfDeployment, type GatewayScopes } from './gateway-scopes.ts'

/** What a deployment is priced by. */
export interface PriceQuestion {
  readonly provider: string
  readonly upstreamModel: string
  readonly entry: DeploymentConfig
}

export interface BuildOptions {
  readonly priceOf: (question: PriceQuestion) => ModelPrice | undefined
  /** `router_settings.timeout`, where the deployment names none. */
  readonly timeoutMs: number
  readonly streamTimeoutMs: number | undefined
  /** What the configuration limits; nothing without it. */
  readonly scopes?: GatewayScopes
}

/** Why an entry cannot be used. */
export interface DeploymentFault {
  readonly modelName: string
  readonly message: string
}

/**
 * @param modelName what clients call: `model_name`, or for a wildcard entry the name that matched.
 * @param litellmModel `litellm_params.model`, with a wildcard filled in.
 * @returns the deployment, or why there is none.
 */
export function buildDeployment(
  entry: DeploymentConfig,
  modelName: string,
  litellmModel: string,
  options: BuildOptions,
): Deployment | DeploymentFault {
  const providerName = entry.provider === '*' ? (litellmModel.split('/', 1)[0] ?? '') : entry.provider
  const provider = findProvider(providerName)
  if (provider === undefined) {
    return fault(
      modelName,
      `provider "${providerName}" is not known; expected one of ${providerNames().join(', ')}`,
    )
  }
  const apiBase = readBase(entry.litellm_params.api_base ?? provider.defaultApiBase)
  if (apiBase === undefined) {
    return fault(
      modelName,
      `provider "${providerName}" needs a base URL: set litellm_params.api_base to http(s)://…`,
    )
  }
  const upstreamModel = litellmModel.startsWith(`${providerName}/`)
    ? litellmModel.slice(providerName.length + 1)
    : litellmModel
  return {
    facts: {
      modelId: entry.model_info.id,
      modelGroup: modelName,
      litellmModel,
      upstreamModel,
      provider: providerName,
      apiBase: apiBase.origin + apiBase.pathname.replace(/\/$/, ''),
    },
    family: provider.family,
    origin: apiBase.origin,
    paths: pathsOf(provider, apiBase),
    headers: headersOf(entry, provider),
    upstreamModelJson: JSON.stringify(upstreamModel),
    defaults: defaultsOf(entry),
    price: options.priceOf({ provider: providerName, upstreamModel, entry }),
    weight: weightOf(entry),
    timeoutMs: toMs(entry.litellm_params.timeout) ?? options.timeoutMs,
    streamTimeoutMs: toMs(entry.litellm_params.stream_timeout) ?? options.streamTimeoutMs,
    accessGroups: entry.model_info.access_groups,
    scopes: scopesOfDeployment(options.scopes ?? NO_GATEWAY_SCOPES, entry.model_info.id, providerName),
  }
}

export function isFault(result: Deployment | DeploymentFault): result is DeploymentFault {
  return 'message' in result
}

function fault(modelName: string, message: string): DeploymentFault {
  return { modelName, message }
}

function readBase(text: string | undefined): URL | undefined {
  if (text === undefined || !URL.canParse(text)) return undefined
  const url = new URL(text)
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined
}

function pathsOf(provider: Provider, apiBase: URL): Deployment['paths'] {
  const paths: Partial<Record<DialectName, string>> = {}
  for (const dialect of Object.values(DIALECTS)) {
    if (dialect.family !== provider.family) continue
    const path = endpointPath(provider.family, apiBase, dialect.name)
    if (path !== undefined) paths[dialect.name] = path
  }
  return paths
}

function headersOf(entry: DeploymentConfig, provider: Provider): readonly string[] {
  const { api_key, organization, extra_headers } = entry.litellm_params
  const list: string[] = []
  if (api_key !== undefined) list.push(...credentialHeaders(provider, api_key, entry.api_key_variable))
  if (organization !== undefined) list.push('openai-organization', organization)
  for (const [name, value] of Object.entries(extra_headers ?? {})) {
    // A header of the configuration takes the place of the gateway's own.
    const lower = name.toLowerCase()
    const at = list.indexOf(lower)
    if (at >= 0 && at % 2 === 0) list.splice(at, 2)
    list.push(lower, value.reveal())
  }
  return list
}

function defaultsOf(entry: DeploymentConfig): Deployment['defaults'] {
  const members: [string, ParameterValue][] = [
    ...Object.entries(entry.litellm_params.rest),
    ...Object.entries(entry.litellm_params.extra_body ?? {}),
  ]
  return members.map(([name, value]) => [name, parameterJson(value)] as const)
}

/** `weight`, else `rpm`, else `tpm`, else an equal share. */
function weightOf(entry: DeploymentConfig): number {
  const { weight, rpm, tpm } = entry.litellm_params
  const share = weight ?? rpm ?? tpm ?? 1
  return Number.isFinite(share) && share > 0 ? share : 1
}

function toMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1000)
}
