/** A changed configuration is taken up while streams are under way; one that is not valid changes nothing. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ConfigError } from '../../src/config/config-issue.ts'
import { startTestGateway, type TestGateway } from '../running-gateway.ts'
import { ClientCall, send } from './client-call.ts'
import { ScriptedProvider } from './scripted-provider.ts'

let gateway: TestGateway
let provider: ScriptedProvider

const entry = (name: string, base: string, model = 'up'): string =>
  `  - { model_name: ${name}, litellm_params: { model: openai/${model}, api_base: '${base}', api_key: sk-provider } }\n`

const before = (): string => `model_list:\n${entry('old', `${provider.url}/v1`)}${entry('kept', '{openai}')}`

beforeAll(async () => {
  provider = await ScriptedProvider.start()
  gateway = await startTestGateway({ config: before() })
})

afterAll(async () => {
  await gateway.stop()
  await provider.close()
})

const chat = (model: string, text = 'Hi') => ({ model, messages: [{ role: 'user', content: text }] })
const url = (): string => `${gateway.url}/v1/chat/completions`
const CONTENT = 'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'

test('a stream under way ends whole although its model is gone, and new calls see the new models', async () => {
  gateway.reconfigure(before())
  const call = new ClientCall(url(), { body: { ...chat('old'), stream: true } })
  const exchange = await provider.next()
  exchange.stream(CONTENT)
  await call.until((text) => text.includes('Hi'))
  gateway.reconfigure(`model_list:\n${entry('new', '{openai}')}`)
  expect((await send(url(), { body: chat('new') })).status).toBe(200)
  expect((await send(url(), { body: chat('old') })).status).toBe(400)
  exchange.end(
    `${CONTENT}data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`,
  )
  const answer = await call.ended
  expect(answer.text).toContain('[DONE]')
  expect(answer.headers['x-litellm-model-group']).toBe('old')
})

test('an invalid configuration is refused with its reasons, and the last good one serves on', async () => {
  gateway.reconfigure(before())
  const faulty = 'model_list: 7\nrouter_settings: { num_retries: many }\n'
  expect(() => gateway.reconfigure(faulty)).toThrow(ConfigError)
  expect(() => gateway.reconfigure(faulty)).toThrow(/model_list[\s\S]*num_retries/)
  expect((await send(url(), { body: chat('kept') })).status).toBe(200)
})

test('a setting that is not taken up is told, at each reload until it is as it was', () => {
  const told = (settings: string): readonly unknown[] => {
    const from = gateway.logLines().length
    gateway.reconfigure(`${settings}\n${before()}`)
    return gateway
      .logLines()
      .slice(from)
      .map(({ msg }) => /^(\S+) changed since the start/.exec(String(msg))?.[1])
      .filter(Boolean)
  }
  const general = 'general_settings: { database_url: "postgresql://other:secret@host/base" }'
  expect(told(general)).toEqual(['general_settings.database_url'])
  const metrics = 'litellm_settings: { prometheus_emit_stream_label: true, num_retries: 0 }'
  for (const _again of [1, 2])
    expect(told(metrics)).toEqual(['litellm_settings.prometheus_emit_stream_label'])
  expect(told('')).toEqual([])
  expect(JSON.stringify(gateway.logLines())).not.toContain('secret@')
})

/** All 1,000 where there is time; a tenth of it in CI. */
const RELOADS = process.env['CI'] === undefined ? 1_000 : 100

test(`${RELOADS} reloads under streaming load drop nothing`, { timeout: 240_000 }, async () => {
  gateway.reconfigure(before())
  const load = { over: false, calls: 0 }
  const statuses = new Map<string, number>()
  const client = async (): Promise<void> => {
    while (!load.over) {
      const body = { ...chat('kept', '[[sim chunks=20 interval=2 chunk-tokens=1]]'), stream: true }
      const answer = await send(url(), { body })
      const how = `${answer.status} ${answer.text.includes('[DONE]') ? 'whole' : answer.text.slice(0, 200)}`
      statuses.set(how, (statuses.get(how) ?? 0) + 1)
      load.calls += 1
    }
  }
  const clients = Array.from({ length: 16 }, client)
  for (let reload = 0; reload < RELOADS; reload += 1) {
    gateway.reconfigure(
      `model_list:\n${entry(`extra-${reload}`, '{openai}')}${entry('kept', '{openai}', `up-${reload % 7}`)}`,
    )
    await new Promise((resolve) => setImmediate(resolve))
  }
  load.over = true
  await Promise.all(clients)
  expect(statuses).toEqual(new Map([['200 whole', load.calls]]))
  const streams = gateway.simulator.meter.entries().filter(({ stream }) => stream)
  expect(streams.every(({ state }) => state === 'complete')).toBe(true)
})
