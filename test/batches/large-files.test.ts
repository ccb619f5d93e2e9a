/** Large files go through the gateway and are never held by it, in either direction. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { MASTER_KEY, SIMULATED_MODELS, startTestGateway, type TestGateway } from '../running-gateway.ts'
import { batchText } from './batch-file.ts'

const MEGABYTE = 1_048_576
const FILE_MEGABYTES = 96
/** Some buffers on each side of the gateway, and what waits for the collector on a busy machine. */
const HELD_MEGABYTES = 40

const SIMULATOR_COMMAND = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

let provider: ChildProcess
let config: string
let gateway: TestGateway

beforeAll(async () => {
  // The provider holds whole files: it is a process of its own, so that they are not counted here.
  provider = spawn(process.execPath, [SIMULATOR_COMMAND, 'sim'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(provider.stdout!, 'data')) as [Buffer]
  const { url } = JSON.parse(line.toString()) as { url: string }
  config = SIMULATED_MODELS.replaceAll('{openai}', `${url}/v1`)
  gateway = await startTestGateway({ config })
})
afterAll(async () => {
  await gateway.stop()
  provider.kill()
})

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/**
 * What is held outside of the heap, without what nobody needs any more. Buffers are freed by a thread beside the
 * collector, which may be far behind on a busy machine: a second collection waits for what the first one found.
 */
function heldBytes(): number {
  collectGarbage()
  collectGarbage()
  return process.memoryUsage().arrayBuffers
}

/** The most that is held while the work is done, beyond what was held before. */
async function heldMegabytes(work: () => Promise<unknown>): Promise<number> {
  const before = heldBytes()
  let most = 0
  const timer = setInterval(() => {
    most = Math.max(most, heldBytes() - before)
  }, 100)
  await work()
  clearInterval(timer)
  return most / MEGABYTE
}

const BOUNDARY = 'a-boundary-that-occurs-nowhere'

function* uploadOf(line: string, bytes: number): Generator<Buffer> {
  yield Buffer.from(
    `--${BOUNDARY}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n` +
      `--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="large.jsonl"\r\n` +
      'content-type: application/jsonl\r\n\r\n',
  )
  const block = Buffer.from(line.repeat(Math.ceil(65_536 / line.length)))
  for (let sent = 0; sent < bytes; sent += block.length) yield block
  yield Buffer.from(`\r\n--${BOUNDARY}--\r\n`)
}

interface Uploaded {
  readonly status: number
  readonly body: {
    readonly id: string
    readonly bytes: number
    readonly error?: { readonly message: string }
  }
}

async function upload(line: string, megabytes: number): Promise<Uploaded> {
  const sending = request(`${gateway.url}/v1/files`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${MASTER_KEY}`,
      'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
    },
  })
  const answered = once(sending, 'response')
  const sent = pipeline(Readable.from(uploadOf(line, megabytes * MEGABYTE), { objectMode: false }), sending)
  // An upload that is refused may be broken off before its end.
  sent.catch(() => undefined)
  const [answer] = (await answered) as [Readable & { readonly statusCode: number }]
  const body = Buffer.concat(await answer.toArray()).toString()
  return { status: answer.statusCode, body: JSON.parse(body) as Uploaded['body'] }
}

test('a large file goes up and comes down in bounded memory, each line with the provider’s model', async () => {
  const line = batchText([{ sim: 'x'.repeat(2_000) }])
  let uploaded: Uploaded | undefined
  const heldUp = await heldMegabytes(async () => {
    uploaded = await upload(line, FILE_MEGABYTES)
  })
  expect(uploaded?.status).toBe(200)
  expect(uploaded!.body.bytes).toBeGreaterThan(FILE_MEGABYTES * MEGABYTE)
  expect(heldUp).toBeLessThan(HELD_MEGABYTES)

  let received = 0
  const heldDown = await heldMegabytes(async () => {
    const asking = request(`${gateway.url}/v1/files/${uploaded!.body.id}/content`, {
      headers: { authorization: `Bearer ${MASTER_KEY}` },
    }).end()
    const [answer] = (await once(asking, 'response')) as [Readable]
    for await (const chunk of answer as AsyncIterable<Buffer>) received += chunk.length
  })
  expect(received).toBe(uploaded!.body.bytes)
  expect(heldDown).toBeLessThan(HELD_MEGABYTES)
}, 120_000)

test('a file over the limit is refused while it is still being sent, and nothing is kept of it', async () => {
  gateway.reconfigure(`general_settings: { max_batch_file_size_mb: 4 }\n${config}`)
  const { status, body } = await upload(batchText([{}]), 16)
  expect([status, body.error?.message]).toEqual([413, `file: it is larger than ${4 * MEGABYTE} bytes.`])
  const list = (await (await gateway.call('/v1/files')).json()) as { data: readonly { bytes: number }[] }
  expect(list.data.filter(({ bytes }) => bytes < 20 * MEGABYTE)).toEqual([])
})

test('a line far down the file that may not go on is named, and nothing is kept of the file', async () => {
  const { status, body } = await upload(
    `${batchText([{}])}`.repeat(3).concat(batchText([{ model: 'embedder' }])),
    3,
  )
  expect([status, body.error?.message]).toEqual([
    400,
    expect.stringMatching(/^file, line 4: body\.model: 'embedder' is not the model of the lines before/),
  ])
})

test('a client that leaves within its upload leaves nothing behind', async () => {
  const before = (await (await gateway.call('/v1/files')).json()) as { data: readonly unknown[] }
  const sending = request(`${gateway.url}/v1/files`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${MASTER_KEY}`,
      'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
    },
  })
  sending.on('error', () => undefined)
  let sent = 0
  for (const piece of uploadOf(batchText([{}]), 3 * MEGABYTE)) {
    sent += piece.length
    if (!sending.write(piece)) await once(sending, 'drain')
    // Beyond what is held before the provider is asked.
    if (sent > 2 * MEGABYTE) break
  }
  sending.destroy()
  await vi.waitFor(() =>
    expect(gateway.logLines()).toContainEqual(
      expect.objectContaining({ call_type: 'acreate_file', ending: 'client_gone', status: 499 }),
    ),
  )
  const after = (await (await gateway.call('/v1/files')).json()) as { data: readonly unknown[] }
  expect(after.data).toEqual(before.data)
})

test('a download that the client breaks off ends the provider’s sending too', async () => {
  const { data } = (await (await gateway.call('/v1/files')).json()) as {
    data: readonly { id: string; bytes: number }[]
  }
  const large = data.find(({ bytes }) => bytes > FILE_MEGABYTES * MEGABYTE)
  const asking = request(`${gateway.url}/v1/files/${large!.id}/content`, {
    headers: { authorization: `Bearer ${MASTER_KEY}` },
  }).end()
  const [answer] = (await once(asking, 'response')) as [Readable]
  await once(answer, 'data')
  asking.destroy()
  await vi.waitFor(() =>
    expect(gateway.logLines()).toContainEqual(
      expect.objectContaining({ call_type: 'afile_content', ending: 'client_gone' }),
    ),
  )
})
