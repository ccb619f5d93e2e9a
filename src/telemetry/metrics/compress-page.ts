/** A page of metrics as small as the scraper takes it. */
import { Readable } from 'node:stream'
import { constants, createGzip } from 'node:zlib'
import type { MetricsPage } from './exposition.ts'
import { PageBody } from './page-body.ts'

/** What is shorter is sent as it is: it fits into a packet. */
const SHORTEST_COMPRESSED_BYTES = 1_400

export interface EncodedPage extends MetricsPage {
  /** Undefined for a page that is not compressed. */
  readonly contentEncoding: 'gzip' | undefined
}

/**
 * Compresses a page where the scraper asks for that, on a thread of its own: calls go on meanwhile.
 * @param acceptEncoding the header of that name.
 */
export async function compressPage(
  { contentType, body }: MetricsPage,
  acceptEncoding: string | undefined,
): Promise<EncodedPage> {
  if (body.length < SHORTEST_COMPRESSED_BYTES || !takesGzip(acceptEncoding))
    return { contentType, body, contentEncoding: undefined }
  return { contentType, body: await compress(body), contentEncoding: 'gzip' }
}

async function compress({ pieces }: PageBody): Promise<PageBody> {
  const packed: Buffer[] = []
  const gzip = Readable.from(pieces).pipe(createGzip({ level: constants.Z_BEST_SPEED }))
  // The stream of a compressor gives buffers.
  for await (const piece of gzip as AsyncIterable<Buffer>) packed.push(piece)
  return new PageBody(packed)
}

function takesGzip(acceptEncoding = ''): boolean {
  return acceptEncoding.split(',').some((item) => {
    const [name, ...parameters] = item.split(';').map((part) => part.trim().toLowerCase())
    return (name === 'gzip' || name === '*') && !parameters.some((part) => /^q=0(\.0*)?$/.test(part))
  })
}
