/** The process as an operator runs it: the config file is watched, and a SIGTERM finishes what is under way. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, expect, test } from 'vitest'
import { MASTER_KEY } from '../running-gateway.ts'
import { ClientCall, send } from './client-call.ts'
import { ScriptedProvider } from './scripted-provider.ts'

const MAIN = join(import.meta.dirname, '../../src/main.ts')

/** A running process, its log read line by line. */
class GatewayProcess {
  readonly directory = mkdtempSync(join(tmpdir(), 'sluice-process-'))
  readonly file = join(this.directory, 'config.yaml')
  readonly child: ChildProcess
  readonly exited: Promise<number | null>
  readonly #lines: Record<string, unknown>[] = []
  #waiting: (() => void)[] = []
  #ended = false

  constructor(config: string) {
    writeFileSync(this.file, config)
    this.child = spawn(
      process.execPath,
      [
        MAIN,
        '--config',
        this.file,
        '--port',
        '0',
        '--host',
        '127.0.0.1',
        '--data_dir',
        join(this.directory, 'data'),
      ],
      {
        env: { PATH: process.env['PATH'], LITELLM_MASTER_KEY: MASTER_KEY },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    this.exited = once(this.child, 'exit').then(([code]: (number | null)[]) => code ?? null)
    const output = this.child.stdout
    if (output === null) throw new Error('the process has no output')
    const reader = createInterface(output)
    reader.on('line', (line) => {
      this.#lines.push(JSON.parse(line) as Record<string, unknown>)
      this.#wake()
    })
    reader.on('close', () => {
      this.#ended = true
      this.#wake()
    })
  }

  get lines(): readonly Record<string, unknown>[] {
    return this.#lines
  }

  /** The first line, from the `from`th on, of which `condition` holds. */
  async line(
    condition: (line: Record<string, unknown>) => boolean,
    from = 0,
  ): Promise<Record<string, unknown>> {
    for (;;) {
      const found = this.#lines.slice(from).find(condition)
      if (found !== undefined) return found
      if (this.#ended) throw new Error(`no such line: ${JSON.stringify(this.#lines).slice(-2_000)}`)
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  async url(): Promise<string> {
    return String((await this.line(({ msg }) => msg === 'listening'))['url'])
  }

  /** Puts a new file in the place of the old one, as editors and Kubernetes do. */
  replaceConfig(config: string): void {
    writeFileSync(`${this.file}.new`, config)
    renameSync(`${this.file}.new`, this.file)
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}

const open: { gateway?: GatewayProcess; provider?: ScriptedProvider } = {}

afterEach(async () => {
  if (open.gateway !== undefined) {
    open.gateway.child.kill('SIGKILL')
    await open.gateway.exited
    rmSync(open.gateway.directory, { recursive: true, force: true })
  }
  await open.provider?.close()
})

async function start(): Promise<{ gateway: GatewayProcess; provider: ScriptedProvider; url: string }> {
  const provider = await ScriptedProvider.start()
  open.provider = provider
  const gateway = new GatewayProcess(configOf(provider, 'first'))
  open.gateway = gateway
  return { gateway, provider, url: await gateway.url() }
}

function configOf(provider: ScriptedProvider, model: string): string {
  return (
    `model_list:\n  - { model_name: ${model}, litellm_params: ` +
    `{ model: openai/up, api_base: '${provider.url}/v1', api_key: sk-provider } }\n`
  )
}

const CONTENT = 'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'
const END = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'

test('a changed file is taken up, an invalid one refused with the reason, the last good one kept', async () => {
  const { gateway, provider, url } = await start()
  const models = async (): Promise<string> => (await send(`${url}/v1/models`)).text
  expect(await models()).toContain('"first"')

  gateway.replaceConfig(configOf(provider, 'second'))
  await gateway.line(({ msg }) => msg === 'the changed configuration is in force')
  expect(await models()).toContain('"second"')

  gateway.replaceConfig('model_list: 7\n')
  const refusal = await gateway.line(({ msg }) => String(msg).includes('refused'))
  expect(refusal['level']).toBe('error')
  expect(refusal['faults']).toEqual([expect.stringMatching(/config\.yaml:1:1: error: model_list: expected /)])
  expect(await models()).toContain('"second"')

  const from = gateway.lines.length
  gateway.replaceConfig(configOf(provider, 'third'))
  await gateway.line(({ msg }) => msg === 'the changed configuration is in force', from)
  expect(await models()).toContain('"third"')
})

test('SIGTERM takes no new calls, finishes the stream under way, and ends with code 0', async () => {
  const { gateway, provider, url } = await start()
  const call = new ClientCall(`${url}/v1/chat/completions`, {
    body: { model: 'first', stream: true, messages: [] },
  })
  const exchange = await provider.next()
  exchange.stream(CONTENT)
  await call.until((text) => text.includes('Hi'))
  gateway.child.kill('SIGTERM')
  await gateway.line(({ msg }) => msg === 'stopping')
  // The listener closes in the same turn or the next: a new connection is refused from then on.
  while ((await send(`${url}/health/liveness`)).status !== 0)
    await new Promise((resolve) => setImmediate(resolve))
  await exchange.write(CONTENT)
  exchange.end(END)
  const answer = await call.ended
  expect(answer.whole).toBe(true)
  expect(answer.text).toBe(CONTENT + CONTENT + END)
  expect(await gateway.exited).toBe(0)
  const line = await gateway.line(({ event }) => event === 'call')
  expect(line).toMatchObject({ ending: 'complete', status: 200 })
})
