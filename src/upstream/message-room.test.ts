import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { messageRoom, sendMessage } from './message-room.ts'

const server = createServer()
let reader: Socket
let writer: Socket

beforeEach(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  reader = connect(port, '127.0.0.1')
  const [socket] = (await once(server, 'connection')) as [Socket]
  writer = socket
})

afterEach(() => {
  writer.destroy()
  reader.destroy()
  server.close()
})

function send(text: string): Buffer {
  const message = messageRoom(writer, text.length)
  message.write(text, 'latin1')
  sendMessage(writer, message)
  return message
}

async function received(bytes: number): Promise<string> {
  let text = ''
  for await (const chunk of reader.setEncoding('latin1')) {
    text += String(chunk)
    if (text.length >= bytes) break
  }
  return text
}

test('messages that are taken at once share their bytes, and come as they were', async () => {
  const one = send('one,')
  const two = send('two,')
  expect(two.buffer).toBe(one.buffer)
  expect(send('x'.repeat(10_000)).buffer).not.toBe(one.buffer)
  expect(await received(10_008)).toBe(`one,two,${'x'.repeat(10_000)}`)
})

test('what the other side does not take is never written over', async () => {
  let sent = ''
  const fill = (letter: string): Buffer => {
    const text = letter.repeat(8_000)
    sent += text
    return send(text)
  }
  // Until the buffers of the operating system are full, and longer.
  let waiting: Buffer | undefined
  for (let index = 0; waiting === undefined || index % 10 !== 0; index += 1) {
    const message = fill(String.fromCharCode(97 + (index % 26)))
    if (writer.writableLength > 0) waiting ??= message
  }
  const other = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [elsewhere] = (await once(server, 'connection')) as [Socket]
  const beside = messageRoom(elsewhere, 100).fill('!')
  expect(beside.buffer).not.toBe(waiting.buffer)
  sendMessage(elsewhere, beside)
  const text = await received(sent.length)
  expect(text.length).toBe(sent.length)
  expect(text === sent).toBe(true)
  other.destroy()
  elsewhere.destroy()
})
