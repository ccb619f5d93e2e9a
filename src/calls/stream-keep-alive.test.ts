import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { StreamKeepAlive } from './stream-keep-alive.ts'

let written: string[]
let keepAlive: StreamKeepAlive

beforeEach(() => {
  vi.useFakeTimers()
  written = []
  keepAlive = new StreamKeepAlive({ write: (chunk) => written.push(chunk) > 0 }, 15_000)
})

afterEach(() => {
  keepAlive.stop()
  vi.useRealTimers()
})

test('a silent stream gets a comment at each interval, counted from its last bytes', () => {
  keepAlive.sent('data: 1\n\n')
  vi.advanceTimersByTime(14_999)
  keepAlive.sent('data: 2\n\n')
  vi.advanceTimersByTime(14_999)
  expect(written).toEqual([])
  vi.advanceTimersByTime(1)
  expect(written).toEqual([': ping\n\n'])
  vi.advanceTimersByTime(30_000)
  expect(written).toHaveLength(3)
})

test.each(['data: 1\n', 'data: 1', 'da', '\n', '', 'data: 1\r\n'])(
  'none within an event, after %j',
  (bytes) => {
    keepAlive.sent('data: 0\n\n')
    keepAlive.sent(bytes)
    vi.advanceTimersByTime(60_000)
    expect(written).toEqual([])
  },
)

test('a stream with carriage returns has its comments too', () => {
  keepAlive.sent('data: 1\r\n\r\n')
  vi.advanceTimersByTime(15_000)
  expect(written).toEqual([': ping\n\n'])
})

test('none before the first bytes, and none after the end', () => {
  vi.advanceTimersByTime(60_000)
  keepAlive.sent('data: 1\n\n')
  keepAlive.stop()
  vi.advanceTimersByTime(60_000)
  expect(written).toEqual([])
})
