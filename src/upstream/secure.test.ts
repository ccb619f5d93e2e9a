/** TLS: who the provider is gets proved before anything is sent, and a session is taken up again. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ask } from '../../test/upstream/asked.ts'
import { ByteProvider, type ByteConnection } from '../../test/upstream/byte-provider.ts'
import type { PromptProviderData, PromptProviderWord } from '../../test/upstream/prompt-provider.ts'
import { UpstreamPool } from './upstream-pool.ts'

const PEM = readFileSync(new URL('../../test/sim/localhost.pem', import.meta.url), 'utf8')
const CERTIFICATE = PEM.slice(PEM.indexOf('-----BEGIN CERTIFICATE'))
const TLS = { key: PEM, cert: PEM, ALPNProtocols: ['h2', 'http/1.1'] }
const TRUSTED = getCACertificates('default')
const OPTIONS = { connectTimeoutMs: 5_000, keepAliveTimeoutMs: 5_000 }
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

let provider: ByteProvider
let pool: UpstreamPool

beforeEach(async () => {
  setDefaultCACertificates([...TRUSTED, CERTIFICATE])
  provider = await ByteProvider.start(TLS)
  pool = new UpstreamPool(provider.origin, OPTIONS)
})

afterEach(async () => {
  pool.close()
  await provider.close()
})

async function exchange(): Promise<ByteConnection> {
  const asked = ask(pool)
  const connection = await provider.next()
  await connection.request()
  await connection.write(OK)
  expect(await asked.whole).toMatchObject({ body: 'ok' })
  return connection
}

test('speaks HTTP/1.1 to the name asked for, on a connection that is kept', async () => {
  const connection = await exchange()
  expect(connection.socket).toMatchObject({ alpnProtocol: 'http/1.1', servername: 'localhost' })
  connection.answerAll(OK)
  for (let count = 0; count < 20; count += 1) await ask(pool).whole
  expect(provider.connections).toBe(1)
})

test('is kept also when an answer comes in the turn in which its request was sent', async () => {
  const answers = new Int32Array(new SharedArrayBuffer(4))
  const data: PromptProviderData = { pem: PEM, answers }
  const thread = new Worker(new URL('../../test/upstream/prompt-provider.ts', import.meta.url), {
    workerData: data,
  })
  const [{ port }] = (await once(thread, 'message')) as [PromptProviderWord]
  const prompt = new UpstreamPool(`https://localhost:${port}`, OPTIONS)
  await ask(prompt).whole
  for (let count = 1; count <= 3; count += 1) {
    await nextTurn()
    // This thread looks at nothing else before the answer is there, as one does that is busy. A connection that has yet
    // to be opened gets none.
    const asked = ask(prompt)
    expect(Atomics.wait(answers, 0, count, 2_000)).not.toBe('timed-out')
    expect(await asked.whole).toMatchObject({ body: 'ok' })
  }
  thread.postMessage('connections')
  const [told] = (await once(thread, 'message')) as [PromptProviderWord]
  expect(told).toEqual({ connections: 1 })
  prompt.close()
  await thread.terminate()
})

test('takes up the session of an earlier connection', async () => {
  const first = await exchange()
  const kept = ask(pool)
  const fresh = ask(pool)
  const second = await provider.next()
  const reused = [first, second].map(({ socket }) => (socket as TLSSocket).isSessionReused())
  expect(reused).toEqual([false, true])
  for (const connection of [first, second]) connection.answerAll(OK)
  await Promise.all([kept.whole, fresh.whole])
})

test('a provider that nobody vouches for gets nothing', async () => {
  setDefaultCACertificates(TRUSTED)
  const closed = provider.nextClosed()
  expect(await ask(pool).ended).toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  await closed
  expect(provider.receivedBytes).toBe(0)
  expect(pool.size).toBe(0)
})

test('a provider with a certificate of another name gets nothing', async () => {
  const elsewhere = new UpstreamPool(provider.origin.replace('localhost', '127.0.0.1'), OPTIONS)
  const closed = provider.nextClosed()
  expect(await ask(elsewhere).ended).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  await closed
  expect(provider.receivedBytes).toBe(0)
})

test('a body of 20 MB each way arrives as it was, also with pauses', async () => {
  const size = 20_000_000
  const asked = ask(pool, { body: [Buffer.alloc(size, 'abc')] })
  const connection = await provider.next()
  const sent = (await connection.request()) ?? ''
  await connection.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`)
  const written = connection.write(sent.slice(-size))
  for (const bytes of [1, 1_000_000, 5_000_000]) {
    await asked.until(bytes)
    asked.exchange.pause()
    const held = asked.bytes
    provider.answerAll(OK)
    for (let count = 0; count < 10; count += 1) await ask(pool).whole
    expect(asked.bytes - held).toBeLessThan(300_000)
    asked.exchange.resume()
  }
  await written
  const { body } = await asked.whole
  expect(body === 'abc'.repeat(7_000_000).slice(0, size)).toBe(true)
})

test('a provider that never finishes the handshake is given up', async () => {
  const mute = createServer()
  await once(mute.listen(0, '127.0.0.1'), 'listening')
  const { port } = mute.address() as AddressInfo
  const arrived = once(mute, 'connection')
  const patient = new UpstreamPool(`https://127.0.0.1:${port}`, { ...OPTIONS, connectTimeoutMs: 30 })
  expect(await ask(patient).ended).toMatchObject({ code: 'CONNECT_TIMEOUT' })
  const [socket] = (await arrived) as [TLSSocket]
  socket.resume()
  await once(socket, 'close')
  mute.close()
})
