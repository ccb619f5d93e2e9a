import { expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { BodyRoom } from './body-room.ts'

test('bodies are taken while there is room, and again when others have gone', () => {
  const room = new BodyRoom(100)
  room.take(60)
  room.take(40)
  expect(() => room.take(1)).toThrow(GatewayError)
  room.give(60)
  room.take(60)
  expect(room.held).toBe(100)
})

test('a body that is alone is taken, however large', () => {
  const room = new BodyRoom(100)
  room.take(500)
  expect(room.held).toBe(500)
  expect(() => room.take(1)).toThrow(/again soon/)
})
