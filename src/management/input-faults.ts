/** What is wrong with the query string or body of a management request, in words for the person who sent it. */
import type { z } from 'zod'

type Issue = z.core.$ZodIssue

/** More faults than these are not told: a list of thousands of wrong entries has one. */
const MAX_FAULTS = 20

const TYPES: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
}

/** All faults, each with its field: `max_budget: expected a number, but a string was sent; models: …`. */
export function tellFaults(issues: readonly Issue[], input: unknown): string {
  const told = issues.slice(0, MAX_FAULTS).map((issue) => tellFault(issue, input))
  const more = issues.length - told.length
  return more > 0 ? `${told.join('; ')}; and ${more} more` : told.join('; ')
}

function tellFault(issue: Issue, input: unknown): string {
  const field = issue.path.join('.')
  const expected = expectedBy(issue)
  const reason =
    expected === undefined ? issue.message : `expected ${expected}, but ${foundAt(issue.path, input)}`
  return `${field === '' ? 'request' : field}: ${reason}`
}

/** Undefined where the schema has words of its own. */
function expectedBy(issue: Issue): string | undefined {
  if (!/^(Invalid|Too) /.test(issue.message)) return undefined
  if (issue.code === 'invalid_type') return TYPES[issue.expected] ?? `a value of type ${issue.expected}`
  if (issue.code === 'invalid_value')
    return `${issue.values.length === 1 ? '' : 'one of '}${issue.values.map(String).join(', ')}`
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return undefined
  const kinds = issue.errors.map(([first]) => (first === undefined ? undefined : expectedBy(first)))
  return kinds.includes(undefined) ? undefined : [...new Set(kinds)].join(' or ')
}

function foundAt(path: readonly PropertyKey[], input: unknown): string {
  let found = input
  for (const name of path) {
    found = typeof found === 'object' && found !== null ? Reflect.get(found, name) : undefined
  }
  if (found === undefined) return 'it is missing'
  if (found === null) return 'null was sent'
  if (Array.isArray(found)) return 'a list was sent'
  if (typeof found === 'string') return 'another text was sent'
  return `${typeof found === 'object' ? 'an object' : `a ${typeof found}`} was sent`
}
