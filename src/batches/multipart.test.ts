import fc from 'fast-check'
import { expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { boundaryOf, MultipartReader, MultipartWriter } from './multipart.ts'

const BOUNDARY = 'b-0123456789'

async function* piecesOf(body: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let start = 0
  for (let index = 0; start < body.length; index += 1) {
    const end = start + (sizes[index % sizes.length] ?? body.length)
    yield body.subarray(start, end)
    start = end
  }
}

interface Part {
  readonly name: string
  readonly filename?: string | undefined
  readonly text: string
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = []
  for await (const item of items) list.push(item)
  return list
}

async function readAll(body: Buffer, sizes: readonly number[] = [body.length]): Promise<readonly Part[]> {
  const reader = new MultipartReader(piecesOf(body, sizes), BOUNDARY)
  const parts: Part[] = []
  for (let part = await reader.next(); part !== undefined; part = await reader.next()) {
    if (part.kind === 'field') parts.push({ name: part.name, text: part.value })
    else {
      const content = await collect(part.content)
      parts.push({
        name: part.name,
        filename: part.filename,
        text: Buffer.concat(content).toString('latin1'),
      })
    }
  }
  return parts
}

function written(parts: readonly Part[]): Buffer {
  const writer = new MultipartWriter(BOUNDARY)
  const pieces = parts.map(({ name, filename, text }) =>
    filename === undefined
      ? writer.field(name, text)
      : Buffer.concat([
          writer.fileHead({ name, filename, contentType: undefined }),
          Buffer.from(text, 'latin1'),
          Buffer.from('\r\n'),
        ]),
  )
  return Buffer.concat([...pieces, writer.end()])
}

/** Texts in which beginnings of the boundary are frequent. */
const content = fc
  .array(fc.constantFrom('\r', '\n', '-', '--', '\r\n--b-', '\r\n--b-012345678', 'text', '\0', '\xff'), {
    maxLength: 40,
  })
  .map((pieces) => pieces.join(''))
const name = fc
  .string({ minLength: 1, maxLength: 20 })
  .filter((text) => !/[\\%]/.test(text) && text.isWellFormed())

test('what is written is read again, however the bytes are cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ name, filename: name, text: content }), { minLength: 1, maxLength: 4 }),
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 }),
      async (parts, sizes) => {
        expect(await readAll(written(parts), sizes)).toEqual(parts)
      },
    ),
  )
})

test('the forms of browsers, Python and the SDKs are read', async () => {
  const body = Buffer.from(
    `preamble\r\n--${BOUNDARY}  \r\nContent-Disposition: form-data; name=purpose\r\n\r\nbatch\r\n` +
      `--${BOUNDARY}\r\nContent-Type: text/plain\r\n` +
      `Content-Disposition: form-data; name="file"; filename="a\\"b.txt"; filename*=utf-8''gr%C3%B6%C3%9Fe.txt\r\n\r\n\r\n` +
      `--${BOUNDARY}--\r\nepilogue`,
  )
  expect(await readAll(body)).toEqual([
    { name: 'purpose', text: 'batch' },
    { name: 'file', filename: 'größe.txt', text: '' },
  ])
})

test.each([
  ['no boundary at all', 'hello'],
  [
    'an end before the last boundary',
    `--${BOUNDARY}\r\ncontent-disposition: form-data; name="a"\r\n\r\nvalue`,
  ],
  ['a part without a name', `--${BOUNDARY}\r\ncontent-type: text/plain\r\n\r\nvalue\r\n--${BOUNDARY}--`],
  [
    'a field that is too large',
    `--${BOUNDARY}\r\ncontent-disposition: form-data; name="a"\r\n\r\n${'x'.repeat(70_000)}\r\n--${BOUNDARY}--`,
  ],
  ['headers without end', `--${BOUNDARY}\r\n${'x: y\r\n'.repeat(4_000)}`],
  ['too many parts', written(Array.from({ length: 65 }, () => ({ name: 'a', text: '' }))).toString()],
])('%s is refused', async (_what, text) => {
  await expect(readAll(Buffer.from(text), [1_000])).rejects.toThrow(GatewayError)
})

test('the boundary is found in every spelling, and what has none is refused', () => {
  expect(boundaryOf('multipart/form-data; boundary=abc')).toBe('abc')
  expect(boundaryOf('Multipart/Form-Data; charset=utf-8; Boundary="a b"')).toBe('a b')
  for (const contentType of [undefined, 'application/json', 'multipart/form-data']) {
    expect(() => boundaryOf(contentType)).toThrow(/expected 'multipart\/form-data'/)
  }
})
