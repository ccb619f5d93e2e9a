/** A page of metrics as small as the scraper takes it. */
import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'
import type { MetricsPage } from './exposition.ts'

const compress = promisify(gzip)

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
  const packed = await compress(body, { level: constants.Z_BEST_SPEED })
  return { contentType, body: packed, contentEncoding: 'gzip' }
}

function takesGzip(acceptEncoding = ''): boolean {
  return acceptEncoding.split(',').some((item) => {
    const [name, ...parameters] = item.split(';').map((part) => part.trim().toLowerCase())
    return (name === 'gzip' || name === '*') && !parameters.some((part) => /^q=0(\.0*)?$/.test(part))
  })
}
