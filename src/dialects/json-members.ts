/**
 * The top-level members of a JSON object body, found by one scan of its bytes: names, and where each value stands,
 * so that the gateway can read and splice members without re-serialising the rest.
 */

export interface JsonMember {
  readonly name: string
  /** Offsets in the body: [start, end) of the value. */
  readonly valueStart: number
  readonly valueEnd: number
  /** Offset of the opening quote of the name. */
  readonly nameStart: number
}

export interface JsonMembers {
  readonly body: Buffer
  /** Undefined when the member is absent. */
  get(name: string): JsonMember | undefined
  /** Parses the member's value; undefined when absent. */
  value(name: string): unknown
}
