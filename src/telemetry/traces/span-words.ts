/** The words in which a span tells of a call: OpenTelemetry's conventions, or OpenInference. */
import type { AttemptFacts, CallEnd, CallStart, DeploymentFacts } from '../../record/call-record.ts'
import type { MessageTexts } from './message-texts.ts'
import type { AttributeSink } from './sinks.ts'

/** No name is written twice into one span. */
export interface SpanWords {
  /** Of the span of the whole call. */
  call(sink: AttributeSink, start: CallStart, end: CallEnd): void
  /** Of the spans of a stage: admission, cache. */
  stage(sink: AttributeSink): void
  /** Of the span of an attempt, whether or not it was the last. */
  attempt(sink: AttributeSink, start: CallStart, attempt: AttemptFacts): void
  /** Of the span of the cache that had the answer, instead of what is said of a stage. */
  keptAnswer(sink: AttributeSink, start: CallStart, deployment: DeploymentFacts): void
  /** Further ones of the span that gave the answer: the last attempt, or the cache. */
  answer(sink: AttributeSink, start: CallStart, end: CallEnd, texts: MessageTexts | undefined): void
}

/** Texts of a call that its client chose, with the secrets taken out that it may have put there. */
export interface ClientTexts {
  readonly requestedModel: string
  readonly userAgent: string | undefined
  readonly endUser: string | undefined
  readonly sessionId: string | undefined
  /** Undefined when there are none. */
  readonly tags: string[] | undefined
}

export function clientTexts(start: CallStart, redact: (text: string) => string): ClientTexts {
  const safe = (text: string | undefined): string | undefined =>
    text === undefined ? undefined : redact(text)
  return {
    requestedModel: redact(start.requestedModel),
    userAgent: safe(start.userAgent),
    endUser: safe(start.endUser),
    sessionId: safe(start.sessionId),
    tags: start.tags.length === 0 ? undefined : start.tags.map(redact),
  }
}

/** Writes an attribute that may be of any type. */
export function writeValue(
  sink: AttributeSink,
  name: string,
  value: string | number | boolean | undefined,
): void {
  if (typeof value === 'string') sink.text(name, value)
  else if (typeof value === 'number') sink.number(name, value)
  else sink.flag(name, value)
}
