/** What the configuration limits of each key that has no limit of its own. */
import { UNLIMITED, type ScopeLimits } from './shared-scope.ts'

export interface ModelRates {
  readonly requestsPerMinute: bigint | null
  readonly tokensPerMinute: bigint | null
}

/** Null is unlimited. */
export interface KeyDefaults {
  /** `general_settings.max_parallel_requests`. */
  readonly parallelRequests: bigint | null
  /** `default_api_key_rpm_limit` and `default_api_key_tpm_limit`, by model group. */
  readonly models: ReadonlyMap<string, ModelRates>
}

export const NO_KEY_DEFAULTS: KeyDefaults = { parallelRequests: null, models: new Map() }

type LimitsByModel = ReadonlyMap<string, ScopeLimits>

/** The limits of a key's models: its own, else the default, unless its team limits the same. */
export function withModelDefaults(
  own: LimitsByModel,
  ofTeam: LimitsByModel,
  { models }: KeyDefaults,
): LimitsByModel {
  if (models.size === 0) return own
  const limits = new Map(own)
  for (const [model, rates] of models) {
    const known = own.get(model) ?? UNLIMITED
    const team = ofTeam.get(model) ?? UNLIMITED
    const rate = (name: keyof ModelRates): bigint | null =>
      known[name] ?? (team[name] === null ? rates[name] : null)
    limits.set(model, {
      ...known,
      requestsPerMinute: rate('requestsPerMinute'),
      tokensPerMinute: rate('tokensPerMinute'),
    })
  }
  return limits
}
