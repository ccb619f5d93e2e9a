/**
 * What is written down about a call: the facts that ledger, metrics and logs share. They are plain data; the objects
 * `CallerFacts` and `DeploymentFacts` are made once per key and per deployment and shared by reference, so that an
 * observer may key its own state on their identity.
 */
import type { Usage } from '../dialects/usage.ts'
import type { Picodollars } from '../money/picodollars.ts'
import type { CallContent, CallTrace } from './call-trace.ts'

/** Who called. A member is undefined where the field has no value for this caller. */
export interface CallerFacts {
  /** Lowercase hex SHA-256 of the key, or of the literal `litellm_proxy_master_key` for the master key. */
  readonly keyHash: string
  readonly keyAlias: string | undefined
  readonly userId: string | undefined
  readonly userEmail: string | undefined
  readonly teamId: string | undefined
  readonly teamAlias: string | undefined
  readonly organizationId: string | undefined
  /** Metadata of the key over that of its team. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
}

/** One deployment: an entry of `model_list` made concrete. */
export interface DeploymentFacts {
  /** Stable id of the deployment (`model_info.id`). */
  readonly modelId: string
  /** What a client calls (`model_name`). */
  readonly modelGroup: string
  /** Provider prefix and upstream model, as in `litellm_params.model`. */
  readonly litellmModel: string
  /** The model name sent to the provider. */
  readonly upstreamModel: string
  /** `openai`, `anthropic`, … */
  readonly provider: string
  /** Base URL of the provider, without query. */
  readonly apiBase: string
}

export type CallType =
  | 'acompletion'
  | 'atext_completion'
  | 'aembedding'
  | 'aresponses'
  | 'anthropic_messages'
  | 'count_tokens'
  | FileCallType

/** Calls on files and batches. What a batch cost is booked as `aretrieve_batch`. */
export type FileCallType =
  | 'acreate_file'
  | 'afile_list'
  | 'afile_retrieve'
  | 'afile_content'
  | 'afile_delete'
  | 'acreate_batch'
  | 'aretrieve_batch'
  | 'alist_batches'
  | 'acancel_batch'

/**
 * Stands for what a client says of itself: calls that have the same object have the same caller, `requestedModel`,
 * `endUser`, `sessionId`, `requesterIp` and `userAgent`, so that what is made of these may be kept by it.
 */
export type ClientKey = object

/** What is known of a call when it has been read and its caller is known. Times are epoch milliseconds with fractions. */
export interface CallStart {
  readonly callId: string
  readonly callType: CallType
  /** The route as registered, e.g. `/v1/chat/completions`. */
  readonly route: string
  readonly arrivedAtMs: number
  readonly caller: CallerFacts
  readonly requestedModel: string
  readonly stream: boolean
  readonly endUser: string | undefined
  readonly tags: readonly string[]
  readonly sessionId: string | undefined
  readonly requesterIp: string | undefined
  readonly userAgent: string | undefined
  /** Undefined where nobody has looked whether the client called before. */
  readonly client?: ClientKey | undefined
  /** `metadata.spend_logs_metadata` of the request, kept as sent. */
  readonly spendLogsMetadata: Readonly<Record<string, unknown>> | undefined
  /** `metadata` of the request, as sent. */
  readonly requestMetadata?: Readonly<Record<string, unknown>> | undefined
  /** Undefined when tracing is off. */
  readonly trace?: CallTrace | undefined
}

/** How a call ended. Each call has one ending. */
export type Ending =
  /** The provider's answer went to the client whole. */
  | 'complete'
  /** The client left before the end. */
  | 'client_gone'
  /** The provider broke off after content had begun. */
  | 'provider_cut'
  /** The provider answered with an error status or an error event. */
  | 'provider_error'
  /** No connection, or a reset before the first content. */
  | 'provider_unreachable'
  /** One of the call's time-outs. */
  | 'timeout'
  /** Refused by the gateway itself: no provider was called. */
  | 'refused'
  /** The gateway died while the call was under way; written at the next start. */
  | 'interrupted'

/** What the provider said that is left of its rate limits; a member is undefined where it said nothing. */
export interface ProviderQuota {
  readonly requests: number | undefined
  readonly tokens: number | undefined
}

/** One try at one deployment. */
export interface AttemptFacts {
  readonly deployment: DeploymentFacts
  readonly startedAtMs: number
  readonly endedAtMs: number
  /** HTTP status of the provider's answer; undefined when none came. */
  readonly httpStatus: number | undefined
  /** LiteLLM's exception class for a failed attempt (`RateLimitError`, `APIConnectionError`, …). */
  readonly errorClass: string | undefined
  /** Undefined where the answer told nothing of rate limits. */
  readonly quota?: ProviderQuota | undefined
  /** Of the span that stands for the attempt; undefined when tracing is off. */
  readonly spanId?: string | undefined
}

export interface CallError {
  /** LiteLLM's exception class, e.g. `RateLimitError`. */
  readonly errorClass: string
  /** Status the client got. */
  readonly httpStatus: number
  /** Redacted text. */
  readonly message: string
  /** Provider that refused, or undefined when the gateway did. */
  readonly provider: string | undefined
}

/** The response cache's part in a call. */
export interface CacheFacts {
  /** True when the answer is a kept one: no provider was called, and nothing is paid. */
  readonly hit: boolean
  /** Name of the answer in the cache. */
  readonly key: string
}

export interface CallEnd {
  readonly ending: Ending
  readonly httpStatus: number
  readonly endedAtMs: number
  /** The deployment that gave the last attempt; undefined when none was chosen. */
  readonly deployment: DeploymentFacts | undefined
  readonly attempts: readonly AttemptFacts[]
  /** When the last attempt's request was handed to the connection. */
  readonly providerStartedAtMs: number | undefined
  /** First content byte from the provider. */
  readonly firstContentAtMs: number | undefined
  readonly providerEndedAtMs: number | undefined
  readonly usage: Usage | undefined
  /** `estimated` when the provider's own figures did not arrive. */
  readonly usageSource: 'provider' | 'estimated' | 'none'
  readonly cost: Picodollars
  /** False when no price is known for the model: the cost is then zero and visibly so. */
  readonly priced: boolean
  readonly error: CallError | undefined
  /** Undefined for a call that was none of the response cache's. */
  readonly cache?: CacheFacts | undefined
  /** Model named in the answer. */
  readonly responseModel?: string | undefined
  /** Why the answer ended, in the provider's word: `stop`, `end_turn`, `length`, … */
  readonly finishReason?: string | undefined
  readonly content?: CallContent | undefined
  /** The request body and the answer as bytes, only when prompts are stored. */
  readonly requestBody: Buffer | undefined
  readonly responseBody: Buffer | undefined
}

/** A call is a success when the provider served it, even if the client left early. */
export function isSuccess(ending: Ending): boolean {
  return ending === 'complete' || ending === 'client_gone'
}
