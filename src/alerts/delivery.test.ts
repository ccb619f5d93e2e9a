/** Alerts arrive, or it is told that they do not; nothing waits for them. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { LogFields } from '../telemetry/logs/logger.ts'
import { startReceiver, type Receiver } from '../../test/alerts/receiver.ts'
import type { Alert } from './alert.ts'
import { ReceiverConnections } from '../telemetry/export/receiver-connections.ts'
import type { SendParts } from '../telemetry/export/send-with-retries.ts'
import { Delivery, type MessageForm } from './delivery.ts'

interface Outcome {
  sent: number
  failures: number
  readonly dropped: Record<string, number>
  readonly warnings: LogFields[]
  readonly waits: number[]
}

let receiver: Receiver
let connections: ReceiverConnections
let outcome: Outcome

beforeEach(async () => {
  receiver = await startReceiver()
  connections = new ReceiverConnections(4)
  outcome = { sent: 0, failures: 0, dropped: {}, warnings: [], waits: [] }
})

afterEach(async () => {
  await connections.destroy()
  await receiver[Symbol.asyncDispose]()
})

const EACH: MessageForm = {
  channel: 'webhook',
  mostAlerts: 1,
  gatherMs: 0,
  body: (alerts) => JSON.stringify({ titles: alerts.map(({ title }) => title) }),
}
const DIGEST: MessageForm = { ...EACH, channel: 'slack', mostAlerts: 20, gatherMs: 1_000 }

/** Pauses are noted, and end at once. */
function deliveryOf(form: MessageForm, wait?: SendParts['wait']): Delivery {
  return new Delivery(
    receiver.url,
    form,
    {
      connections,
      clock: () => Date.UTC(2026, 0, 1),
      wait:
        wait ??
        ((ms) => {
          outcome.waits.push(ms)
          return Promise.resolve()
        }),
    },
    {
      delivered: (_channel, alerts) => void (outcome.sent += alerts.length),
      tryFailed: () => void (outcome.failures += 1),
      dropped: (_channel, reason, alerts) => {
        outcome.dropped[reason] = (outcome.dropped[reason] ?? 0) + alerts
      },
      warn: (_message, fields) => void outcome.warnings.push(fields),
    },
  )
}

function alertOf(title: string, level: Alert['level'] = 'high'): Alert {
  return { type: 'budget_alerts', level, atMs: 0, title, facts: [] }
}

describe('alerts', () => {
  test('are sent in order, one a message where programs read them', async () => {
    const delivery = deliveryOf(EACH)
    for (const title of ['a', 'b', 'c']) delivery.add(alertOf(title))
    await delivery.close(5_000)
    expect(receiver.received.map(({ body }) => body['titles'])).toEqual([['a'], ['b'], ['c']])
    expect(receiver.received[0]?.contentType).toBe('application/json')
    expect(outcome.sent).toBe(3)
  })

  test('of a second are one message where people read them', async () => {
    const delivery = deliveryOf(DIGEST)
    for (let index = 0; index < 25; index++) delivery.add(alertOf(String(index)))
    await delivery.close(5_000)
    expect(receiver.received.map(({ body }) => (body['titles'] as string[]).length)).toEqual([20, 5])
  })

  test('that meet an error or a cut connection are tried again, with growing pauses, and arrive', async () => {
    receiver.answer({ status: 500 }, 'cut', { status: 503 })
    const delivery = deliveryOf(EACH)
    delivery.add(alertOf('a'))
    await receiver.count(4)
    await delivery.close(5_000)
    expect(outcome).toMatchObject({ sent: 1, failures: 3, dropped: {} })
    const [first = 0, second = 0, third = 0] = outcome.waits
    expect(first).toBeGreaterThanOrEqual(500)
    expect(first).toBeLessThanOrEqual(1_000)
    expect(second).toBeGreaterThanOrEqual(1_000)
    expect(third).toBeGreaterThanOrEqual(2_000)
  })

  test.each([
    ['7', 7_000],
    ['Thu, 01 Jan 2026 00:00:09 GMT', 9_000],
    ['86400', 300_000],
  ])('wait as long as a 429 with retry-after %s asks for', async (value, waitMs) => {
    receiver.answer({ status: 429, headers: { 'retry-after': value } })
    const delivery = deliveryOf(EACH)
    delivery.add(alertOf('a'))
    await receiver.count(2)
    await delivery.close(5_000)
    expect(outcome.waits).toEqual([waitMs])
    expect(outcome.sent).toBe(1)
  })

  test('that the receiver refuses for good are given up at once, and told without the address', async () => {
    receiver.answer({ status: 404 })
    const delivery = deliveryOf(EACH)
    delivery.add(alertOf('a'))
    await receiver.count(1)
    await delivery.close(5_000)
    expect(outcome).toMatchObject({ sent: 0, dropped: { refused: 1 }, waits: [] })
    expect(outcome.warnings).toEqual([
      { channel: 'webhook', host: `127.0.0.1:${receiver.port}`, reason: 'HTTP 404' },
    ])
    expect(JSON.stringify(outcome)).not.toContain('SECRET')
  })

  test('for a receiver that is not there are given up after ten tries', async () => {
    await receiver[Symbol.asyncDispose]()
    const delivery = deliveryOf(EACH)
    delivery.add(alertOf('a'))
    while (delivery.queued > 0) await new Promise((resolve) => setImmediate(resolve))
    expect(outcome).toMatchObject({ sent: 0, failures: 10, dropped: { unreachable: 1 } })
    expect(outcome.warnings[0]).toMatchObject({ reason: 'ECONNREFUSED' })
    receiver = await startReceiver()
  })

  test('wait in a bounded queue, in which spend of single calls leaves room for the rest', async () => {
    receiver.answer('hang')
    const delivery = deliveryOf(EACH)
    for (let index = 0; index < 700; index++) delivery.add(alertOf('spend', 'low'))
    for (let index = 0; index < 600; index++) delivery.add(alertOf('budget'))
    expect(delivery.queued).toBe(1_000)
    expect(outcome.dropped).toEqual({ queue_full: 300 })
    await delivery.close(0)
  })

  test('do not hold up a stop when the receiver hangs: what is left is counted', async () => {
    receiver.answer('hang')
    const delivery = deliveryOf(EACH)
    delivery.add(alertOf('a'))
    delivery.add(alertOf('b'))
    await receiver.count(1)
    await delivery.close(1)
    expect(outcome.dropped).toEqual({ stopping: 2 })
  })

  test('do not hold up a stop by a pause', async () => {
    const paused = Promise.withResolvers<void>()
    receiver.answer({ status: 500 })
    const delivery = deliveryOf(EACH, (_ms, signal) => {
      paused.resolve()
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('hurried')))
      })
    })
    delivery.add(alertOf('a'))
    await paused.promise
    await delivery.close(5_000)
    expect(outcome).toMatchObject({ sent: 1, dropped: {} })
  })
})
