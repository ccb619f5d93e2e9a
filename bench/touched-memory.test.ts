import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SingleCalls } from './single-calls.ts'
import type { RunningTarget } from './target.ts'
import { piecesOf } from './touched-memory.ts'

test('what is touched without calls is taken off, and the rest is divided by the calls', () => {
  const count = (code: number, read: number, written: number) =>
    new Map([
      ['Ir', 1],
      ['ILmr', code],
      ['DLmr', read],
      ['DLmw', written],
    ])
  expect(piecesOf(count(700, 5000, 50), count(100, 4000, 10), 10)).toEqual({
    code: 60,
    read: 100,
    written: 4,
  })
  expect(() => piecesOf(count(1, 1, 1), new Map(), 10)).toThrow('ILmr')
})

/** A program that sweeps, and answers as `status` says. */
const PROGRAM = `
  import { createServer } from 'node:http'
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(Number(process.argv[1])).end('{}'))
  })
  server.listen(0, '127.0.0.1', () => process.stdout.write(String(server.address().port)))
`
const sweptFile = join(mkdtempSync(join(tmpdir(), 'sluice-swept-')), 'swept')
const stops: (() => void)[] = []
beforeAll(() => writeFileSync(sweptFile, ''))
afterAll(() => {
  for (const stop of stops) stop()
})

async function startProgram(status: number): Promise<RunningTarget> {
  const sweeper = pathToFileURL(join(import.meta.dirname, 'sweep-caches.js')).href
  const argv = [`--import=${sweeper}`, '--input-type=module', '--eval', PROGRAM, String(status)]
  const child = spawn(process.execPath, argv, {
    env: { ...process.env, SWEPT_FILE: sweptFile },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  stops.push(() => child.kill('SIGKILL'))
  const [port] = await once(child.stdout, 'data')
  return {
    pid: child.pid!,
    port: Number(port),
    startToReadyMs: 0,
    call: () => ({ path: '/', headers: {}, model: 'any' }),
    [Symbol.asyncDispose]: async () => {},
  }
}

test('each call comes after a sweep that the program has done', async () => {
  const program = await startProgram(200)
  using calls = new SingleCalls(program, sweptFile)
  await calls.make(3)
  await calls.sweep(2)
})

test('a call that is not answered with 200, or by nobody, is no count', async () => {
  const program = await startProgram(500)
  using calls = new SingleCalls(program, sweptFile)
  await expect(calls.make(1)).rejects.toThrow('a call was answered with 500')
  const server = createServer((request) => request.socket.destroy())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stops.push(() => server.close())
  using others = new SingleCalls({ ...program, port: (server.address() as AddressInfo).port }, sweptFile)
  await expect(others.make(1)).rejects.toThrow('closed the connection')
})
