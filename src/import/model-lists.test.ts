import fc from 'fast-check'
import { expect, test } from 'vitest'
import { narrowed, withAccessGroups } from './model-lists.ts'

const GROUPS = new Map([['g', ['b', 'c']]])

test('access groups add to a list, and leave one alone that allows everything', () => {
  expect(withAccessGroups(['a', 'b'], ['g', 'unknown'], GROUPS)).toEqual(['a', 'b', 'c'])
  expect(withAccessGroups([], ['g'], GROUPS)).toEqual([])
})

test.each([
  [['a', 'b'], ['b', 'c'], ['b']],
  [['a'], ['b'], ['no-default-models']],
  [[], ['a'], ['a']],
  [['all-team-models'], ['a'], ['a']],
  [['*'], ['a'], ['a']],
  [['a'], [], ['a']],
])('%j narrowed by %j is %j', (models, by, expected) => {
  expect(narrowed(models, by)).toEqual(expected)
})

test('nothing is allowed that the second list does not allow', () => {
  const names = fc.array(fc.constantFrom('a', 'b', 'c', '*', 'all-team-models'), { minLength: 1 })
  fc.assert(
    fc.property(names, names, (models, by) => {
      for (const model of narrowed(models, by)) expect([...by, 'no-default-models']).toContain(model)
    }),
  )
})
