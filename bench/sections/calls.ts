/** What a call of 1 KB costs, beside its floors: many rounds, in which all of them are measured in turn. */
import { dutiesRelay, dutiesWithRedis, reference, socketRelay } from '../reference.ts'
import { haproxy } from '../reverse-proxies.ts'
import { callCost, closedLoop, figureOf, multipleOf, SMALL_BODY, type Section } from '../section.ts'
import { WITH_REDIS } from '../sluice-forms.ts'
import { sluice, sluiceTarget } from '../sluice-targets.ts'

const SMALL = callCost('CPU µs a call, 1 KB', 'small')
const small = closedLoop('small', SMALL_BODY)

export const calls: Section = {
  name: 'calls',
  title: 'A call of 1 KB beside its floors',
  about:
    'All of them run at the same time, and in each round one after the other is measured. What other programs of the ' +
    'machine take from these, its caches above all, comes and goes within seconds: the median of the rounds has it in ' +
    'it, and the calmest half second of them all hardly. The multiples compare what was measured in the same round.',
  order: 'side by side',
  rounds: 12,
  targets: [haproxy, socketRelay, dutiesRelay, dutiesWithRedis, reference, sluice, sluiceTarget(WITH_REDIS)],
  measures: [
    {
      ...small,
      runIn: (target, durationMs) => small.job(target, { warmUpMs: 0, durationMs: 2 * durationMs }),
    },
  ],
  columns: [
    SMALL,
    {
      title: 'in the calmest half second',
      decimals: 1,
      of: figureOf('closed-loop', small.name, (f) => f.calmestMicrosecondsPerCall ?? Number.NaN),
      take: 'least',
    },
    multipleOf(reference.name, SMALL, '× node:http and undici'),
  ],
}
