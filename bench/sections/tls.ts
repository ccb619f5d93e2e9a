/** What TLS to the provider costs, as every call to a real one has it. */
import { nginx, nginxOverTls } from '../reverse-proxies.ts'
import {
  callCost,
  CHUNK_COST,
  CHUNKS,
  closedLoop,
  MIDDLE_BODY,
  SMALL_BODY,
  type Section,
} from '../section.ts'
import { OVER_TLS } from '../sluice-forms.ts'
import { sluice, sluiceTarget } from '../sluice-targets.ts'

export const tls: Section = {
  name: 'tls',
  title: 'A provider over TLS',
  about:
    'The provider called by HTTP/1.1 over TLS 1.3, with connections kept alive, beside the same without TLS.',
  order: 'side by side',
  rounds: 3,
  targets: [nginx, nginxOverTls, sluice, sluiceTarget(OVER_TLS)],
  measures: [closedLoop('small', SMALL_BODY), closedLoop('middle', MIDDLE_BODY), CHUNKS],
  columns: [
    callCost('CPU µs a call, 1 KB', 'small'),
    callCost('CPU µs a call, 100 KB', 'middle', 0),
    CHUNK_COST,
  ],
}
