/** Reads of parsed JSON whose shape is not known. */

export type JsonObject = Readonly<Record<string, unknown>>

/** The value if it is a JSON object (no array), else undefined. */
export function objectOf(value: unknown): JsonObject | undefined {
  // A parsed JSON value that is an object and no array has string keys only.
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : undefined
}

/** The value if it is a string that is not empty, else undefined. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** The value if it is a whole number from 0 up, as token counts are; else undefined. */
export function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

/** Parses JSON text; undefined when it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
