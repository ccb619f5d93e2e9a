/** No secret in any text. */
import { expect, test } from 'vitest'
import * as fc from 'fast-check'
import { createRedactor, REDACTED } from './redaction.ts'

const CANARY = 'c4n4ry/Val+ue"x\\y'

test('a known secret is found wherever it stands', () => {
  const redactor = createRedactor([CANARY])
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.constantFrom(1, 2, 3), (before, after, times) => {
      const text = before + CANARY.repeat(times) + after
      expect(redactor.redact(text)).not.toContain(CANARY)
    }),
  )
})

test('a known secret is found percent-encoded and JSON-escaped', () => {
  const redactor = createRedactor([CANARY])
  expect(redactor.redact(`postgres://u/${encodeURIComponent(CANARY)}/x`)).toBe(`postgres://u/${REDACTED}/x`)
  expect(redactor.redact(JSON.stringify({ note: CANARY }))).toBe(`{"note":"${REDACTED}"}`)
})

test('of two secrets that begin alike none leaves its end behind', () => {
  const redactor = createRedactor(['secret-value', 'secret-value-longer'])
  expect(redactor.redact('secret-value-longer secret-value')).toBe(`${REDACTED} ${REDACTED}`)
})

test('secrets of a reloaded config are known from then on', () => {
  const redactor = createRedactor()
  expect(redactor.redact('pass-of-tomorrow')).toBe('pass-of-tomorrow')
  redactor.register(['pass-of-tomorrow'])
  expect(redactor.redact('pass-of-tomorrow')).toBe(REDACTED)
})

test('values too short to be secrets do not tear words apart', () => {
  expect(createRedactor(['', ' ', 'a', 'test']).redact('a test')).toBe('a test')
})

const KEY = 'Zm9vYmFyYmF6cXV4MTIz'

test.each([
  ['a virtual key', `key sk-${KEY} was used`],
  ['a provider key', `sk-ant-api03-${KEY}_${KEY}`],
  ['a bearer header', `authorization: Bearer ${KEY}`],
  ['a bearer value', `{"authorization":"Bearer ${KEY}"}`],
  ['a header of another scheme', `Authorization: Token ${KEY}`],
  ['basic authentication', `Proxy-Authorization: Basic ${KEY}=`],
  ['x-api-key', `x-api-key: ${KEY}`],
  ['x-api-key as a member', `{"x-api-key":"${KEY}"}`],
  ['x-api-key in escaped JSON', JSON.stringify(JSON.stringify({ 'x-api-key': KEY }))],
  ['x-api-key in a list of raw headers', JSON.stringify(['x-api-key', KEY])],
  ['api-key', `api-key=${KEY}`],
  ['a Google key in a header', `x-goog-api-key: ${KEY}`],
  ['a Google key by its shape', `AIza${KEY}${KEY}`],
  ['a key in a URL', `https://host/v1?alt=sse&key=${KEY}&x=1`],
  ['a key first in a URL', `https://host/v1?key=${KEY}`],
  ['a token in a URL', `https://host/v1?access_token=${KEY}`],
  ['a database URL', `postgresql://sluice:${KEY}@db:5432/sluice?sslmode=require`],
  ['a database URL without user', `redis://:${KEY}@cache:6379`],
  ['a password with an @ in a URL', `postgres://u:${KEY}@${KEY}@db/x`],
  ['a password in a connection string', `host=db user=u password=${KEY} dbname=x`],
  ['a password as a member', `{"db_password": "${KEY}"}`],
  ['an AWS key id', `AKIA${'A1B2C3D4E5F6G7H8'}`],
  ['an AWS secret', `aws_secret_access_key=${KEY}`],
  ['a signed URL', `https://s3/x?X-Amz-Signature=${KEY}&X-Amz-Credential=${KEY}`],
  ['a session token', `Set-Cookie: token=${KEY}; Path=/; id=${KEY}`],
  ['a JSON web token', `eyJhbGciOiJIUzI1NiJ9.${KEY}.${KEY}`],
  ['a private key', `-----BEGIN RSA PRIVATE KEY-----\n${KEY}\n-----END RSA PRIVATE KEY-----`],
  [
    'a private key in JSON',
    JSON.stringify({ k: `-----BEGIN PRIVATE KEY-----\n${KEY}\n-----END PRIVATE KEY-----` }),
  ],
  ['a private key cut off', `-----BEGIN PRIVATE KEY-----\n${KEY}`],
])('%s is redacted by its shape', (_, text) => {
  const redacted = createRedactor().redact(text)
  expect(redacted).toContain(REDACTED)
  expect(redacted).not.toContain(KEY)
  expect(redacted).not.toMatch(/AKIA|AIza|eyJ/)
})

test.each([
  'a task-force with disk-usage of 5 tokens',
  'max_tokens: 4096, key_alias=ci, keys=3',
  'litellm_settings.cache: expected a boolean, found "yes"',
  'general_settings.master_key: expected text; set LITELLM_MASTER_KEY',
  'https://api.openai.com:443/v1/chat/completions',
  'sk-...abcd',
  'the x-api-key header is missing',
  'ab12cd34'.repeat(8),
])('ordinary text stays as it is: %s', (text) => {
  expect(createRedactor().redact(text)).toBe(text)
})

test('redacting twice changes nothing more', () => {
  const redactor = createRedactor([CANARY])
  const pieces = fc.constantFrom(
    'Bearer ',
    'x-api-key: ',
    'key=',
    '"token":"',
    '://u:',
    '@h',
    'sk-',
    KEY,
    CANARY,
    ' ',
    '"',
  )
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
      const once = redactor.redact(parts.join(''))
      expect(redactor.redact(once)).toBe(once)
    }),
  )
})

test('a line of JSON is still one after it was redacted', () => {
  const redactor = createRedactor([CANARY, 'hunter2hunter2'])
  const pieces = fc.oneof(
    fc.constantFrom(
      'Bearer ',
      'x-api-key: ',
      'Cookie: ',
      'key=',
      'password=',
      '"token":"',
      '://u:',
      '@',
      'sk-',
    ),
    fc.constantFrom(KEY, CANARY, '-----BEGIN PRIVATE KEY-----', '\\', '"', "'", '\n', '\u001b'),
    fc.string(),
  )
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), fc.array(pieces, { maxLength: 12 }), (name, value) => {
      const line = JSON.stringify({ [name.join('')]: value.join(''), list: [value.join(''), 'end'] })
      expect(() => JSON.parse(redactor.redact(line)) as unknown).not.toThrow()
    }),
    { numRuns: 2_000 },
  )
})

test.each([
  '://',
  '://a:a',
  'eyJ-',
  'eyJaaaaaaaa',
  'bearer ',
  'Bearer aaaaaa',
  '"token":"',
  '"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
  'x-api-key: ',
  'authorization ',
  'key=',
  'sk-',
  '-----BEGIN PRIVATE KEY-----',
  '-----BEGIN ',
  '\\"',
  'cookie: ',
  'a',
])('two megabytes of %j take time in proportion to their length', (piece) => {
  const redactor = createRedactor(['c4n4ryc4n4ry'])
  const text = piece.repeat(Math.ceil(2_000_000 / piece.length))
  expect(redactor.redact(`${text} c4n4ryc4n4ry`)).not.toContain('c4n4ryc4n4ry')
})
