/** The sections of the benchmark, in the order of the page. */
import type { Section } from '../section.ts'
import { bodies } from './bodies.ts'
import { calls } from './calls.ts'
import { CURVES } from './curves.ts'
import { dialects } from './dialects.ts'
import { forms } from './forms.ts'
import { latency } from './latency.ts'
import { openStreams, streams } from './streams.ts'
import { peers } from './peers.ts'
import { slowReadersSection } from './slow-readers.ts'
import { tls } from './tls.ts'
import { workers } from './workers.ts'

export const SECTIONS: readonly Section[] = [
  calls,
  latency,
  forms,
  bodies,
  tls,
  dialects,
  streams,
  openStreams,
  slowReadersSection,
  workers,
  peers,
  ...CURVES,
]
