/** Ids of deployments: the same after every start, and never shared. */
import { createHash } from 'node:crypto'
import { type KeyPath, type LocatedMap, nodeAt, toPlain } from './located.ts'
import type { SectionReader } from './section-reader.ts'

/**
 * Hex SHA-256 of the entry as it is written, before variables are put in: an id outlives the rotation of a key that
 * stands in the environment.
 */
export function deploymentId(source: LocatedMap, path: KeyPath, organization: string | undefined): string {
  const name = nodeAt(source, [...path, 'model_name'])
  const params = nodeAt(source, [...path, 'litellm_params'])
  const text = JSON.stringify([
    name && toPlain(name),
    params && sortedKeys(toPlain(params)),
    organization ?? null,
  ])
  return createHash('sha256').update(text).digest('hex')
}

function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1))
  return members.map(([name, member]) => [name, sortedKeys(member)])
}

/** Two equal entries are two deployments: the second gets a number behind its id. */
export function uniqueId(reader: SectionReader, path: KeyPath, id: string, ids: Map<string, number>): string {
  const count = (ids.get(id) ?? 0) + 1
  ids.set(id, count)
  if (count === 1) return id
  const unique = `${id}-${count}`
  const at = [...path, 'model_info', 'id']
  if (nodeAt(reader.root, at) !== undefined) {
    const message = `the id ${reader.quote(at, id)} stands twice; this one gets "-${count}" behind it`
    reader.report('warning', 'bad_reference', at, message)
  }
  return unique
}
