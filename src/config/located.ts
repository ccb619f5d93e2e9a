/** A YAML value that knows where it stands: the form in which files are merged and errors find their line. */
import { EnvironmentText } from './environment.ts'

export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}

export type ScalarValue = string | number | boolean | null | EnvironmentText

export interface LocatedScalar {
  readonly kind: 'scalar'
  readonly place: Place
  readonly value: ScalarValue
}

export interface LocatedList {
  readonly kind: 'list'
  readonly place: Place
  readonly items: readonly Located[]
}

export interface LocatedEntry {
  readonly keyPlace: Place
  readonly value: Located
}

export interface LocatedMap {
  readonly kind: 'map'
  readonly place: Place
  readonly entries: ReadonlyMap<string, LocatedEntry>
}

export type Located = LocatedScalar | LocatedList | LocatedMap

export type KeyPath = readonly (string | number)[]

/** The value without its places. Map members are own properties, whatever their name (`__proto__` too). */
export function toPlain(node: Located): unknown {
  switch (node.kind) {
    case 'scalar':
      return node.value
    case 'list':
      return node.items.map(toPlain)
    case 'map':
      return Object.fromEntries(Array.from(node.entries, ([name, entry]) => [name, toPlain(entry.value)]))
  }
}

function step(node: Located, name: string | number): Located | undefined {
  if (node.kind === 'map') return node.entries.get(String(name))?.value
  if (node.kind === 'list') return node.items[Number(name)]
  return undefined
}

/** The node at `path`, or undefined when nothing stands there. */
export function nodeAt(root: Located, path: KeyPath): Located | undefined {
  let node: Located | undefined = root
  for (const name of path) {
    if (node === undefined) return undefined
    node = step(node, name)
  }
  return node
}

/** Where `path` stands: its key if it is a map's member, else its value, else the nearest thing around it. */
export function placeOf(root: Located, path: KeyPath): Place {
  let node = root
  let place = root.place
  for (const name of path) {
    const entry = node.kind === 'map' ? node.entries.get(String(name)) : undefined
    const next = step(node, name)
    if (next === undefined) return place
    node = next
    place = entry?.keyPlace ?? next.place
  }
  return place
}

/** `model_list[2].litellm_params.timeout`. */
export function formatKeyPath(path: KeyPath): string {
  let text = ''
  for (const name of path) {
    if (typeof name === 'number') text += `[${name}]`
    else text += text === '' ? name : `.${name}`
  }
  return text
}

/** Tells what a value is, for `found …`. The value itself is shown only for numbers, switches and short texts. */
export function describeFound(node: Located | undefined, mayShow: boolean): string {
  if (node === undefined) return 'nothing'
  if (node.kind === 'map') return 'a map'
  if (node.kind === 'list') return 'a list'
  const { value } = node
  if (value === null) return 'an empty value'
  if (value instanceof EnvironmentText) return `an unfit text from the variable ${value.variable}`
  const type = typeof value === 'string' ? 'text' : typeof value
  if (!mayShow || (typeof value === 'string' && value.length > 40)) return `a ${type}`
  return typeof value === 'string' ? `the text "${value}"` : `the ${type} ${value}`
}
