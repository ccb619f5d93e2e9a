/** Something that answers chat calls, directly or by relaying them to the provider: what a benchmark row measures. */
import type { BenchDialect, KeyRange } from './load-job.ts'

/**
 * What the provider is to answer: one JSON body, one of 100,000 tokens, or a stream that is quick, slow, next to silent,
 * or as quick as it is read and without an end.
 */
export type AnswerKind = 'whole' | 'long' | 'stream' | 'slow' | 'quiet' | 'flood'

export const ANSWER_KINDS: readonly AnswerKind[] = ['whole', 'long', 'stream', 'slow', 'quiet', 'flood']

/** How a target is called so that the provider gives a kind of answer. */
export interface TargetCall {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly model: string
}

/** Stopped by disposing of it. */
export interface RunningTarget extends AsyncDisposable {
  readonly pid: number
  readonly port: number
  /** From the start of the process to its first 200. */
  readonly startToReadyMs: number
  readonly call: (answer: AnswerKind, dialect: BenchDialect) => TargetCall
  /** Keys that calls take in turn, where there are many. */
  readonly keys?: KeyRange
  /** It keeps answers: no two calls ask it the same. */
  readonly isEachNew?: boolean
  /** What was found at the start and belongs into the record. */
  readonly note?: string
}

export interface TargetContext {
  readonly providerPid: number
  readonly providerPort: number
  /** Where the provider listens with TLS. */
  readonly providerTlsPort: number
  /** PEM file of the certificate that the provider shows there, made for `localhost`. */
  readonly certificateFile: string
  /** An empty directory for this run. */
  readonly directory: string
  /** Where downloaded programs are kept between runs. */
  readonly cacheDirectory: string
  /** The PostgreSQL database of this name, empty when it is asked for first. */
  readonly databaseUrl: (name: string) => Promise<string>
  readonly redisUrl: string
  /** Directory for a processor profile of Sluice, when one is wanted. */
  readonly profileDirectory: string | undefined
}

export interface Target {
  /** Short, of small letters and hyphens: `--only` takes it. */
  readonly name: string
  /** What the tables call it. */
  readonly title: string
  /** Version and settings, for the record. */
  readonly settings: string
  readonly start: (context: TargetContext) => Promise<RunningTarget>
}
