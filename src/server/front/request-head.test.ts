/** Heads of requests: what the front takes, Node's own parser reads in the same way; the rest it leaves alone. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MAX_HEAD_BYTES, readHead, type RequestHead } from './request-head.ts'

const HEAD = 'POST /v1/messages?beta=true HTTP/1.1\r\nHost: g\r\nContent-Length: 2\r\n'

let node: Server

beforeAll(async () => {
  node = createServer((_request, response) => response.end())
  await once(node.listen(0, '127.0.0.1'), 'listening')
})

afterAll(() => void node.close())

async function asNodeReads(head: string): Promise<IncomingMessage> {
  const arrived = once(node, 'request')
  const socket = connect((node.address() as AddressInfo).port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(Buffer.from(head, 'latin1'))
  const [request] = (await arrived) as [IncomingMessage]
  socket.destroy()
  return request
}

const tokenCharacter = fc.constantFrom(...Array.from('abcXYZ019-_.!#$&*+^`|~%'))
const name = fc.string({ unit: tokenCharacter, minLength: 1, maxLength: 20 }).map((text) => `x-${text}`)
const valueCharacter = fc.oneof(
  fc.constantFrom(...Array.from(' \t:;,"\\%{}[]\xa0\xff')),
  fc.string({ minLength: 1, maxLength: 1 }).filter((text) => /^[\x20-\x7e]$/.test(text)),
)
const value = fc.string({ unit: valueCharacter, maxLength: 40 })
const blanks = fc.constantFrom('', ' ', '\t', '  \t')

test('a head that is taken says to Node what it says here', async () => {
  const lines = fc.uniqueArray(fc.tuple(name, blanks, value, blanks), {
    selector: ([own]) => own.toLowerCase(),
    maxLength: 12,
  })
  await fc.assert(
    fc.asyncProperty(lines, async (fields) => {
      const own = fields
        .map(([field, before, text, after]) => `${field}:${before}${text}${after}\r\n`)
        .join('')
      const head = `${HEAD}${own}\r\n`
      const read = readHead(Buffer.from(`${head}{}`, 'latin1')) as RequestHead
      const request = await asNodeReads(`${head}{}`)
      expect(read.headers).toEqual(request.headers)
      expect([read.url, read.contentLength]).toEqual([request.url, 2])
      expect(read.bodyStart).toBe(head.length)
    }),
    { numRuns: 150 },
  )
})

test('path and query are told apart', () => {
  expect(readHead(Buffer.from(`${HEAD}\r\n`))).toMatchObject({
    path: '/v1/messages',
    url: '/v1/messages?beta=true',
  })
})

test('a head that breaks off anywhere is waited for, and one that has no end is not', () => {
  const head = `${HEAD}\r\n`
  for (let length = 0; length < head.length; length += 1) {
    expect(readHead(Buffer.from(head.slice(0, length)))).toBe('incomplete')
  }
  expect(readHead(Buffer.from(HEAD + `x: ${'y'.repeat(MAX_HEAD_BYTES)}`))).toBe('foreign')
})

describe('is left to Node’s server:', () => {
  test.for([
    ['another method', 'GET / HTTP/1.1\r\nHost: g\r\nContent-Length: 0\r\n\r\n'],
    ['the beginning of another method', 'GE'],
    ['TLS', '\x16\x03\x01\x02\x00'],
    ['an older version', 'POST / HTTP/1.0\r\nHost: g\r\nContent-Length: 0\r\n\r\n'],
    ['a newer version', 'POST / HTTP/2.0\r\nHost: g\r\nContent-Length: 0\r\n\r\n'],
    ['two blanks before the target', 'POST  / HTTP/1.1\r\nHost: g\r\nContent-Length: 0\r\n\r\n'],
    ['two blanks after the target', 'POST /  HTTP/1.1\r\nHost: g\r\nContent-Length: 0\r\n\r\n'],
    ['a target in absolute form', 'POST http://g/ HTTP/1.1\r\nHost: g\r\nContent-Length: 0\r\n\r\n'],
    ['no headers', 'POST / HTTP/1.1\r\n\r\n'],
    ['no host', 'POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n'],
    ['an empty host', 'POST / HTTP/1.1\r\nHost:\r\nContent-Length: 0\r\n\r\n'],
    ['two hosts', `${HEAD}Host: h\r\n\r\n`],
    ['no length', 'POST / HTTP/1.1\r\nHost: g\r\n\r\n'],
    ['two lengths', `${HEAD}Content-Length: 2\r\n\r\n`],
    ['two lengths in one', 'POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 2, 2\r\n\r\n'],
    ['a length with a sign', 'POST / HTTP/1.1\r\nHost: g\r\nContent-Length: +2\r\n\r\n'],
    ['a length in hexadecimal', 'POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 0x2\r\n\r\n'],
    ['chunks', 'POST / HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['chunks and a length', `${HEAD}Transfer-Encoding: chunked\r\n\r\n`],
    ['chunks by another name', `${HEAD}transfer-ENCODING: identity\r\n\r\n`],
    ['a body that waits to be asked for', `${HEAD}Expect: 100-continue\r\n\r\n`],
    ['an upgrade', `${HEAD}Upgrade: websocket\r\n\r\n`],
    ['a connection that ends', `${HEAD}Connection: close\r\n\r\n`],
    ['a header named in Connection', `${HEAD}Connection: keep-alive, x-secret\r\n\r\n`],
    ['any header twice', `${HEAD}x-a: 1\r\nX-A: 2\r\n\r\n`],
    ['a folded header', `${HEAD}x-a: 1\r\n 2\r\n\r\n`],
    ['a blank before the colon', `${HEAD}x-a : 1\r\n\r\n`],
    ['a line without a colon', `${HEAD}nonsense\r\n\r\n`],
    ['an empty name', `${HEAD}: 1\r\n\r\n`],
    ['a bare line feed', `${HEAD}x-a: 1\nx-b: 2\r\n\r\n`],
    ['a bare carriage return', `${HEAD}x-a: 1\rx-b: 2\r\n\r\n`],
    ['a NUL', `${HEAD}x-a: 1\0\r\n\r\n`],
    ['a name that objects know', `${HEAD}__proto__: 1\r\n\r\n`],
  ] as const)('%s', ([, head]) => {
    expect(readHead(Buffer.from(head, 'latin1'))).toBe('foreign')
  })
})
