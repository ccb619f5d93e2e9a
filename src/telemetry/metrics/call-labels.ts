/**
 * The label values of a call, under the names that LiteLLM's metrics use. A value that is missing is the word `None`,
 * as in LiteLLM.
 */
import type { CallerFacts, DeploymentFacts } from '../../record/call-record.ts'

export const NONE = 'None'

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

type CallerLabel = 'api_key_alias' | 'hashed_api_key' | 'team' | 'team_alias' | 'user' | 'user_email'
type DeploymentLabel =
  | 'api_base'
  | 'api_provider'
  | 'litellm_model_name'
  | 'model'
  | 'model_group'
  | 'model_id'

/** The labels of who called. */
export function callerLabelValues(caller: CallerFacts): Record<CallerLabel, string> {
  return {
    api_key_alias: caller.keyAlias ?? NONE,
    hashed_api_key: isIdentified(caller) ? caller.keyHash : NONE,
    team: caller.teamId ?? NONE,
    team_alias: caller.teamAlias ?? NONE,
    user: caller.userId ?? NONE,
    user_email: caller.userEmail ?? NONE,
  }
}

/** The labels of what served it. */
export function deploymentLabelValues(deployment: DeploymentFacts): Record<DeploymentLabel, string> {
  return {
    api_base: deployment.apiBase,
    api_provider: deployment.provider,
    litellm_model_name: deployment.upstreamModel,
    model: deployment.upstreamModel,
    model_group: deployment.modelGroup,
    model_id: deployment.modelId,
  }
}

/** The labels of a deployment where none was chosen. */
export function absentDeploymentLabels({
  absentDeployment: absent,
}: CallVariant): Record<DeploymentLabel, string> {
  return {
    api_base: absent,
    api_provider: absent,
    litellm_model_name: absent,
    model: NONE,
    model_group: NONE,
    model_id: absent,
  }
}

/**
 * All other labels. `reason` is that of a missing price, the only one there is.
 * @param clean makes a text that somebody else chose fit to be shown.
 */
export function variantLabelValues(
  variant: CallVariant,
  clean: (value: string) => string,
): Record<Exclude<CallLabel, CallerLabel | DeploymentLabel>, string> {
  return {
    client_ip: clean(variant.clientIp ?? NONE),
    end_user: clean(variant.endUser ?? NONE),
    ending: variant.ending,
    exception_class: clean(variant.exceptionClass ?? NONE),
    exception_status: variant.exceptionStatus === undefined ? NONE : String(variant.exceptionStatus),
    reason: 'missing_pricing_key',
    requested_model: clean(variant.requestedModel),
    route: clean(variant.route),
    service_tier: clean(variant.serviceTier),
    status_code: String(variant.status),
    stream: variant.stream ? 'True' : 'False',
    user_agent: clean(variant.userAgent ?? NONE),
  }
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
