/** Every way in which the network or a provider can fail, on real sockets, before one gateway. A file each. */
import { afterAll, beforeAll } from 'vitest'
import { cleanEnd } from './clean-end.ts'
import { cut } from './cut.ts'
import { errorEvent } from './error-event.ts'
import { firstContentTimeout } from './first-content-timeout.ts'
import { gatewayRefusal } from './gateway-refusal.ts'
import { htmlPage } from './html-page.ts'
import { idleStall } from './idle-stall.ts'
import { malformedEvent } from './malformed-event.ts'
import { providerRefusal } from './provider-refusal.ts'
import { providerTrouble } from './provider-trouble.ts'
import { rateLimited } from './rate-limited.ts'
import { redirect } from './redirect.ts'
import { refusedConnection } from './refused-connection.ts'
import { resetBeforeHeaders } from './reset-before-headers.ts'
import { retryOrder } from './retry-order.ts'
import { slowHeaders } from './slow-headers.ts'
import { totalTimeout } from './total-timeout.ts'
import { openWorld, type FailureWorld } from './world.ts'

const WAYS = [
  refusedConnection,
  resetBeforeHeaders,
  slowHeaders,
  firstContentTimeout,
  idleStall,
  totalTimeout,
  cut,
  cleanEnd,
  malformedEvent,
  errorEvent,
  rateLimited,
  providerTrouble,
  htmlPage,
  redirect,
  providerRefusal,
  retryOrder,
  gatewayRefusal,
]

let world: FailureWorld

beforeAll(async () => {
  world = await openWorld()
})

afterAll(async () => {
  await world.close()
})

for (const way of WAYS) way(() => world)
