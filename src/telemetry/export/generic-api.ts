/** Calls as JSON to any HTTP endpoint: the callback `generic_api`. */
import { heldCalls, type Exporter } from './exporter.ts'
import { standardPayload } from './settled-call.ts'

export interface GenericApiSettings {
  readonly name: string
  readonly wants: Exporter['wants']
  readonly endpoint: string
  readonly headers: Readonly<Record<string, string>>
  /** A list, a line each, or a message each. */
  readonly format: 'json_array' | 'ndjson' | 'single'
}

export function genericApi({ name, wants, endpoint, headers, format }: GenericApiSettings): Exporter {
  const contentType = format === 'ndjson' ? 'application/x-ndjson' : 'application/json'
  const message = (body: string) =>
    ({ method: 'POST', url: endpoint, headers: { 'content-type': contentType, ...headers }, body }) as const
  return {
    name,
    wants,
    mostCalls: 250,
    newBatch: heldCalls((calls) => {
      const bodies = calls.map((call) => JSON.stringify(standardPayload(call)))
      if (format === 'single') return bodies.map(message)
      return [message(format === 'ndjson' ? `${bodies.join('\n')}\n` : `[${bodies.join(',')}]`)]
    }),
  }
}
