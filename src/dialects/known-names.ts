/**
 * The names that members of bodies usually have. One that is found here is a string that V8 knows already: a name that is
 * cut out of a body is made into such a one at its first look-up in a map, which costs more than all that is done here.
 */

export const USUAL_NAMES: readonly string[] = [
  'model messages stream stream_options temperature top_p top_k n seed stop user max_tokens max_completion_tokens',
  'max_output_tokens presence_penalty frequency_penalty logprobs tools tool_choice parallel_tool_calls response_format',
  'reasoning_effort reasoning verbosity system thinking stop_sequences metadata litellm_metadata context_management',
  'output_config input instructions previous_response_id store include text truncation prompt_cache_key prompt',
  'dimensions encoding_format service_tier safety_identifier tags cache guardrails id object created created_at choices',
  'usage system_fingerprint type role content stop_reason stop_sequence status output error incomplete_details data',
].flatMap((names) => names.split(' '))

interface KnownName {
  readonly name: string
  readonly bytes: Uint8Array
}

const SLOTS = 1_024

/** Of two names that shared a slot the first one would be known. */
const table: (KnownName | undefined)[] = Array.from({ length: SLOTS }, () => undefined)
for (const name of USUAL_NAMES) {
  const bytes = Buffer.from(name)
  table[slotOf(bytes, 0, bytes.length)] ??= { name, bytes }
}

/** The factors give each of the names a slot of its own. */
function slotOf(body: Uint8Array, start: number, end: number): number {
  const length = end - start
  const first = body[start] ?? 0
  const middle = body[start + (length >> 1)] ?? 0
  const last = body[end - 1] ?? 0
  return (length + first * 7 + middle * 13 + last) & (SLOTS - 1)
}

/** @returns the name that stands from `start` to `end`, when it is a usual one. */
export function knownName(body: Uint8Array, start: number, end: number): string | undefined {
  const length = end - start
  const known = table[slotOf(body, start, end)]
  if (known === undefined) return undefined
  const { bytes } = known
  if (bytes.length !== length) return undefined
  for (let at = 0; at < length; at += 1) if (body[start + at] !== bytes[at]) return undefined
  return known.name
}
