/** The key and the models of the relay that has a gateway's duties, with the texts that are made once for each. */
import { createHash } from 'node:crypto'
import { Form, Spent } from './forms.ts'
import { Metrics } from './report.ts'
import { REQUESTS_PER_MINUTE, SharedCounts, TOKENS_PER_MINUTE } from './shared-counts.ts'
import { ANSWER_KINDS, type AnswerKind } from '../target.ts'

/** Of a token. */
const INPUT_PICODOLLARS = 5_000_000
const OUTPUT_PICODOLLARS = 30_000_000
const DOLLAR = 1_000_000_000_000
const BYTES_PER_TOKEN = 4

/** A model as it is called, and where its calls go. */
export class Route {
  readonly model: string
  readonly isStream: boolean
  readonly metrics = new Metrics()
  readonly forms: ReturnType<typeof formsOf>

  constructor(kind: AnswerKind, isStream: boolean, isCounted: boolean, hash: string, providerPort: string) {
    this.model = modelOf(kind)
    this.isStream = isStream
    this.forms = formsOf(kind, isStream, isCounted, hash, providerPort)
  }
}

/** A key with a budget. */
export class Key {
  readonly spent = new Spent()
  readonly maxDollars = 1_000_000
  readonly counts: SharedCounts | undefined
  readonly #routes: ReadonlyMap<string, readonly [Route, Route]>
  /** Picodollars of the calls under way. */
  #reserved = 0

  /** @param redisUrl where it is counted with other processes; undefined where this one counts alone. */
  constructor(secret: string, providerPort: string, redisUrl: string | undefined) {
    const hash = createHash('sha256').update(secret).digest('hex')
    const of = (kind: AnswerKind, isStream: boolean) =>
      new Route(kind, isStream, redisUrl !== undefined, hash, providerPort)
    this.#routes = new Map(ANSWER_KINDS.map((kind) => [modelOf(kind), [of(kind, false), of(kind, true)]]))
    this.counts = redisUrl === undefined ? undefined : new SharedCounts(new URL(redisUrl), hash)
  }

  route(model: string, isStream: boolean): Route | undefined {
    return this.#routes.get(model)?.[isStream ? 1 : 0]
  }

  /** @returns whether the budget has room for it; then it is taken. */
  reserve(picodollars: number): boolean {
    const { dollars, picodollars: rest } = this.spent
    const most = rest + this.#reserved + picodollars
    if (dollars + most / DOLLAR > this.maxDollars) return false
    this.#reserved += picodollars
    return true
  }

  settle(reserved: number, picodollars: number): void {
    this.#reserved -= reserved
    this.spent.add(picodollars)
  }

  /** A page of what is counted. */
  metrics(): string {
    return [...this.#routes.values()]
      .flat()
      .map(({ model, isStream, metrics }) => metrics.page(`model="${model}",stream="${isStream}"`))
      .join('')
  }
}

export function inputTokensOf(bodyBytes: number): number {
  return Math.ceil(bodyBytes / BYTES_PER_TOKEN)
}

/** @throws Error for a sum that is not exact any more. */
export function costOf(inputTokens: number, outputTokens: number): number {
  const picodollars = inputTokens * INPUT_PICODOLLARS + outputTokens * OUTPUT_PICODOLLARS
  if (!Number.isSafeInteger(picodollars)) throw new Error('no call costs so much')
  return picodollars
}

export function modelOf(kind: AnswerKind): string {
  return `bench-openai-${kind}`
}

/** All that is written of a call, with the members, the headers and about the bytes that Sluice has for it. */
function formsOf(
  kind: AnswerKind,
  isStream: boolean,
  isCounted: boolean,
  hash: string,
  providerPort: string,
) {
  const model = modelOf(kind)
  const host = `127.0.0.1:${providerPort}`
  const base = `http://${host}/${kind}/v1`
  const start =
    '{"call_id":"<id:id>","started_ms":<started:time>,"logged":true,"call_type":"acompletion",' +
    `"route":"/v1/chat/completions","stream":${isStream},"key_hash":"${hash}","key_alias":null,"user_id":null,` +
    '"user_email":null,"team_id":null,"team_alias":null,"organization_id":null,' +
    `"requested_model":"${model}","end_user":null,"session_id":null,"requester_ip":"127.0.0.1","user_agent":null`
  const deployment = `"model":"gpt-5.5","model_group":"${model}","model_id":"bench-${kind}","provider":"openai","api_base":"${base}"`
  const firstContent = isStream ? '"completion_started_ms":<first:time>,' : ''
  return {
    request: new Form<'id' | 'length'>(
      `POST /${kind}/v1/chat/completions HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n` +
        'authorization: Bearer sk-bench-provider\r\ncontent-type: application/json\r\n' +
        `accept: ${isStream ? 'text/event-stream' : 'application/json'}\r\naccept-encoding: identity\r\n` +
        'x-client-request-id: <id:id>\r\ncontent-length: <length:count>\r\n\r\n',
    ),
    begun: new Form<'id' | 'started' | 'ended' | 'sent' | 'input' | 'cost'>(
      `S ${start},"ended_ms":<ended:time>,"provider_started_ms":<sent:time>,"status":"failure",` +
        '"ending":"interrupted","http_status":0,"usage_source":"estimated","priced":true,"attempt_count":1,' +
        `${deployment},"input_tokens":<input:count>,"picodollars":<cost:picodollars>}\n`,
    ),
    settled: new Form<
      'id' | 'started' | 'ended' | 'first' | 'sent' | 'done' | 'overhead' | 'cost' | 'input' | 'output'
    >(
      `E ${start},"ended_ms":<ended:time>,${firstContent}"provider_started_ms":<sent:time>,` +
        '"provider_ended_ms":<done:time>,"overhead_ms":<overhead:ms>,"status":"success","ending":"complete",' +
        '"http_status":200,"usage_source":"provider","priced":true,"picodollars":<cost:picodollars>,' +
        `${deployment},"input_tokens":<input:count>,"output_tokens":<output:count>,"attempt_count":1}\n`,
    ),
    line: new Form<LineBlank>(
      '{"level":"info","time":"<time:iso>","msg":"call complete","event":"call","call_id":"<id:id>",' +
        '"call_type":"acompletion","route":"/v1/chat/completions","status":200,"ending":"complete",' +
        `"stream":${isStream},"key_hash":"${hash.slice(0, 8)}","key_alias":null,"user_id":null,"team_id":null,` +
        `"team_alias":null,"end_user":null,"session_id":null,"requester_ip":"127.0.0.1","model":"${model}",` +
        `"model_group":"${model}","deployment":"bench-${kind}","provider":"openai","upstream_model":"gpt-5.5",` +
        '"attempts":1,"prompt_tokens":<prompt:count>,"completion_tokens":<completion:count>,' +
        '"input_tokens":<input:count>,"input_audio_tokens":0,"cache_read_tokens":0,"cache_write_5m_tokens":0,' +
        '"cache_write_1h_tokens":0,"output_tokens":<output:count>,"reasoning_tokens":0,"output_audio_tokens":0,' +
        '"usage_source":"provider","cost_usd":<cost:dollars>,"cost": <text:dollars>","priced":true,' +
        '"cache_hit":null,"duration_ms":<duration:ms>,"provider_ms":<provider:ms>,' +
        `"ttft_ms":${isStream ? '<first:ms>' : 'null'},"overhead_ms":<overhead:ms>,"queue_ms":<queue:ms>,` +
        '"finish_reason":<reason:word>}\n',
    ),
    answer: new Form<AnswerBlank>(
      'HTTP/1.1 200 OK\r\n' +
        (isStream
          ? 'content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache, no-transform\r\n' +
            'x-accel-buffering: no\r\n'
          : 'content-type: application/json\r\ncontent-length: <length:count>\r\n' +
            'x-litellm-response-cost: <cost:dollars>\r\n') +
        'x-litellm-call-id: <id:id>\r\nx-litellm-attempted-retries: 0\r\n' +
        'x-litellm-overhead-duration-ms: <overhead:ms>\r\nx-litellm-response-duration-ms: <duration:ms>\r\n' +
        (isCounted ? COUNTED_LINES : '') +
        'x-litellm-key-spend: <spend:dollars>\r\nx-litellm-key-max-budget: 1000000\r\n' +
        `x-litellm-model-id: bench-${kind}\r\nx-litellm-model-group: ${model}\r\n` +
        `x-litellm-model-api-base: ${base}\r\nx-litellm-version: 0.1.0\r\n` +
        (isStream ? 'transfer-encoding: chunked\r\n' : '') +
        'date: <date:date>\r\nconnection: keep-alive\r\nkeep-alive: timeout=75\r\n\r\n',
    ),
  }
}

const COUNTED_LINES =
  `x-litellm-key-rpm-limit: ${REQUESTS_PER_MINUTE}\r\nx-ratelimit-limit-requests: ${REQUESTS_PER_MINUTE}\r\n` +
  'x-ratelimit-remaining-requests: <requests:time>\r\nx-ratelimit-reset-requests: 60s\r\n' +
  `x-litellm-key-tpm-limit: ${TOKENS_PER_MINUTE}\r\nx-ratelimit-limit-tokens: ${TOKENS_PER_MINUTE}\r\n` +
  'x-ratelimit-remaining-tokens: <tokens:time>\r\nx-ratelimit-reset-tokens: 60s\r\n'

type AnswerBlank =
  | 'length'
  | 'cost'
  | 'id'
  | 'overhead'
  | 'duration'
  | 'requests'
  | 'tokens'
  | 'spend'
  | 'date'

type LineBlank =
  | 'time'
  | 'id'
  | 'prompt'
  | 'completion'
  | 'input'
  | 'output'
  | 'cost'
  | 'text'
  | 'duration'
  | 'provider'
  | 'first'
  | 'overhead'
  | 'queue'
  | 'reason'
