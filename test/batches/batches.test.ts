/**
 * Files and batches with the real OpenAI SDK, current and previous major, through a gateway on either database: whose
 * they are, what they call, and what they cost. Half of the model's price is $1 and $4 a million tokens.
 */
import OpenAI from 'openai'
import OpenAIPrevious from 'openai-previous'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { DatabaseKind } from '../../src/storage/database.ts'
import { startPostgresql, type TestPostgresql } from '../postgresql.ts'
import { startTestGateway, MASTER_KEY, type TestGateway } from '../running-gateway.ts'
import { batchFile, batchText } from './batch-file.ts'

const ENVIRONMENT = { PROXY_BATCH_WRITE_AT: '0.05', PROXY_BATCH_POLLING_INTERVAL: '0.2' }

const versions = [
  { version: 'current', Client: OpenAI },
  // Both majors have the members used here, with the same shapes: one set of types serves both.
  { version: 'previous', Client: OpenAIPrevious as unknown as typeof OpenAI },
]

interface SpendRow {
  readonly request_id: string
  readonly call_type: string
  readonly spend: number
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly model_group: string
}

describe.each<DatabaseKind>(['postgresql', 'embedded'])('on the database %s', (kind) => {
  let postgresql: TestPostgresql | undefined
  let gateway: TestGateway

  beforeAll(async () => {
    postgresql = kind === 'postgresql' ? await startPostgresql() : undefined
    gateway = await startTestGateway({
      environment: ENVIRONMENT,
      ...(postgresql === undefined ? {} : { databaseUrl: postgresql.url }),
    })
  })
  afterAll(async () => {
    await gateway.stop()
    await postgresql?.[Symbol.asyncDispose]()
  })

  const clientOf = (apiKey: string, Client: typeof OpenAI = OpenAI): OpenAI =>
    new Client({ apiKey, baseURL: `${gateway.url}/v1`, maxRetries: 0 })

  /** The bookings of batches of a user, once there are `count`. */
  async function costsOf(userId: string, count: number): Promise<readonly SpendRow[]> {
    return await vi.waitFor(
      async () => {
        const answer = await gateway.call(`/spend/logs?user_id=${userId}`)
        const rows = (await answer.json()) as readonly SpendRow[]
        const costs = rows.filter((row) => row.call_type === 'aretrieve_batch')
        if (costs.length < count) throw new Error(`${costs.length} of ${count} batches are booked`)
        return costs
      },
      { timeout: 15_000, interval: 50 },
    )
  }

  async function newUser(fields: Record<string, unknown> = {}): Promise<{ key: string; userId: string }> {
    const answer = await gateway.call('/user/new', { user_role: 'internal_user', ...fields })
    const { key, user_id } = (await answer.json()) as { key: string; user_id: string }
    return { key, userId: user_id }
  }

  async function costState(batchId: string): Promise<string | undefined> {
    const { rows } = await sql<{ cost_state: string }>`
      select cost_state from sluice_managed_batch where batch_id = ${batchId}`.execute(
      gateway.gateway.database.sql,
    )
    return rows[0]?.cost_state
  }

  const untilState = async (batchId: string, state: string): Promise<void> =>
    await vi.waitFor(async () => expect(await costState(batchId)).toBe(state), {
      timeout: 15_000,
      interval: 50,
    })

  describe.each(versions)('openai, $version major', ({ Client }) => {
    test('a batch goes from its file to its answers, and is paid for once, at half the price', async () => {
      const user = await newUser()
      const client = clientOf(user.key, Client)
      gateway.simulator.meter.clear()
      const file = await client.files.create({
        file: batchFile([{}, {}, { sim: 'input=500 tokens=100 fault=429' }]),
        purpose: 'batch',
      })
      expect(file).toMatchObject({ object: 'file', purpose: 'batch', filename: 'requests.jsonl' })
      const begun = await client.batches.create({
        input_file_id: file.id,
        endpoint: '/v1/chat/completions',
        completion_window: '24h',
        metadata: { sim_polls: '2' },
      })
      expect(begun.id).toMatch(/^batch_[0-9a-f]{32}$/)
      expect(begun).toMatchObject({ input_file_id: file.id, status: 'validating' })
      const [cost] = await costsOf(user.userId, 1)
      const ended = await client.batches.retrieve(begun.id)
      expect(ended).toMatchObject({
        status: 'completed',
        request_counts: { total: 3, completed: 2, failed: 1 },
      })

      const answers = await (await client.files.content(ended.output_file_id!)).text()
      const lines = answers
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
      expect(lines.map((line) => line.custom_id)).toEqual(['request-0', 'request-1'])
      expect(lines[0].response.body.model).toBe('sim-gpt')
      const errors = await (await client.files.content(ended.error_file_id!)).text()
      expect(JSON.parse(errors).response.status_code).toBe(429)

      // 2,000 × $1/M + 400 × $4/M
      expect(cost).toMatchObject({
        request_id: begun.id,
        spend: 0.0036,
        prompt_tokens: 2_000,
        completion_tokens: 400,
        model_group: 'gpt',
      })
      const { usage, billedCalls } = gateway.simulator.meter.totals()
      expect([billedCalls, usage.inputTokens, usage.outputTokens]).toEqual([2, 2_000, 400])
      const spent = await gateway.call(`/user/info?user_id=${user.userId}`)
      expect(await spent.json()).toMatchObject({ user_info: { spend: 0.0036 } })
    })

    test('lists show what is the caller’s, in pages', async () => {
      const client = clientOf((await newUser()).key, Client)
      const ids: string[] = []
      for (let count = 0; count < 3; count += 1) {
        ids.unshift((await client.files.create({ file: batchFile([{}]), purpose: 'batch' })).id)
      }
      const listed: string[] = []
      for await (const file of client.files.list({ limit: 2 })) listed.push(file.id)
      expect(new Set(listed)).toEqual(new Set(ids))
      expect(listed).toHaveLength(3)
      const batch = await client.batches.create({
        input_file_id: ids[0]!,
        endpoint: '/v1/chat/completions',
        completion_window: '24h',
      })
      const batches = await client.batches.list()
      expect(batches.data.map(({ id }) => id)).toEqual([batch.id])
      await untilState(batch.id, 'booked')
    })

    test('a cancelled batch is paid for as far as it was served', async () => {
      const user = await newUser()
      const client = clientOf(user.key, Client)
      const file = await client.files.create({ file: batchFile([{}, {}, {}, {}]), purpose: 'batch' })
      const batch = await client.batches.create({
        input_file_id: file.id,
        endpoint: '/v1/chat/completions',
        completion_window: '24h',
        metadata: { sim_polls: '1000' },
      })
      expect(await client.batches.cancel(batch.id)).toMatchObject({ id: batch.id, status: 'cancelling' })
      const [cost] = await costsOf(user.userId, 1)
      expect(cost).toMatchObject({ spend: 0.0036, prompt_tokens: 2_000 })
      expect(await client.batches.retrieve(batch.id)).toMatchObject({ status: 'cancelled' })
    })
  })

  test('another key gets 404 for every call on a file or a batch; keys of the team and administrators do not', async () => {
    const team = (await (await gateway.call('/team/new', { team_alias: `t-${kind}` })).json()) as {
      team_id: string
    }
    const owner = clientOf(await gateway.newKey({ team_id: team.team_id }))
    const colleague = clientOf(await gateway.newKey({ team_id: team.team_id }))
    const stranger = clientOf((await newUser()).key)
    const file = await owner.files.create({ file: batchFile([{}]), purpose: 'batch' })
    const batch = await owner.batches.create({
      input_file_id: file.id,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
      metadata: { sim_polls: '1000' },
    })
    const reads: readonly ((client: OpenAI) => Promise<unknown>)[] = [
      (client) => client.files.retrieve(file.id),
      (client) => client.files.content(file.id),
      async (client) => await client.files.list({ after: file.id }),
      (client) => client.batches.retrieve(batch.id),
      async (client) => await client.batches.list({ after: batch.id }),
    ]
    const writes: typeof reads = [
      (client) => client.files.delete(file.id),
      (client) => client.batches.cancel(batch.id),
      (client) =>
        client.batches.create({
          input_file_id: file.id,
          endpoint: '/v1/chat/completions',
          completion_window: '24h',
        }),
    ]
    for (const attempt of [...reads, ...writes]) {
      await expect(attempt(stranger)).rejects.toThrow(OpenAI.NotFoundError)
    }
    expect((await stranger.files.list()).data).toEqual([])
    expect((await stranger.batches.list()).data).toEqual([])
    for (const attempt of reads) {
      await attempt(colleague)
      await attempt(clientOf(MASTER_KEY))
    }
    const all = await clientOf(MASTER_KEY).batches.list()
    expect(all.data.map(({ id }) => id)).toContain(batch.id)
    await owner.batches.cancel(batch.id)
    await untilState(batch.id, 'booked')
  })

  test('a key without the right to a model uploads no batch file that calls it', async () => {
    const client = clientOf((await newUser({ models: ['embedder'] })).key)
    gateway.simulator.clearRequests()
    const upload = client.files.create({ file: batchFile([{}]), purpose: 'batch' })
    await expect(upload).rejects.toThrow(OpenAI.PermissionDeniedError)
    expect(gateway.simulator.requests()).toEqual([])
  })

  test('a spent budget stops uploads before the provider is asked', async () => {
    const user = await newUser({ max_budget: 0.001 })
    const client = clientOf(user.key)
    await client.chat.completions.create({
      model: 'gpt',
      messages: [{ role: 'user', content: '[[sim input=1000 tokens=200]]' }],
    })
    gateway.simulator.clearRequests()
    const upload = client.files.create({ file: batchFile([{}]), purpose: 'batch' })
    await expect(upload).rejects.toThrow(OpenAI.RateLimitError)
    expect(gateway.simulator.requests()).toEqual([])
  })

  test('the cost of a batch counts in the budget of its creator at once', async () => {
    const user = await newUser({ max_budget: 0.003 })
    const client = clientOf(user.key)
    const file = await client.files.create({ file: batchFile([{}, {}]), purpose: 'batch' })
    await client.batches.create({
      input_file_id: file.id,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
    })
    await costsOf(user.userId, 1)
    await vi.waitFor(async () => {
      const call = client.files.create({ file: batchFile([{}]), purpose: 'batch' })
      await expect(call).rejects.toThrow(OpenAI.RateLimitError)
    })
  })

  test('a batch that calls two models, or none, is refused with its line', async () => {
    const client = clientOf((await newUser()).key)
    const two = client.files.create({ file: batchFile([{}, { model: 'embedder' }]), purpose: 'batch' })
    await expect(two).rejects.toThrow(/line 2: body\.model: 'embedder'/)
    const none = client.files.create({ file: new File(['hello\n'], 'a.jsonl'), purpose: 'batch' })
    await expect(none).rejects.toThrow('its first line is no request of a batch')
    const broken = new File([`${batchText([{}])}{"url":\n`], 'a.jsonl')
    await expect(client.files.create({ file: broken, purpose: 'batch' })).rejects.toThrow(/line 2/)
  })

  test('the named model takes the place of every line’s', async () => {
    const user = await newUser()
    const client = clientOf(user.key)
    const file = await client.files.create(
      { file: batchFile([{ model: 'any' }, { model: 'other' }]), purpose: 'batch' },
      { query: { model: 'gpt' } },
    )
    const text = await (await client.files.content(file.id)).text()
    expect(text.match(/"model":"sim-gpt"/g)).toHaveLength(2)
  })

  test('a file of another purpose goes to the provider and comes back byte for byte', async () => {
    const client = clientOf((await newUser()).key)
    const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 7) % 256)
    const file = await client.files.create({ file: new File([bytes], 'größe.bin'), purpose: 'user_data' })
    expect(file).toMatchObject({ bytes: 100_000, filename: 'größe.bin' })
    const back = new Uint8Array(await (await client.files.content(file.id)).arrayBuffer())
    expect(Buffer.from(back).equals(Buffer.from(bytes))).toBe(true)
    expect(await client.files.delete(file.id)).toMatchObject({ id: file.id, deleted: true })
    await expect(client.files.retrieve(file.id)).rejects.toThrow(OpenAI.NotFoundError)
  })

  test('a file that an unpaid batch needs is not deleted', async () => {
    const client = clientOf((await newUser()).key)
    const file = await client.files.create({ file: batchFile([{}]), purpose: 'batch' })
    const batch = await client.batches.create({
      input_file_id: file.id,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
      metadata: { sim_polls: '1000' },
    })
    await expect(client.files.delete(file.id)).rejects.toThrow('whose cost is not known yet')
    await client.batches.cancel(batch.id)
    await untilState(batch.id, 'booked')
    expect(await client.files.delete(file.id)).toMatchObject({ deleted: true })
  })

  test('a provider’s refusal goes to the client in the provider’s words, and no batch is left behind', async () => {
    const client = clientOf((await newUser()).key)
    const file = await client.files.create({ file: batchFile([{}]), purpose: 'batch' })
    const refused = client.batches.create({
      input_file_id: file.id,
      endpoint: '/v1/chat/completions',
      completion_window: '48h' as '24h',
    })
    await expect(refused).rejects.toThrow("completion_window must be '24h'")
    expect((await client.batches.list()).data).toEqual([])
  })

  test('a crash between the booking and its mark does not book twice', async () => {
    const user = await newUser()
    const client = clientOf(user.key)
    const file = await client.files.create({ file: batchFile([{}]), purpose: 'batch' })
    const batch = await client.batches.create({
      input_file_id: file.id,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
    })
    await untilState(batch.id, 'booked')
    // What a process leaves that dies after the ledger took the cost, and before the batch was marked.
    await sql`update sluice_managed_batch set cost_state = 'pending', picodollars = null
      where batch_id = ${batch.id}`.execute(gateway.gateway.database.sql)
    await untilState(batch.id, 'booked')
    expect(await costsOf(user.userId, 1)).toHaveLength(1)
    const spent = await gateway.call(`/user/info?user_id=${user.userId}`)
    expect(await spent.json()).toMatchObject({ user_info: { spend: 0.0018 } })
  })

  test('a batch whose creation got no answer is found at the provider, and paid for', async () => {
    const user = await newUser()
    const client = clientOf(user.key)
    const file = await client.files.create({ file: batchFile([{}]), purpose: 'batch' })
    const batch = await client.batches.create({
      input_file_id: file.id,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
      metadata: { sim_polls: '1000' },
    })
    // What is left of a creation whose answer was lost, three minutes ago.
    await sql`update sluice_managed_batch
      set provider_batch_id = null, created_at = now() - interval '3 minutes'
      where batch_id = ${batch.id}`.execute(gateway.gateway.database.sql)
    await vi.waitFor(
      async () => expect(await client.batches.retrieve(batch.id)).toMatchObject({ status: 'in_progress' }),
      { timeout: 10_000 },
    )
    await client.batches.cancel(batch.id)
    expect(await costsOf(user.userId, 1)).toMatchObject([{ spend: 0.0018 }])
  })

  test('a batch that does not end within seven days is given up, and told', async () => {
    const client = clientOf((await newUser()).key)
    const file = await client.files.create({ file: batchFile([{}]), purpose: 'batch' })
    const batch = await client.batches.create({
      input_file_id: file.id,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
      metadata: { sim_polls: '1000' },
    })
    await sql`update sluice_managed_batch set created_at = now() - interval '8 days'
      where batch_id = ${batch.id}`.execute(gateway.gateway.database.sql)
    await untilState(batch.id, 'stale')
    expect(await metricsOf(gateway)).toMatch(/litellm_check_batch_cost_errors_total\{error_type="stale"\} 1/)
  })

  test('files and batches have their metrics, with LiteLLM’s names and labels', async () => {
    const page = await metricsOf(gateway)
    for (const sample of [
      /^litellm_managed_file_created_total\{model="sim-gpt",api_provider="openai",user="[^"]+",user_email="None",api_key_alias="[^"]+"\} \d+$/m,
      /^litellm_managed_batch_created_total\{model="sim-gpt",api_provider="openai",user="[^"]+",user_email="None",api_key_alias="[^"]+"\} \d+$/m,
      /^litellm_managed_file_deleted_total\{result="success"\} \d+$/m,
      /^litellm_managed_file_deleted_total\{result="blocked"\} \d+$/m,
      /^litellm_managed_file_size_bytes\{purpose="user_data",file_type="bin",model="[^"]+",api_provider="openai",user="[^"]+"\} 100000$/m,
      /^litellm_managed_batch_duration_seconds_bucket\{model="sim-gpt",api_provider="openai",le="60(\.0)?"\} \d+$/m,
      /^litellm_check_batch_cost_jobs_polled \d+$/m,
      /^litellm_check_batch_cost_jobs_processed_total\{model="sim-gpt",api_provider="openai"\} \d+$/m,
      /^litellm_check_batch_cost_last_run_timestamp \d+/m,
    ]) {
      expect(page).toMatch(sample)
    }
  })
})

async function metricsOf(gateway: TestGateway): Promise<string> {
  return await (await gateway.call('/metrics')).text()
}
