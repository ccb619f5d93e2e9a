/** What a management endpoint is to the server, and how it reads its query string. */
import { z } from 'zod'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Principal } from '../identity/principal.ts'
import { tellFaults } from './input-faults.ts'

export interface ManagementRequest {
  /** Authenticated and allowed on this route; what it may see is the handler's matter. */
  readonly principal: Principal
  /** The last value of each query parameter. */
  readonly query: Readonly<Record<string, string | undefined>>
  /** The parsed JSON body; undefined when there is none. */
  readonly body: unknown
  /** The path's parameters, e.g. `request_id` of `/spend/logs/ui/:request_id`. */
  readonly params: Readonly<Record<string, string>>
}

export interface ManagementRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** In Fastify's notation, e.g. `/spend/logs/ui/:request_id`. */
  readonly path: string
  /** Answers the JSON body of a 200 response. @throws GatewayError for every other status. */
  handle(request: ManagementRequest): Promise<unknown>
}

/**
 * Parses a query string or a body by its schema.
 *
 * @throws GatewayError `bad_request` that names every field at fault, what was expected there, and what was sent.
 */
export function parseInput<Shape>(schema: z.ZodType<Shape>, input: unknown): Shape {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const { issues } = result.error
  const field = issues[0]?.path.join('.') ?? ''
  throw new GatewayError('bad_request', tellFaults(issues, input), {
    cause: result.error,
    ...(field === '' ? {} : { param: field }),
  })
}

/** Query values are text: `true`, `1`, `false`, `0`. */
export const queryBoolean = z.enum(['true', 'false', '1', '0', 'True', 'False']).transform((text) => {
  return text.toLowerCase() === 'true' || text === '1'
})

/** A whole number in a query string, within bounds. */
export function queryInteger(minimum: number, maximum: number): z.ZodType<number, string> {
  return z
    .string()
    .regex(/^\d{1,15}$/, 'expected a whole number')
    .transform(Number)
    .pipe(z.number().min(minimum).max(maximum))
}
