/** Reads a V8 processor profile and tells where the time went: by part of the program, and by function. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

const profileSchema = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({
        functionName: z.string(),
        url: z.string(),
        /** Of the function's begin, from 0. */
        lineNumber: z.number(),
        columnNumber: z.number(),
      }),
    }),
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
  return summarizeProfile(JSON.parse(readFileSync(join(directory, file), 'utf8')), new SourceFiles().of)
}

/** Finds the file that a function of a built file was written in. */
type SourceOf = (url: string, line: number, column: number) => string

/** By the source maps that the build leaves beside its files. */
class SourceFiles {
  readonly #maps = new Map<string, SourceMap | undefined>()

  readonly of: SourceOf = (url, line, column) => {
    if (!this.#maps.has(url)) this.#maps.set(url, readSourceMap(url))
    const entry = this.#maps.get(url)?.findEntry(line, column)
    return entry !== undefined && 'originalSource' in entry ? entry.originalSource : url
  }
}

function readSourceMap(url: string): SourceMap | undefined {
  if (!url.startsWith('file:')) return undefined
  const file = `${fileURLToPath(url)}.map`
  return existsSync(file) ? new SourceMap(JSON.parse(readFileSync(file, 'utf8'))) : undefined
}

/** @param sourceOf where a function was written; in the file that holds it unless told. */
export function summarizeProfile(profile: unknown, sourceOf: SourceOf = (url) => url): ProfileSummary {
  const { nodes, samples, timeDeltas } = profileSchema.parse(profile)
  const frames = new Map(nodes.map((node) => [node.id, node.callFrame]))
  const parts = new Map<string, number>()
  const functions = new Map<string, number>()
  for (const [index, id] of samples.entries()) {
    const frame = frames.get(id)
    if (frame === undefined || frame.functionName === '(idle)') continue
    const source = sourceOf(frame.url, frame.lineNumber, frame.columnNumber)
    const part = partOf(source, frame.functionName)
    const name = `${frame.functionName === '' ? '(anonymous)' : frame.functionName}, ${placeOf(source) ?? part}`
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
function partOf(source: string, functionName: string): string {
  const dependency = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(source)?.[1]
  if (dependency !== undefined) return dependency
  const room = /\/src\/(\w+)/.exec(source)?.[1]
  if (room !== undefined) return `sluice ${room}`
  if (source.startsWith('node:')) return 'JavaScript of Node itself'
  return functionName === '(garbage collector)' ? 'garbage collector' : 'native code and system calls'
}

/** A file of ours or a module of Node, where a function stands in one. */
function placeOf(source: string): string | undefined {
  const own = /\/src\/([^?]+)\.ts$/.exec(source)?.[1]
  if (own !== undefined) return `sluice ${own}`
  return source.startsWith('node:') ? source.replace('node:internal/', 'node:') : undefined
}
