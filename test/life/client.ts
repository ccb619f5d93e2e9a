/** Clients that hold connections open, as load balancers and SDKs do, and judge what they get. */
import { Agent, request, type IncomingHttpHeaders } from 'node:http'
import { MASTER_KEY } from '../running-gateway.ts'

export interface Got {
  /** 0 when there was no answer. */
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** True when the answer came to its end. */
  readonly whole: boolean
}

export interface AskOptions {
  readonly agent?: Agent | undefined
  readonly body?: unknown
  readonly key?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Leaves. */
  readonly signal?: AbortSignal
  /** Told of each piece of the answer. */
  readonly onText?: (text: string) => void
}

/** Never rejects: what went wrong is in the answer. */
export function ask(url: string, options: AskOptions = {}): Promise<Got> {
  const { promise, resolve } = Promise.withResolvers<Got>()
  const body = options.body === undefined ? undefined : JSON.stringify(options.body)
  const asked = request(
    url,
    {
      method: body === undefined ? 'GET' : 'POST',
      agent: options.agent ?? false,
      signal: options.signal,
      headers: {
        authorization: `Bearer ${options.key ?? MASTER_KEY}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
    },
    (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (piece: string) => {
        text += piece
        options.onText?.(text)
      })
      const { statusCode: status = 0, headers } = answer
      answer.on('close', () => resolve({ status, headers, text, whole: answer.complete }))
    },
  )
  asked.on('error', (error) => resolve({ status: 0, headers: {}, text: String(error), whole: false }))
  asked.end(body)
  return promise
}

/** A chat call of so many chunks, one each `intervalMs`. */
export function chat(chunks: number, intervalMs: number, stream = true): Record<string, unknown> {
  const content = `[[sim chunks=${chunks} interval=${intervalMs}]] Tell me.`
  return { model: 'gpt', stream, messages: [{ role: 'user', content }] }
}

export function isWholeStream({ status, text, whole }: Got): boolean {
  return status === 200 && whole && text.endsWith('data: [DONE]\n\n') && !text.includes('"error"')
}

/** Calls that are always under way: as soon as one ends, the next begins. */
export class StreamingLoad {
  readonly #agent: Agent
  readonly #running: Promise<void>[]
  readonly #failures: Got[] = []
  #calls = 0
  #ending = false

  /** @param keepAlive false where the balancer in front closes idle connections in the clients' faces. */
  constructor(url: string, clients: number, keepAlive = true) {
    this.#agent = new Agent({ keepAlive })
    this.#running = Array.from({ length: clients }, (_, index) => this.#run(url, 5 + (index % 20)))
  }

  get calls(): number {
    return this.#calls
  }

  /** Waits until `count` more calls have ended. */
  async more(count: number): Promise<void> {
    const until = this.#calls + count
    while (this.#calls < until) await new Promise((resolve) => setTimeout(resolve, 5))
  }

  /** Lets the calls under way end. @returns those that failed. */
  async end(): Promise<readonly Got[]> {
    this.#ending = true
    await Promise.all(this.#running)
    this.#agent.destroy()
    return this.#failures
  }

  async #run(url: string, chunks: number): Promise<void> {
    while (!this.#ending) {
      const got = await ask(`${url}/v1/chat/completions`, { agent: this.#agent, body: chat(chunks, 10) })
      this.#calls += 1
      if (!isWholeStream(got)) this.#failures.push(got)
    }
  }
}
