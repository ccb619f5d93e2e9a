/** Reads the Secrets in which Helm keeps its releases: they arrive as Kubernetes' protobuf. */

export interface DecodedSecret {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly type: string
  /** Base64, as in JSON. */
  readonly data: Readonly<Record<string, string>>
}

/** `k8s` and a zero byte, then a `runtime.Unknown` whose second field is the object. */
const MAGIC_BYTES = 4

/** Field numbers of `Secret` and of its `ObjectMeta`, from Kubernetes' generated.proto. */
const UNKNOWN_RAW = 2
const SECRET = { metadata: 1, data: 2, type: 3 } as const
const METADATA = { name: 1, labels: 11 } as const

export function decodeSecret(body: Buffer): DecodedSecret {
  const secret = fieldsOf(first(fieldsOf(body.subarray(MAGIC_BYTES)), UNKNOWN_RAW))
  const metadata = fieldsOf(first(secret, SECRET.metadata))
  const entries = (fields: Fields, number: number): [string, Buffer][] =>
    (fields.get(number) ?? []).map((entry) => {
      const pair = fieldsOf(entry)
      return [first(pair, 1).toString(), first(pair, 2)]
    })
  return {
    name: first(metadata, METADATA.name).toString(),
    labels: Object.fromEntries(
      entries(metadata, METADATA.labels).map(([key, value]) => [key, value.toString()]),
    ),
    type: first(secret, SECRET.type).toString(),
    data: Object.fromEntries(
      entries(secret, SECRET.data).map(([key, value]) => [key, value.toString('base64')]),
    ),
  }
}

type Fields = ReadonlyMap<number, readonly Buffer[]>

function first(fields: Fields, number: number): Buffer {
  return fields.get(number)?.[0] ?? Buffer.alloc(0)
}

/** The fields of a message that have a length; numbers are skipped. */
function fieldsOf(message: Buffer): Fields {
  const fields = new Map<number, Buffer[]>()
  let offset = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = message[offset++]
      if (byte === undefined) throw new Error('the message ends within a number')
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
  }
  while (offset < message.length) {
    const tag = varint()
    const wireType = tag % 8
    if (wireType === 0) varint()
    else if (wireType === 2) {
      const length = varint()
      const number = Math.floor(tag / 8)
      fields.set(number, [...(fields.get(number) ?? []), message.subarray(offset, offset + length)])
      offset += length
    } else throw new Error(`a field of wire type ${wireType} is not known here`)
  }
  return fields
}
