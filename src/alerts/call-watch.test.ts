/** Providers that fail and calls that are slow are told, and not more often than is bearable. */
import { beforeEach, describe, expect, test } from 'vitest'
import type { CallEnd } from '../record/call-record.ts'
import {
  ARRIVED_AT_MS,
  attemptOf,
  endOf,
  OTHER_DEPLOYMENT,
  startOf,
} from '../../test/telemetry/sample-calls.ts'
import { settingsOf } from '../../test/alerts/samples.ts'
import type { Alert } from './alert.ts'
import type { AlertSettings } from './alerts.ts'
import { CallWatch } from './call-watch.ts'
import { Throttle } from './throttle.ts'

let sent: Alert[]
let throttle: Throttle

beforeEach(() => {
  sent = []
  throttle = new Throttle((alert) => void sent.push(alert))
})

function watchOf(changes: Partial<AlertSettings> = {}): CallWatch {
  return new CallWatch(settingsOf(changes), throttle, (alert) => void sent.push(alert))
}

function failureOf(httpStatus: number | undefined, atMs = ARRIVED_AT_MS): CallEnd {
  const attempt = attemptOf({ httpStatus, errorClass: 'InternalServerError' })
  return endOf({ ending: 'provider_error', endedAtMs: atMs, attempts: [attempt] })
}

function titles(type: Alert['type']): readonly string[] {
  return sent.filter((alert) => alert.type === type).map(({ title }) => title)
}

describe('a provider that fails', () => {
  test('is told at once, and what follows once an interval, with its count', () => {
    const watch = watchOf()
    for (let call = 0; call < 5; call++) watch.callSettled(startOf(), failureOf(401))
    expect(titles('llm_exceptions')).toEqual(['A provider failed: gpt-5-5, InternalServerError (status 401)'])
    throttle.sweep(ARRIVED_AT_MS + 59_999)
    expect(sent).toHaveLength(1)
    throttle.sweep(ARRIVED_AT_MS + 60_000)
    expect(sent).toHaveLength(2)
    expect(sent[1]?.facts.at(-1)).toEqual(['4 times since', new Date(ARRIVED_AT_MS).toISOString()])
    throttle.sweep(ARRIVED_AT_MS + 120_000)
    expect(sent).toHaveLength(2)
    watch.callSettled(startOf(), failureOf(401, ARRIVED_AT_MS + 121_000))
    expect(sent).toHaveLength(3)
  })

  test('is told although another deployment saved the call', () => {
    const attempts = [
      attemptOf({ httpStatus: undefined, errorClass: 'APIConnectionError' }),
      attemptOf({ deployment: OTHER_DEPLOYMENT }),
    ]
    watchOf().callSettled(startOf(), endOf({ attempts }))
    expect(titles('llm_exceptions')).toEqual(['A provider failed: gpt-5-5, APIConnectionError (no answer)'])
  })

  test.each([400, 413, 422])('by status %d has been asked wrongly: nobody is told', (status) => {
    watchOf().callSettled(startOf(), failureOf(status))
    expect(sent).toEqual([])
  })

  test('as often as configured is gathered for as long as configured', () => {
    const watch = watchOf({ intervalMsByType: new Map([['llm_exceptions', 3_600_000]]) })
    for (let call = 0; call < 3; call++) watch.callSettled(startOf(), failureOf(500))
    throttle.sweep(ARRIVED_AT_MS + 3_599_999)
    expect(titles('llm_exceptions')).toHaveLength(1)
    throttle.sweep(ARRIVED_AT_MS + 3_600_000)
    expect(titles('llm_exceptions')).toHaveLength(2)
  })
})

describe('an outage', () => {
  test('is minor at five failures of a deployment within a minute, major at ten, and each is told once', () => {
    const watch = watchOf()
    for (let call = 0; call < 30; call++) watch.callSettled(startOf(), failureOf(503, ARRIVED_AT_MS + call))
    expect(titles('outage_alerts')).toEqual(['Minor outage: gpt-5-5', 'Major outage: gpt-5-5'])
  })

  test('is none when the failures are spread, are of the caller or are rate limits', () => {
    const watch = watchOf()
    for (let call = 0; call < 30; call++) {
      watch.callSettled(startOf(), failureOf(503, ARRIVED_AT_MS + call * 20_000))
      watch.callSettled(startOf(), failureOf(429, ARRIVED_AT_MS + call * 20_000))
    }
    expect(titles('outage_alerts')).toEqual([])
  })

  test('that goes on is told anew in the next minute', () => {
    const watch = watchOf()
    for (const minute of [0, 1]) {
      for (let call = 0; call < 5; call++) {
        watch.callSettled(startOf(), failureOf(undefined, ARRIVED_AT_MS + minute * 60_000 + call))
      }
      watch.sweep(ARRIVED_AT_MS + (minute + 1) * 60_000)
    }
    expect(titles('outage_alerts')).toEqual(['Minor outage: gpt-5-5', 'Minor outage: gpt-5-5'])
  })
})

describe('a slow call', () => {
  test('is told when it took as long as the threshold, and not when it took less', () => {
    const watch = watchOf({ slowAfterMs: 5_000 })
    watch.callSettled(startOf(), endOf({ endedAtMs: ARRIVED_AT_MS + 4_999 }))
    expect(sent).toEqual([])
    watch.callSettled(startOf(), endOf({ endedAtMs: ARRIVED_AT_MS + 5_000 }))
    expect(titles('llm_too_slow')).toEqual(['A call was slow: gpt-5-5, 5 s'])
  })

  test('that has not ended is told once, however often it is looked at', () => {
    const watch = watchOf({ slowAfterMs: 5_000 })
    const calls = [startOf(), startOf({ arrivedAtMs: ARRIVED_AT_MS + 4_000, requestedModel: 'young' })]
    watch.lookAtOpenCalls(calls, ARRIVED_AT_MS + 6_000)
    watch.lookAtOpenCalls(calls, ARRIVED_AT_MS + 7_000)
    throttle.sweep(ARRIVED_AT_MS + 100_000)
    expect(titles('llm_requests_hanging')).toEqual(['A call has not ended: gpt-5-5, 6 s so far'])
  })

  test('of a type that nobody wants is not counted', () => {
    const watch = watchOf({ slowAfterMs: 5_000, types: new Set(['budget_alerts']) })
    watch.callSettled(startOf(), endOf({ endedAtMs: ARRIVED_AT_MS + 5_000 }))
    watch.callSettled(startOf(), failureOf(401))
    expect(sent).toEqual([])
  })
})

test('subjects without number are told together past a bound', () => {
  for (let subject = 0; subject < 5_000; subject++) {
    const alert = { type: 'llm_exceptions', level: 'low', atMs: 0, title: 'x', facts: [] } as const
    throttle.tell(String(subject), alert, 60_000)
  }
  expect(sent).toHaveLength(1_001)
})
