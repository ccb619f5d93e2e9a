import { expect, test } from 'vitest'
import { newestDump, readTotals } from './callgrind.ts'

test('the totals of a dump are read by the names of its events', () => {
  const dump = 'version: 1\nevents: Ir Dr Dw ILmr\n\nfn=(1) main\n16 400 3\n\ntotals: 2000 30 4\n'
  expect([...(readTotals(dump) ?? [])]).toEqual([
    ['Ir', 2000],
    ['Dr', 30],
    ['Dw', 4],
    ['ILmr', 0],
  ])
})

test('what has no totals is no dump', () => {
  expect(readTotals('')).toBeUndefined()
  expect(readTotals('events: Ir\n')).toBeUndefined()
})

test('the newest dump of the main thread is read', () => {
  const files = [
    'callgrind.out',
    'callgrind.out.9-01',
    'callgrind.out.10-01',
    'callgrind.out.11-02',
    'vgdb-x',
  ]
  expect(newestDump(files)).toBe('callgrind.out.10-01')
  expect(newestDump(['callgrind.out'])).toBeUndefined()
})
