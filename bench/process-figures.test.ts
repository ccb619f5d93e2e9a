import { spawn } from 'node:child_process'
import { expect, test, vi } from 'vitest'
import {
  busiest,
  coreWaitMicroseconds,
  cpuMicroseconds,
  parseProcessStat,
  residentBytes,
  servingProcesses,
} from './process-figures.ts'

test('a program whose name holds spaces and parentheses is still read right', () => {
  const line = '42 (a) b (c) S 7 42 42 0 -1 4194560 1 2 3 4 250 50 9 9 20 0 1 0 5 0 0'
  expect(parseProcessStat(line)).toEqual({ pid: 42, parentPid: 7, ticks: 300 })
})

test('the figures of a running process are there', () => {
  expect(cpuMicroseconds(process.pid)).toBeGreaterThan(0)
  expect(residentBytes(process.pid)).toBeGreaterThan(10_000_000)
  expect(coreWaitMicroseconds(process.pid)).toBeGreaterThanOrEqual(0)
})

test('the processor’s time grows by what a process uses, all of its threads together', () => {
  const before = cpuMicroseconds(process.pid)
  const { user, system } = process.cpuUsage()
  while (process.cpuUsage({ user, system }).user < 100_000);
  // A thread's time is brought up to date with the timer of the kernel.
  expect(cpuMicroseconds(process.pid) - before).toBeGreaterThan(50_000)
  expect(cpuMicroseconds(2 ** 30)).toBe(0)
})

test('of a process that is gone nothing is told of its waiting', () => {
  expect(coreWaitMicroseconds(2 ** 30)).toBeUndefined()
})

test('of a program of several processes the children serve, of another it does itself', async () => {
  const parent = spawn('sh', ['-c', 'sleep 60 & wait'], { detached: true })
  const pid = parent.pid ?? 0
  try {
    await vi.waitFor(() => expect([...servingProcesses(pid).keys()]).not.toContain(pid))
    const [child = 0, ...others] = servingProcesses(pid).keys()
    expect(others).toEqual([])
    expect([...servingProcesses(child).keys()]).toEqual([child])
    expect(servingProcesses(child).get(child)?.writes).toBeGreaterThanOrEqual(0)
  } finally {
    process.kill(-pid)
  }
})

test('the process that writes most serves most, and those that were not there before do not count', () => {
  const before = new Map([
    [1, { cpuMicroseconds: 1_000, writes: 10 }],
    [2, { cpuMicroseconds: 2_000, writes: 20 }],
  ])
  const after = new Map([
    [1, { cpuMicroseconds: 1_300, writes: 40 }],
    [2, { cpuMicroseconds: 2_200, writes: 30 }],
    [3, { cpuMicroseconds: 9_000, writes: 900 }],
  ])
  expect(busiest(before, after)).toEqual({ cpuMicroseconds: 300, share: 0.75 })
  expect(busiest(new Map(), after)).toBeUndefined()
  expect(busiest(before, before)).toBeUndefined()
})
