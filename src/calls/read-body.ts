/** The body of a request as JSON bytes: its type and size are looked at first, and it is unpacked where it is packed. */
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'
import { GatewayError } from '../errors/gateway-error.ts'
import { tooLarge } from './body-reader.ts'
import type { HeldBody } from './body-room.ts'
import { BodyTurns } from './body-turns.ts'
import type { BodyLimits, ClientExchange } from './client-exchange.ts'

/** What a call does with a larger body takes longer than a quarter of a millisecond. */
const LARGE_BYTES = 262_144

/** Of the process, for it has one event loop. */
const TURNS = new BodyTurns()

/**
 * @param held counts what comes.
 * @returns the body's bytes, decompressed when `content-encoding` says so.
 * @throws GatewayError `unsupported_media_type`, `body_too_large`, `body_timeout`, `overloaded` or `bad_request`.
 */
export function readBody(
  exchange: ClientExchange,
  limits: BodyLimits,
  held?: HeldBody,
): Buffer | Promise<Buffer> {
  const { headers } = exchange
  requireJson(headers['content-type'])
  const declared = headers['content-length']
  if (declared !== undefined && Number(declared) > limits.maxBodyBytes) throw tooLarge(limits.maxBodyBytes)
  const encoding = headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity')
    return inTurn(unpackedBody(exchange, limits, encoding, held))
  const body = exchange.readBody(limits, held)
  const mayBeLarge = declared === undefined || Number(declared) > LARGE_BYTES
  return mayBeLarge && body instanceof Promise ? inTurn(body) : body
}

async function inTurn(reading: Promise<Buffer>): Promise<Buffer> {
  const body = await reading
  if (body.length > LARGE_BYTES) await TURNS.take(body.length)
  return body
}

async function unpackedBody(
  exchange: ClientExchange,
  limits: BodyLimits,
  encoding: string,
  held: HeldBody | undefined,
): Promise<Buffer> {
  return await decompress(await exchange.readBody(limits, held), encoding, limits.maxBodyBytes)
}

function requireJson(contentType: string | undefined): void {
  if (contentType === undefined || contentType === 'application/json') return
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (type === 'application/json' || type.endsWith('+json')) return
  throw new GatewayError(
    'unsupported_media_type',
    `content-type is '${type.slice(0, 100)}', expected 'application/json': set the header and send a JSON object`,
    { param: 'content-type' },
  )
}

type Decoder = (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>

const DECODERS: ReadonlyMap<string, Decoder> = new Map([
  ['gzip', promisify(gunzip)],
  ['x-gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
  ['br', promisify(brotliDecompress)],
])

async function decompress(raw: Buffer, encoding: string, maxBodyBytes: number): Promise<Buffer> {
  const decode = DECODERS.get(encoding.trim().toLowerCase())
  if (decode === undefined) {
    throw new GatewayError(
      'unsupported_media_type',
      `content-encoding '${encoding.slice(0, 40)}' is not known, expected gzip, deflate, br or none`,
      { param: 'content-encoding' },
    )
  }
  try {
    return await decode(raw, { maxOutputLength: maxBodyBytes })
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(maxBodyBytes)
    throw new GatewayError('bad_request', `the body is not valid ${encoding}`, {
      param: 'content-encoding',
      cause: error,
    })
  }
}
