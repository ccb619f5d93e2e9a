/** What the simulator needs of a dialect: reading its requests, and writing its answers, streams and errors. */
import type { DialectName } from '../../dialects/dialect.ts'
import type { Plan } from '../plan.ts'
import type { JsonObject, SimRequest } from '../sim-request.ts'

/**
 * Some events of a stream that go out together. `opening` events come before any content, `content` is one chunk of
 * it, `closing` events follow it, and `last` is the event without which a stream of the dialect is not whole.
 */
export interface Frame {
  readonly stage: 'opening' | 'content' | 'closing' | 'last'
  readonly text: string
  readonly outputTokens: number
  readonly reasoningTokens: number
}

/** An error as a provider would tell it. */
export interface ProviderError {
  readonly status: number
  readonly message: string
  readonly reason?: 'no-credit' | 'context-length' | undefined
  readonly param?: string | undefined
}

/** Providers of one family share errors, headers and credentials. */
export interface Family {
  readonly name: 'openai' | 'anthropic'
  errorBody(error: ProviderError, id: string): string
  /** Status of an error with a reason, which differs by family. */
  reasonStatus(reason: 'no-credit' | 'context-length'): number
  /** Flat list of header names and values that answers carry. */
  headers(id: string): readonly string[]
}

export interface Wire {
  readonly dialect: DialectName
  readonly family: Family
  /** @throws BadRequestError | InstructionError */
  read(body: JsonObject): SimRequest
  /** The whole answer as JSON text. */
  answer(plan: Plan): string
  frames(plan: Plan): Iterable<Frame>
  /** An error inside a stream. */
  streamError(plan: Plan, error: ProviderError): string
  /** An event whose JSON is broken. */
  malformedEvent(plan: Plan): string
}

export function frame(stage: Frame['stage'], text: string, outputTokens = 0, reasoningTokens = 0): Frame {
  return { stage, text, outputTokens, reasoningTokens }
}
