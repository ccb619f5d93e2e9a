/** Pages are compressed for scrapers that take it. */
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { compressPage } from './compress-page.ts'
import { PageBody } from './page-body.ts'

const LINES = 'a_total{label="value"} 1\n'.repeat(1_000)

function pageOf(...pieces: readonly string[]): PageBody {
  return new PageBody(pieces.values())
}

async function bytesOf(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const bytes: Buffer[] = []
  for await (const piece of pieces) bytes.push(piece)
  return Buffer.concat(bytes)
}

test.each([undefined, '', 'identity', 'br, deflate', 'gzip;q=0', 'gzip; q=0.000'])(
  'a scraper that accepts %j gets the page as it is',
  async (accepted) => {
    const { length, pieces, contentEncoding } = compressPage(pageOf(LINES), accepted)
    expect([length, contentEncoding]).toEqual([LINES.length, undefined])
    expect(String(await bytesOf(pieces))).toBe(LINES)
  },
)

test.each(['gzip', 'deflate, GZIP;q=0.5', '*'])(
  'a scraper that accepts %j gets it compressed',
  async (accepted) => {
    const { length, pieces, contentEncoding } = compressPage(pageOf(LINES, LINES, LINES), accepted)
    expect([length, contentEncoding]).toEqual([undefined, 'gzip'])
    const packed = await bytesOf(pieces)
    expect(packed.length).toBeLessThan(LINES.length / 10)
    expect(String(gunzipSync(packed))).toBe(LINES.repeat(3))
  },
)

test('what fits into a packet is not compressed', () => {
  expect(compressPage(pageOf('a 1\n'), 'gzip').contentEncoding).toBeUndefined()
})

test('a page that cannot be written to its end is no whole page', async () => {
  const broken = (function* () {
    yield* [LINES, LINES]
    throw new Error('broken')
  })()
  const { pieces } = compressPage(new PageBody(broken), 'gzip')
  await expect(bytesOf(pieces)).rejects.toThrow('broken')
})
