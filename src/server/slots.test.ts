import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Slots } from './slots.ts'

test('whatever comes and goes, the set holds what a Set would, and no more room than its largest size needed', () => {
  const steps = fc.array(fc.tuple(fc.constantFrom('add', 'delete'), fc.nat({ max: 9 })))
  fc.assert(
    fc.property(steps, (all) => {
      const items = Array.from({ length: 10 }, (_, name) => ({ name }))
      const slots = new Slots<{ name: number }>()
      const model = new Set<{ name: number }>()
      for (const [step, index] of all) {
        const item = items[index]!
        if (step === 'add') {
          slots.add(item)
          model.add(item)
        } else {
          expect(slots.delete(item)).toBe(model.delete(item))
        }
        expect(slots.size).toBe(model.size)
        expect(new Set(slots)).toEqual(model)
      }
    }),
  )
})
