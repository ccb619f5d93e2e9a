/** JSON of answers that may be long lists: the event loop goes on between their slices. */
import { setImmediate as nextTurn } from 'node:timers/promises'

/** Items of a list that are written in one turn: a millisecond or two. */
const ITEMS_A_TURN = 50

/** As `JSON.stringify(value ?? null)`, for lists and for objects with lists in them. */
export async function jsonInTurns(value: unknown): Promise<string> {
  if (isLong(value)) return await listInTurns(value)
  if (!isPlain(value) || !Object.values(value).some(isLong)) return JSON.stringify(value ?? null)
  const members: string[] = []
  for (const [name, member] of Object.entries(value)) {
    // Undefined for what JSON does not have: such a member is left out.
    const text = isLong(member) ? await listInTurns(member) : (JSON.stringify(member) as string | undefined)
    if (text !== undefined) members.push(`${JSON.stringify(name)}:${text}`)
  }
  return `{${members.join(',')}}`
}

async function listInTurns(list: readonly unknown[]): Promise<string> {
  const slices: string[] = []
  for (let start = 0; start < list.length; start += ITEMS_A_TURN) {
    if (start > 0) await nextTurn()
    slices.push(JSON.stringify(list.slice(start, start + ITEMS_A_TURN)).slice(1, -1))
  }
  return `[${slices.join(',')}]`
}

function isLong(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length > ITEMS_A_TURN
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
