/** The words in which a span tells of a call: OpenTelemetry's conventions, or OpenInference. */
import type { AttemptFacts, CallEnd, CallStart, DeploymentFacts } from '../../record/call-record.ts'
import type { MessageTexts } from './message-texts.ts'
import type { Attributes } from './span.ts'

export interface SpanWords {
  /** Of the span of the whole call. */
  callAttributes(start: CallStart, end: CallEnd): Attributes
  /** Of the spans of a stage: admission, cache. */
  stageAttributes(): Attributes
  /** Of the span of an attempt, whether or not it was the last. */
  attemptAttributes(start: CallStart, attempt: AttemptFacts): Attributes
  /** Of the span that gave the answer: the last attempt, or the cache. */
  answerAttributes(start: CallStart, end: CallEnd, texts: MessageTexts | undefined): Attributes
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

/** Attributes that never change for a deployment are made once. */
export class DeploymentAttributes {
  readonly #known = new WeakMap<DeploymentFacts, Attributes>()
  readonly #make: (deployment: DeploymentFacts) => Attributes

  constructor(make: (deployment: DeploymentFacts) => Attributes) {
    this.#make = make
  }

  of(deployment: DeploymentFacts): Attributes {
    let attributes = this.#known.get(deployment)
    if (attributes === undefined) {
      attributes = this.#make(deployment)
      this.#known.set(deployment, attributes)
    }
    return attributes
  }
}
