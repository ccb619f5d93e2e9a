/** Changes top-level members of a JSON body and leaves every other byte as the client sent it. */
import type { MemberEdit } from './dialect.ts'
import type { JsonMembers } from './json-members.ts'

/**
 * The body with members replaced, added or removed: a list of slices, in order. All other bytes are the body's own,
 * not copied. A member that is not there yet is added at the end. Of two edits of one name the last one counts.
 */
export function spliceMembers(members: JsonMembers, edits: readonly MemberEdit[]): Buffer[] {
  const { body } = members
  const parts: Buffer[] = []
  /** Bytes before it are in `parts` or cut. */
  let copied = 0
  /** Where the text of the last member that stays ends. */
  let keptEnd = -1
  /** Where a run of removed members begins, if one is open. */
  let cutStart = -1
  for (const member of members.byName.values()) {
    const edit = lastEdit(edits, member.name)
    if (edit !== undefined && edit.value === undefined) {
      cutStart = cutStart === -1 ? member.nameStart : cutStart
      continue
    }
    if (cutStart !== -1) {
      pushSlice(parts, body, copied, cutStart)
      copied = member.nameStart
      cutStart = -1
    }
    if (edit?.value !== undefined) {
      pushSlice(parts, body, copied, member.valueStart)
      parts.push(Buffer.from(edit.value))
      copied = member.valueEnd
    }
    keptEnd = member.valueEnd
  }
  const added = addedMembers(members, edits, keptEnd !== -1)
  if (added === '' && cutStart === -1) {
    pushSlice(parts, body, copied, body.length)
    return parts
  }
  const insertAt = keptEnd !== -1 ? keptEnd : cutStart !== -1 ? cutStart : members.closeBrace
  pushSlice(parts, body, copied, insertAt)
  if (added !== '') {
    parts.push(Buffer.from(added))
  }
  pushSlice(parts, body, cutStart === -1 ? insertAt : lastValueEnd(members), body.length)
  return parts
}

function lastEdit(edits: readonly MemberEdit[], name: string): MemberEdit | undefined {
  let found: MemberEdit | undefined
  for (const edit of edits) {
    if (edit.name === name) {
      found = edit
    }
  }
  return found
}

function addedMembers(members: JsonMembers, edits: readonly MemberEdit[], afterOther: boolean): string {
  let text = ''
  for (const edit of edits) {
    if (
      edit.value !== undefined &&
      members.get(edit.name) === undefined &&
      lastEdit(edits, edit.name) === edit
    ) {
      text += `${afterOther || text !== '' ? ',' : ''}${JSON.stringify(edit.name)}:${edit.value}`
    }
  }
  return text
}

function lastValueEnd(members: JsonMembers): number {
  let end = members.closeBrace
  for (const member of members.byName.values()) {
    end = member.valueEnd
  }
  return end
}

function pushSlice(parts: Buffer[], body: Buffer, start: number, end: number): void {
  if (end > start) {
    parts.push(body.subarray(start, end))
  }
}
