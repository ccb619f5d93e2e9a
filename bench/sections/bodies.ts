/** What the size of a request costs, up to the 2 MB of a coding agent's long session. */
import { haproxy, nginx } from '../reverse-proxies.ts'
import {
  callCost,
  closedLoop,
  LARGE_BODY,
  MIDDLE_BODY,
  multipleOf,
  SMALL_BODY,
  type Section,
} from '../section.ts'
import { sluice } from '../sluice-targets.ts'

const LARGE_CONNECTIONS = 4

const MIDDLE = callCost('100 KB', 'middle', 0)
const LARGE = callCost('2 MB', 'large', 0)

export const bodies: Section = {
  name: 'bodies',
  title: 'What the size of a request costs',
  about: 'CPU µs a call for requests of three sizes, and what that is as a multiple of nginx’s.',
  order: 'side by side',
  rounds: 3,
  targets: [nginx, haproxy, sluice],
  measures: [
    closedLoop('small', SMALL_BODY),
    closedLoop('middle', MIDDLE_BODY),
    closedLoop('large', LARGE_BODY, LARGE_CONNECTIONS),
  ],
  columns: [
    callCost('1 KB', 'small'),
    MIDDLE,
    LARGE,
    multipleOf(nginx.name, MIDDLE, '100 KB, × nginx'),
    multipleOf(nginx.name, LARGE, '2 MB, × nginx'),
  ],
}
