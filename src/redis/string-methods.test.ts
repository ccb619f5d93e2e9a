import { setFlagsFromString } from 'node:v8'
import { expect, test } from 'vitest'
import { keepStringMethodsFast } from './string-methods.ts'

setFlagsFromString('--allow-natives-syntax')
// oxlint-disable-next-line typescript/no-implied-eval -- the syntax is V8's own, which no parser but V8's takes
const hasFastProperties = new Function('object', 'return %HasFastProperties(object)') as (
  object: object,
) => boolean

/** Of a realm of its own the answer would be another: this file has a process to itself. */
test('the methods of strings are found as before once ioredis is loaded', async () => {
  expect(hasFastProperties(String.prototype)).toBe(true)
  await import('ioredis')
  expect(hasFastProperties(String.prototype)).toBe(false)
  keepStringMethodsFast()
  expect(hasFastProperties(String.prototype)).toBe(true)
  class Another extends String {}
  expect(new Another('a')).toHaveLength(1)
  expect(hasFastProperties(String.prototype)).toBe(true)
})
