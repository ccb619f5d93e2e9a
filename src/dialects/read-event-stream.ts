/** Makes of a recorded event stream one object that a reader of the call log can take in. */

/** What a streamed answer said, whatever its dialect. */
export interface StreamedAnswer {
  readonly text: string
  readonly reasoning: string
  /** Arguments of tool calls, in the order in which they came. */
  readonly toolArguments: string
  /** The last event that told usage or the end. */
  readonly lastEvent: unknown
}

/**
 * Reads the text of an event stream of any of the dialects, one event a step.
 *
 * @returns the whole response where the stream carries one (OpenAI Responses), else what its deltas add up to;
 *   undefined when the text is no event stream.
 */
export function* readEventStream(stream: string): Generator<void, unknown> {
  const events = yield* dataEvents(stream)
  if (events.length === 0) return undefined
  const whole = events.findLast(
    (event) => isRecord(event['response']) && event['type'] === 'response.completed',
  )
  if (whole !== undefined) return whole['response']
  const parts = { text: '', reasoning: '', toolArguments: '' }
  for (const event of events) {
    addDelta(parts, event)
    yield
  }
  const lastEvent = events.findLast((event) => isRecord(event['usage'])) ?? events.at(-1)
  const answer: StreamedAnswer = { ...parts, lastEvent }
  return answer
}

function* dataEvents(stream: string): Generator<void, Record<string, unknown>[]> {
  const events: Record<string, unknown>[] = []
  for (const line of linesOf(stream)) {
    yield
    if (!line.startsWith('data:')) continue
    try {
      const event: unknown = JSON.parse(line.slice(5))
      if (isRecord(event)) events.push(event)
    } catch {
      // `[DONE]`, or an event that was cut.
    }
  }
  return events
}

function* linesOf(text: string): Generator<string> {
  let start = 0
  for (const lineEnd of text.matchAll(/\r\n|\r|\n/g)) {
    yield text.slice(start, lineEnd.index)
    start = lineEnd.index + lineEnd[0].length
  }
  yield text.slice(start)
}

function addDelta(
  parts: { text: string; reasoning: string; toolArguments: string },
  event: Record<string, unknown>,
): void {
  const choice: unknown = Array.isArray(event['choices']) ? event['choices'][0] : undefined
  const delta = isRecord(choice) ? choice['delta'] : event['delta']
  if (isRecord(choice)) parts.text += textOf(choice['text'])
  if (typeof delta === 'string' && event['type'] === 'response.output_text.delta') parts.text += delta
  if (!isRecord(delta)) return
  parts.text += textOf(delta['content']) + textOf(delta['text'])
  parts.reasoning += textOf(delta['reasoning_content']) + textOf(delta['thinking'])
  parts.toolArguments += textOf(delta['partial_json']) + openaiArguments(delta['tool_calls'])
}

function openaiArguments(calls: unknown): string {
  if (!Array.isArray(calls)) return ''
  return calls
    .map((call: unknown) =>
      isRecord(call) && isRecord(call['function']) ? textOf(call['function']['arguments']) : '',
    )
    .join('')
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
