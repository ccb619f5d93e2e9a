import { expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { BodyRoom, HeldBody } from './body-room.ts'

test('bodies are taken while there is room, and again when others have gone', () => {
  const room = new BodyRoom(100)
  const [first, second, third] = [new HeldBody(room), new HeldBody(room), new HeldBody(room)]
  first.add(60)
  second.add(40)
  expect(() => third.add(1)).toThrow(GatewayError)
  first.letGo()
  first.letGo()
  third.add(60)
  expect(room.held).toBe(100)
})

test('a body that is alone is taken, however large and in whatever pieces', () => {
  const room = new BodyRoom(100)
  const alone = new HeldBody(room)
  for (let piece = 0; piece < 5; piece += 1) alone.add(100)
  alone.growTo(700)
  expect(room.held).toBe(700)
  expect(() => new HeldBody(room).add(1)).toThrow(/again soon/)
})
