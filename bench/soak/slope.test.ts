import fc from 'fast-check'
import { expect, test } from 'vitest'
import { minuteLows, slopeOf, type Sample } from './slope.ts'

const MINUTE_MS = 60_000

function line(bytesPerHour: number, minutes: number): Sample[] {
  return Array.from({ length: minutes }, (_, minute) => ({
    atMs: minute * MINUTE_MS,
    bytes: 300e6 + (bytesPerHour / 60) * minute,
  }))
}

test('the slope of a line is found, though every fifth sample is far off', () => {
  fc.assert(
    fc.property(fc.double({ min: -50e6, max: 50e6, noNaN: true }), fc.boolean(), (bytesPerHour, isAbove) => {
      const samples = line(bytesPerHour, 40).map((sample, minute) =>
        minute % 5 === 2 ? { ...sample, bytes: sample.bytes + (isAbove ? 90e6 : -90e6) } : sample,
      )
      const { bytesPerHour: found } = slopeOf(samples)
      expect(Math.abs(found - bytesPerHour)).toBeLessThan(10)
    }),
  )
})

test('of each minute the lowest sample is kept', () => {
  const samples = [5, 3, 4, 9, 8].map((bytes, index) => ({ atMs: index * 20_000, bytes }))
  expect(minuteLows(samples).map(({ bytes }) => bytes)).toEqual([3, 8])
})

test('one sample has no slope', () => {
  expect(slopeOf(line(1, 1)).bytesPerHour).toBeNaN()
})
