import { expect, test } from 'vitest'
import { deltaBytes } from './delta-bytes.ts'

test.each(['role', 'id', 'call_id', 'type', 'signature'])('%s is no output of the model', (name) => {
  expect(deltaBytes(JSON.stringify({ delta: { [name]: 'xxxx', content: 'four' } }), 'delta')).toBe(4)
})

test.each(['content', 'text', 'name', 'rule', 'typo', 'ix', 'call_ix', 'signatura', 'arguments'])(
  '%s is output',
  (name) => {
    expect(deltaBytes(JSON.stringify({ delta: { [name]: 'four' } }), 'delta')).toBe(4)
  },
)
