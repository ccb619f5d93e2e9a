import { expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { hashCredential, readCredential } from './credential.ts'

test.each([
  [{ authorization: 'Bearer sk-a' }, 'sk-a'],
  [{ authorization: 'bearer sk-a' }, 'sk-a'],
  [{ authorization: 'Basic sk-a' }, 'sk-a'],
  [{ authorization: 'AWS4-HMAC-SHA256 Credential=Bearer sk-a/20260101/eu/bedrock/aws4_request' }, 'sk-a'],
  [{ 'api-key': 'sk-a' }, 'sk-a'],
  [{ 'x-api-key': 'sk-a' }, 'sk-a'],
  [{ 'x-goog-api-key': 'sk-a' }, 'sk-a'],
  [{ 'ocp-apim-subscription-key': 'sk-a' }, 'sk-a'],
  [{ 'x-litellm-api-key': 'Bearer sk-a', authorization: 'Bearer sk-b' }, 'sk-a'],
  [{ 'x-litellm-api-key': 'sk-a', 'x-api-key': 'sk-b' }, 'sk-a'],
  [{ 'x-api-key': 'sk-b', 'api-key': 'sk-a' }, 'sk-a'],
])('%o carries %s', (headers, key) => {
  expect(readCredential(headers, undefined)).toBe(key)
})

test('Authorization goes before x-api-key: Claude Code may send both', () => {
  expect(readCredential({ 'x-api-key': 'sk-b', authorization: 'Bearer sk-a' }, undefined)).toBe('sk-a')
})

test('an empty Authorization leaves the word to the next header', () => {
  expect(readCredential({ authorization: 'Bearer ', 'x-api-key': 'sk-a' }, undefined)).toBe('sk-a')
  expect(readCredential({ authorization: 'Bearer', 'x-api-key': 'sk-a' }, undefined)).toBe('sk-a')
})

test('a configured header is the only one that is read', () => {
  expect(readCredential({ 'x-my-key': 'Bearer sk-a', authorization: 'Bearer sk-b' }, 'x-my-key')).toBe('sk-a')
  expect(codeOf(() => readCredential({ authorization: 'Bearer sk-b' }, 'x-my-key'))).toBe('key_missing')
})

test('no key and an unknown scheme are told apart', () => {
  expect(codeOf(() => readCredential({}, undefined))).toBe('key_missing')
  expect(codeOf(() => readCredential({ 'x-api-key': '  ' }, undefined))).toBe('key_missing')
  expect(codeOf(() => readCredential({ authorization: 'sk-a' }, undefined))).toBe('key_malformed')
})

test('the stored name of a key is the SHA-256 of the whole key', () => {
  expect(hashCredential('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})

function codeOf(action: () => unknown): string | undefined {
  try {
    action()
  } catch (error) {
    if (error instanceof GatewayError) return error.code
  }
  return undefined
}
