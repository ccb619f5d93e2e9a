/**
 * Opens boxes of XSalsa20 and Poly1305 (NaCl's `secretbox`), which Node's crypto does not know. It is used to read what
 * another gateway has stored, never to keep secrets of ours: it makes no boxes, and does not hide its timing.
 *
 * From "Cryptography in NaCl" (D. J. Bernstein) and "The Salsa20 family of stream ciphers".
 */
import { timingSafeEqual } from 'node:crypto'

const KEY_BYTES = 32
const NONCE_BYTES = 24
const TAG_BYTES = 16
const BLOCK_BYTES = 64

/** "expand 32-byte k", as four little-endian words. */
const SIGMA = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574] as const

/** Which words each quarter round mixes: the columns of the square, then its rows. */
const QUARTERS = [
  [0, 4, 8, 12],
  [5, 9, 13, 1],
  [10, 14, 2, 6],
  [15, 3, 7, 11],
  [0, 1, 2, 3],
  [5, 6, 7, 4],
  [10, 11, 8, 9],
  [15, 12, 13, 14],
] as const

/**
 * @param box the 24 bytes of the nonce, 16 bytes of the tag, and the ciphertext.
 * @param key 32 bytes.
 * @returns undefined when the box was not made with this key, or was changed since.
 */
export function openSecretBox(box: Uint8Array, key: Uint8Array): Buffer | undefined {
  if (key.length !== KEY_BYTES) throw new RangeError(`a key of ${KEY_BYTES} bytes was expected`)
  if (box.length < NONCE_BYTES + TAG_BYTES) return undefined
  const nonce = box.subarray(0, NONCE_BYTES)
  const tag = box.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES)
  const ciphertext = box.subarray(NONCE_BYTES + TAG_BYTES)
  const subkey = hsalsa20(key, nonce.subarray(0, 16))
  const stream = salsa20Stream(subkey, nonce.subarray(16), KEY_BYTES + ciphertext.length)
  if (!timingSafeEqual(poly1305(ciphertext, stream.subarray(0, KEY_BYTES)), tag)) return undefined
  return Buffer.from(ciphertext.map((byte, position) => byte ^ (stream[KEY_BYTES + position] ?? 0)))
}

/** The key and the first part of the nonce make the key of a stream. */
function hsalsa20(key: Uint8Array, nonce: Uint8Array): Uint8Array {
  const words = mixed(square(key, nonce))
  const subkey = new DataView(new ArrayBuffer(KEY_BYTES))
  for (const [position, word] of [0, 5, 10, 15, 6, 7, 8, 9].entries()) {
    subkey.setUint32(position * 4, words[word] ?? 0, true)
  }
  return new Uint8Array(subkey.buffer)
}

function salsa20Stream(key: Uint8Array, nonce: Uint8Array, length: number): Uint8Array {
  const blocks = Math.ceil(length / BLOCK_BYTES)
  const stream = new DataView(new ArrayBuffer(blocks * BLOCK_BYTES))
  for (let block = 0; block < blocks; block += 1) {
    const input = new Uint8Array(16)
    input.set(nonce)
    new DataView(input.buffer).setUint32(8, block, true)
    const before = square(key, input)
    const after = mixed(before)
    for (let word = 0; word < 16; word += 1) {
      stream.setUint32(block * BLOCK_BYTES + word * 4, (after[word] ?? 0) + (before[word] ?? 0), true)
    }
  }
  return new Uint8Array(stream.buffer, 0, length)
}

/** The sixteen words of a block: constants on the diagonal, the key around 16 bytes of input. */
function square(key: Uint8Array, input: Uint8Array): Uint32Array {
  const k = words(key)
  const n = words(input)
  const parts = [SIGMA[0], ...k.subarray(0, 4), SIGMA[1], ...n, SIGMA[2], ...k.subarray(4), SIGMA[3]]
  return Uint32Array.from(parts)
}

function words(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return Uint32Array.from({ length: bytes.length / 4 }, (_, position) => view.getUint32(position * 4, true))
}

/** Twenty rounds. */
function mixed(block: Uint32Array): Uint32Array {
  const x = Uint32Array.from(block)
  for (let round = 0; round < 20; round += 2) {
    for (const [a, b, c, d] of QUARTERS) {
      x[b] = (x[b] ?? 0) ^ rotated(x[a], x[d], 7)
      x[c] = (x[c] ?? 0) ^ rotated(x[b], x[a], 9)
      x[d] = (x[d] ?? 0) ^ rotated(x[c], x[b], 13)
      x[a] = (x[a] ?? 0) ^ rotated(x[d], x[c], 18)
    }
  }
  return x
}

function rotated(one: number | undefined, other: number | undefined, by: number): number {
  const sum = ((one ?? 0) + (other ?? 0)) | 0
  return (sum << by) | (sum >>> (32 - by))
}

const PRIME = (1n << 130n) - 5n
const CLAMP = 0x0ffffffc0ffffffc0ffffffc0fffffffn

function poly1305(message: Uint8Array, key: Uint8Array): Uint8Array {
  const r = littleEndian(key.subarray(0, 16)) & CLAMP
  const s = littleEndian(key.subarray(16, 32))
  let sum = 0n
  for (let from = 0; from < message.length; from += 16) {
    const part = message.subarray(from, from + 16)
    sum = ((sum + littleEndian(part) + (1n << BigInt(part.length * 8))) * r) % PRIME
  }
  const tag = (sum + s) & ((1n << 128n) - 1n)
  return Uint8Array.from({ length: TAG_BYTES }, (_, position) => Number((tag >> BigInt(position * 8)) & 255n))
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
}
