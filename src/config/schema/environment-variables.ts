/** `environment_variables`: what the file exports into the process environment. */
import * as z from 'zod'
import { EnvironmentText } from '../environment.ts'
import { Secret } from '../secret.ts'
import { mapOf } from '../setting.ts'

function asText(value: unknown): string | undefined {
  if (value instanceof EnvironmentText) return value.reveal()
  if (value === null) return ''
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined
}

const variable = z.unknown().transform((value, context) => {
  const text = asText(value)
  if (text !== undefined) return new Secret(text)
  context.issues.push({ code: 'custom', message: 'text', input: undefined })
  return z.NEVER
})

export const environmentVariablesSchema = mapOf(variable, 'a map of names and texts')
