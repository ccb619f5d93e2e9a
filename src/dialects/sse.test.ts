/** Splitting of event streams: any cutting of the bytes gives the same events, in bounded memory. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { leadingEventName, readEvent, SseSplitter, type SseEvent } from './sse.ts'

setFlagsFromString('--expose-gc')
// What the flag defines.
const collectGarbage = runInNewContext('gc') as () => void

class Collector {
  readonly events: SseEvent[] = []
  /** One character a byte. */
  readonly frames: string[] = []

  onFrame(frame: string): void {
    const event = readEvent(frame)
    if (event.data !== undefined || event.event !== '') {
      this.events.push(event)
    }
    this.frames.push(frame)
  }
}

function split(...chunks: (string | Buffer)[]): Collector {
  const collector = new Collector()
  const splitter = new SseSplitter(collector)
  for (const chunk of chunks) {
    splitter.push(Buffer.from(chunk as string).toString('latin1'))
  }
  return collector
}

describe('an event stream', () => {
  test.each([
    ['LF', 'event: a\ndata: 1\n\ndata: 2\n\n'],
    ['CRLF', 'event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n'],
    ['CR', 'event: a\rdata: 1\r\rdata: 2\r\r'],
    ['mixed line ends', 'event: a\r\ndata: 1\n\r\ndata: 2\r\r'],
  ])('with %s gives its events', (_name, text) => {
    expect(split(text).events).toEqual([
      { event: 'a', data: '1' },
      { event: '', data: '2' },
    ])
  })

  test('keeps data lines apart, drops one space, and ignores comments and other fields', () => {
    const text = ': hello\nid: 7\nretry: 1\ndata:a\ndata:  b\ndata\ndatax: no\n\n: only a comment\n\n'
    expect(split(text).events).toEqual([{ event: '', data: 'a\n b\n' }])
  })

  test('decodes UTF-8 that was cut within a character', () => {
    const bytes = Buffer.from('data: grün 🎈\n\n')
    for (let at = 1; at < bytes.length; at += 1) {
      expect(split(bytes.subarray(0, at), bytes.subarray(at)).events).toEqual([
        { event: '', data: 'grün 🎈' },
      ])
    }
  })

  test('gives an event at its CR CR, without waiting for a LF that may never come', () => {
    expect(split('data: 1\r\n\r').events).toHaveLength(1)
    expect(split('data: 1\r\n\r', '\ndata: 2\r\n\r\n').events).toHaveLength(2)
  })

  test('holds an event that has not ended, and gives it up on demand', () => {
    const splitter = new SseSplitter(new Collector())
    expect(splitter.push('data: 1\n\ndata: 2\n')).toBe(9)
    expect(splitter.heldBytes).toBe(8)
    expect(splitter.takeHeld()).toBe('data: 2\n')
    expect(splitter.takeHeld()).toBe('')
  })

  test('with an event over the limit is an error, and what was held is let go', () => {
    const splitter = new SseSplitter(new Collector(), 1_000)
    splitter.push(`data: ${'x'.repeat(900)}`)
    expect(() => splitter.push('x'.repeat(200))).toThrow(/more than 1000 bytes/)
    expect(splitter.heldBytes).toBe(0)
  })
})

test('the event name is read from the first line, with or without CR', () => {
  expect(leadingEventName('event: ping\ndata: {}\n\n')).toBe('ping')
  expect(leadingEventName('event:ping\r\ndata: {}\r\n\r\n')).toBe('ping')
  expect(leadingEventName('data: {}\n\n')).toBe('')
})

const line = fc.oneof(
  fc.constantFrom('data', 'data:', ': comment', 'event: x', 'id: 1', '\ufeffdata: b'),
  fc.string({ unit: 'binary', maxLength: 8 }).map((text) => `data: ${text.replaceAll(/[\r\n]/g, '')}`),
)
const stream = fc
  .array(fc.tuple(fc.array(line, { minLength: 0, maxLength: 3 }), fc.constantFrom('\n', '\r\n', '\r')), {
    maxLength: 6,
  })
  .map((events) => Buffer.from(events.map(([lines, end]) => [...lines, ''].join(end) + end).join('')))

test('any cutting of the bytes gives the same events, and the pieces are the stream byte for byte', () => {
  fc.assert(
    fc.property(stream, fc.array(fc.nat(), { maxLength: 8 }), (bytes, cuts) => {
      const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted(
        (a, b) => a - b,
      )
      const chunks = places.slice(1).map((end, i) => bytes.subarray(places[i], end))
      const cut = split(...chunks)
      const whole = split(bytes)
      expect(cut.events).toEqual(whole.events)
      expect(cut.frames.join('')).toBe(whole.frames.join(''))
      expect(bytes.toString('latin1').startsWith(cut.frames.join(''))).toBe(true)
    }),
    { numRuns: 3_000 },
  )
})

test('of a large chunk whose event has not ended only that event is held, and it comes whole', async () => {
  const [event, rest] = ['data: {"a":1}\n\n', 'data: {"b":2}\n\n']
  const frames = { count: 0, last: '' }
  const splitter = new SseSplitter({
    onFrame: (frame) => {
      frames.count += 1
      frames.last = frame
    },
  })
  const push = (): void => {
    const chunk = Buffer.alloc(event.length * 500_000, event).toString('latin1')
    splitter.push(chunk + rest.slice(0, 6))
    frames.last = ''
  }
  const heldBytes = async (): Promise<number> => {
    await nextTurn()
    collectGarbage()
    return process.memoryUsage().heapUsed
  }
  const before = await heldBytes()
  push()
  expect((await heldBytes()) - before).toBeLessThan(1_000_000)
  splitter.push(rest.slice(6))
  expect(frames).toEqual({ count: 500_001, last: rest })
})
