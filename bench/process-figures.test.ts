import { expect, test } from 'vitest'
import { coreWaitMicroseconds, cpuMicroseconds, parseProcessStat, residentBytes } from './process-figures.ts'

test('a program whose name holds spaces and parentheses is still read right', () => {
  const line = '42 (a) b (c) S 7 42 42 0 -1 4194560 1 2 3 4 250 50 9 9 20 0 1 0 5 0 0'
  expect(parseProcessStat(line)).toEqual({ pid: 42, parentPid: 7, ticks: 300 })
})

test('the figures of a running process are there', () => {
  expect(cpuMicroseconds(process.pid)).toBeGreaterThan(0)
  expect(residentBytes(process.pid)).toBeGreaterThan(10_000_000)
  expect(coreWaitMicroseconds(process.pid)).toBeGreaterThanOrEqual(0)
})

test('of a process that is gone nothing is told of its waiting', () => {
  expect(coreWaitMicroseconds(2 ** 30)).toBeUndefined()
})
