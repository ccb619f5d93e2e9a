/** Reads a V8 processor profile and tells where the time went: by part of the program, and by function. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

const frameSchema = z.object({
  functionName: z.string(),
  url: z.string(),
  /** Of the function's begin, from 0. */
  lineNumber: z.number(),
  columnNumber: z.number(),
})

const profileSchema = z.object({
  /** Microseconds of the machine's monotonic clock. */
  startTime: z.number(),
  nodes: z.array(
    z.object({ id: z.number(), callFrame: frameSchema, children: z.array(z.number()).optional() }),
  ),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
})

type CallFrame = z.infer<typeof frameSchema>

/** What of a profile is looked at. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: CallFrame
    /** Ids of the nodes that this one called. */
    readonly children: readonly number[]
  }[]
  /** Without those in which the processor had nothing to do. */
  readonly samples: readonly { readonly id: number; readonly microseconds: number }[]
}

/** A time on the machine's monotonic clock, in microseconds. */
export interface ProfileSpan {
  readonly from: number
  readonly to: number
}

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

/** What the names of our own parts begin with. */
export const OWN_PART = 'sluice '
/** The code of the benchmark's own relays. */
export const YARDSTICK_PART = 'yardstick'
/** What is neither the code of a program nor of a package. */
export const RUNTIME_PARTS = {
  node: 'JavaScript of Node itself',
  garbage: 'garbage collector',
  native: 'native code and system calls',
} as const

/**
 * @param span what was before and after is left out: the start of the program, above all.
 * @throws Error when the directory holds no profile, or when nothing was sampled in that time.
 */
export function readProfile(directory: string, span: ProfileSpan): CpuProfile {
  const file = readdirSync(directory).find((name) => name.endsWith('.cpuprofile'))
  if (file === undefined) throw new Error('the profiled process left no profile')
  return parseProfile(JSON.parse(readFileSync(join(directory, file), 'utf8')), span)
}

/** @throws Error when it is no profile, or when nothing was sampled in that time. */
export function parseProfile(json: unknown, { from, to }: ProfileSpan): CpuProfile {
  const { startTime, nodes, samples, timeDeltas } = profileSchema.parse(json)
  const idle = new Set(nodes.filter(isIdle).map(({ id }) => id))
  const kept = []
  let at = startTime
  for (const [index, id] of samples.entries()) {
    const microseconds = timeDeltas[index] ?? 0
    at += microseconds
    if (at >= from && at <= to && !idle.has(id)) kept.push({ id, microseconds })
  }
  if (kept.length === 0) throw new Error('the profile has no samples of the time that was asked for')
  return { nodes: nodes.map((node) => ({ ...node, children: node.children ?? [] })), samples: kept }
}

function isIdle({ callFrame }: { readonly callFrame: CallFrame }): boolean {
  return callFrame.functionName === '(idle)'
}

/** Says whose a function is, by the source maps that the build leaves beside its files. */
export class FrameNames {
  readonly #maps = new Map<string, SourceMap | undefined>()

  /** The room of ours, or the package, that a function belongs to; Node, or V8's own words, otherwise. */
  partOf({ functionName, ...place }: CallFrame): string {
    const source = this.#sourceOf(place)
    const dependency = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(source)?.[1]
    if (dependency !== undefined) return dependency
    const room = /\/src\/(\w+)/.exec(source)?.[1]
    if (room !== undefined) return OWN_PART + room
    if (source.includes('/bench/')) return YARDSTICK_PART
    if (source.startsWith('node:')) return RUNTIME_PARTS.node
    return functionName === '(garbage collector)' ? RUNTIME_PARTS.garbage : RUNTIME_PARTS.native
  }

  /** The function, and the file of ours or the module of Node that it stands in, or its part. */
  functionName(frame: CallFrame): string {
    return `${nameOf(frame)}, ${placeOf(this.#sourceOf(frame)) ?? this.partOf(frame)}`
  }

  /** The same for a stack, where `;` is between frames, and V8's own words need no place. */
  stackName(frame: CallFrame): string {
    if (frame.url === '') return nameOf(frame)
    return `${nameOf(frame)} (${placeOf(this.#sourceOf(frame)) ?? this.partOf(frame)})`.replaceAll(';', ',')
  }

  #sourceOf({ url, lineNumber, columnNumber }: Omit<CallFrame, 'functionName'>): string {
    if (!this.#maps.has(url)) this.#maps.set(url, readSourceMap(url))
    const entry = this.#maps.get(url)?.findEntry(lineNumber, columnNumber)
    return entry !== undefined && 'originalSource' in entry ? entry.originalSource : url
  }
}

function readSourceMap(url: string): SourceMap | undefined {
  if (!url.startsWith('file:')) return undefined
  const file = `${fileURLToPath(url)}.map`
  return existsSync(file) ? new SourceMap(JSON.parse(readFileSync(file, 'utf8'))) : undefined
}

function nameOf({ functionName }: CallFrame): string {
  return functionName === '' ? '(anonymous)' : functionName
}

/** A file of ours or a module of Node, where a function stands in one. */
function placeOf(source: string): string | undefined {
  const own = /\/src\/([^?]+)\.ts$/.exec(source)?.[1]
  if (own !== undefined) return `sluice ${own}`
  return source.startsWith('node:') ? source.replace('node:internal/', 'node:') : undefined
}

export function summarizeProfile({ nodes, samples }: CpuProfile, names: FrameNames): ProfileSummary {
  const frames = new Map(nodes.map((node) => [node.id, node.callFrame]))
  const parts = new Map<string, number>()
  const functions = new Map<string, number>()
  for (const { id, microseconds } of samples) {
    const frame = frames.get(id)
    if (frame === undefined) continue
    add(parts, names.partOf(frame), microseconds)
    add(functions, names.functionName(frame), microseconds)
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
