import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import pg from 'pg'
import { expect, test, vi } from 'vitest'
import { startPostgresql } from '../../test/postgresql.ts'
import { startRedis } from '../../test/redis.ts'
import { startProvider } from '../provider.ts'
import { startDuties } from '../reference.ts'

/** The relay between the bench's provider and a database of its own, for as long as the stack is open. */
async function relayIn(stack: AsyncDisposableStack, redisUrl?: string) {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-duties-'))
  stack.defer(() => rmSync(directory, { recursive: true, force: true }))
  const provider = await startProvider(directory)
  stack.defer(() => provider.stop())
  const postgresql = stack.use(await startPostgresql())
  const url = await postgresql.createDatabase()
  const databaseUrl = () => Promise.resolve(url)
  const relay = stack.use(
    await startDuties({ providerPort: provider.port, directory, databaseUrl }, redisUrl),
  )
  return { relay, directory, url }
}

/** Records of the journal, whose blocks are sound. */
function recordsOf(journal: string): string[] {
  const records: string[] = []
  for (let at = 0; at < journal.length;) {
    const [checksum = '', length = ''] = journal.slice(at, at + 17).split(' ')
    const block = journal.slice(at + 18, at + 18 + Number.parseInt(length, 16))
    expect(crc32(block)).toBe(Number.parseInt(checksum, 16))
    records.push(...block.trim().split('\n'))
    at += 18 + block.length
  }
  return records
}

test('with Redis a call is counted there, and gives back what it has not used', async () => {
  await using stack = new AsyncDisposableStack()
  const redis = stack.use(await startRedis())
  const { relay } = await relayIn(stack, redis.url)
  const { path, headers, model } = relay.call('whole', 'openai-chat')
  const body = JSON.stringify({ model, messages: [], max_tokens: 900 })
  const answer = await fetch(`http://127.0.0.1:${relay.port}${path}`, { method: 'POST', headers, body })
  expect(await answer.json()).toMatchObject({ object: 'chat.completion' })
  expect(answer.headers.get('x-ratelimit-remaining-requests')).toBe('99999999')
  const [key = ''] = (await redis.command('keys', '*budget*')).split('\n')
  await vi.waitFor(async () => {
    expect(await redis.command('hmget', key, 'reserved', 'spent')).toBe('0\n4200000000')
  }, 10_000)
})

test('a whole answer and a stream are relayed, and each is journaled, logged, counted and booked once', async () => {
  await using stack = new AsyncDisposableStack()
  const { relay, directory, url } = await relayIn(stack)
  const ask = async (answer: 'whole' | 'stream', members: object) => {
    const { path, headers, model } = relay.call(answer, 'openai-chat')
    const body = JSON.stringify({ model, messages: [{ role: 'user', content: '"model":"x"' }], ...members })
    return await fetch(`http://127.0.0.1:${relay.port}${path}`, { method: 'POST', headers, body })
  }

  const whole = await ask('whole', {})
  expect(await whole.json()).toMatchObject({ object: 'chat.completion', usage: { prompt_tokens: 240 } })
  expect(whole.headers.get('x-litellm-key-spend')).toBe('0.004200000000')
  const stream = await ask('stream', { stream: true })
  expect(await stream.text()).toMatch(/^data: .*"content":"@\d{16}"[^]*"usage":.*\n\ndata: \[DONE\]\n\n$/)
  const refused = await fetch(`http://127.0.0.1:${relay.port}/v1/chat/completions`, {
    method: 'POST',
    body: '{}',
  })
  expect(refused.status).toBe(401)

  const ids = [whole, stream].map(({ headers }) => headers.get('x-litellm-call-id'))
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  stack.defer(() => client.end())
  await vi.waitFor(async () => {
    const { rows } = await client.query(
      'select call_id, stream, picodollars, output_tokens from duties_call order by started_ms',
    )
    expect(rows).toEqual([
      { call_id: ids[0], stream: false, picodollars: '4200000000', output_tokens: '100' },
      { call_id: ids[1], stream: true, picodollars: '4200000000', output_tokens: '100' },
    ])
  }, 10_000)
  const totals = await client.query('select picodollars from duties_total')
  expect(totals.rows).toEqual([{ picodollars: '8400000000' }])
  await vi.waitFor(() => {
    const logged = readFileSync(join(directory, 'duties.log'), 'utf8').trim().split('\n')
    expect(logged.map((line): unknown => JSON.parse(line))).toMatchObject([
      { call_id: ids[0], cost: '0.004200000000', finish_reason: 'stop', ttft_ms: null },
      { call_id: ids[1], cost_usd: 0.0042, finish_reason: 'stop', stream: true },
    ])
  }, 10_000)
  const [journal = ''] = readdirSync(directory).filter((name) => name.startsWith('duties-'))
  const records = recordsOf(readFileSync(join(directory, journal, '000001.log'), 'latin1'))
  expect(records.map((record) => [record[0], record.slice(14, 50)])).toEqual([
    ['S', ids[0]],
    ['E', ids[0]],
    ['S', ids[1]],
    ['E', ids[1]],
  ])
  const page = await (await fetch(`http://127.0.0.1:${relay.port}/metrics`)).text()
  expect(page).toContain('output_tokens{model="bench-openai-stream",stream="true"} 100')
})
