/** What is sent as a head is what was asked for, and nothing that ends a line, a head or a request early. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { requestHead } from './request-head.ts'

test('a head has the path, the host, all headers given, and the length of the body', () => {
  const head = requestHead('api.test:8080', '/v1/a?b=c', ['x-a', '1', 'authorization', 'Bearer k'], 12)
  expect(head).toBe(
    'POST /v1/a?b=c HTTP/1.1\r\nhost: api.test:8080\r\nconnection: keep-alive\r\n' +
      'x-a: 1\r\nauthorization: Bearer k\r\ncontent-length: 12\r\n\r\n',
  )
})

test('headers of the connection and of framing are the client’s own', () => {
  const given =
    'connection close Content-Length 99 transfer-encoding chunked te trailers keep-alive timeout=1 ' +
    'upgrade h2c expect 100-continue trailer x proxy-connection close'
  expect(requestHead('h', '/', given.split(' '), 0)).toBe(requestHead('h', '/', [], 0))
})

test('a host that is given takes the place of the origin’s', () => {
  const head = requestHead('api.test', '/', ['host', 'other.test'], 0)
  expect(head.match(/^host: .*$/gm)).toEqual(['host: other.test'])
})

test('headers that requests share stand before their own, in each of them, and are looked at no less', () => {
  const shared = ['x-shared', '1', 'host', 'other.test', 'content-length', '99']
  for (const own of ['a', 'b']) {
    expect(requestHead('api.test', '/', ['x-own', own], 5, shared)).toBe(
      'POST / HTTP/1.1\r\nhost: other.test\r\nconnection: keep-alive\r\n' +
        `x-shared: 1\r\nx-own: ${own}\r\ncontent-length: 5\r\n\r\n`,
    )
  }
  const unsound = ['x-shared', 'a\r\nx: y']
  for (let time = 0; time < 2; time += 1) {
    expect(() => requestHead('h', '/', [], 0, unsound)).toThrow(
      expect.objectContaining({ code: 'BAD_REQUEST' }),
    )
  }
})

test('a path or host that changes is sent as it is, whatever came before with the same shared headers', () => {
  const shared = ['x-shared', '1']
  const begin = (path: string, host: string): string =>
    `POST ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\nx-shared: 1\r\n`
  for (const [path, host] of [
    ['/a', 'one.test'],
    ['/a', 'two.test'],
    ['/b', 'two.test'],
    ['/b?a=b', 'two.test'],
    ['/c', 'two.test'],
    ['/d', 'two.test'],
    ['/a', 'one.test'],
  ] as const) {
    expect(requestHead(host, path, [], 0, shared)).toBe(`${begin(path, host)}content-length: 0\r\n\r\n`)
    expect(requestHead('h', path, ['Host', 'own.test'], 0, shared)).toBe(
      `${begin(path, 'own.test')}content-length: 0\r\n\r\n`,
    )
    expect(() => requestHead(host, `${path} `, [], 0, shared)).toThrow(
      expect.objectContaining({ code: 'BAD_REQUEST' }),
    )
  }
})

test.for(['', 'a', 'http://a/', '/a b', '/a\r\nx: y', '/a\n', '/\x00', '/\x7f', '/ü\u0100', '/a\t'])(
  'a path that is none is refused: %j',
  (path) => {
    expect(() => requestHead('h', path, [], 0)).toThrow(expect.objectContaining({ code: 'BAD_REQUEST' }))
  },
)

test.for(['', 'a b', 'a:', 'a\r\nb', 'a\n', 'a\x00', 'ü', '(a)'])(
  'a name that is none is refused: %j',
  (name) => {
    expect(() => requestHead('h', '/', [name, 'v'], 0)).toThrow(
      expect.objectContaining({ code: 'BAD_REQUEST' }),
    )
  },
)

test('a value that cannot be sent is refused, and not quoted', () => {
  for (const end of ['\r\nx: y', '\n', '\r', '\x00', '\x7f', '\u0100', '\u{1F600}']) {
    expect(() => requestHead('h', '/', ['authorization', `Bearer sk-secret${end}`], 0)).toThrow(
      expect.objectContaining({
        code: 'BAD_REQUEST',
        message: expect.not.stringContaining('secret') as string,
      }),
    )
  }
})

test('no header brings a line of its own', () => {
  const texts = fc.string({ unit: 'binary', maxLength: 12 })
  fc.assert(
    fc.property(texts, fc.array(fc.tuple(texts, texts), { maxLength: 4 }), (path, headers) => {
      let head
      try {
        head = requestHead('h', `/${path}`, headers.flat(), 0)
      } catch {
        return
      }
      expect(Buffer.from(head, 'latin1').toString('latin1')).toBe(head)
      const lines = head.split('\r\n')
      expect(lines.length).toBeLessThanOrEqual(6 + headers.length)
      expect(head.split(/[\r\n]/)).toHaveLength(2 * lines.length - 1)
      expect(lines[0]).toBe(`POST /${path} HTTP/1.1`)
    }),
    { numRuns: 1_000 },
  )
})
