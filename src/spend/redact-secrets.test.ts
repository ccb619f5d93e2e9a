import { expect, test } from 'vitest'
import { redactSecrets, REDACTED } from './redact-secrets.ts'

const CANARY = 'c4n4ryc4n4ryc4n4ryc4n4ryc4n4ryc4n4ry'

test.each([
  ['a key', `sk-${CANARY}`],
  ['a project key', `sk-proj-${CANARY}_${CANARY}`],
  ['an Anthropic key', `sk-ant-api03-${CANARY}`],
  ['a Google key', `AIza${CANARY}`],
  ['a GitHub token', `ghp_${CANARY}`],
])('%s is taken out wherever it stands in a text', (_name, secret) => {
  expect(redactSecrets(secret)).toBe(REDACTED)
  expect(redactSecrets(`my key is ${secret}, keep it`)).toBe(`my key is ${REDACTED}, keep it`)
  expect(redactSecrets(`{"k":"${secret}"}`)).toBe(`{"k":"${REDACTED}"}`)
  expect(redactSecrets(`${secret} ${secret}`)).toBe(`${REDACTED} ${REDACTED}`)
})

test('the token after Bearer is taken out, whatever its form', () => {
  expect(redactSecrets(`Authorization: Bearer ${CANARY}`)).toBe(`Authorization: Bearer ${REDACTED}`)
  expect(redactSecrets(`bearer eyJ.${CANARY}.x-y_z=`)).toBe(`bearer ${REDACTED}`)
})

test('ordinary text stays as it is', () => {
  const text = 'The ask-me-anything task-force bearer of news: risk-averse, sk- and Bearer of the ring.'
  expect(redactSecrets(text)).toBe(text)
})

test('a megabyte of look-alikes takes no more than linear time', () => {
  const long = 'sk-'.repeat(350_000) + 'bearer '.repeat(50_000)
  const half = long.slice(0, long.length / 2)
  redactSecrets(half)
  expect(redactSecrets(long).length).toBeLessThanOrEqual(long.length + REDACTED.length)
})
