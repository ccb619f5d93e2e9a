import { afterEach, expect, test, vi } from 'vitest'
import { lastLines } from './last-lines.ts'

afterEach(() => void vi.useRealTimers())

test('they tell the time, and what becomes of the connection', () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 30, 12, 0, 0, 999) })
  const date = 'date: Mon, 30 Nov 2026 12:00:00 GMT\r\n'
  expect(lastLines(undefined)).toBe(`${date}connection: close\r\n\r\n`)
  expect(lastLines(60)).toBe(`${date}connection: keep-alive\r\nkeep-alive: timeout=60\r\n\r\n`)
  expect(lastLines(5)).toBe(`${date}connection: keep-alive\r\nkeep-alive: timeout=5\r\n\r\n`)
  expect(lastLines(undefined)).toBe(`${date}connection: close\r\n\r\n`)
  vi.setSystemTime(Date.UTC(2026, 10, 30, 12, 0, 1))
  const next = 'date: Mon, 30 Nov 2026 12:00:01 GMT\r\n'
  expect(lastLines(5)).toBe(`${next}connection: keep-alive\r\nkeep-alive: timeout=5\r\n\r\n`)
  expect(lastLines(undefined)).toBe(`${next}connection: close\r\n\r\n`)
})
