/** Decodes protobuf by a table of fields: https://protobuf.dev/programming-guides/encoding/ */

type FieldKind = 'text' | 'hex' | 'varint' | 'fixed64' | 'double' | 'packedFixed64' | 'packedDouble'

export interface Field {
  readonly name: string
  readonly kind: FieldKind | MessageTable
  readonly repeated?: true
}

/** Fields by their numbers. Fields that are not in it are passed over. */
export interface MessageTable {
  readonly [fieldNumber: number]: Field
}

export type Decoded = Record<string, unknown>

export function decode(bytes: Buffer, table: MessageTable): Decoded {
  const message: Decoded = {}
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes.readUInt8(at)
      at += 1
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const tag = Number(varint())
    const field = table[tag >> 3]
    const value = readValue(tag & 7)
    if (field === undefined) continue
    const meaning = meaningOf(value, field.kind)
    if (field.repeated === true)
      message[field.name] = [...((message[field.name] ?? []) as unknown[]), meaning]
    else message[field.name] = meaning
  }
  return message

  function readValue(wireType: number): bigint | Buffer {
    if (wireType === 0) return varint()
    const length = wireType === 1 ? 8 : wireType === 5 ? 4 : Number(varint())
    const value = bytes.subarray(at, at + length)
    at += length
    return value
  }
}

function meaningOf(value: bigint | Buffer, kind: Field['kind']): unknown {
  if (typeof value === 'bigint') return Number(BigInt.asIntN(64, value))
  if (typeof kind === 'object') return decode(value, kind)
  switch (kind) {
    case 'text':
      return value.toString('utf8')
    case 'hex':
      return value.toString('hex')
    case 'double':
      return value.readDoubleLE()
    case 'packedFixed64':
      return Array.from({ length: value.length / 8 }, (_, index) => Number(value.readBigUInt64LE(index * 8)))
    case 'packedDouble':
      return Array.from({ length: value.length / 8 }, (_, index) => value.readDoubleLE(index * 8))
    case 'fixed64':
    case 'varint':
      return String(value.readBigUInt64LE())
  }
}
