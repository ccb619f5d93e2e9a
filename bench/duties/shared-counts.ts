/**
 * Limits that are counted in Redis, for the relay that has a gateway's duties: the calls of a turn of the event loop are
 * one call of a script, which takes up as well what has ended since, and decides about each.
 */
import { createHash } from 'node:crypto'
import { connect, type Socket } from 'node:net'

/** Limits that no load reaches: what counts is that each call is counted. */
export const REQUESTS_PER_MINUTE = 100_000_000
export const TOKENS_PER_MINUTE = 1_000_000_000_000
const MAX_PICODOLLARS = 1e18

/** What has ended goes along with the next calls, or by itself after this time. */
const GATHER_MS = 5
const LINE_END = '\r\n'

const SCRIPT = `
local now = redis.call('time')
local rate = KEYS[1] .. math.floor(now[1] / 60)
local more, back, spent = string.match(ARGV[1], '(-?%d+),(-?%d+),(%d+)')
local requests = tonumber(redis.call('hget', rate, 'requests') or 0)
local tokens = redis.call('hincrby', rate, 'tokens', more)
local held = redis.call('hincrby', KEYS[2], 'reserved', back) + redis.call('hincrby', KEYS[2], 'spent', spent)
local answers, admitted, reserved, used = {}, 0, 0, 0
for asked, cost in string.gmatch(ARGV[2], '(%d+),(%d+);') do
  local fits = requests + admitted < ${REQUESTS_PER_MINUTE} and tokens + used + asked <= ${TOKENS_PER_MINUTE}
    and held + reserved + cost <= ${MAX_PICODOLLARS}
  answers[#answers + 1] = fits and '1' or '0'
  if fits then admitted, used, reserved = admitted + 1, used + asked, reserved + cost end
end
requests = redis.call('hincrby', rate, 'requests', admitted)
tokens = redis.call('hincrby', rate, 'tokens', string.format('%.0f', used))
redis.call('hincrby', KEYS[2], 'reserved', string.format('%.0f', reserved))
redis.call('expire', rate, 120)
return table.concat(answers) .. ',' .. requests .. ',' .. tokens`

/** Whoever asks to be let in. */
export interface Asking {
  readonly tokens: number
  readonly picodollars: number
  /** Told what is left of the minute, for the headers. */
  counted: (isAdmitted: boolean, requestsLeft: number, tokensLeft: number) => void
}

export class SharedCounts {
  readonly #socket: Socket
  readonly #command: readonly string[]
  /** In the order of the messages that they went with. */
  readonly #sent: (readonly Asking[])[] = [[]]
  #asking: Asking[] = []
  #asked = ''
  #received = ''
  #tokensMore = 0
  #reserved = 0
  #spent = 0
  #timer: NodeJS.Timeout | undefined
  readonly #send = this.#sendNow.bind(this)

  /** @param name of what is limited. */
  constructor(url: URL, name: string) {
    this.#socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true })
    this.#socket.on('data', (bytes: Buffer) => this.#take(bytes.toString('latin1')))
    this.#socket.write(command('script', 'load', SCRIPT))
    const sha = createHash('sha1').update(SCRIPT).digest('hex')
    this.#command = ['evalsha', sha, '2', `{duties}:rate:${name}:`, `{duties}:budget:${name}`]
  }

  /** It is told at the answer to the message of this turn. */
  ask(asking: Asking): void {
    if (this.#asking.length === 0) setImmediate(this.#send)
    this.#asking.push(asking)
    this.#asked += `${asking.tokens},${asking.picodollars};`
  }

  /** What a call has used, of what it had asked for. */
  settle({ tokens, picodollars }: Asking, usedTokens: number, spent: number): void {
    this.#tokensMore += usedTokens - tokens
    this.#reserved -= picodollars
    this.#spent += spent
    if (this.#asking.length === 0) this.#timer ??= setTimeout(this.#send, GATHER_MS)
  }

  #sendNow(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const ended = `${this.#tokensMore},${this.#reserved},${this.#spent}`
    this.#socket.write(command(...this.#command, ended, this.#asked))
    this.#sent.push(this.#asking)
    this.#asking = []
    this.#asked = ''
    this.#tokensMore = 0
    this.#reserved = 0
    this.#spent = 0
  }

  /** Each answer is a text, with its length before it. @throws Error for an error: that is seen. */
  #take(received: string): void {
    this.#received += received
    for (;;) {
      const head = this.#received.indexOf(LINE_END)
      if (head === -1) return
      if (!this.#received.startsWith('$')) throw new Error(this.#received.slice(0, head))
      const start = head + LINE_END.length
      const end = start + Number(this.#received.slice(1, head))
      if (this.#received.length < end + LINE_END.length) return
      const answer = this.#received.slice(start, end)
      this.#received = this.#received.slice(end + LINE_END.length)
      tell(this.#sent.shift() ?? [], answer)
    }
  }
}

function tell(asking: readonly Asking[], answer: string): void {
  const [admitted = '', requests, tokens] = answer.split(',')
  const [requestsLeft, tokensLeft] = [
    REQUESTS_PER_MINUTE - Number(requests),
    TOKENS_PER_MINUTE - Number(tokens),
  ]
  for (const [index, one] of asking.entries()) one.counted(admitted[index] === '1', requestsLeft, tokensLeft)
}

/** As Redis takes commands: the number of words, and each with its length; all of them are ASCII. */
function command(...words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`
}
