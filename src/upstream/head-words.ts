/** Bytes of a head, four at a time: to compare and to pass over them so takes half the time. */

let viewed: Buffer | undefined
let view: DataView = new DataView(new ArrayBuffer(0))

/** All connections read into the same buffer: its view is made once. */
export function viewOf(bytes: Buffer): DataView {
  if (bytes !== viewed) {
    viewed = bytes
    view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }
  return view
}

/** Bytes that a head may have somewhere. */
export class FixedBytes {
  readonly length: number
  readonly #words: Int32Array
  readonly #rest: Uint8Array

  /** @param text as Latin-1. */
  constructor(text: string) {
    const bytes = Buffer.from(text, 'latin1')
    this.length = bytes.length
    this.#words = Int32Array.from({ length: bytes.length >> 2 }, (_, index) => bytes.readInt32LE(4 * index))
    this.#rest = Uint8Array.from(bytes.subarray(4 * this.#words.length))
  }

  /** Whether they stand at `start`; `view` has to reach as far. */
  isAt(view: DataView, start: number): boolean {
    const words = this.#words
    const rest = this.#rest
    let at = start
    for (let index = 0; index < words.length; index += 1, at += 4)
      if (view.getInt32(at, true) !== words[index]) return false
    for (let index = 0; index < rest.length; index += 1, at += 1)
      if (view.getUint8(at) !== rest[index]) return false
    return true
  }
}

/** @returns a position up to which there is no control character: where there may be one, or less than a word is left. */
export function passText(view: DataView, start: number, end: number): number {
  const last = end - 4
  let at = start
  while (at <= last && isText(view.getInt32(at, true))) at += 4
  return at
}

/** Whether no byte of a word is below a space, or DEL: what is subtracted borrows the highest bit of one that is. */
function isText(word: number): boolean {
  const unlikeDelete = word ^ 0x7f7f7f7f
  const low = (word - 0x20202020) & ~word
  const deleted = (unlikeDelete - 0x01010101) & ~unlikeDelete
  return ((low | deleted) & 0x80808080) === 0
}
