/** The client of a planned call: asks, reads, and leaves when its plan says so. */
import { request, type ClientRequest, type IncomingMessage } from 'node:http'
import type { CallPlan, MoneyDialect } from './call-plan.ts'

/**
 * `whole`: the answer came to its dialect's end. `told`: it came to an end that says what went wrong. `left`: the
 * client went away. `cut`: the connection broke. `unreached`: there was no gateway.
 */
export type SeenEnd = 'whole' | 'told' | 'left' | 'cut' | 'unreached'

export interface Seen {
  readonly plan: CallPlan
  readonly end: SeenEnd
  readonly status: number
  /** Bytes of output text that came in a stream. */
  readonly outputBytes: number
  readonly startedAtMs: number
  readonly endedAtMs: number
}

/** Never rejects. */
export async function playCall(plan: CallPlan, url: string, key: string): Promise<Seen> {
  const startedAtMs = Date.now()
  const player = new Player(plan, url, key)
  const end = await player.ended
  const { status, outputBytes } = player
  return { plan, end, status, outputBytes, startedAtMs, endedAtMs: Date.now() }
}

class Player {
  readonly ended: Promise<SeenEnd>
  status = 0
  readonly #plan: CallPlan
  readonly #request: ClientRequest
  readonly #resolve: (end: SeenEnd) => void
  #timer: NodeJS.Timeout | undefined
  #pieces: Buffer[] = []

  constructor(plan: CallPlan, url: string, key: string) {
    const { promise, resolve } = Promise.withResolvers<SeenEnd>()
    this.ended = promise
    this.#resolve = resolve
    this.#plan = plan
    this.#request = request(url + plan.path, {
      method: 'POST',
      agent: false,
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        'content-length': plan.body.length,
        'x-litellm-end-user-id': plan.id,
      },
    })
    this.#request.on('error', (error) =>
      this.#finish('code' in error && error.code === 'ECONNREFUSED' ? 'unreached' : 'cut'),
    )
    this.#request.on('response', (response: IncomingMessage) => this.#read(response))
    this.#request.end(plan.body)
    if (plan.leave?.kind === 'time') this.#timer = setTimeout(() => this.#leave(), plan.leave.afterMs)
  }

  get outputBytes(): number {
    return this.#plan.stream ? outputBytesOf(this.#plan.dialect, Buffer.concat(this.#pieces).toString()) : 0
  }

  #read(response: IncomingMessage): void {
    this.status = response.statusCode ?? 0
    response.on('data', (piece: Buffer) => {
      this.#pieces.push(piece)
      const { leave } = this.#plan
      if (leave?.kind === 'piece' && this.#pieces.length >= leave.piece && this.#plan.stream) this.#leave()
    })
    response.on('error', () => this.#finish('cut'))
    response.on('end', () => this.#finish(response.complete ? this.#verdict() : 'cut'))
    response.on('close', () => this.#finish('cut'))
  }

  #verdict(): SeenEnd {
    if (this.status !== 200) return 'told'
    if (!this.#plan.stream) return 'whole'
    const text = Buffer.concat(this.#pieces).toString()
    return ENDS[this.#plan.dialect].test(text) ? 'whole' : 'told'
  }

  #leave(): void {
    this.#finish('left')
    this.#request.destroy()
  }

  #finish(end: SeenEnd): void {
    clearTimeout(this.#timer)
    this.#resolve(end)
  }
}

const ENDS: Readonly<Record<MoneyDialect, RegExp>> = {
  'openai-chat': /data: \[DONE\]\n\n$/,
  'openai-completions': /data: \[DONE\]\n\n$/,
  'openai-embeddings': /$/,
  'openai-responses': /event: response\.(completed|incomplete)\ndata: .*\n\n$/,
  'anthropic-messages': /event: message_stop\ndata: .*\n\n$/,
}

/** Bytes of answer text in the whole events of a stream; arguments of tools are left out. */
function outputBytesOf(dialect: MoneyDialect, stream: string): number {
  let bytes = 0
  for (const event of stream.split('\n\n').slice(0, -1)) {
    const data = /^data: (\{.*\})$/m.exec(event)?.[1]
    if (data !== undefined) bytes += Buffer.byteLength(pieceIn(dialect, data))
  }
  return bytes
}

interface AnyEvent {
  readonly type?: string
  readonly choices?: readonly { readonly delta?: { readonly content?: string }; readonly text?: string }[]
  readonly delta?: string | { readonly text?: string; readonly thinking?: string }
}

function pieceIn(dialect: MoneyDialect, data: string): string {
  const event = parsed(data)
  if (dialect === 'openai-chat') return event.choices?.[0]?.delta?.content ?? ''
  if (dialect === 'openai-completions') return event.choices?.[0]?.text ?? ''
  if (typeof event.delta === 'string') return event.type?.endsWith('text.delta') === true ? event.delta : ''
  return event.delta?.text ?? event.delta?.thinking ?? ''
}

/** Broken events are among what the simulator sends on purpose. */
function parsed(data: string): AnyEvent {
  try {
    const event: AnyEvent = JSON.parse(data)
    return event
  } catch {
    return {}
  }
}
