/** Something that answers chat calls, directly or by relaying them to the provider: what a benchmark row measures. */

export const TARGET_NAMES = ['provider', 'simulator', 'nginx', 'haproxy', 'sluice', 'portkey'] as const
export type TargetName = (typeof TARGET_NAMES)[number]

/** What the provider is to answer: one JSON body, a quick stream, or a slow one. */
export type AnswerKind = 'chat' | 'stream' | 'slow'

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
  readonly call: (answer: AnswerKind) => TargetCall
}

export interface TargetContext {
  readonly providerPid: number
  readonly providerPort: number
  /** An empty directory for this run. */
  readonly directory: string
  /** Where downloaded programs are kept between runs. */
  readonly cacheDirectory: string
  /** Empty database for Sluice. */
  readonly databaseUrl: string
  /** Directory for a processor profile of Sluice, when one is wanted. */
  readonly profileDirectory: string | undefined
}

export interface Target {
  readonly name: TargetName
  /** What the table calls it. */
  readonly title: string
  readonly start: (context: TargetContext) => Promise<RunningTarget>
}
