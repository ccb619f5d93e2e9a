import { expect, test } from 'vitest'
import { createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import { PROVIDER_ANSWERS, stampedChunk } from './provider-answers.ts'
import { runStreamLatency } from './stream-latency.ts'

const HELD_BACK_MS = 40

/** Stamps each chunk, and sends it so much later. */
function serve(socket: Socket): void {
  const answers = PROVIDER_ANSWERS['openai-chat']
  socket.on('error', () => socket.destroy())
  socket.on('data', () => {
    const stamped = Buffer.concat([stampedChunk(answers), stampedChunk(answers)])
    setTimeout(
      () => socket.write(Buffer.concat([answers.streamHead, stamped, answers.streamTail])),
      HELD_BACK_MS,
    )
  })
}

test('a chunk that is held back is seen to be late, and the first one of each stream is told apart', async () => {
  const server = createServer(serve).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const figures = await runStreamLatency({
    kind: 'stream-latency',
    request: {
      host: '127.0.0.1',
      port,
      path: '/stream/v1/chat/completions',
      headers: {},
      model: 'm',
      dialect: 'openai-chat',
      stream: true,
      bodyBytes: 100,
      keys: undefined,
    },
    serverPid: process.pid,
    streamsPerSecond: 50,
    warmUpMs: 0,
    durationMs: 500,
  })
  server.close()
  expect(figures.failures).toBe(0)
  expect(figures.chunks).toBe(2 * figures.streams)
  // Timers may be a millisecond early, never more.
  expect(figures.chunkP50Ms).toBeGreaterThan(HELD_BACK_MS - 2)
  expect(figures.firstChunkP50Ms).toBeGreaterThan(HELD_BACK_MS - 2)
})
