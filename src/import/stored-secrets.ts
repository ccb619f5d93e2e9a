/**
 * Values that LiteLLM has stored encrypted, each text by itself, in three forms that it has written over time:
 *
 * - base64 (of either alphabet) of a nonce and an XSalsa20-Poly1305 box, key = SHA-256 of the salt key;
 * - `v2:gcm:` and base64url of a nonce, AES-256-GCM ciphertext and tag, with the same key;
 * - `v3:gcm:`, with a key by HKDF-SHA256.
 */
import { createDecipheriv, createHash, hkdfSync } from 'node:crypto'
import { openSecretBox } from './secret-box.ts'

const GCM_FORM = /^v([23]):gcm:/
const GCM_NONCE_BYTES = 12
const GCM_TAG_BYTES = 16
const V3_INFO = 'litellm-at-rest-v3'
/** A nonce and a tag: less is no box, whatever it decodes to. */
const LEAST_BOX_BYTES = 40

export class StoredSecrets {
  readonly #shaKey: Buffer
  readonly #hkdfKey: Buffer

  constructor(saltKey: string) {
    this.#shaKey = createHash('sha256').update(saltKey, 'utf8').digest()
    this.#hkdfKey = Buffer.from(hkdfSync('sha256', saltKey, '', V3_INFO, 32))
  }

  /** @returns undefined when the text is no ciphertext of this salt key. */
  open(text: string): string | undefined {
    const form = GCM_FORM.exec(text)
    if (form !== null) {
      const key = form[1] === '3' ? this.#hkdfKey : this.#shaKey
      return openGcm(Buffer.from(text.slice(form[0].length), 'base64url'), key)
    }
    const box = boxOf(text)
    return box === undefined ? undefined : openSecretBox(box, this.#shaKey)?.toString('utf8')
  }
}

/** Whether a text may be a ciphertext of some salt key. A long key of a provider can look like one. */
export function looksEncrypted(text: string): boolean {
  return GCM_FORM.test(text) || boxOf(text) !== undefined
}

/** Whether a text cannot be anything but a ciphertext. */
export function isMarkedEncrypted(text: string): boolean {
  return GCM_FORM.test(text)
}

/** LiteLLM pads what it writes, and its two alphabets are never mixed. */
function boxOf(text: string): Buffer | undefined {
  if (text.length % 4 !== 0 || !/^(?:[\w-]+|[A-Za-z0-9+/]+)={0,2}$/.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64')
  return bytes.length >= LEAST_BOX_BYTES ? bytes : undefined
}

function openGcm(bytes: Buffer, key: Buffer): string | undefined {
  if (bytes.length < GCM_NONCE_BYTES + GCM_TAG_BYTES) return undefined
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, GCM_NONCE_BYTES), {
    authTagLength: GCM_TAG_BYTES,
  })
  decipher.setAuthTag(bytes.subarray(-GCM_TAG_BYTES))
  try {
    const opened = decipher.update(bytes.subarray(GCM_NONCE_BYTES, -GCM_TAG_BYTES))
    return Buffer.concat([opened, decipher.final()]).toString('utf8')
  } catch {
    return undefined
  }
}
