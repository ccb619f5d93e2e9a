/** The top-level members of a provider's answer: scanned, so that a large answer is not parsed for a small usage. */
import { scanMembers } from './json-members.ts'
import { objectOf, parseJson } from './json-value.ts'

export interface AnswerMembers {
  /** The member's value, parsed; undefined when absent. */
  value(name: string): unknown
  /** The JSON text of the member's value; undefined when absent. */
  slice(name: string): Buffer | undefined
}

/** Undefined when the body is no JSON object. An answer that the strict scan refuses is parsed whole instead. */
export function readAnswerMembers(body: Buffer): AnswerMembers | undefined {
  try {
    const members = scanMembers(body)
    return {
      value: (name) => members.value(name),
      slice: (name) => {
        const member = members.get(name)
        return member === undefined ? undefined : body.subarray(member.valueStart, member.valueEnd)
      },
    }
  } catch {
    return parsedMembers(body)
  }
}

function parsedMembers(body: Buffer): AnswerMembers | undefined {
  const object = objectOf(parseJson(body.toString('utf8')))
  if (object === undefined) {
    return undefined
  }
  return {
    value: (name) => (Object.hasOwn(object, name) ? object[name] : undefined),
    slice: (name) => (Object.hasOwn(object, name) ? Buffer.from(JSON.stringify(object[name])) : undefined),
  }
}
