/** What calls at a steady pace wait for the gateway, beside its floors: many rounds, in which all are measured in turn. */
import { providerDirect } from '../provider.ts'
import { dutiesRelay, reference, socketRelay } from '../reference.ts'
import { ADDED_LATENCY, figureOf, LATENCY, STEADY, type Section } from '../section.ts'
import { sluice } from '../sluice-targets.ts'

export const latency: Section = {
  name: 'latency',
  title: 'Added latency beside its floors',
  about:
    '1,000 calls of 1 KB a second, sent when they are due. All programs run at the same time, and in each round one after ' +
    'the other is measured; what the provider takes when it is called directly is taken off within the round. Wait for ' +
    'the core: the main thread was ready to run, and its own threads, other programs or the kernel had its core.',
  order: 'side by side',
  rounds: 15,
  targets: [providerDirect, socketRelay, dutiesRelay, reference, sluice],
  measures: [{ ...STEADY, name: LATENCY.name }],
  columns: [
    ...ADDED_LATENCY,
    {
      title: 'CPU µs a call',
      decimals: 0,
      of: figureOf('open-loop', LATENCY.name, (f) => f.cpuMicrosecondsPerCall),
    },
    {
      title: 'wait for the core, µs a call',
      decimals: 0,
      of: figureOf('open-loop', LATENCY.name, (f) => f.coreWaitMicrosecondsPerCall ?? Number.NaN),
    },
  ],
}
