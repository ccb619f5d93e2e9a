/** Prometheus, and vmagent with VictoriaMetrics: each scrapes the same targets, and is asked the same questions. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../free-port.ts'
import { ServerProcess } from './server-process.ts'

/** One series of an answer, at one moment. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export class TimeSeries implements AsyncDisposable {
  readonly name: string
  readonly url: string
  readonly #stack: AsyncDisposableStack

  constructor(name: string, url: string, stack: AsyncDisposableStack) {
    this.name = name
    this.url = url
    this.#stack = stack
  }

  /** What an expression gives now. @throws Error when it cannot be evaluated. */
  async ask(expression: string): Promise<readonly Sample[]> {
    const body = new URLSearchParams({ query: expression, nocache: '1' })
    const answer = await fetch(`${this.url}/api/v1/query`, { method: 'POST', body })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${this.name} refuses ${expression}: ${text}`)
    const { data } = JSON.parse(text) as QueryAnswer
    return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }))
  }

  /** The values of a label, as variables of dashboards ask for them. */
  async labelValues(label: string, series: string): Promise<readonly string[]> {
    const query = new URLSearchParams({ 'match[]': series })
    const answer = await fetch(`${this.url}/api/v1/label/${label}/values?${query.toString()}`)
    const { data } = (await answer.json()) as { readonly data: readonly string[] }
    return data
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

interface QueryAnswer {
  readonly data: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>
      readonly value: readonly [number, string]
    }[]
  }
}

/** @param scrapeConfig YAML. */
export async function startPrometheus(scrapeConfig: string): Promise<TimeSeries> {
  const stack = new AsyncDisposableStack()
  const { folder, file } = configFolder(stack, scrapeConfig)
  const address = `127.0.0.1:${await freePort()}`
  const server = stack.use(
    new ServerProcess([
      'prometheus',
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${address}`,
      '--log.level=error',
    ]),
  )
  await server.answers(`http://${address}/-/ready`)
  return new TimeSeries('Prometheus', `http://${address}`, stack)
}

/** @param scrapeConfig YAML. */
export async function startVictoriaMetrics(scrapeConfig: string): Promise<TimeSeries> {
  const stack = new AsyncDisposableStack()
  const { folder, file } = configFolder(stack, scrapeConfig)
  const address = `127.0.0.1:${await freePort()}`
  const storage = stack.use(
    new ServerProcess([
      'victoria-metrics',
      `-storageDataPath=${join(folder, 'data')}`,
      `-httpListenAddr=${address}`,
      // The newest samples are what is asked for.
      '-search.latencyOffset=1ms',
      '-loggerLevel=ERROR',
    ]),
  )
  await storage.answers(`http://${address}/health`)
  const agentAddress = `127.0.0.1:${await freePort()}`
  const agent = stack.use(
    new ServerProcess([
      'vmagent',
      `-promscrape.config=${file}`,
      `-remoteWrite.url=http://${address}/api/v1/write`,
      `-remoteWrite.tmpDataPath=${join(folder, 'agent')}`,
      `-httpListenAddr=${agentAddress}`,
      '-loggerLevel=ERROR',
    ]),
  )
  await agent.answers(`http://${agentAddress}/health`)
  return new TimeSeries('VictoriaMetrics', `http://${address}`, stack)
}

function configFolder(
  stack: AsyncDisposableStack,
  scrapeConfig: string,
): { readonly folder: string; readonly file: string } {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-observability-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'scrape.yaml')
  writeFileSync(file, scrapeConfig)
  return { folder, file }
}
