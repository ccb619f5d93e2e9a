/** The scan of request bodies: what it accepts, what it finds, and how it names what it refuses. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { GatewayError } from '../errors/gateway-error.ts'
import { MAX_DEPTH } from './json-grammar.ts'
import { MAX_MEMBERS, scanMembers } from './json-members.ts'

function scan(text: string) {
  return scanMembers(Buffer.from(text))
}

function refusalOf(body: string | Buffer): GatewayError {
  try {
    scanMembers(Buffer.from(body as string))
  } catch (error) {
    if (error instanceof GatewayError) {
      return error
    }
  }
  throw new Error('the body was accepted')
}

/** Whether JSON.parse gives an object, told apart from what the scan leaves to the provider: the inside of strings. */
function parsedObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

function nested(levels: number): string {
  return `${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`
}

describe('members of a body', () => {
  test('are found with their exact places', () => {
    const text = ' { "model" : "gpt" , "n":-1.5e+3,"é":[1,{"x":"}"}],"t":true } '
    const members = scan(text)
    const body = Buffer.from(text)
    const slices = [...members.byName.values()].map((member) =>
      body.toString('utf8', member.valueStart, member.valueEnd),
    )
    expect([...members.byName.keys()]).toEqual(['model', 'n', 'é', 't'])
    expect(slices).toEqual(['"gpt"', '-1.5e+3', '[1,{"x":"}"}]', 'true'])
    expect(body.toString('utf8', members.get('model')?.nameStart, members.get('model')!.nameStart + 7)).toBe(
      '"model"',
    )
    expect(text.charAt(text.lastIndexOf('}'))).toBe('}')
    expect(body[members.closeBrace]).toBe(0x7d)
  })

  test('are parsed one by one, and a value that is null is not absent', () => {
    const members = scan('{"model":"gr\\u00fcn","stream":null,"list":[1,2]}')
    expect(members.value('model')).toBe('grün')
    expect(members.value('stream')).toBeNull()
    expect(members.value('list')).toEqual([1, 2])
    expect(members.value('list')).toBe(members.value('list'))
    expect(members.value('other')).toBeUndefined()
  })

  test('have their names decoded, so that an escape hides nothing', () => {
    expect(scan('{"mod\\u0065l":"a"}').value('model')).toBe('a')
    expect(refusalOf('{"model":"a","mod\\u0065l":"b"}').message).toContain('"model" twice')
  })

  test('called __proto__ or constructor are members like others', () => {
    const members = scan('{"__proto__":{"model":"x"},"constructor":1}')
    expect(members.value('__proto__')).toEqual(JSON.parse('{"model":"x"}'))
    expect(members.get('model')).toBeUndefined()
    expect(members.get('toString')).toBeUndefined()
  })

  test('end at their own closing quote, however many backslashes stand before it', () => {
    expect(scan('{"a":"\\\\","b":"\\\\\\"","c":"\\""}').value('b')).toBe('\\"')
    expect(refusalOf('{"a":"\\\\\\"}').message).toContain('the end of the string that begins at byte 5')
  })
})

describe('a body is refused', () => {
  test.each([
    ['', 0, 'a JSON object', 'the end of the body'],
    ['[1]', 0, 'a JSON object', '"["'],
    ['\ufeff{}', 0, 'a JSON object', '0xef'],
    ['{"a":1,}', 7, 'a member name', '"}"'],
    ['{"a" 1}', 5, '":"', '"1"'],
    ['{"a":1 "b":2}', 7, '"," or "}"', '"""'],
    ['{"a":[1 2]}', 8, '"," or "]"', '"2"'],
    ['{"a":[1}', 7, '"," or "]"', '"}"'],
    ['{"a":{"b":1]}', 11, '"," or "}"', '"]"'],
    ['{"a":tru}', 5, 'a JSON value', '"t"'],
    ['{"a":truex}', 9, '"," or "}"', '"x"'],
    ['{"a":01}', 6, '"," or "}"', '"1"'],
    ['{"a":-}', 6, 'a digit', '"}"'],
    ['{"a":1.}', 7, 'a digit', '"}"'],
    ['{"a":1e}', 7, 'a digit', '"}"'],
    ['{"a":+1}', 5, 'a JSON value', '"+"'],
    ['{"a":NaN}', 5, 'a JSON value', '"N"'],
    ['{"a":"x', 7, 'the end of the string', 'the end of the body'],
    ['{"a":[', 6, 'a JSON value', 'the end of the body'],
    ['{"a":1} {"b":2}', 8, 'nothing after the object', '"{"'],
    ['{"a":1}\0', 7, 'nothing after the object', '0x00'],
    ["{'a':1}", 1, 'a member name in double quotes', '"\'"'],
    ['{"a":1,/**/"b":2}', 7, 'a member name', '"/"'],
  ])('%j at byte %i, where %s was expected', (body, offset, expected, found) => {
    const error = refusalOf(body)
    expect(error.code).toBe('bad_request')
    expect(error.param).toBe('request_body')
    expect(error.message).toContain(`at byte ${offset} `)
    expect(error.message).toContain(expected)
    expect(error.message).toContain(found)
  })

  test('that nests too deep, at once and without recursion, and the message names the limit', () => {
    expect(() => scan(nested(MAX_DEPTH))).not.toThrow()
    expect(refusalOf(nested(MAX_DEPTH + 1)).message).toContain('200 levels at byte 1000')
    expect(refusalOf(`{"a":${'['.repeat(1_000_000)}`).message).toContain('200 levels')
  })

  test('that has too many members', () => {
    const members = (count: number) => `{${Array.from({ length: count }, (_, i) => `"m${i}":0`).join(',')}}`
    expect(scan(members(MAX_MEMBERS)).byName.size).toBe(MAX_MEMBERS)
    expect(refusalOf(members(MAX_MEMBERS + 1)).message).toContain('more than 4096 members')
  })

  test('that names a member twice, and a name of any length does not flood the message', () => {
    expect(refusalOf('{"model":"a","x":1,"model":"b"}').message).toContain(
      '"model" twice, the second time at byte 19',
    )
    const name = 'n'.repeat(100_000)
    expect(refusalOf(`{"${name}":1,"${name}":2}`).message.length).toBeLessThan(300)
  })

  test('whose UTF-8 is broken, at the byte where it breaks', () => {
    const body = Buffer.concat([Buffer.from('{"a":"ü\ufffd'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')])
    expect(refusalOf(body).message).toContain('not valid UTF-8 at byte 11')
    expect(refusalOf(Buffer.from([0x7b, 0xff, 0x7d])).message).toContain('at byte 1')
  })

  test('when a member that is read, or a name, has a malformed string', () => {
    expect(() => scan('{"model":"a\\x"}').value('model')).toThrow(/^model: a string in bytes 9 to 14/)
    expect(() => scan('{"model":"a\nb"}').value('model')).toThrow(GatewayError)
    expect(refusalOf('{"mo\\x":1}').message).toContain('whose name has a malformed escape')
    expect(refusalOf('{"mo\n":1}').message).toContain('whose name has a malformed escape')
  })
})

/** JSON text of an object, with white space, escapes and duplicates as they come. */
const jsonText = fc
  .tuple(
    fc.array(fc.tuple(fc.oneof(fc.constantFrom('model', '__proto__', 'a'), fc.string()), fc.jsonValue()), {
      maxLength: 6,
    }),
    fc.constantFrom(undefined, 1, '\t'),
  )
  .map(([members, indent]) => {
    const texts = members.map(
      ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value, null, indent)}`,
    )
    return `{${texts.join(indent === undefined ? ',' : ' ,\r\n')}}`
  })

test('any object that JSON.parse accepts is accepted, with the same members, unless it names one twice', () => {
  fc.assert(
    fc.property(jsonText, (text) => {
      const object = parsedObject(text) ?? {}
      let members
      try {
        members = scan(text)
      } catch (error) {
        return (error as Error).message.includes('twice')
      }
      expect([...members.byName.keys()].toSorted()).toEqual(Object.keys(object).toSorted())
      for (const name of members.byName.keys()) {
        expect(members.value(name)).toEqual(object[name])
      }
      return true
    }),
    { numRuns: 1_000 },
  )
})

/** Short texts of grammar pieces: most are broken, some in subtle ways. No string in them has an escape. */
const tokens = fc
  .array(
    fc
      .constantFrom(
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '"a"',
        '"b"',
        '""',
        '0',
        '-1',
        '1.5',
        '1e5',
        '01',
        '.',
        '-',
        'e',
        '+',
      )
      .chain((token) => fc.constantFrom(token, token, ` ${token}`)),
    { maxLength: 12 },
  )
  .map((pieces) => `{"x":${pieces.join('')}`)

test('a text of grammar pieces is accepted if and only if JSON.parse gives an object with no name twice', () => {
  fc.assert(
    fc.property(tokens, fc.constantFrom('', '}', ']}', '}}', ' } '), (pieces, close) => {
      const text = pieces + close
      let accepted = true
      let twice = false
      try {
        scan(text)
      } catch (error) {
        accepted = false
        twice = (error as Error).message.includes('twice')
      }
      return twice || accepted === (parsedObject(text) !== undefined)
    }),
    { numRuns: 20_000 },
  )
})

test('an object with one character changed is accepted if and only if JSON.parse accepts it, strings aside', () => {
  fc.assert(
    fc.property(
      fc
        .dictionary(fc.constantFrom('a', 'b', 'c'), fc.jsonValue({ maxDepth: 3 }))
        .map((value) => JSON.stringify(value)),
      fc.nat(),
      fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '0', ' ', 'x', '-', '.', ''),
      (text, place, character) => {
        const at = place % text.length
        const changed = text.slice(0, at) + character + text.slice(at + 1)
        let accepted = true
        try {
          for (const name of scan(changed).byName.keys()) {
            scan(changed).value(name)
          }
        } catch (error) {
          if ((error as Error).message.includes('twice')) {
            return
          }
          accepted = false
        }
        expect(accepted).toBe(parsedObject(changed) !== undefined)
      },
    ),
    { numRuns: 5_000 },
  )
})
