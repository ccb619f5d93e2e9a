/** What the gateway has written down: call log, totals and roll-ups in PostgreSQL, and the same through the API. */
import pg from 'pg'
import type { Usage } from '../../src/dialects/usage.ts'

export interface BookedCall {
  readonly callId: string
  readonly endUser: string
  readonly ending: string
  readonly usageSource: string
  readonly usage: Usage
  readonly picodollars: bigint
  readonly status: string
  /** Scopes of the totals that the call belongs to, as `scope id`. */
  readonly scopes: readonly string[]
  /** Columns of the roll-up that the call belongs to, joined. */
  readonly day: string
}

export interface Books {
  readonly calls: readonly BookedCall[]
  /** Picodollars by `scope id`. */
  readonly totals: ReadonlyMap<string, bigint>
  /** By day and the other columns, joined: picodollars, requests, successes and each token class, joined. */
  readonly days: ReadonlyMap<string, string>
}

type Texts = Record<string, string | null>

const DAY_COLUMNS = [
  'key_hash',
  'user_id',
  'team_id',
  'organization_id',
  'model',
  'model_group',
  'provider',
  'route',
]
export const TOKEN_COLUMNS = [
  ['input_tokens', 'inputTokens'],
  ['input_audio_tokens', 'inputAudioTokens'],
  ['cache_read_tokens', 'cacheReadTokens'],
  ['cache_write_5m_tokens', 'cacheWrite5mTokens'],
  ['cache_write_1h_tokens', 'cacheWrite1hTokens'],
  ['output_tokens', 'outputTokens'],
  ['reasoning_tokens', 'reasoningTokens'],
  ['output_audio_tokens', 'outputAudioTokens'],
] as const

export async function readBooks(databaseUrl: string): Promise<Books> {
  // Everything as text: no number of the driver's own making stands between the table and the comparison.
  const client = new pg.Client({ connectionString: databaseUrl, types: { getTypeParser: () => String } })
  await client.connect()
  try {
    const calls = await client.query<Texts>(
      `select *, (started_at at time zone 'UTC')::date::text as day
       from sluice_call_log order by started_at`,
    )
    const totals = await client.query<Texts>('select * from sluice_spend_total')
    const days = await client.query<Texts>('select *, day::text as day_text from sluice_daily_spend')
    return {
      calls: calls.rows.map(bookedCall),
      totals: new Map(
        totals.rows
          // A scope with a budget window has a row before it has spent anything.
          .filter((row) => row['picodollars'] !== '0')
          .map((row) => [`${row['scope']} ${row['scope_id']}`, whole(row, 'picodollars')]),
      ),
      days: new Map(days.rows.map((row) => [dayKey(row, row['day_text'] ?? ''), daySums(row)])),
    }
  } finally {
    await client.end()
  }
}

export async function readCallIds(databaseUrl: string): Promise<ReadonlySet<string>> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const { rows } = await client.query<{ call_id: string }>('select call_id from sluice_call_log')
    return new Set(rows.map((row) => row.call_id))
  } finally {
    await client.end()
  }
}

function bookedCall(row: Texts): BookedCall {
  const text = (name: string): string => row[name] ?? ''
  const member =
    row['team_id'] === null || row['user_id'] === null ? null : `${text('team_id')}::${text('user_id')}`
  const scopes = [
    ['key', row['key_hash']],
    // A team's key does not spend from the personal budget of its user.
    ['user', row['team_id'] === null ? row['user_id'] : null],
    ['team', row['team_id']],
    ['team_member', member],
    ['organization', row['organization_id']],
    ['end_user', row['end_user']],
    ['deployment', row['model_id']],
    ['provider', row['provider']],
    ['proxy', 'proxy'],
  ] as const
  return {
    callId: text('call_id'),
    endUser: text('end_user'),
    ending: text('ending'),
    usageSource: text('usage_source'),
    usage: usageOf(row),
    picodollars: whole(row, 'picodollars'),
    status: text('status'),
    scopes: scopes.flatMap(([scope, id]) =>
      id === null || id === undefined || id === '' ? [] : [`${scope} ${id}`],
    ),
    // A call that reached no model group stands in the roll-up without its model.
    day: dayKey(row['model_group'] === null ? { ...row, model: '' } : row, text('day')),
  }
}

function usageOf(row: Texts): Usage {
  const count = (name: string): number => Number(row[name])
  return {
    inputTokens: count('input_tokens'),
    inputAudioTokens: count('input_audio_tokens'),
    cacheReadTokens: count('cache_read_tokens'),
    cacheWrite5mTokens: count('cache_write_5m_tokens'),
    cacheWrite1hTokens: count('cache_write_1h_tokens'),
    outputTokens: count('output_tokens'),
    reasoningTokens: count('reasoning_tokens'),
    outputAudioTokens: count('output_audio_tokens'),
    webSearchRequests: count('web_search_requests'),
    serviceTier: row['service_tier'] ?? undefined,
  }
}

function whole(row: Texts, name: string): bigint {
  return BigInt(row[name] ?? '0')
}

function dayKey(row: Texts, day: string): string {
  return [day, ...DAY_COLUMNS.map((name) => row[name] ?? '')].join(' | ')
}

function daySums(row: Texts): string {
  return ['picodollars', 'requests', 'successes', ...TOKEN_COLUMNS.map(([column]) => column)]
    .map((name) => row[name] ?? '0')
    .join(' ')
}

/** A call as `GET /spend/logs/v2` shows it. */
export interface ShownCall {
  readonly request_id: string
  readonly spend: number
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly end_user: string
}

/** All pages of the call log, through the API. */
export async function readSpendLogs(url: string, masterKey: string): Promise<readonly ShownCall[]> {
  const calls: ShownCall[] = []
  let cursor: string | null = ''
  do {
    const query: string = `start_date=2020-01-01&end_date=2100-01-01&page_size=100${cursor === '' ? '' : `&cursor=${cursor}`}`
    const answer = await fetch(`${url}/spend/logs/v2?${query}`, {
      headers: { authorization: `Bearer ${masterKey}` },
    })
    if (!answer.ok) throw new Error(`/spend/logs/v2: ${answer.status} ${await answer.text()}`)
    const page = (await answer.json()) as { data: readonly ShownCall[]; next_cursor: string | null }
    calls.push(...page.data)
    cursor = page.next_cursor
  } while (cursor !== null)
  return calls
}
