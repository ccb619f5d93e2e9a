/** Pages are compressed for scrapers that take it. */
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { compressPage } from './compress-page.ts'
import { PageBody } from './page-body.ts'

const LINES = Buffer.from('a_total{label="value"} 1\n'.repeat(1_000))
const page = { contentType: 'text/plain', body: new PageBody([LINES.subarray(0, 100), LINES.subarray(100)]) }

test.each([undefined, '', 'identity', 'br, deflate', 'gzip;q=0', 'gzip; q=0.000'])(
  'a scraper that accepts %j gets the page as it is',
  async (accepted) => {
    expect(await compressPage(page, accepted)).toEqual({ ...page, contentEncoding: undefined })
  },
)

test.each(['gzip', 'deflate, GZIP;q=0.5', '*'])(
  'a scraper that accepts %j gets it compressed',
  async (accepted) => {
    const { body, contentEncoding } = await compressPage(page, accepted)
    expect(contentEncoding).toBe('gzip')
    expect(body.length).toBeLessThan(page.body.length / 10)
    expect(gunzipSync(Buffer.concat(body.pieces))).toEqual(LINES)
  },
)

test('what fits into a packet is not compressed', async () => {
  const short = { contentType: 'text/plain', body: new PageBody([Buffer.from('a 1\n')]) }
  expect((await compressPage(short, 'gzip')).contentEncoding).toBeUndefined()
})
