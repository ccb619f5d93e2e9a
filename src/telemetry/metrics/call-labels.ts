/**
 * The label values of a call, under the names that LiteLLM's metrics use. A value that is missing is the word `None`,
 * as in LiteLLM.
 */
import type { CallerFacts, DeploymentFacts } from '../../record/call-record.ts'

const NONE = 'None'

export const CALL_LABELS = [
  'api_base',
  'api_key_alias',
  'api_provider',
  'client_ip',
  'end_user',
  'ending',
  'exception_class',
  'exception_status',
  'hashed_api_key',
  'litellm_model_name',
  'model',
  'model_group',
  'model_id',
  'reason',
  'requested_model',
  'route',
  'service_tier',
  'status_code',
  'stream',
  'team',
  'team_alias',
  'user',
  'user_agent',
  'user_email',
] as const

export type CallLabel = (typeof CALL_LABELS)[number]

/** Labels whose values a client chooses freely. */
export const CLIENT_GIVEN_LABELS: readonly CallLabel[] = ['client_ip', 'user_agent', 'end_user']

/** What sets one call's labels apart from another's of the same caller and deployment. */
export interface CallVariant {
  readonly requestedModel: string
  readonly endUser: string | undefined
  readonly clientIp: string | undefined
  readonly userAgent: string | undefined
  readonly route: string
  readonly stream: boolean
  readonly status: number
  readonly serviceTier: string
  readonly ending: string
  /** Undefined on success. */
  readonly exceptionClass: string | undefined
  readonly exceptionStatus: number | undefined
  /** What the labels of a deployment hold when none was chosen: empty in the counts of attempts, else `None`. */
  readonly absentDeployment: 'None' | ''
  /** Values of the configuration's own labels. */
  readonly custom: readonly string[]
}

/** By label; those of the configuration's own too. */
export type CallLabelValues = Readonly<Record<string, string>>

/** All label values of a call. `reason` is that of a missing price, the only one there is. */
export function callLabelValues(
  caller: CallerFacts,
  deployment: DeploymentFacts | undefined,
  variant: CallVariant,
  customNames: readonly string[],
): Record<string, string> {
  const own: Record<CallLabel, string> = {
    api_base: deployment?.apiBase ?? variant.absentDeployment,
    api_key_alias: caller.keyAlias ?? NONE,
    api_provider: deployment?.provider ?? variant.absentDeployment,
    client_ip: variant.clientIp ?? NONE,
    end_user: variant.endUser ?? NONE,
    ending: variant.ending,
    exception_class: variant.exceptionClass ?? NONE,
    exception_status: variant.exceptionStatus === undefined ? NONE : String(variant.exceptionStatus),
    hashed_api_key: isIdentified(caller) ? caller.keyHash : NONE,
    litellm_model_name: deployment?.upstreamModel ?? variant.absentDeployment,
    model: deployment?.upstreamModel ?? NONE,
    model_group: deployment?.modelGroup ?? NONE,
    model_id: deployment?.modelId ?? variant.absentDeployment,
    reason: 'missing_pricing_key',
    requested_model: variant.requestedModel,
    route: variant.route,
    service_tier: variant.serviceTier,
    status_code: String(variant.status),
    stream: variant.stream ? 'True' : 'False',
    team: caller.teamId ?? NONE,
    team_alias: caller.teamAlias ?? NONE,
    user: caller.userId ?? NONE,
    user_agent: variant.userAgent ?? NONE,
    user_email: caller.userEmail ?? NONE,
  }
  const custom = customNames.map((name, index) => [name, variant.custom[index] ?? NONE] as const)
  return { ...own, ...Object.fromEntries(custom) }
}

/** A caller whose key was not valid has no key hash. */
export function isIdentified(caller: CallerFacts): boolean {
  return caller.keyHash !== ''
}

/** LiteLLM's `exception_class`: `Openai.RateLimitError`, or the class alone when the gateway itself refused. */
export function exceptionClassLabel(errorClass: string, provider: string | undefined): string {
  return provider === undefined || provider === ''
    ? errorClass
    : `${provider.charAt(0).toUpperCase()}${provider.slice(1)}.${errorClass}`
}
