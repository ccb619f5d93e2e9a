/** A page of metrics as small as the scraper takes it. */
import { pipeline, Readable } from 'node:stream'
import { constants, createGzip } from 'node:zlib'
import type { PageBody } from './page-body.ts'

/** What is shorter is sent as it is: it fits into a packet. */
const SHORTEST_COMPRESSED_BYTES = 1_400

export interface EncodedPage {
  /** In bytes; undefined for a page that is written, or compressed, while it is read. */
  readonly length: number | undefined
  readonly pieces: AsyncIterable<Buffer>
  /** Undefined for a page that is not compressed. */
  readonly contentEncoding: 'gzip' | undefined
}

/**
 * Compresses a page where the scraper asks for that, on a thread of its own: calls go on meanwhile.
 * @param acceptEncoding the header of that name.
 */
export function compressPage(body: PageBody, acceptEncoding: string | undefined): EncodedPage {
  const isShort = body.length !== undefined && body.length < SHORTEST_COMPRESSED_BYTES
  if (isShort || !takesGzip(acceptEncoding))
    return { length: body.length, pieces: body, contentEncoding: undefined }
  // The stream of a compressor gives buffers; a failure is its reader's to see.
  const gzip = pipeline(
    Readable.from(body, { objectMode: false }),
    createGzip({ level: constants.Z_BEST_SPEED }),
    () => undefined,
  ) as AsyncIterable<Buffer>
  return { length: undefined, pieces: gzip, contentEncoding: 'gzip' }
}

function takesGzip(acceptEncoding = ''): boolean {
  return acceptEncoding.split(',').some((item) => {
    const [name, ...parameters] = item.split(';').map((part) => part.trim().toLowerCase())
    return (name === 'gzip' || name === '*') && !parameters.some((part) => /^q=0(\.0*)?$/.test(part))
  })
}
