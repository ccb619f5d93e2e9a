/**
 * A processor profile as collapsed stacks: one line a stack, its frames from the outermost, `;` between them, and the
 * microseconds spent in it. Programs that draw flame graphs read it: flamegraph.pl, speedscope, inferno.
 */
import type { CpuProfile, FrameNames } from './cpu-profile.ts'

/** Stacks with less than this share of the busy time count for what called them: the file stays small. */
const LEAST_SHARE = 0.001

export function collapseStacks(profile: CpuProfile, names: FrameNames): string {
  const stacks = new Stacks(profile, names)
  return stacks.lines().join('')
}

interface StackNode {
  readonly name: string
  readonly parent: StackNode | undefined
  readonly children: Map<string, StackNode>
  microseconds: number
}

/** Calls of the same function from the same stack are one node, whichever lines of code they stand on. */
class Stacks {
  readonly #top: StackNode = newNode('', undefined)
  readonly #total: number

  constructor(profile: CpuProfile, names: FrameNames) {
    const byId = new Map<number, StackNode>()
    const parents = new Map(profile.nodes.flatMap(({ id, children }) => children.map((child) => [child, id])))
    const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]))
    const nodeOf = (id: number): StackNode => {
      const known = byId.get(id)
      if (known !== undefined) return known
      const frame = frames.get(id)
      const parentId = parents.get(id)
      const parent = parentId === undefined ? this.#top : nodeOf(parentId)
      const isRoot = frame === undefined || frame.functionName === '(root)'
      const node = isRoot ? parent : childOf(parent, names.stackName(frame))
      byId.set(id, node)
      return node
    }
    let total = 0
    for (const { id, microseconds } of profile.samples) {
      nodeOf(id).microseconds += microseconds
      total += microseconds
    }
    this.#total = total
  }

  lines(): string[] {
    fold(this.#top, this.#total * LEAST_SHARE)
    return [...written(this.#top, '')]
  }
}

function newNode(name: string, parent: StackNode | undefined): StackNode {
  return { name, parent, children: new Map(), microseconds: 0 }
}

function childOf(parent: StackNode, name: string): StackNode {
  const known = parent.children.get(name)
  if (known !== undefined) return known
  const child = newNode(name, parent)
  parent.children.set(name, child)
  return child
}

/** @returns the time of a node with all below it. */
function fold(node: StackNode, least: number): number {
  let below = 0
  for (const [name, child] of node.children) {
    const microseconds = fold(child, least)
    if (microseconds < least) {
      node.children.delete(name)
      node.microseconds += microseconds
    } else {
      below += microseconds
    }
  }
  return node.microseconds + below
}

function* written(node: StackNode, before: string): Generator<string> {
  const stack = before === '' ? node.name : `${before};${node.name}`
  if (node.microseconds > 0 && stack !== '') yield `${stack} ${Math.round(node.microseconds)}\n`
  for (const child of node.children.values()) yield* written(child, stack)
}
