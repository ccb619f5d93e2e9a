import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { KEY_FIELDS } from './keys/key-fields.ts'
import { parseInput } from './route.ts'

const schema = z.object({
  ...KEY_FIELDS,
  start_date: z.string().optional(),
  end_date: z.string(),
  page: z.union([z.number(), z.boolean()]).optional(),
})

/** What the sender of `input` is told. */
function told(input: unknown): { message: string; param?: unknown } {
  try {
    parseInput(schema, input)
  } catch (error) {
    return error as { message: string; param?: unknown }
  }
  return { message: 'taken' }
}

describe('a request with faults', () => {
  test('is told all of them at once, each with its field', () => {
    const input = { end_date: 'x', duration: 'soon', max_budget: 'ten', models: 'gpt', metadata: [] }
    const fields = told(input)
      .message.split('; ')
      .map((fault) => fault.split(':')[0])
    expect(new Set(fields)).toEqual(new Set(['duration', 'max_budget', 'metadata', 'models']))
    expect(told({ end_date: 5, start_date: 6 })).toMatchObject({ param: 'start_date' })
  })

  test.for<[input: unknown, message: string]>([
    [{}, 'end_date: expected a string, but it is missing'],
    [{ end_date: null }, 'end_date: expected a string, but null was sent'],
    [{ end_date: ['x'] }, 'end_date: expected a string, but a list was sent'],
    [{ end_date: {} }, 'end_date: expected a string, but an object was sent'],
    [{ end_date: 5 }, 'end_date: expected a string, but a number was sent'],
    [{ end_date: 'x', page: 'y' }, 'page: expected a number or true or false, but another text was sent'],
    [
      { end_date: 'x', key_type: 'boss' },
      'key_type: expected one of llm_api, management, read_only, default, but another text was sent',
    ],
    [{ end_date: 'x', aliases: { quick: 1 } }, 'aliases.quick: expected a string, but a number was sent'],
    [
      { end_date: 'x', duration: 'soon' },
      'duration: expected a duration such as 30s, 15m, 24h, 7d, 2w or 1mo',
    ],
    ['text', 'request: expected an object, but another text was sent'],
    [undefined, 'request: expected an object, but it is missing'],
  ])('%j is told what was expected, and what came', ([input, message]) => {
    expect(told(input).message).toBe(message)
  })

  test('never repeats a value, which may be a secret', () => {
    expect(told({ end_date: 'x', key_type: 'sk-canary', max_budget: 'sk-canary' }).message).not.toContain(
      'canary',
    )
  })

  test('by the thousand is told the first ones, and how many more there are', () => {
    const { message } = told({ end_date: 'x', models: Array.from({ length: 1_000 }, () => 1) })
    expect(message).toMatch(/and 980 more$/)
    expect(message.length).toBeLessThan(2_000)
  })
})
