/** A deployment made concrete: everything of one `model_list` entry that a call needs, computed once. */
import type { DialectFamily, DialectName } from '../dialects/dialect.ts'
import type { DeploymentFacts } from '../record/call-record.ts'
import type { Scope } from '../record/scope.ts'
import type { ModelPrice } from '../spend/prices/model-price.ts'

export interface Deployment {
  readonly facts: DeploymentFacts
  readonly family: DialectFamily
  readonly origin: string
  /** Request path per dialect; a dialect that is absent is not spoken there. */
  readonly paths: Readonly<Partial<Record<DialectName, string>>>
  /** Flat header list sent with each call: credentials, `extra_headers`, organization. */
  readonly headers: readonly string[]
  /** JSON text of `model` as the provider knows it. */
  readonly upstreamModelJson: string
  /** Members set when the client sent none: name and JSON text. */
  readonly defaults: readonly (readonly [name: string, json: string])[]
  /** Undefined when no price is known: calls are visible as unpriced. */
  readonly price: ModelPrice | undefined
  readonly weight: number
  readonly timeoutMs: number
  /** Time to the first content of a stream. */
  readonly streamTimeoutMs: number | undefined
  readonly accessGroups: readonly string[]
  /** What limits calls to this deployment, to its provider, and through this gateway; empty when nothing does. */
  readonly scopes: readonly Scope[]
}

/** What a client calls: a name and the deployments behind it. */
export interface ModelGroup {
  readonly name: string
  readonly deployments: readonly Deployment[]
}
