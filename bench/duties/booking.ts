/**
 * The call log of the relay that has a gateway's duties: rows as the bytes that the journal has got, gathered for a
 * second or until 200 are there, and booked with the totals of the day and of the key in one statement.
 */
import pg from 'pg'
import type { Segment } from './journal.ts'

const ENOUGH = 200
const BATCH_ROWS = 500
const BATCH_BYTES = 640 * 1024
const INTERVAL_MS = 1_000

/** The columns of the rows, and their types. */
const COLUMNS = Object.entries({
  call_id: 'text',
  started_ms: 'double precision',
  call_type: 'text',
  route: 'text',
  stream: 'boolean',
  key_hash: 'text',
  key_alias: 'text',
  user_id: 'text',
  user_email: 'text',
  team_id: 'text',
  team_alias: 'text',
  organization_id: 'text',
  requested_model: 'text',
  end_user: 'text',
  session_id: 'text',
  requester_ip: 'text',
  user_agent: 'text',
  ended_ms: 'double precision',
  completion_started_ms: 'double precision',
  provider_started_ms: 'double precision',
  provider_ended_ms: 'double precision',
  overhead_ms: 'real',
  status: 'text',
  ending: 'text',
  http_status: 'integer',
  usage_source: 'text',
  priced: 'boolean',
  picodollars: 'bigint',
  model: 'text',
  model_group: 'text',
  model_id: 'text',
  provider: 'text',
  api_base: 'text',
  input_tokens: 'bigint',
  output_tokens: 'bigint',
  attempt_count: 'integer',
})
const names = COLUMNS.map(([name]) => name).join(', ')
const declarations = COLUMNS.map(([name, type]) => `${name} ${type}`).join(', ')

const TABLES = `
create table if not exists duties_call (${declarations}, primary key (call_id, started_ms));
create index if not exists duties_call_by_time on duties_call (started_ms);
create table if not exists duties_day (day date, key_hash text, model_group text, requests bigint, input_tokens bigint,
  output_tokens bigint, picodollars bigint, primary key (day, key_hash, model_group));
create table if not exists duties_total (key_hash text primary key, picodollars bigint)`

const BOOK = `
with booked as (
  insert into duties_call select ${names} from jsonb_to_recordset($1::jsonb) as row (${declarations})
  on conflict do nothing returning started_ms, key_hash, model_group, input_tokens, output_tokens, picodollars
), days as (
  insert into duties_day as old
  select (to_timestamp(started_ms / 1000) at time zone 'UTC')::date, key_hash, model_group, count(*),
    sum(input_tokens), sum(output_tokens), sum(picodollars) from booked group by 1, 2, 3
  on conflict (day, key_hash, model_group) do update set requests = old.requests + excluded.requests,
    input_tokens = old.input_tokens + excluded.input_tokens,
    output_tokens = old.output_tokens + excluded.output_tokens,
    picodollars = old.picodollars + excluded.picodollars
)
insert into duties_total as old select key_hash, sum(picodollars) from booked group by 1
on conflict (key_hash) do update set picodollars = old.picodollars + excluded.picodollars`

const [JSONB_VERSION, OPEN, COMMA, CLOSE] = [1, 0x5b, 0x2c, 0x5d]

/** Rows as PostgreSQL takes them in binary form: a version, and a JSON array. */
class Batch {
  readonly #bytes = Buffer.allocUnsafeSlow(BATCH_BYTES)
  readonly #segments = new Map<Segment, number>()
  #length = 1
  rows = 0

  get isFull(): boolean {
    return this.rows === BATCH_ROWS
  }

  add(journal: Buffer, from: number, to: number, segment: Segment): void {
    this.#bytes[this.#length] = this.rows === 0 ? OPEN : COMMA
    journal.copy(this.#bytes, this.#length + 1, from, to)
    this.#length += 1 + to - from
    this.rows += 1
    this.#segments.set(segment, (this.#segments.get(segment) ?? 0) + 1)
  }

  value(): Buffer {
    this.#bytes[0] = JSONB_VERSION
    this.#bytes[this.#length] = CLOSE
    return this.#bytes.subarray(0, this.#length + 1)
  }

  /** Nothing of it is needed any more: it is empty for the next rows. */
  booked(): void {
    for (const [segment, calls] of this.#segments) segment.release(calls)
    this.#segments.clear()
    this.#length = 1
    this.rows = 0
  }
}

export class Booking {
  readonly #client: pg.Client
  #full: Batch[] = []
  #batch = new Batch()
  readonly #spare: Batch[] = []
  #isBooking = false
  #timer: NodeJS.Timeout | undefined

  private constructor(client: pg.Client) {
    this.#client = client
  }

  /** Connects, and makes the tables where they are not there yet. */
  static async open(url: string): Promise<Booking> {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query(TABLES)
    return new Booking(client)
  }

  /** Takes the row that stands there in the journal's buffer. */
  add(journal: Buffer, from: number, to: number, segment: Segment): void {
    this.#batch.add(journal, from, to, segment)
    if (this.#batch.isFull) {
      this.#full.push(this.#batch)
      this.#batch = this.#spare.pop() ?? new Batch()
    }
    if (this.#isBooking) return
    if (this.#full.length > 0 || this.#batch.rows >= ENOUGH) void this.#book()
    else this.#timer ??= setTimeout(() => void this.#book(), INTERVAL_MS)
  }

  /** A statement that fails ends the program: that is seen. */
  async #book(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#isBooking = true
    do {
      const batch = this.#full.shift() ?? this.#batch
      if (batch === this.#batch) this.#batch = this.#spare.pop() ?? new Batch()
      await this.#client.query({ name: 'book', text: BOOK, values: [batch.value()] })
      batch.booked()
      this.#spare.push(batch)
    } while (this.#full.length > 0 || this.#batch.rows >= ENOUGH)
    this.#isBooking = false
    if (this.#batch.rows > 0) this.#timer = setTimeout(() => void this.#book(), INTERVAL_MS)
  }
}
