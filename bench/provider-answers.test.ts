import { expect, test } from 'vitest'
import { AnswerReader } from './answer-reader.ts'
import { BENCH_DIALECTS } from './load-job.ts'
import {
  monotonicMicroseconds,
  PROVIDER_ANSWERS,
  STAMP_DIGITS,
  STAMP_MARK,
  stampedChunk,
} from './provider-answers.ts'

test.each(BENCH_DIALECTS)('%s: a whole answer and a stream are HTTP answers that end', (dialect) => {
  const answers = PROVIDER_ANSWERS[dialect]
  const seen: number[] = []
  let events = 0
  const reader = new AnswerReader({
    onEvents: (count) => (events += count),
    onAnswerEnd: (status) => seen.push(status),
  })
  reader.push(answers.whole)
  reader.push(answers.long)
  reader.push(answers.streamHead)
  const before = events
  for (let chunk = 0; chunk < 3; chunk += 1) reader.push(stampedChunk(answers))
  expect(events - before).toBe(3)
  reader.push(answers.streamTail)
  expect(seen).toEqual([200, 200, 200])
})

test.each(BENCH_DIALECTS)(
  '%s: a chunk says when it was sent, and nothing else looks like that',
  (dialect) => {
    const answers = PROVIDER_ANSWERS[dialect]
    const from = monotonicMicroseconds()
    const chunk = stampedChunk(answers)
    const at = chunk.indexOf(STAMP_MARK)
    const stamp = Number(chunk.toString('latin1', at + 1, at + 1 + STAMP_DIGITS))
    expect(stamp).toBeGreaterThanOrEqual(Math.floor(from))
    expect(stamp).toBeLessThanOrEqual(monotonicMicroseconds())
    for (const part of [answers.whole, answers.long, answers.streamHead, answers.streamTail]) {
      expect(part.includes(STAMP_MARK)).toBe(false)
    }
    expect(chunk.indexOf(STAMP_MARK, at + 1)).toBe(-1)
  },
)
