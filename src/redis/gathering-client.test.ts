/** Commands of one turn of the event loop leave together, those of its end with them. */
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { startRedis } from '../../test/redis.ts'
import { GatheringClient } from './gathering-client.ts'

test('what is sent when the turn ends leaves with what was sent in it', async () => {
  await using server = await startRedis()
  const client = new GatheringClient(server.port)
  await once(client, 'ready')
  const answers: Promise<string>[] = [client.ping('one')]
  client.whenTurnEnds(() => answers.push(client.ping('other')))
  expect(client.stream.writableCorked).toBe(1)
  await new Promise(setImmediate)
  expect(client.stream.writableCorked).toBe(0)
  expect(await Promise.all(answers)).toEqual(['one', 'other'])
  client.disconnect()
})

test('without a connection, a task runs all the same', async () => {
  const client = new GatheringClient({ lazyConnect: true })
  await new Promise<void>((done) => client.whenTurnEnds(done))
})

test('a task that asks for another one has it run in the same turn', async () => {
  await using server = await startRedis()
  const client = new GatheringClient(server.port)
  await once(client, 'ready')
  let ran = false
  client.whenTurnEnds(() => client.whenTurnEnds(() => (ran = true)))
  await new Promise(setImmediate)
  expect(ran).toBe(true)
  client.disconnect()
})
