/** A real receiver of OTLP, by HTTP (protobuf, JSON) and by gRPC, that decodes what it is sent. */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { createServer as createHttp2Server, type ServerHttp2Session } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { gunzipSync, gzipSync } from 'node:zlib'
import { LOGS, METRICS, TRACES } from './otlp-tables.ts'
import { partialSuccess, type Rejected, type Signal } from './partial-success.ts'
import { decode, type MessageTable } from './protobuf.ts'

export type Attributes = Readonly<Record<string, unknown>>

export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly traceState: string | undefined
  readonly name: string
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number
  readonly startMs: number
  readonly endMs: number
  readonly attributes: Attributes
  readonly events: readonly {
    readonly name: string
    readonly timeMs: number
    readonly attributes: Attributes
  }[]
  readonly isError: boolean
  readonly statusMessage: string | undefined
  readonly resource: Attributes
}

export interface ReceivedLog {
  readonly traceId: string | undefined
  readonly spanId: string | undefined
  readonly severity: string
  readonly body: unknown
  readonly attributes: Attributes
}

export interface ReceivedMetric {
  readonly name: string
  readonly unit: string
  /** 2 is cumulative. */
  readonly temporality: number
  readonly points: readonly {
    readonly attributes: Attributes
    readonly count: number | undefined
    readonly sum: number
    readonly bounds: readonly number[]
  }[]
}

export interface OtlpReceiver extends AsyncDisposable {
  readonly httpUrl: string
  readonly grpcUrl: string
  readonly headers: readonly IncomingHttpHeaders[]
  readonly paths: readonly string[]
  readonly spans: readonly ReceivedSpan[]
  readonly logs: readonly ReceivedLog[]
  readonly metrics: readonly ReceivedMetric[]
  /** What the next messages get: an HTTP status, or a gRPC code for gRPC; `hang` never answers. */
  answer(...answers: (number | 'hang')[]): void
  /** Takes the next message of the signal but for some items of it. */
  reject(signal: Signal, rejected: Rejected): void
  /** Resolves when so many messages have come in all. */
  count(messages: number): Promise<void>
  /** Resolves when the condition holds, which is looked at after each message. */
  until(isThere: () => boolean): Promise<void>
}

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const headers: IncomingHttpHeaders[] = []
  const paths: string[] = []
  const spans: ReceivedSpan[] = []
  const logs: ReceivedLog[] = []
  const metrics: ReceivedMetric[] = []
  const answers: (number | 'hang')[] = []
  const rejections = new Map<Signal, Rejected>()
  const bodyFor = (path: string, contentType: string | undefined): Buffer => {
    const signal = signalOf(path)
    const rejected = rejections.get(signal)
    rejections.delete(signal)
    return rejected === undefined ? Buffer.alloc(0) : partialSuccess(signal, rejected, contentType)
  }
  let told = Promise.withResolvers<void>()
  const take = (path: string, head: IncomingHttpHeaders, body: Buffer): number | 'hang' | undefined => {
    const isJson = head['content-type'] === 'application/json'
    const answer = answers.shift()
    if (answer === undefined || answer === 0 || answer === 200) {
      const read = (table: MessageTable): unknown => (isJson ? JSON.parse(String(body)) : decode(body, table))
      const signal = signalOf(path)
      if (signal === 'traces') spans.push(...readSpans(read(TRACES) as Tree))
      else if (signal === 'logs') logs.push(...readLogs(read(LOGS) as Tree))
      else metrics.push(...readMetrics(read(METRICS) as Tree))
    }
    headers.push(head)
    paths.push(path)
    told.resolve()
    told = Promise.withResolvers()
    return answer
  }
  const http = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const bytes = Buffer.concat(chunks)
      const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes
      const answer = take(request.url ?? '', request.headers, body)
      if (answer === 'hang') return
      const contentType = request.headers['content-type']
      response.writeHead(answer ?? 200, { 'content-type': contentType ?? '' })
      response.end(bodyFor(request.url ?? '', contentType))
    })
  })
  const sessions = new Set<ServerHttp2Session>()
  const grpc = createHttp2Server()
  grpc.on('session', (session) => sessions.add(session))
  grpc.on('stream', (stream, head) => {
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => {
      const frame = Buffer.concat(chunks)
      const message = frame.subarray(5, 5 + frame.readUInt32BE(1))
      const body = frame[0] === 1 ? gunzipSync(message) : message
      const answer = take(String(head[':path']), head as IncomingHttpHeaders, body)
      if (answer === 'hang') return
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': String(answer ?? 0) }))
      stream.end(framed(bodyFor(String(head[':path']), head['content-type']), frame[0] === 1))
    })
  })
  for (const server of [http, grpc]) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  }
  const until = async (isThere: () => boolean): Promise<void> => {
    while (!isThere()) await told.promise
  }
  return {
    httpUrl: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    grpcUrl: `http://127.0.0.1:${(grpc.address() as AddressInfo).port}`,
    headers,
    paths,
    spans,
    logs,
    metrics,
    answer: (...next) => void answers.push(...next),
    reject: (signal, rejected) => void rejections.set(signal, rejected),
    count: (messages) => until(() => paths.length >= messages),
    until,
    [Symbol.asyncDispose]: async () => {
      http.closeAllConnections()
      for (const session of sessions) session.destroy()
      const closed = [http, grpc].map((server) => once(server, 'close'))
      http.close()
      grpc.close()
      await Promise.all(closed)
    },
  }
}

function signalOf(path: string): Signal {
  if (/trace/i.test(path)) return 'traces'
  return /logs/i.test(path) ? 'logs' : 'metrics'
}

/** Compressed as the message was, as servers of gRPC do it. */
function framed(body: Buffer, isCompressed: boolean): Buffer {
  const message = isCompressed ? gzipSync(body) : body
  const prefix = Buffer.from([isCompressed ? 1 : 0, 0, 0, 0, 0])
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

/** Decoded protobuf and parsed JSON have the same members. */
// oxlint-disable-next-line typescript/no-explicit-any
type Tree = Record<string, any>

function readSpans(request: Tree): ReceivedSpan[] {
  return request['resourceSpans'].flatMap((group: Tree) =>
    group['scopeSpans'].flatMap((scope: Tree) =>
      scope['spans'].map((span: Tree) => ({
        traceId: span['traceId'],
        spanId: span['spanId'],
        parentSpanId: span['parentSpanId'] || undefined,
        traceState: span['traceState'] || undefined,
        name: span['name'],
        kind: span['kind'],
        startMs: Number(span['startTimeUnixNano']) / 1e6,
        endMs: Number(span['endTimeUnixNano']) / 1e6,
        attributes: readAttributes(span['attributes']),
        events: (span['events'] ?? []).map((event: Tree) => ({
          name: event['name'],
          timeMs: Number(event['timeUnixNano']) / 1e6,
          attributes: readAttributes(event['attributes']),
        })),
        isError: span['status']?.code === 2,
        statusMessage: span['status']?.message,
        resource: readAttributes(group['resource'].attributes),
      })),
    ),
  )
}

function readLogs(request: Tree): ReceivedLog[] {
  return request['resourceLogs'].flatMap((group: Tree) =>
    group['scopeLogs'].flatMap((scope: Tree) =>
      scope['logRecords'].map((record: Tree) => ({
        traceId: record['traceId'] || undefined,
        spanId: record['spanId'] || undefined,
        severity: record['severityText'],
        body: readValue(record['body']),
        attributes: readAttributes(record['attributes']),
      })),
    ),
  )
}

function readMetrics(request: Tree): ReceivedMetric[] {
  return request['resourceMetrics'].flatMap((group: Tree) =>
    (group['scopeMetrics'] ?? []).flatMap((scope: Tree) =>
      scope['metrics'].map((metric: Tree) => {
        const data = metric['histogram'] ?? metric['sum']
        return {
          name: metric['name'],
          unit: metric['unit'],
          temporality: data.aggregationTemporality,
          points: data.dataPoints.map((point: Tree) => ({
            attributes: readAttributes(point['attributes']),
            count: point['count'] === undefined ? undefined : Number(point['count']),
            sum: Number(point['sum'] ?? point['asDouble'] ?? point['asInt']),
            bounds: point['explicitBounds'] ?? [],
          })),
        }
      }),
    ),
  )
}

function readAttributes(list: Tree[] | undefined): Attributes {
  return Object.fromEntries((list ?? []).map((entry) => [entry['key'], readValue(entry['value'])]))
}

function readValue(value: Tree): unknown {
  if ('boolValue' in value) return Boolean(value['boolValue'])
  if ('intValue' in value) return Number(value['intValue'])
  if ('arrayValue' in value) return (value['arrayValue'].values ?? []).map(readValue)
  return value['stringValue'] ?? value['doubleValue']
}
