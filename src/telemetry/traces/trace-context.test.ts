/** The headers of a trace, and which traces are exported. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isWithin, readSampler, SAMPLER_NAMES } from './sampler.ts'
import { formatTraceParent, newSpanId, parseTraceParent, parseTraceState } from './trace-context.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'

function hex(length: number): fc.Arbitrary<string> {
  return fc
    .string({ unit: fc.constantFrom(...'0123456789abcdef'.split('')), minLength: length, maxLength: length })
    .filter((text) => /[^0]/.test(text))
}

describe('traceparent', () => {
  test('is read as it is written, whatever the ids', () => {
    fc.assert(
      fc.property(hex(32), hex(16), fc.boolean(), (traceId, spanId, sampled) => {
        expect(parseTraceParent(formatTraceParent(traceId, spanId, sampled))).toEqual({
          traceId,
          spanId,
          sampled,
        })
      }),
    )
  })

  test.each([
    ['no header', undefined],
    ['the reserved version', `ff-${TRACE}-${SPAN}-01`],
    ['a trace id of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['a span id of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['capital letters', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['more parts than its version has', `00-${TRACE}-${SPAN}-01-more`],
    ['a line break', `00-${TRACE}-${SPAN}-01\r\nx: y`],
    ['a short id', `00-${TRACE.slice(1)}-${SPAN}-01`],
    ['a list', [`00-${TRACE}-${SPAN}-01`]],
  ])('with %s is as none', (_, header) => {
    expect(parseTraceParent(header)).toBeUndefined()
  })

  test('of a later version is read by its first four parts', () => {
    expect(parseTraceParent(`cc-${TRACE}-${SPAN}-03-what-the-future-holds`)).toEqual({
      traceId: TRACE,
      spanId: SPAN,
      sampled: true,
    })
  })

  test('never throws, and gives ids that may stand in a header', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const parent = parseTraceParent(text)
        if (parent !== undefined) expect(parent.traceId).toMatch(/^[0-9a-f]{32}$/)
      }),
    )
  })
})

test('a tracestate that is too long or could break a header is dropped', () => {
  expect(parseTraceState('a=1,b=2')).toBe('a=1,b=2')
  expect(parseTraceState(`a=${'1'.repeat(600)}`)).toBeUndefined()
  expect(parseTraceState('a=1\u0000')).toBeUndefined()
  expect(parseTraceState(undefined)).toBeUndefined()
})

test('span ids are 16 hex digits', () => {
  for (let index = 0; index < 1_000; index += 1) expect(newSpanId()).toMatch(/^(?!0{16})[0-9a-f]{16}$/)
})

describe('the sampler', () => {
  const decisions = (name: string): readonly boolean[] => {
    const sampler = readSampler(name, '0')
    return [sampler(TRACE, undefined), sampler(TRACE, true), sampler(TRACE, false)]
  }

  test('decides as the specification says, for a new trace, and with a client that did and did not sample', () => {
    expect(Object.fromEntries(SAMPLER_NAMES.map((name) => [name, decisions(name)]))).toEqual({
      always_on: [true, true, true],
      always_off: [false, false, false],
      traceidratio: [false, false, false],
      parentbased_always_on: [true, true, false],
      parentbased_always_off: [false, true, false],
      parentbased_traceidratio: [false, true, false],
    })
    expect(decisions('unknown')).toEqual(decisions('parentbased_always_on'))
  })

  test('keeps with a larger share whatever it keeps with a smaller one', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(hex(32), share, share, (traceId, one, other) => {
        const [small, large] = one < other ? [one, other] : [other, one]
        expect(isWithin(traceId, small) && !isWithin(traceId, large)).toBe(false)
        expect(isWithin(traceId, 1)).toBe(true)
        expect(isWithin(traceId, 0)).toBe(false)
      }),
    )
  })

  test.each(['', 'half', '-1', '2'])('takes "%s" for a share of all', (argument) => {
    expect(readSampler('traceidratio', argument)(TRACE, undefined)).toBe(true)
  })
})
