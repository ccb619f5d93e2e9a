/** The simulator's server: a provider of every dialect on one port, for tests, the bench and the quick start. */
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { sendError } from './answer-faults.ts'
import { FaultCounts } from './fault-counts.ts'
import { KnownBodies } from './known-bodies.ts'
import { Meter } from './meter.ts'
import { DEFAULT_MODELS, modelAnswer } from './models.ts'
import { PromptCache } from './prompt-cache.ts'
import { RequestLog } from './request-log.ts'
import { credentialOf, serveCall } from './serve-call.ts'
import { FileServer, isFileRoute, MAX_FILE_BYTES } from './serve-files.ts'
import { WIRES } from './wire/index.ts'
import { ANTHROPIC, OPENAI } from './wire/families.ts'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ReceivedRequest } from './request-log.ts'
import type { ProviderState } from './serve-call.ts'

export interface SimulatorOptions {
  /** 0, the default, takes a free port. */
  readonly port?: number
  /** Default `127.0.0.1`. */
  readonly host?: string
  /** What `GET /v1/models` lists; calls may name any model. */
  readonly models?: readonly string[]
  /** Credentials to accept; without it, any that is not empty. */
  readonly credentials?: readonly string[]
  /** A file to which the meter appends each ended call as a JSON line. */
  readonly meterFile?: string
  /** Serves HTTPS with this certificate. */
  readonly tls?: { readonly key: string | Buffer; readonly cert: string | Buffer }
}

export interface Simulator {
  /** Without a path: `http://127.0.0.1:40123`. */
  readonly url: string
  readonly port: number
  readonly meter: Meter
  /** The last requests as received, oldest first. */
  requests(): readonly ReceivedRequest[]
  clearRequests(): void
  /** Ends every connection and frees the port. */
  close(): Promise<void>
}

const MAX_BODY_BYTES = 64 * 1024 * 1024
const BACKLOG = 4_096

/** Starts a simulator; it is ready when the promise settles. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const simulation = new Simulation(options)
  const server = options.tls === undefined ? createServer() : createTlsServer(options.tls)
  // A simulated provider never ends a call by itself unless it was asked to.
  server.requestTimeout = 0
  server.headersTimeout = 0
  server.keepAliveTimeout = 0
  server.on('request', (request, response) => simulation.receive(request, response))
  server.on('upgrade', refuseUpgrade)
  const port = await listen(server, options)
  const { meter, requestLog } = simulation
  const scheme = options.tls === undefined ? 'http' : 'https'
  return {
    url: `${scheme}://${options.host ?? '127.0.0.1'}:${port}`,
    port,
    meter,
    requests: () => requestLog.entries(),
    clearRequests: () => requestLog.clear(),
    close: () => closeServer(server, meter),
  }
}

class Simulation {
  readonly meter: Meter
  readonly requestLog = new RequestLog()
  readonly #state: ProviderState
  readonly #models: readonly string[]
  readonly #idPrefix = randomBytes(4).toString('hex')
  readonly #files: FileServer
  #received = 0

  constructor(options: SimulatorOptions) {
    this.meter = new Meter(options.meterFile)
    this.#models = options.models ?? DEFAULT_MODELS
    this.#state = {
      meter: this.meter,
      promptCache: new PromptCache(),
      faultCounts: new FaultCounts(),
      knownBodies: new KnownBodies(),
      credentials: options.credentials === undefined ? undefined : new Set(options.credentials),
    }
    this.#files = new FileServer(this.#state, this.#idPrefix)
  }

  receive(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = []
    let bytes = 0
    const maxBytes = isFileRoute(routeOf(request.url ?? '/')) ? MAX_FILE_BYTES : MAX_BODY_BYTES
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= maxBytes) chunks.push(chunk)
    })
    request.once('end', () => this.#serve(request, response, chunks, bytes))
    // A caller that leaves while it still sends has no call to meter.
    request.on('error', () => response.destroy())
  }

  #serve(request: IncomingMessage, response: ServerResponse, chunks: readonly Buffer[], bytes: number): void {
    const path = request.url ?? '/'
    if (path.startsWith('/__sim/')) {
      this.#control(request, response)
      return
    }
    const id = this.#nextId()
    const method = request.method ?? 'GET'
    const route = routeOf(path)
    const wire = method === 'POST' ? WIRES.get(route) : undefined
    const known = wire === undefined ? undefined : this.#state.knownBodies.find(wire, chunks, bytes)
    const body = known?.body ?? joined(chunks)
    this.requestLog.add({ simRequestId: id, method, path, rawHeaders: request.rawHeaders, body })
    const family = request.headers['anthropic-version'] === undefined ? OPENAI : ANTHROPIC
    const parts = { response, instructions: {}, family: wire?.family ?? family, id }
    if (isFileRoute(route)) this.#files.serve({ id, request, response, route, body })
    else if (bytes > MAX_BODY_BYTES)
      sendError(parts, { status: 413, message: 'The body is larger than 64 MB.' })
    else if (wire !== undefined)
      serveCall(this.#state, { wire, id, request, response, body, known: known?.request })
    else if (method !== 'GET' || !route.startsWith('/models')) notFound(parts, method, path)
    else if (credentialOf(request) === '')
      sendError(parts, { status: 401, message: 'No credential was sent.' })
    else this.#answerModels(parts, route)
  }

  #answerModels(parts: Parameters<typeof sendError>[0], route: string): void {
    const answer = modelAnswer(this.#models, route, parts.family.name)
    if (answer === undefined) sendError(parts, { status: 404, message: 'The model does not exist.' })
    else sendJson(parts.response, [...parts.family.headers(parts.id), 'x-sim-request-id', parts.id], answer)
  }

  #nextId(): string {
    this.#received += 1
    return `${this.#idPrefix}${this.#received.toString(36).padStart(8, '0')}`
  }

  /** What a test in another process asks: the meter, and the requests. */
  #control(request: IncomingMessage, response: ServerResponse): void {
    const what = `${request.method ?? ''} ${request.url ?? ''}`
    switch (what) {
      case 'GET /__sim/meter':
        sendJson(response, [], { totals: this.meter.totals(), entries: this.meter.entries() })
        return
      case 'DELETE /__sim/meter':
        this.meter.clear()
        response.writeHead(204).end()
        return
      case 'GET /__sim/requests':
        sendJson(response, [], this.requestLog.entries().map(toWire))
        return
      case 'DELETE /__sim/requests':
        this.requestLog.clear()
        response.writeHead(204).end()
        return
      default:
        response.writeHead(404).end()
    }
  }
}

function joined(chunks: readonly Buffer[]): Buffer {
  const [only] = chunks
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks)
}

/** Bodies go out as base64, for they need not be text. */
function toWire(request: ReceivedRequest): object {
  const { body, ...rest } = request
  return { ...rest, bodyBase64: body.toString('base64') }
}

function sendJson(response: ServerResponse, headers: readonly string[], value: unknown): void {
  response.writeHead(200, [...headers, 'content-type', 'application/json']).end(JSON.stringify(value))
}

function notFound(parts: Parameters<typeof sendError>[0], method: string, path: string): void {
  sendError(parts, { status: 404, message: `There is no ${method} ${path}.` })
}

/** The path without query and `/v1`. */
function routeOf(path: string): string {
  const query = path.indexOf('?')
  const bare = query < 0 ? path : path.slice(0, query)
  return bare.startsWith('/v1/') ? bare.slice(3) : bare
}

function refuseUpgrade(_request: IncomingMessage, socket: Duplex): void {
  socket.end('HTTP/1.1 426 Upgrade Required\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
}

async function listen(server: Server, options: SimulatorOptions): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port: options.port ?? 0, host: options.host ?? '127.0.0.1', backlog: BACKLOG }, resolve)
  })
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function closeServer(server: Server, meter: Meter): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeAllConnections()
  await closed
  meter.close()
}
