/**
 * The least program that has a gateway's duties: a relay by Node's bare sockets that does what Sluice promises for a
 * call, each of it in the shortest way that we know in JavaScript. It knows the key, reads the body, puts in the provider's
 * model and authorization, admits against a budget, and tells cost and spend to the client; what it has admitted and
 * what it has cost is in the journal before the request or the last byte of the answer goes out; it is counted, logged
 * and booked. It serves one dialect, one key, one provider and calls that go well: no limits but the budget, no
 * translation, no second try, no defence. It is no gateway and not safe as a proxy; it shows what is left when
 * everything that is general is left out. It must stay as it is: Sluice is shown beside it.
 *
 * Usage: duties-relay.ts PORT PROVIDER-PORT DIRECTORY KEY; DATABASE_URL names a database. With REDIS_URL requests, tokens
 * and the budget are counted in Redis, too, which each call waits for.
 */
import { createServer, type Socket } from 'node:net'
import { Booking } from './booking.ts'
import { DutiesCall, type Told } from './call.ts'
import { putCount } from './forms.ts'
import { Journal } from './journal.ts'
import { Key } from './key.ts'
import { findMembers } from './members.ts'
import { Lines } from './report.ts'
import { Upstream } from './upstream.ts'

const [port, providerPort = '', directory = '', secret = ''] = process.argv.slice(2)
const HEAD_END = '\r\n\r\n'
const HEALTHY = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'
const NOTHING = Buffer.alloc(0)
const MODEL = Buffer.from('"gpt-5.5"')
const WANTED = ['model', 'stream', 'max_tokens']
const DEFAULT_MAX_TOKENS = 4_096
const LARGEST_JOINED_BYTES = 16_384

const key = new Key(secret, providerPort, process.env.REDIS_URL)
const keys = new Map([[`Bearer ${secret}`, key]])
const journal = new Journal(directory)
const lines = new Lines()
const booking = await Booking.open(process.env.DATABASE_URL ?? '')

/** Calls of this turn of the event loop. */
let begun: DutiesCall[] = []
let ended: DutiesCall[] = []
let isTurnPlanned = false

/** All calls of a turn share one write of the journal; only then they go on. */
function planTurn(): void {
  if (isTurnPlanned) return
  isTurnPlanned = true
  setImmediate(endTurn)
}

function endTurn(): void {
  isTurnPlanned = false
  const segment = journal.write()
  const [toSend, toEnd] = [begun, ended]
  begun = []
  ended = []
  for (const call of toSend) {
    call.begun(segment)
    send(call)
  }
  for (const call of toEnd) {
    call.settled(segment, journal, booking)
    if (call.last !== undefined) call.client.write(call.last)
    call.report(lines)
  }
}

/** The request as the provider gets it: a head of our own, and another model in the body. */
function send(call: DutiesCall): void {
  const { body, modelStart, modelEnd } = call
  call.body = NOTHING
  const form = call.route.forms.request
  const headBytes = form.bytes.length
  const bodyBytes = body.length + MODEL.length - (modelEnd - modelStart)
  const isJoined = bodyBytes <= LARGEST_JOINED_BYTES
  const modelAt = headBytes + modelStart
  const bytes = Buffer.allocUnsafe(isJoined ? headBytes + bodyBytes : modelAt + MODEL.length)
  form.bytes.copy(bytes)
  call.putId(bytes, form.ends.id)
  putCount(bytes, form.ends.length, bodyBytes)
  body.copy(bytes, headBytes, 0, modelStart)
  MODEL.copy(bytes, modelAt)
  const { socket } = Upstream.take(call, Number(providerPort), settle)
  if (isJoined) {
    body.copy(bytes, modelAt + MODEL.length, modelEnd)
    socket.write(bytes)
    return
  }
  socket.cork()
  socket.write(bytes)
  socket.write(body.subarray(modelEnd))
  socket.uncork()
}

/** Its answer has come, and its last bytes wait for the journal. */
function settle(call: DutiesCall, told: Told): void {
  call.settle(journal, told)
  ended.push(call)
  planTurn()
}

/** A request whose body has come. @returns the status to refuse it with; 200 where it goes on. */
function admit(client: Socket, authorization: string, body: Buffer): number {
  const caller = keys.get(authorization)
  if (caller === undefined) return 401
  const text = body.toString('latin1')
  const found = findMembers(text, WANTED)
  const [model, stream, maxTokens] = found ?? []
  if (model === undefined) return 400
  const isStream = stream !== undefined && text.slice(stream.start, stream.end).trim() === 'true'
  const name: unknown = JSON.parse(text.slice(model.start, model.end))
  const route = typeof name === 'string' ? caller.route(name, isStream) : undefined
  if (route === undefined) return 400
  const most =
    maxTokens === undefined ? DEFAULT_MAX_TOKENS : Number(text.slice(maxTokens.start, maxTokens.end))
  const call = new DutiesCall(client, caller, route, body, most)
  call.modelStart = model.start
  call.modelEnd = model.end
  if (caller.counts === undefined) begin(call, true)
  else call.ask(caller.counts, begin)
  return 200
}

/** @param isAdmitted by Redis, where it counts. */
function begin(call: DutiesCall, isAdmitted: boolean): void {
  if (!isAdmitted || !call.begin(journal)) return refuse(call.client, 429)
  begun.push(call)
  planTurn()
}

function refuse(client: Socket, status: number): void {
  client.write(`HTTP/1.1 ${status} Refused\r\ncontent-length: 0\r\n\r\n`)
}

/** Requests on one connection, one at a time. */
class Requests {
  readonly #client: Socket
  #begun: Buffer | undefined
  #authorization = ''
  #body: Buffer[] = []
  #left = 0

  constructor(client: Socket) {
    this.#client = client
  }

  take(bytes: Buffer): void {
    if (this.#left > 0) return this.#takeBody(bytes)
    const buffer = this.#begun === undefined ? bytes : Buffer.concat([this.#begun, bytes])
    const headEnd = buffer.indexOf(HEAD_END)
    this.#begun = headEnd === -1 ? buffer : undefined
    if (headEnd === -1) return
    const head = buffer.toString('latin1', 0, headEnd)
    if (!head.startsWith('POST /v1/chat/completions ')) return this.#answerOther(head)
    this.#authorization = /\r\nauthorization: *([^\r]*)/i.exec(head)?.[1] ?? ''
    this.#left = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
    this.#takeBody(buffer.subarray(headEnd + HEAD_END.length))
  }

  #takeBody(bytes: Buffer): void {
    this.#body.push(bytes)
    this.#left -= bytes.length
    if (this.#left > 0) return
    const [first = NOTHING] = this.#body
    const body = this.#body.length === 1 ? first : Buffer.concat(this.#body)
    this.#body = []
    const status = admit(this.#client, this.#authorization, body)
    if (status !== 200) refuse(this.#client, status)
  }

  #answerOther(head: string): void {
    const page = head.startsWith('GET /metrics ') ? key.metrics() : ''
    this.#client.write(
      page === '' ? HEALTHY : `HTTP/1.1 200 OK\r\ncontent-length: ${page.length}\r\n\r\n${page}`,
    )
  }
}

createServer({ noDelay: true }, (client) => {
  const requests = new Requests(client)
  client.on('data', (bytes: Buffer) => requests.take(bytes))
  client.on('error', () => client.destroy())
}).listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 })

// A profile of it is written when it ends by itself.
process.on('SIGTERM', () => process.exit())
