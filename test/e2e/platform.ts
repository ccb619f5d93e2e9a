/** A team's gateway as its users meet it: the config of a real deployment, users with virtual keys, and the spend log. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { vi } from 'vitest'
import { MASTER_KEY, startTestGateway, type TestGateway } from '../running-gateway.ts'

const PLATFORM_YAML = join(import.meta.dirname, '../fixtures/config/platform.yaml')

/** Entries beyond the platform's two models. */
const FURTHER_MODELS = `
  - model_name: text-embedding-3-small
    litellm_params:
      model: openai/text-embedding-3-small
      api_key: os.environ/OPENAI_API_KEY
`

const ENVIRONMENT = {
  LITELLM_MASTER_KEY: MASTER_KEY,
  OPENAI_API_KEY: 'sk-openai-of-the-team',
  OPENAI_API_BASE: '{openai}',
  ANTHROPIC_API_KEY: 'sk-ant-of-the-team',
  ANTHROPIC_API_BASE: '{anthropic}',
  // Seconds until a call is in the spend log: tests wait for it.
  PROXY_BATCH_WRITE_AT: '0.05',
}

export interface User {
  readonly key: string
  readonly userId: string
}

/** What a test compares of a call in the spend log. */
export interface SpentCall {
  readonly type: string
  readonly model: string
  readonly status: string
  /** `[prompt, completion]`, cached and reasoning tokens included. */
  readonly tokens: readonly [number, number]
  /** US dollars. */
  readonly spend: number
}

/** A row of `/spend/logs`, as far as tests read it. */
export interface SpendRow {
  readonly request_id: string
  readonly call_type: string
  readonly model_group: string
  readonly status: string
  readonly user: string
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly spend: number
  readonly metadata: {
    readonly ending: string
    readonly stream: boolean
    readonly attempted_retries: number
    readonly usage_source: string
    readonly error_information: { readonly error_class: string; readonly error_message: string } | null
    readonly usage_object: {
      readonly cache_read_input_tokens: number
      readonly cache_creation_input_tokens: number
    }
  }
}

export interface Platform extends TestGateway {
  /** A user of `/user/new`, and the key that its answer holds. */
  newUser(fields?: Readonly<Record<string, unknown>>): Promise<User>
  /** The calls of a user in `/spend/logs`, in the order of their starts, once there are `count` of them. */
  rowsOf(user: User, count: number): Promise<readonly SpendRow[]>
  /** The same, as far as most tests compare it. */
  spentBy(user: User, count: number): Promise<readonly SpentCall[]>
}

/** @param furtherConfig YAML that continues the list of models. */
export async function startPlatform(furtherConfig = FURTHER_MODELS): Promise<Platform> {
  const config = readFileSync(PLATFORM_YAML, 'utf8') + furtherConfig
  const gateway = await startTestGateway({ config, environment: ENVIRONMENT })
  const rowsOf = (user: User, count: number): Promise<readonly SpendRow[]> =>
    vi.waitFor(async () => await readRows(gateway, user, count), { timeout: 10_000, interval: 50 })
  return {
    ...gateway,
    newUser: async (fields) => await newUser(gateway, fields),
    rowsOf,
    spentBy: async (user, count) => (await rowsOf(user, count)).map(spentCall),
  }
}

async function newUser(gateway: TestGateway, fields: Readonly<Record<string, unknown>> = {}): Promise<User> {
  const answer = await gateway.call('/user/new', { user_role: 'internal_user', ...fields })
  const { key, user_id: userId } = (await answer.json()) as { key: string; user_id: string }
  return { key, userId }
}

/** @throws Error as long as there are fewer rows; more than `count` are returned too, for the test to fail on. */
async function readRows(gateway: TestGateway, user: User, count: number): Promise<readonly SpendRow[]> {
  const answer = await gateway.call(`/spend/logs?user_id=${encodeURIComponent(user.userId)}`)
  const rows = (await answer.json()) as readonly SpendRow[]
  if (answer.status !== 200) throw new Error(`/spend/logs answered ${answer.status}`)
  if (rows.length < count) throw new Error(`${rows.length} of ${count} calls are in the spend log`)
  return rows.toReversed()
}

function spentCall(row: SpendRow): SpentCall {
  return {
    type: row.call_type,
    model: row.model_group,
    status: row.status,
    tokens: [row.prompt_tokens, row.completion_tokens],
    spend: row.spend,
  }
}
