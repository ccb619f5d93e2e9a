/** Answers are taken apart the same way however they are cut, and those that can be read in two ways are refused. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cut, tell, type Told } from '../../test/upstream/told.ts'

function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

function told(text: string, ends = false): Told {
  const { events: _events, ...rest } = tell([bytesOf(text)], ends)
  return rest
}

const PLAIN = 'HTTP/1.1 200 OK\r\n'
const CHUNKED = `${PLAIN}transfer-encoding: chunked\r\n\r\n`

describe('an answer', () => {
  test('has its headers by lower-case name, without the blanks around their values', () => {
    const { status, headers, body } = told(
      `${PLAIN}Content-Type:application/json\r\nX-Empty:\r\nx-blank: \t \r\nX-Text: \t a  b\t \r\nX-High: \xe9\x80\r\nCONTENT-LENGTH: 2\r\n\r\n{}`,
    )
    expect({ status, body }).toEqual({ status: 200, body: '{}' })
    expect(headers).toEqual({
      'content-type': 'application/json',
      'x-empty': '',
      'x-blank': '',
      'x-text': 'a  b',
      'x-high': '\xe9\x80',
      'content-length': '2',
    })
  })

  test('has headers that came more than once as a list', () => {
    const { headers } = told(`${PLAIN}set-cookie: a\r\nSet-Cookie: b\r\nset-cookie: c\r\n\r\n`)
    expect(headers).toEqual({ 'set-cookie': ['a', 'b', 'c'] })
  })

  test('may have headers with the names of what every object has', () => {
    const { headers } = told(`${PLAIN}__proto__: a\r\nconstructor: b\r\ntoString: c\r\n\r\n`)
    expect(Object.entries(headers)).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
      ['tostring', 'c'],
    ])
  })

  const SOUND: readonly (readonly [string, string, string])[] = [
    ['of a told length', `${PLAIN}content-length: 5\r\n\r\nhello`, 'hello'],
    ['without a body', `${PLAIN}content-length: 0\r\n\r\n`, ''],
    ['with a status that has no body', 'HTTP/1.1 204 No Content\r\n\r\n', ''],
    ['that was not modified', 'HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n', ''],
    ['without a reason', 'HTTP/1.1 200 \r\ncontent-length: 1\r\n\r\nx', 'x'],
    ['without the space before a reason', 'HTTP/1.1 200\r\ncontent-length: 1\r\n\r\nx', 'x'],
    ['of HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\nx', 'x'],
    ['after early hints', `HTTP/1.1 103 Early\r\nlink: a\r\n\r\n${PLAIN}content-length: 1\r\n\r\nx`, 'x'],
    [
      'after more than one that is none',
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\n\r\n${PLAIN}content-length: 1\r\n\r\nx`,
      'x',
    ],
    ['in one chunk', `${CHUNKED}5\r\nhello\r\n0\r\n\r\n`, 'hello'],
    ['in no chunk', `${CHUNKED}0\r\n\r\n`, ''],
    ['in chunks', `${CHUNKED}1\r\nh\r\n04\r\nello\r\n6\r\n world\r\n0\r\n\r\n`, 'hello world'],
    ['in chunks that hold framing', `${CHUNKED}7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n`, '\r\n0\r\n\r\n'],
    [
      'with sizes in either case',
      `${CHUNKED}a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n`,
      '01234567890123456789',
    ],
    ['with chunk extensions', `${CHUNKED}2;a=b;c="d\te"\r\nhi\r\n0;last\r\n\r\n`, 'hi'],
    ['with trailers', `${CHUNKED}2\r\nhi\r\n0\r\nx-a: b\r\nx-c: d\r\n\r\n`, 'hi'],
    ['with its coding in capitals', `${PLAIN}Transfer-Encoding: Chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`, 'hi'],
  ]

  test.for(SOUND)('%s is the same wherever it is cut', ([, text, body]) => {
    const bytes = bytesOf(text)
    expect(told(text)).toMatchObject({ body, ending: 'sound' })
    for (let at = 1; at < bytes.length; at += 1) {
      const { events: _events, ...rest } = tell(cut(bytes, [at]))
      expect(rest, `cut at ${at}`).toEqual(told(text))
    }
    const { events: _all, ...each } = tell([...bytes].map((byte) => Buffer.of(byte)))
    expect(each).toEqual(told(text))
  })

  test('that ends with its connection is whole then, and not before', () => {
    const text = 'HTTP/1.0 200 OK\r\n\r\nhello'
    expect(told(text)).toMatchObject({ body: 'hello', ending: 'open' })
    expect(told(text, true)).toMatchObject({ body: 'hello', ending: 'unsound' })
  })

  test.for([
    `${PLAIN}content-length: 5\r\n\r\nhell`,
    `${CHUNKED}5\r\nhello\r\n`,
    `${CHUNKED}5\r\nhello\r\n0\r\n`,
    `${PLAIN}content-length: 5\r\n`,
    '',
  ])('that is torn is never whole: %j', (text) => {
    expect(told(text, true).ending).toBe('open')
  })

  test.for([`${PLAIN}content-length: 1\r\n\r\nx`, `${CHUNKED}1\r\nx\r\n0\r\n\r\n`, 'HTTP/1.1 204 \r\n\r\n'])(
    'with something behind it is whole, and not sound: %j',
    (text) => {
      expect(told(`${text}HTTP/1.1 200 OK\r\n\r\n`)).toEqual({ ...told(text), ending: 'unsound' })
    },
  )

  test('is told in one piece for each read, however many chunks it holds', () => {
    const chunks = Array.from({ length: 100 }, (_, at) => `3\r\n${String(at).padStart(3, '0')}\r\n`).join('')
    const { events, body } = tell([bytesOf(CHUNKED), bytesOf(chunks), bytesOf(`${chunks}0\r\n\r\n`)])
    expect(events).toBe(2)
    expect(body).toHaveLength(600)
  })
})

const framings = fc.constantFrom('length', 'chunks', 'trailers')

const answers = fc
  .record({
    interim: fc.nat(2),
    status: fc.integer({ min: 200, max: 599 }).filter((status) => status !== 204 && status !== 304),
    headers: fc.array(
      fc.tuple(fc.stringMatching(/^x-[a-zA-Z0-9-]{1,9}$/), fc.stringMatching(/^[!-~]{0,9}$/)),
    ),
    parts: fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 12 }),
    extension: fc.stringMatching(/^(;[a-z=]{0,5})?$/),
    framing: framings,
  })
  .map(({ interim, status, headers, parts, extension, framing }) => {
    const head = `${'HTTP/1.1 103 Early\r\n\r\n'.repeat(interim)}HTTP/1.1 ${status} Some reason\r\n${headers
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')}`
    const texts = parts.map((part) => Buffer.from(part).toString('latin1'))
    const body = texts.join('')
    if (framing === 'length') return { body, text: `${head}content-length: ${body.length}\r\n\r\n${body}` }
    const chunks = texts.map((part) => `${part.length.toString(16)}${extension}\r\n${part}\r\n`).join('')
    const trailers = framing === 'trailers' ? 'x-sum: 1\r\n' : ''
    return { body, text: `${head}transfer-encoding: chunked\r\n\r\n${chunks}0\r\n${trailers}\r\n` }
  })

test('any cutting of any answer tells the same', () => {
  fc.assert(
    fc.property(answers, fc.array(fc.nat(4_000), { maxLength: 40 }), ({ body, text }, positions) => {
      const { events: _events, ...rest } = tell(cut(bytesOf(text), positions))
      expect(rest).toEqual(told(text))
      expect(rest).toMatchObject({ body, ending: 'sound' })
    }),
    { numRuns: 500 },
  )
})

test('no bytes at all make the parser do anything but tell or refuse', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'HTTP/1.1 200 OK',
      '\r\n',
      '\r',
      '\n',
      ':',
      ' ',
      'content-length: 3',
      '0',
      'a',
      ';',
      '\x00',
    ),
    fc.constantFrom('transfer-encoding: chunked', 'HTTP/1.1 100 \r\n\r\n', '3\r\nabc\r\n', '\xff'),
  )
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 30 }),
      fc.array(fc.nat(200), { maxLength: 9 }),
      (pieces, positions) => {
        const bytes = bytesOf(pieces.join(''))
        const whole = tell([bytes], true)
        const inPieces = tell(cut(bytes, positions), true)
        expect(inPieces.ending === 'BAD_ANSWER').toBe(whole.ending === 'BAD_ANSWER')
      },
    ),
    { numRuns: 2_000 },
  )
})

describe('refused, wherever it is cut:', () => {
  const REFUSED: Readonly<Record<string, string>> = {
    'two lengths': `${PLAIN}content-length: 5\r\ncontent-length: 6\r\n\r\nhello`,
    'the same length twice': `${PLAIN}content-length: 5\r\nContent-Length: 5\r\n\r\nhello`,
    'a list of lengths': `${PLAIN}content-length: 5, 5\r\n\r\nhello`,
    'a length with a sign': `${PLAIN}content-length: +5\r\n\r\nhello`,
    'a negative length': `${PLAIN}content-length: -5\r\n\r\nhello`,
    'a length in hexadecimal': `${PLAIN}content-length: 0x5\r\n\r\nhello`,
    'a length with a fraction': `${PLAIN}content-length: 5.0\r\n\r\nhello`,
    'an empty length': `${PLAIN}content-length:\r\n\r\nhello`,
    'a length beyond all numbers': `${PLAIN}content-length: 99999999999999999999\r\n\r\nhello`,
    'a length and chunks': `${PLAIN}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    'chunks and a length': `${PLAIN}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n`,
    'a coding beside chunks': `${PLAIN}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    'chunks within a coding': `${PLAIN}transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n`,
    'chunks twice': `${PLAIN}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    'another coding': `${PLAIN}transfer-encoding: identity\r\n\r\nhello`,
    'an almost-coding': `${PLAIN}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n`,
    'an empty coding': `${PLAIN}transfer-encoding:\r\n\r\n0\r\n\r\n`,
    'a folded header': `${PLAIN}x-a: b\r\n c\r\ncontent-length: 0\r\n\r\n`,
    'a folded first line': `${PLAIN} x-a: b\r\n\r\n`,
    'a blank before the colon': `${PLAIN}content-length : 5\r\n\r\nhello`,
    'a blank within a name': `${PLAIN}content length: 5\r\n\r\nhello`,
    'a header without a name': `${PLAIN}: 5\r\n\r\nhello`,
    'a header without a colon': `${PLAIN}content-length\r\n\r\nhello`,
    'a name with a foreign byte': `${PLAIN}x-\xe9: 5\r\n\r\n`,
    'a NUL in a value': `${PLAIN}x-a: b\x00c\r\n\r\n`,
    'a control character in a value': `${PLAIN}x-a: b\x1bc\r\n\r\n`,
    'a DEL in a value': `${PLAIN}x-a: b\x7fc\r\n\r\n`,
    'a CR in a value': `${PLAIN}x-a: b\rcontent-length: 5\r\n\r\nhello`,
    'lines that end with LF': 'HTTP/1.1 200 OK\ncontent-length: 5\n\nhello',
    'a line that ends with LF': `${PLAIN}x-a: b\ncontent-length: 5\r\n\r\nhello`,
    'a head that ends with LF': `${PLAIN}content-length: 5\r\n\nhello`,
    'a head that ends with CR': `${PLAIN}content-length: 5\r\n\rhello and more`,
    'an empty line before it': `\r\n${PLAIN}content-length: 0\r\n\r\n`,
    'another protocol': 'SSH-2.0-OpenSSH_9.2 and more\r\n\r\n',
    'another version': 'HTTP/2.0 200 OK\r\n\r\n',
    'another minor version': 'HTTP/1.2 200 OK\r\n\r\n',
    'lower case': 'http/1.1 200 OK\r\n\r\n',
    'two blanks before the status': 'HTTP/1.1  200 OK\r\n\r\n',
    'a status of two digits': 'HTTP/1.1 20 OK now\r\n\r\n',
    'a status of four digits': 'HTTP/1.1 2000 OK\r\n\r\n',
    'a status with a letter': 'HTTP/1.1 2o0 OK\r\n\r\n',
    'a status below 100': 'HTTP/1.1 099 OK\r\n\r\n',
    'a change of protocol': 'HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n',
    'a chunk without a size': `${CHUNKED}\r\nhello\r\n0\r\n\r\n`,
    'a chunk with an extension and no size': `${CHUNKED};a=b\r\nhello\r\n0\r\n\r\n`,
    'a size that is no number': `${CHUNKED}5g\r\nhello\r\n0\r\n\r\n`,
    'a size with a sign': `${CHUNKED}+5\r\nhello\r\n0\r\n\r\n`,
    'a negative size': `${CHUNKED}-5\r\nhello\r\n0\r\n\r\n`,
    'a size with a prefix': `${CHUNKED}0x5\r\nhello\r\n0\r\n\r\n`,
    'a size with a blank before it': `${CHUNKED} 5\r\nhello\r\n0\r\n\r\n`,
    'a size with a blank behind it': `${CHUNKED}5 \r\nhello\r\n0\r\n\r\n`,
    'a size beyond all numbers': `${CHUNKED}fffffffffffffffff\r\nhello\r\n0\r\n\r\n`,
    'a size that ends with LF': `${CHUNKED}5\nhello\r\n0\r\n\r\n`,
    'a size that ends with CR': `${CHUNKED}5\rhello\r\n0\r\n\r\n`,
    'an extension that ends with LF': `${CHUNKED}5;a\nhello\r\n0\r\n\r\n`,
    'a NUL in an extension': `${CHUNKED}5;\x00\r\nhello\r\n0\r\n\r\n`,
    'a chunk that is longer than its size': `${CHUNKED}4\r\nhello\r\n0\r\n\r\n`,
    'a chunk that is shorter than its size': `${CHUNKED}6\r\nhello\r\n0\r\n\r\n`,
    'a chunk that ends with LF': `${CHUNKED}5\r\nhello\n0\r\n\r\n`,
    'a chunk that ends with CR': `${CHUNKED}5\r\nhello\r0\r\n\r\n`,
    'a trailer that ends with LF': `${CHUNKED}0\r\nx-a: b\n\r\n`,
    'a NUL in a trailer': `${CHUNKED}0\r\nx-a: \x00\r\n\r\n`,
    'a last line that ends with LF': `${CHUNKED}0\r\n\n`,
    'a head that is too long': `${PLAIN}x-a: ${'b'.repeat(70_000)}\r\n\r\n`,
    'too many headers': `${PLAIN}${'a:b\r\n'.repeat(1_001)}\r\n`,
    'an extension that is too long': `${CHUNKED}5;${'a'.repeat(70_000)}\r\nhello\r\n0\r\n\r\n`,
    'a size of too many zeros': `${CHUNKED}${'0'.repeat(70_000)}5\r\nhello\r\n0\r\n\r\n`,
    'trailers that are too long': `${CHUNKED}0\r\n${'x-a: b\r\n'.repeat(10_000)}\r\n`,
  }

  test.for(Object.entries(REFUSED))('%s', ([, text]) => {
    const bytes = bytesOf(text)
    expect(told(text, true).ending).toBe('BAD_ANSWER')
    const last = Math.min(bytes.length, 200)
    for (let at = 1; at < last; at += 1)
      expect(tell(cut(bytes, [at]), true).ending, `cut at ${at}`).toBe('BAD_ANSWER')
  })
})
