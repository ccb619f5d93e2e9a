import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { runClosedLoop } from './closed-loop.ts'
import type { ClosedLoopJob } from './load-job.ts'

/** Calls to a server of this process, which so is measured together with its load. */
async function loop(connections: number): Promise<Awaited<ReturnType<typeof runClosedLoop>>> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.end('{}'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const job: ClosedLoopJob = {
    kind: 'closed-loop',
    request: {
      host: '127.0.0.1',
      port: (server.address() as AddressInfo).port,
      path: '/',
      headers: {},
      model: 'm',
      dialect: 'openai-chat',
      stream: false,
      bodyBytes: 500,
      keys: undefined,
    },
    serverPid: process.pid,
    connections,
    warmUpMs: 100,
    durationMs: 1_000,
  }
  const figures = await runClosedLoop(job)
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  return figures
}

test('the calmest slice of a load costs no more than all of it', async () => {
  const figures = await loop(4)
  expect(figures.calls).toBeGreaterThan(0)
  expect(figures.calmestMicrosecondsPerCall).toBeGreaterThan(0)
  expect(figures.calmestMicrosecondsPerCall).toBeLessThanOrEqual(figures.cpuMicrosecondsPerCall)
})

test('where no call was made no slice was the calmest', async () => {
  expect((await loop(0)).calmestMicrosecondsPerCall).toBeNaN()
})
