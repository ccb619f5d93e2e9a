/**
 * The name of an answer: SHA-256 over everything that the answer depends on, and over whose it is. Values count byte
 * for byte as the client wrote them: two ways to write the same value are two answers, and two different values are
 * never one.
 */
import { hash } from 'node:crypto'
import type { CacheScope } from '../config/response-cache.ts'
import type { Dialect, RequestFacts } from '../dialects/dialect.ts'
import type { JsonMember, JsonMembers } from '../dialects/json-members.ts'
import type { RepeatRules } from '../dialects/repeat-rules.ts'
import type { CallerFacts } from '../record/call-record.ts'
import type { ModelGroup } from '../routing/deployment.ts'

/** What the answer to a call depends on. */
export interface KeyedRequest {
  readonly caller: CallerFacts
  readonly dialect: Dialect
  readonly members: JsonMembers
  readonly facts: RequestFacts
  readonly group: ModelGroup
  /** The client's headers that go to the provider: names and values. */
  readonly headers: readonly string[]
  /** The query that goes to the provider. */
  readonly query: string
}

/** Changes when the same request has another answer by another program. */
const FORM = 1

/** @param namespace of the request itself; empty for none. @returns lowercase hex. */
export function cacheKey(
  request: KeyedRequest,
  rules: RepeatRules,
  scope: CacheScope,
  namespace: string,
): string {
  const { dialect, facts, group, headers, query, members } = request
  const counted = countedMembers(request, rules)
  const head = JSON.stringify([
    FORM,
    tenantOf(request.caller, scope),
    namespace,
    dialect.name,
    facts.stream,
    group.name,
    groupText(group),
    headers,
    query,
    // The lengths tell where each of the values ends that follow.
    counted.map((member) => [member.name, member.valueEnd - member.valueStart]),
  ])
  return hash('sha256', inOnePiece(head, members.body, counted), 'hex')
}

/**
 * The team of a team's key; else the user; else the key itself. An answer never goes to another tenant, whatever the
 * two of them ask.
 */
function tenantOf(caller: CallerFacts, scope: CacheScope): readonly string[] {
  const { keyHash, userId, teamId, organizationId } = caller
  if (scope === 'all') return ['all']
  if (scope === 'organization' && organizationId !== undefined) return ['organization', organizationId]
  if (scope !== 'key' && teamId !== undefined) return ['team', teamId]
  if (scope !== 'key' && userId !== undefined) return ['user', userId]
  return ['key', keyHash]
}

/** The members that go to the provider and that the answer depends on, by name. */
function countedMembers({ members, dialect, facts }: KeyedRequest, rules: RepeatRules): JsonMember[] {
  const removed = new Set<string>()
  for (const edit of dialect.upstreamEdits(members, facts))
    if (edit.value === undefined) removed.add(edit.name)
  const counted: JsonMember[] = []
  for (const member of members.byName.values()) {
    const { name } = member
    if (name === 'model' || name === 'stream' || rules.idle.has(name) || removed.has(name)) continue
    counted.push(member)
  }
  return counted.sort(byName)
}

function byName(a: JsonMember, b: JsonMember): number {
  return a.name < b.name ? -1 : 1
}

function inOnePiece(head: string, body: Buffer, members: readonly JsonMember[]): Buffer {
  const headLength = Buffer.byteLength(head)
  let length = headLength
  for (const member of members) length += member.valueEnd - member.valueStart
  const text = Buffer.allocUnsafe(length)
  let at = text.write(head)
  for (const { valueStart, valueEnd } of members) at += body.copy(text, at, valueStart, valueEnd)
  return text
}

const groupTexts = new WeakMap<ModelGroup, string>()

/**
 * What answers for a group: the models behind it, and what they are sent where a client says nothing. A configuration
 * that changes it leaves the old answers behind; another region of the same model does not.
 */
function groupText(group: ModelGroup): string {
  const known = groupTexts.get(group)
  if (known !== undefined) return known
  const models = group.deployments.map(({ facts, defaults }) =>
    JSON.stringify([facts.litellmModel, defaults]),
  )
  const made = JSON.stringify([...new Set(models)].sort())
  groupTexts.set(group, made)
  return made
}
