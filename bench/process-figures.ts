/** What the kernel tells of a running program: processor time and memory of a process and all its descendants. */
import { readdirSync, readFileSync } from 'node:fs'

/** Linux counts processor time for user space in ticks of 10 ms, whatever the kernel's own timer is. */
const MICROSECONDS_PER_TICK = 10_000

interface ProcessStat {
  readonly pid: number
  readonly parentPid: number
  readonly ticks: number
}

/**
 * Reads a line of `/proc/PID/stat`. The program's name stands in parentheses and may itself hold any character, so
 * the fields are counted from the last one. See proc(5): 4 is the parent, 14 and 15 are user and system time.
 */
export function parseProcessStat(line: string): ProcessStat {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  return {
    pid: Number.parseInt(line, 10),
    parentPid: Number(fields[1]),
    ticks: Number(fields[11]) + Number(fields[12]),
  }
}

function readStat(pid: string): ProcessStat | undefined {
  try {
    return parseProcessStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return undefined
  }
}

/** The process and its descendants, as far as they are alive. */
function processTree(rootPid: number): ProcessStat[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(readStat)
    .filter((stat) => stat !== undefined)
  const members = all.filter((stat) => stat.pid === rootPid)
  for (const member of members) members.push(...all.filter((stat) => stat.parentPid === member.pid))
  return members
}

/** User and system time in microseconds. Time of descendants and threads that have ended is not in it. */
export function cpuMicroseconds(pid: number): number {
  return sumOf(processTree(pid).map(runMicroseconds))
}

/** Whether this kernel's scheduler tells of each thread how long it ran: where it does not, it may tell of zeros. */
const HAS_SCHEDULER_TIME = schedulerNanoseconds(process.pid, String(process.pid)) > 0

/**
 * By the scheduler, which counts in nanoseconds; in ticks where it does not tell. See
 * `Documentation/scheduler/sched-stats.rst` of Linux.
 */
function runMicroseconds({ pid, ticks }: ProcessStat): number {
  if (!HAS_SCHEDULER_TIME) return ticks * MICROSECONDS_PER_TICK
  return sumOf(threadsOf(pid).map((thread) => schedulerNanoseconds(pid, thread))) / 1000
}

/** None of a process that has just ended. */
function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

/** 0 of a thread that has just ended. */
function schedulerNanoseconds(pid: number, thread: string): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0])
  } catch {
    return 0
  }
}

function sumOf(values: readonly number[]): number {
  let sum = 0
  for (const value of values) sum += value
  return sum
}

/** What a process that serves calls has done so far. */
export interface Serving {
  readonly cpuMicroseconds: number
  /** System calls that write: two a call, and a few for what many calls have together. */
  readonly writes: number
}

/** The processes of a program that serve its calls: its children where it has some, otherwise itself. */
export function servingProcesses(pid: number): ReadonlyMap<number, Serving> {
  const [root, ...children] = processTree(pid)
  const serving = children.length > 0 ? children : root === undefined ? [] : [root]
  return new Map(
    serving.map((stat) => [stat.pid, { cpuMicroseconds: runMicroseconds(stat), writes: writesOf(stat.pid) }]),
  )
}

/** See proc(5); 0 of a process that has just ended. */
function writesOf(pid: number): number {
  try {
    return Number(/^syscw: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

/** What a process has done from one look to the next, beside the others. */
export interface Served {
  readonly cpuMicroseconds: number
  /** Its part of the calls, from 0 to 1. */
  readonly share: number
}

/** @returns the process that served most calls between two looks; undefined where none was there at both and wrote. */
export function busiest(
  before: ReadonlyMap<number, Serving>,
  after: ReadonlyMap<number, Serving>,
): Served | undefined {
  const done = [...after].flatMap(([pid, now]) => {
    const then = before.get(pid)
    return then === undefined
      ? []
      : [{ cpuMicroseconds: now.cpuMicroseconds - then.cpuMicroseconds, writes: now.writes - then.writes }]
  })
  const writes = sumOf(done.map((of) => of.writes))
  const [most] = done.toSorted((one, other) => other.writes - one.writes)
  if (most === undefined || writes === 0) return undefined
  return { cpuMicroseconds: most.cpuMicroseconds, share: most.writes / writes }
}

/**
 * How long the main thread has been ready to run and waited for its core, in microseconds; undefined where the kernel
 * does not count it. See `Documentation/scheduler/sched-stats.rst` of Linux.
 */
export function coreWaitMicroseconds(pid: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1000
  } catch {
    return undefined
  }
}

/** Resident set in bytes, pages that processes share counted for each of them. */
export function residentBytes(pid: number): number {
  return processTree(pid).reduce((sum, stat) => sum + residentBytesOf(stat.pid), 0)
}

function residentBytesOf(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kilobytes ?? 0) * 1024
}
