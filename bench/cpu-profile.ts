/** Reads a V8 processor profile and tells where the time went: by part of the program, and by function. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const profileSchema = z.object({
  nodes: z.array(
    z.object({ id: z.number(), callFrame: z.object({ functionName: z.string(), url: z.string() }) }),
  ),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
})

export interface ProfileShare {
  readonly name: string
  /** Share of the time in which the processor was busy, 0 to 1. */
  readonly share: number
}

export interface ProfileSummary {
  readonly parts: readonly ProfileShare[]
  readonly functions: readonly ProfileShare[]
}

const SHOWN = 15

/** @throws Error when the directory holds no profile. */
export function readProfile(directory: string): ProfileSummary {
  const file = readdirSync(directory).find((name) => name.endsWith('.cpuprofile'))
  if (file === undefined) throw new Error('the profiled process left no profile')
  return summarizeProfile(JSON.parse(readFileSync(join(directory, file), 'utf8')))
}

export function summarizeProfile(profile: unknown): ProfileSummary {
  const { nodes, samples, timeDeltas } = profileSchema.parse(profile)
  const frames = new Map(nodes.map((node) => [node.id, node.callFrame]))
  const parts = new Map<string, number>()
  const functions = new Map<string, number>()
  for (const [index, id] of samples.entries()) {
    const frame = frames.get(id)
    if (frame === undefined || frame.functionName === '(idle)') continue
    const part = partOf(frame.url, frame.functionName)
    const name = `${frame.functionName === '' ? '(anonymous)' : frame.functionName}, ${placeOf(frame.url) ?? part}`
    const microseconds = timeDeltas[index] ?? 0
    add(parts, part, microseconds)
    add(functions, name, microseconds)
  }
  return { parts: largestShares(parts), functions: largestShares(functions) }
}

function add(sums: Map<string, number>, name: string, amount: number): void {
  sums.set(name, (sums.get(name) ?? 0) + amount)
}

function largestShares(sums: ReadonlyMap<string, number>): ProfileShare[] {
  const total = [...sums.values()].reduce((sum, value) => sum + value, 0)
  return [...sums]
    .map(([name, value]) => ({ name, share: value / total }))
    .toSorted((a, b) => b.share - a.share)
    .slice(0, SHOWN)
}

/** The room of ours, or the package, that a function belongs to; Node, or V8's own words, otherwise. */
function partOf(url: string, functionName: string): string {
  const dependency = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1]
  if (dependency !== undefined) return dependency
  const room = /\/dist\/(\w+)/.exec(url)?.[1]
  if (room !== undefined) return `sluice ${room}`
  if (url.startsWith('node:')) return 'JavaScript of Node itself'
  return functionName === '(garbage collector)' ? 'garbage collector' : 'native code and system calls'
}

/** A file of ours or a module of Node, where a function stands in one. */
function placeOf(url: string): string | undefined {
  const own = /\/dist\/([^?]+)\.js$/.exec(url)?.[1]
  if (own !== undefined) return `sluice ${own}`
  return url.startsWith('node:') ? url.replace('node:internal/', 'node:') : undefined
}
