/** Input files of batches, for tests. */

export interface BatchLine {
  readonly model?: string
  /** Instructions to the simulator. */
  readonly sim?: string
}

/** A chat request a line. */
export function batchFile(lines: readonly BatchLine[]): File {
  return new File([batchText(lines)], 'requests.jsonl', { type: 'application/jsonl' })
}

export function batchText(lines: readonly BatchLine[]): string {
  return lines.map((line, index) => `${JSON.stringify(requestOf(line, index))}\n`).join('')
}

function requestOf({ model = 'gpt', sim = 'input=1000 tokens=200' }: BatchLine, index: number): object {
  return {
    custom_id: `request-${index}`,
    method: 'POST',
    url: '/v1/chat/completions',
    body: { model, messages: [{ role: 'user', content: `How are you? [[sim ${sim}]]` }] },
  }
}
