/**
 * A dialect is an API format that clients speak and providers answer in: how its requests are read, what its answers
 * and streams tell about usage, and how an error looks in it. Dialects know nothing of HTTP servers or of providers'
 * addresses.
 */
import type { GatewayError } from '../errors/gateway-error.ts'
import type { JsonMembers } from './json-members.ts'
import type { Usage } from './usage.ts'

export type DialectName =
  | 'openai-chat'
  | 'openai-completions'
  | 'openai-embeddings'
  | 'openai-responses'
  | 'anthropic-messages'
  | 'anthropic-count-tokens'

/** Dialects of one family go to the same kind of provider. */
export type DialectFamily = 'openai' | 'anthropic'

/** What the gateway reads from a request. Everything else goes through unread. */
export interface RequestFacts {
  readonly model: string
  readonly stream: boolean
  /** The client's bound on output tokens, whichever member carries it. */
  readonly maxOutputTokens: number | undefined
  /** Whether the client itself asked for usage in the stream (`stream_options.include_usage`). */
  readonly asksStreamUsage: boolean
  /** End user named in the body (`user`, `safety_identifier`, `metadata.user_id`, `litellm_metadata.user`). */
  readonly endUser: string | undefined
  readonly tags: readonly string[]
  readonly sessionId: string | undefined
  readonly spendLogsMetadata: Readonly<Record<string, unknown>> | undefined
  /** `metadata`, else `litellm_metadata`, as sent. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  /** How many choices the answer will have, where the request tells it (`n`): a stream's end is read by it. */
  readonly choiceCount?: number | undefined
}

/** A change of one top-level member of the body on its way up. `undefined` removes it. */
export interface MemberEdit {
  readonly name: string
  /** JSON text of the new value, or undefined to remove the member. */
  readonly value: string | undefined
}

/** An error as bytes on the wire. */
export interface WireError {
  readonly status: number
  /** JSON body. */
  readonly body: Buffer
  /** Lowercase names: `content-type`, `x-should-retry`, `retry-after`. */
  readonly headers: Readonly<Record<string, string>>
}

/**
 * Watches one streamed answer. One object a stream; `push` is called for each chunk of bytes as it arrived (cut
 * anywhere, also inside a UTF-8 character or between CR and LF), and what it returns is what the client gets.
 */
export interface StreamTap {
  /**
   * Takes the next bytes of the provider's stream, one character a byte, and returns those to send on: the same ones
   * when nothing has to be taken out (the normal case), fewer when the gateway's own usage chunk is removed or an event
   * has not ended, none when nothing is to be sent yet.
   */
  push(chunk: string): string
  /** Bytes still held back, when the provider ended the stream. */
  end(): string
  /** True once a byte of content (not a comment, ping or empty preamble) was seen: from then on no retry. */
  readonly contentSeen: boolean
  /** True once the dialect's own last event was seen: an end before it is a provider that broke off. */
  readonly finished: boolean
  /** An error event inside the stream: its raw JSON, parsed. */
  readonly streamError: StreamErrorFacts | undefined
  /** The last usage told, normalised; undefined while none was told. */
  readonly usage: Usage | undefined
  /** Model named in the answer. */
  readonly responseModel: string | undefined
  /** Why the answer ended, in the provider's word. */
  readonly finishReason: string | undefined
  /** Bytes of output text and arguments seen so far: the base of an estimate when no usage comes. */
  readonly outputBytes: number
  /** `outputBytes` when `usage` was last told: what has come since is not in it. */
  readonly outputBytesTold: number
}

export interface StreamErrorFacts {
  readonly type: string | undefined
  readonly message: string
  /** HTTP status that fits the error type, e.g. 529 for `overloaded_error`. */
  readonly status: number
}

/** What a whole (not streamed) answer tells. */
export interface AnswerFacts {
  readonly usage: Usage | undefined
  readonly responseModel: string | undefined
  /** Why the answer ended, in the provider's word. */
  readonly finishReason?: string | undefined
  /** True when the body is an error in spite of a 200 status. */
  readonly isError: boolean
}

export interface Dialect {
  readonly name: DialectName
  readonly family: DialectFamily
  /** True when calls of this dialect are free and unlimited (count_tokens). */
  readonly unbilled: boolean
  /**
   * Reads what the gateway needs.
   * @throws GatewayError `bad_request` naming the member, when `model` is missing or a read member has a wrong type.
   */
  readRequest(members: JsonMembers, pathModel: string | undefined): RequestFacts
  /** The edits that this dialect needs on the way up besides `model` (e.g. `stream_options.include_usage`). */
  upstreamEdits(members: JsonMembers, facts: RequestFacts): readonly MemberEdit[]
  readAnswer(body: Buffer): AnswerFacts
  openStream(facts: RequestFacts): StreamTap
  /** A gateway error in this dialect's envelope. */
  writeError(error: GatewayError, callId: string): WireError
  /** A gateway error as an event inside a stream that has begun. Never followed by a clean end. */
  writeStreamError(error: GatewayError, callId: string): Buffer
  /** A comment or ping that keeps an idle stream open. */
  readonly keepAlive: Buffer
}
