/** Puts the values of environment variables in the place of `os.environ/NAME`. */
import type { ConfigIssue } from './config-issue.ts'
import { EnvironmentText, type Environment } from './environment.ts'
import { formatKeyPath, type KeyPath, type Located, type LocatedEntry, type LocatedMap } from './located.ts'

const PREFIX = 'os.environ/'

/**
 * Resolves every reference below `root`.
 * @param issues gets an error for each variable that is not set; the value then counts as absent.
 */
export function resolveReferences(
  root: LocatedMap,
  environment: Environment,
  issues: ConfigIssue[],
): LocatedMap {
  return resolveMap(root, [], environment, issues)
}

function resolveMap(
  map: LocatedMap,
  path: KeyPath,
  environment: Environment,
  issues: ConfigIssue[],
): LocatedMap {
  const entries = new Map<string, LocatedEntry>()
  for (const [name, entry] of map.entries) {
    entries.set(name, { ...entry, value: resolveNode(entry.value, [...path, name], environment, issues) })
  }
  return { ...map, entries }
}

function resolveNode(node: Located, path: KeyPath, environment: Environment, issues: ConfigIssue[]): Located {
  if (node.kind === 'map') return resolveMap(node, path, environment, issues)
  if (node.kind === 'list') {
    return {
      ...node,
      items: node.items.map((item, index) => resolveNode(item, [...path, index], environment, issues)),
    }
  }
  if (typeof node.value !== 'string' || !node.value.startsWith(PREFIX)) return node
  const variable = node.value.slice(PREFIX.length)
  const text = Object.hasOwn(environment, variable) ? environment[variable] : undefined
  if (text !== undefined) return { ...node, value: new EnvironmentText(variable, text) }
  issues.push({
    severity: 'error',
    kind: 'unset_variable',
    ...node.place,
    key: formatKeyPath(path),
    message: `the environment variable ${variable} is not set`,
    expected: `the environment variable ${variable}`,
    found: 'nothing',
    hint: `set ${variable}, or remove the key`,
  })
  return { ...node, value: null }
}
