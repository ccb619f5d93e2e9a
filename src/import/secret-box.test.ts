import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openSecretBox } from './secret-box.ts'

/** NaCl's own vector for `crypto_secretbox`: key, nonce, message, and tag with ciphertext. */
const KEY = '1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389'
const NONCE = '69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37'
const MESSAGE =
  'be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f4' +
  '1db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924ca1c60902e52' +
  'f0a089bc76897040e082f937763848645e0705'
const BOX =
  'f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b' +
  '4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da' +
  '99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74e355a5'

const key = Buffer.from(KEY, 'hex')
const box = Buffer.from(NONCE + BOX, 'hex')

test('the published box opens to the published message', () => {
  expect(openSecretBox(box, key)?.toString('hex')).toBe(MESSAGE)
})

test('a box of which any bit was changed does not open', () => {
  fc.assert(
    fc.property(fc.nat(box.length * 8 - 1), (bit) => {
      const changed = Buffer.from(box)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      return openSecretBox(changed, key) === undefined
    }),
  )
})

test('a box does not open with another key, nor when it is too short to be one', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (other) => {
      return Buffer.from(other).equals(key) || openSecretBox(box, other) === undefined
    }),
  )
  for (const length of [0, 24, 39]) expect(openSecretBox(box.subarray(0, length), key)).toBeUndefined()
})
