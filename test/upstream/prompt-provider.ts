/** Runs as a worker thread: a provider with TLS that answers at once, and says so by a flag that may be waited for. */
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import { parentPort, workerData } from 'node:worker_threads'

export interface PromptProviderData {
  readonly pem: string
  /** The number of answers that are in the hands of the operating system. */
  readonly answers: Int32Array<SharedArrayBuffer>
}

export interface PromptProviderWord {
  readonly port?: number
  readonly connections?: number
}

// Given by the thread that starts this one, from the same interface.
const { pem, answers } = workerData as PromptProviderData
const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

let connections = 0
const server = createServer({ key: pem, cert: pem, ALPNProtocols: ['http/1.1'] }, (socket) => {
  connections += 1
  socket.setNoDelay(true)
  socket.on('error', () => undefined)
  // Requests here are so small that each comes in one piece.
  socket.on('data', () => {
    socket.write(ANSWER)
    setImmediate(() => {
      Atomics.add(answers, 0, 1)
      Atomics.notify(answers, 0)
    })
  })
})
server.listen(0, '127.0.0.1', () => {
  parentPort?.postMessage({ port: (server.address() as AddressInfo).port } satisfies PromptProviderWord)
})
parentPort?.on('message', () => parentPort?.postMessage({ connections } satisfies PromptProviderWord))
