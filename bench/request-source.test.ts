import { expect, test } from 'vitest'
import { BENCH_DIALECTS, type LoadRequest } from './load-job.ts'
import { RequestSource } from './request-source.ts'

function request(members: Partial<LoadRequest>): LoadRequest {
  return {
    host: '127.0.0.1',
    port: 1,
    path: '/v1',
    headers: { authorization: 'Bearer one' },
    model: 'm',
    dialect: 'openai-chat',
    stream: false,
    bodyBytes: 1_000,
    keys: undefined,
    ...members,
  }
}

function read(bytes: Buffer): { head: string; body: Buffer } {
  const end = bytes.indexOf('\r\n\r\n')
  return { head: bytes.toString('latin1', 0, end), body: bytes.subarray(end + 4) }
}

test.each(BENCH_DIALECTS)(
  '%s: a body is about as large as was asked for, and its length is told',
  (dialect) => {
    for (const bodyBytes of [1_000, 100_000, 2_000_000]) {
      const { head, body } = read(new RequestSource(request({ dialect, bodyBytes })).next())
      expect(Math.abs(body.length - bodyBytes)).toBeLessThan(120)
      expect(head).toContain(`content-length: ${body.length}`)
      expect(JSON.parse(body.toString())).toMatchObject({ model: 'm' })
    }
  },
)

test('keys are taken in turn, in the place of the one that all calls have otherwise', () => {
  const source = new RequestSource(request({ keys: { prefix: 'sk-', count: 2 } }))
  const keys = [1, 2, 3].map(() => /authorization: (.*)\r\n/.exec(read(source.next()).head)?.[1])
  expect(keys).toEqual(['Bearer sk-000000000000', 'Bearer sk-000000000001', 'Bearer sk-000000000000'])
})

test('a range that begins anywhere, and is too large to be prepared, goes on from there', () => {
  const count = 1_000_000
  const source = new RequestSource(request({ keys: { prefix: 'sk-', count, beginsAnywhere: true } }))
  const numbers = [1, 2, 3].map(() => Number(/Bearer sk-(\d+)\r\n/.exec(read(source.next()).head)?.[1]))
  const [first = NaN] = numbers
  expect(first).toBeLessThan(count)
  expect(numbers).toEqual([first, (first + 1) % count, (first + 2) % count])
})

test('where each call is new, no two bodies are the same, and each is as long as the others', () => {
  const source = new RequestSource(request({ isEachNew: true }))
  const [first, ...others] = Array.from({ length: 20 }, () => read(source.next()).body)
  expect(new Set([first, ...others].map(String)).size).toBe(20)
  for (const body of others) {
    expect(body.length).toBe(first!.length)
    expect(JSON.parse(body.toString())).toMatchObject({ model: 'm' })
  }
})
