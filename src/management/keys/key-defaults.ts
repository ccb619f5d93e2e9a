/** What the configuration says of new keys: `default_key_generate_params` fills, `upperbound_key_generate_params` bounds. */
import { GatewayError } from '../../errors/gateway-error.ts'
import type { LitellmSettings } from '../../config/schema/litellm-settings.ts'
import { addDuration, parseDuration } from '../../identity/duration.ts'

type Bounds = NonNullable<LitellmSettings['upperbound_key_generate_params']>
type Members = Readonly<Record<string, unknown>>

/** The request with the configuration's values where it is silent. */
export function withKeyDefaults(body: unknown, settings: LitellmSettings): unknown {
  if (body !== undefined && (typeof body !== 'object' || body === null || Array.isArray(body))) return body
  // An object that is no list has text keys.
  const sent = Object.entries((body ?? {}) as Members).filter(([, value]) => value !== null)
  return { ...settings.default_key_generate_params, ...Object.fromEntries(sent) }
}

const AMOUNTS = ['max_budget', 'tpm_limit', 'rpm_limit', 'max_parallel_requests'] as const
const DURATIONS = ['budget_duration', 'duration'] as const

/**
 * The request with the largest values that the configuration allows where it asks for none.
 *
 * @param isNew a change of a key is bounded in what is sent only.
 * @throws GatewayError `bad_request` when it asks for more.
 */
export function withKeyBounds(body: unknown, bounds: Bounds | undefined, isNew: boolean): unknown {
  if (bounds === undefined || typeof body !== 'object' || body === null) return body
  // An object has text keys.
  const members = { ...(body as Members) }
  for (const field of [...AMOUNTS, ...DURATIONS]) {
    const bound = bounds[field]
    const asked = members[field]
    if (bound === undefined || (!isNew && asked === undefined)) continue
    if (isNone(asked)) members[field] = bound
    else if (isMore(asked, bound)) throw tooMuch(field, bound)
  }
  return members
}

/** No limit: LiteLLM's old word for a key that lives for ever is -1. */
function isNone(value: unknown): boolean {
  return value === undefined || value === null || value === '' || value === -1 || value === '-1'
}

/** What cannot be compared is left to the check of the field itself. */
function isMore(asked: unknown, bound: number | string): boolean {
  if (typeof bound === 'number') return Number(asked) > bound
  const [length, most] = [lengthMs(asked), lengthMs(bound)]
  return length !== undefined && most !== undefined && length > most
}

function lengthMs(text: unknown): number | undefined {
  const duration = typeof text === 'string' ? parseDuration(text) : undefined
  return duration === undefined ? undefined : addDuration(0, duration)
}

function tooMuch(field: string, bound: number | string): GatewayError {
  return new GatewayError(
    'bad_request',
    `${field}: expected at most ${bound}, which upperbound_key_generate_params allows`,
    { param: field },
  )
}
