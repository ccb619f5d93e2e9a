/**
 * The top-level members of a provider's answer. A large answer is scanned, so that it is not parsed for its small
 * usage; a small one is parsed whole, which is faster than a scan and several small parses.
 */
import { scanMembers, type JsonMembers } from './json-members.ts'
import { objectOf, parseJson, type JsonObject } from './json-value.ts'

export interface AnswerMembers {
  /** The member's value, parsed; undefined when absent. */
  value(name: string): unknown
  /** The member's own members; undefined when it is no object. */
  object(name: string): AnswerMembers | undefined
  /** False when the string `word` stands nowhere in the member; true when it may. */
  mayHold(name: string, word: string): boolean
}

/** Answers up to this size are parsed whole. */
export const SMALL_BYTES = 8 * 1024

/** Undefined when the body is no JSON object. An answer that the strict scan refuses is parsed whole as well. */
export function readAnswerMembers(body: Buffer): AnswerMembers | undefined {
  if (body.length > SMALL_BYTES) {
    try {
      return new ScannedAnswer(scanMembers(body))
    } catch {
      // Too deep or odd for the scan, or no JSON: the parser decides.
    }
  }
  const object = objectOf(parseJson(body.toString('utf8')))
  return object === undefined ? undefined : new ParsedAnswer(object)
}

class ScannedAnswer implements AnswerMembers {
  readonly #members: JsonMembers

  constructor(members: JsonMembers) {
    this.#members = members
  }

  /** A member with a malformed string counts as absent: the scan leaves the inside of strings unchecked. */
  value(name: string): unknown {
    const slice = this.#slice(name)
    return slice === undefined ? undefined : parseJson(slice.toString('utf8'))
  }

  object(name: string): AnswerMembers | undefined {
    const slice = this.#slice(name)
    return slice === undefined ? undefined : readAnswerMembers(slice)
  }

  mayHold(name: string, word: string): boolean {
    return this.#slice(name)?.includes(JSON.stringify(word)) === true
  }

  #slice(name: string): Buffer | undefined {
    const member = this.#members.get(name)
    return member === undefined ? undefined : this.#members.body.subarray(member.valueStart, member.valueEnd)
  }
}

class ParsedAnswer implements AnswerMembers {
  readonly #object: JsonObject

  constructor(object: JsonObject) {
    this.#object = object
  }

  value(name: string): unknown {
    return Object.hasOwn(this.#object, name) ? this.#object[name] : undefined
  }

  object(name: string): AnswerMembers | undefined {
    const object = objectOf(this.value(name))
    return object === undefined ? undefined : new ParsedAnswer(object)
  }

  mayHold(): boolean {
    return true
  }
}
