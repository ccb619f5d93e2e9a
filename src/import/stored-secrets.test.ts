import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isMarkedEncrypted, looksEncrypted, StoredSecrets } from './stored-secrets.ts'

/** Of TweetNaCl 1.0.3, with the SHA-256 of `salt-of-the-tests`. */
const BOX = 'AgICAgICAgICAgICAgICAgICAgICAgICOjHoBqH9D4jW6EsUT/iu7xsCFky+FlZ8ItNz3Hc/rkc0YQ=='
/** The same text by WebCrypto, in the two younger forms. */
const GCM_3 = 'v3:gcm:AwMDAwMDAwMDAwMDziRlPjjUoWJIKLsMT42Lu0sjuxa-GAoKko6WY8W1gyQDSw=='
const GCM_2 = 'v2:gcm:AgICAgICAgICAgIC3MiiFkCSSBJR-Pc6booT-c8KFx7BGVinawDq4e6rcw6k1w=='
const SECRET = 'sk-provider-openai'

const secrets = new StoredSecrets('salt-of-the-tests')

test('a box opens in either alphabet of base64', () => {
  expect(secrets.open(BOX)).toBe(SECRET)
  expect(secrets.open(BOX.replaceAll('+', '-').replaceAll('/', '_'))).toBe(SECRET)
})

test('values of the younger forms open', () => {
  expect([secrets.open(GCM_3), secrets.open(GCM_2)]).toEqual([SECRET, SECRET])
})

test('nothing opens with another salt key', () => {
  const others = new StoredSecrets('another')
  for (const text of [BOX, GCM_2, GCM_3]) {
    expect(looksEncrypted(text)).toBe(true)
    expect(others.open(text)).toBeUndefined()
  }
})

test.each(['openai/gpt-5.5', 'https://api.openai.com/v1', 'os.environ/OPENAI_API_KEY', '', 'gpt-4'])(
  '"%s" is no ciphertext',
  (text) => {
    expect(looksEncrypted(text)).toBe(false)
    expect(secrets.open(text)).toBeUndefined()
  },
)

test('only the younger forms say of themselves what they are', () => {
  expect([BOX, GCM_2, GCM_3].map(isMarkedEncrypted)).toEqual([false, true, true])
})

test('no text makes it throw', () => {
  fc.assert(
    fc.property(fc.string(), fc.constantFrom('', 'v2:gcm:', 'v3:gcm:'), (text, form) => {
      expect(secrets.open(form + text)).toBeUndefined()
    }),
  )
})
