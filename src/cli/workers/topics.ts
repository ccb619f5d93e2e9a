/** What workers and the process above them ask each other. Both are of one program and one version. */
import type { AdmitAnswer } from '../../limits/limit-store.ts'
import type { DatabaseKind } from '../../storage/database.ts'
import type { StopOrder } from '../stop-order.ts'
import type { Advanced } from '../../limits/advances/advance.ts'
import type { AdvanceQuestion } from './limit-steps.ts'

/** By topic: what the question holds, and what its answer. */
export interface Topics {
  /** A worker listens. The answer says after how many requests it is to be replaced. */
  ready: { ask: { readonly database: DatabaseKind }; answer: number | undefined }
  /** A worker would like to be replaced. */
  replace: { ask: undefined; answer: void }
  /** The metrics of all workers, each as bytes that `MetricsBytes` tells of. */
  metrics: { ask: undefined; answer: readonly MetricsBytes[] }
  /** As texts of `limit-text.ts`. */
  limits: { ask: string; answer: string }
  /** What an admission comes to that has to wait for advances which are called back, by its ticket. */
  decision: { ask: number; answer: AdmitAnswer }
  advance: { ask: AdvanceQuestion; answer: Advanced }
  /** `/health/drain` came to a worker. The answer counts what all have in flight. */
  drainAll: { ask: undefined; answer: number }
  /** What TLS session tickets of all workers are encrypted with. */
  ticketKeys: { ask: undefined; answer: Uint8Array }
  /** The last metrics of a worker that ends. */
  farewell: { ask: MetricsBytes; answer: void }
  /** What a worker has counted so far, told now and then. */
  counted: { ask: MetricsBytes; answer: void }
  /** `/health/backlog` came to a worker. The answer counts what all have in flight. */
  backlog: { ask: undefined; answer: number }
  /** Asked of a worker: how many requests it has in flight. */
  inFlight: { ask: undefined; answer: number }
  /** Asked of a worker: that it closes advances, by their numbers. */
  recall: { ask: readonly number[]; answer: void }
  /** Asked of a worker: its metrics. */
  snapshot: { ask: undefined; answer: MetricsBytes }
  /** Asked of a worker: that it takes itself out of the traffic. */
  drain: { ask: undefined; answer: number }
  /** Asked of a worker: that it ends. */
  end: { ask: StopOrder; answer: void }
}

/** `FamilySnapshot[]` as `v8.serialize` writes it. */
export type MetricsBytes = Uint8Array
