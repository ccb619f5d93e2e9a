/** What is said of a connection that leaves the front, where more than one thing could be. */
import { expect, test } from 'vitest'
import type { HandOverReason } from './hand-over-reason.ts'
import { FOREIGN_NAMES, MAX_HEAD_BYTES, readHead } from './request-head.ts'
import { whyForeign } from './why-foreign.ts'

const isCall = (path: string): boolean => path === '/v1/messages'
const HEAD = 'POST /v1/messages?beta=true HTTP/1.1\r\nHost: g\r\nContent-Length: 2\r\n'

test.each<readonly [string, HandOverReason, string]>([
  ['another method', 'other_route', 'GET /v1/messages HTTP/1.1\r\nHost: g\r\n\r\n'],
  ['the beginning of another method', 'other_route', 'GE'],
  ['another path', 'other_route', 'POST /v1/files HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['a probe of an older version', 'other_route', 'GET /health HTTP/1.0\r\nConnection: close\r\n\r\n'],
  ['an older version', 'http_version', 'POST /v1/messages HTTP/1.0\r\nConnection: close\r\n\r\n'],
  ['HTTP/2, known beforehand', 'http_version', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['HTTP/2, asked for', 'upgrade', `${HEAD}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n`],
  [
    'a body that waits, in chunks',
    'expect',
    `${HEAD}Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n`,
  ],
  [
    'chunks on a connection that ends',
    'chunked',
    `${HEAD}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n`,
  ],
  [
    'a connection that stays, and chunks',
    'chunked',
    `${HEAD}Connection: Keep-Alive\r\ntransfer-ENCODING: chunked\r\n\r\n`,
  ],
  ['a connection that stays, and nonsense', 'odd_head', `${HEAD}Connection: Keep-Alive\r\nnonsense\r\n\r\n`],
  ['a connection that ends', 'connection', `${HEAD}connection:close\r\n\r\n`],
  ['a header named in Connection', 'connection', `${HEAD}Connection: keep-alive, x-secret\r\n\r\n`],
  [
    'a connection that stays, with blanks',
    'odd_head',
    `${HEAD}Connection:\t keep-alive \r\nnonsense\r\n\r\n`,
  ],
  ['a name within names and values', 'odd_head', `${HEAD}x-te: expect: 1\r\ntea: 2\r\nnonsense\r\n\r\n`],
  ['no length', 'odd_head', 'POST /v1/messages HTTP/1.1\r\nHost: g\r\n\r\n'],
  ['a word of the body', 'odd_head', `${HEAD}x : 1\r\n\r\nexpect: 100-continue\r\n\r\n`],
  [
    'a target in absolute form',
    'odd_head',
    'POST http://g/v1/messages HTTP/1.1\r\nHost: g\r\nContent-Length: 0\r\n\r\n',
  ],
  ['two blanks', 'odd_head', 'POST /v1/messages  HTTP/1.1\r\nHost: g\r\nContent-Length: 0\r\n\r\n'],
  ['TLS', 'odd_head', '\x16\x03\x01\x02\x00'],
  ['an empty line', 'odd_head', `\r\n${HEAD}\r\n`],
  ['a head that has no end', 'long_head', `${HEAD}x: ${'y'.repeat(MAX_HEAD_BYTES)}`],
  [
    'one whose line ends at the bound',
    'long_head',
    `${HEAD.padEnd(MAX_HEAD_BYTES - 2, 'x: y\r\n').slice(0, MAX_HEAD_BYTES - 2)}\r\nz: 1`,
  ],
])('%s: %s', (_, reason, head) => {
  const bytes = Buffer.from(head, 'latin1')
  const reading = readHead(bytes)
  expect(typeof reading === 'object' && isCall(reading.path)).toBe(false)
  expect(whyForeign(bytes, isCall)).toBe(reason)
})

test.each([...FOREIGN_NAMES])('the header %s: %s', (name, reason) => {
  expect(whyForeign(Buffer.from(`${HEAD}${name}: 1\r\n\r\n`, 'latin1'), isCall)).toBe(reason)
})
