/**
 * Which traces are exported, decided at a call's begin by the names of the specification:
 * https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#general-sdk-configuration
 */

/** @param parentSampled the client's decision; undefined when the trace begins here. */
export type Sampler = (traceId: string, parentSampled: boolean | undefined) => boolean

export const SAMPLER_NAMES = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const

/**
 * @param name one of `SAMPLER_NAMES`; anything else is as `parentbased_always_on`.
 * @param argument the share of traces for the ratio samplers, from 0 to 1; 1 when it is none.
 */
export function readSampler(name: string | undefined, argument: string | undefined): Sampler {
  const ratio = readRatio(argument)
  switch (name?.trim().toLowerCase() ?? '') {
    case 'always_on':
      return () => true
    case 'always_off':
      return () => false
    case 'traceidratio':
      return (traceId) => isWithin(traceId, ratio)
    case 'parentbased_always_off':
      return (_traceId, parentSampled) => parentSampled ?? false
    case 'parentbased_traceidratio':
      return (traceId, parentSampled) => parentSampled ?? isWithin(traceId, ratio)
    default:
      return (_traceId, parentSampled) => parentSampled ?? true
  }
}

function readRatio(argument: string | undefined): number {
  const ratio = Number(argument?.trim() || '1')
  return ratio >= 0 && ratio <= 1 ? ratio : 1
}

/** Hex digits of an id's random end that are compared. */
const COMPARED_DIGITS = 12
const COMPARED_RANGE = 16 ** COMPARED_DIGITS

/**
 * Whether an id is of the share that is kept. It goes by the id's end, which is random in trace ids and in UUIDs: all
 * who keep one share keep the same.
 *
 * @param id ends with at least twelve hex digits.
 * @param ratio from 0 to 1.
 */
export function isWithin(id: string, ratio: number): boolean {
  return Number.parseInt(id.slice(-COMPARED_DIGITS), 16) >= COMPARED_RANGE * (1 - ratio)
}
