/** Asks for usage in OpenAI streams, which tell none unasked. */
import type { MemberEdit, RequestFacts } from './dialect.ts'
import type { JsonMembers } from './json-members.ts'
import { objectOf } from './json-value.ts'

/** Sets `stream_options.include_usage` for a stream whose client did not; its other members stay. */
export function includeUsageEdit(members: JsonMembers, facts: RequestFacts): readonly MemberEdit[] {
  if (!facts.stream || facts.asksStreamUsage) {
    return []
  }
  const options = { ...objectOf(members.value('stream_options')), include_usage: true }
  return [{ name: 'stream_options', value: JSON.stringify(options) }]
}
