/**
 * Reads the heads of one origin's answers. They are nearly the same from call to call, whatever connection they come by:
 * of a head whose shape is known only the values that change are read, and the bytes between them compared. A head that
 * is not exactly so is read from its beginning by `readAnswerHead`, which alone decides what is taken.
 */
import { readAnswerHead, type AnswerHead } from './answer-head.ts'
import { AnswerShape, LINE_END, MOST_LINES } from './answer-shape.ts'

/** Whole answers, streams, and refusals of two kinds. */
const MOST_SHAPES = 4

/** Larger heads are not learned: what is learned is kept for as long as the origin. */
const LONGEST_LEARNED = 4_096

/** Of the first heads of unknown shapes each is a lesson, of later ones one of so many: a lesson costs a dozen reads. */
const FIRST_LESSONS = 16
const HEADS_A_LESSON = 64

/** One for each origin, for it remembers. */
export class AnswerHeads {
  readonly #read: typeof readAnswerHead
  readonly #shapes: AnswerShape[] = []
  #unknown = 0

  /** @param read decides about heads that are not known. */
  constructor(read = readAnswerHead) {
    this.#read = read
  }

  /** Reads as `readAnswerHead` does. */
  read(bytes: Buffer, start: number, end: number): AnswerHead | undefined {
    for (const shape of this.#shapes) {
      const known = shape.read(bytes, start, end)
      if (known !== undefined) return known
    }
    const head = this.#read(bytes, start, end)
    if (head !== undefined) this.#learn(head, bytes, start)
    return head
  }

  #learn({ status, end }: AnswerHead, bytes: Buffer, start: number): void {
    this.#unknown += 1
    if (this.#unknown > FIRST_LESSONS && this.#unknown % HEADS_A_LESSON !== 0) return
    if (end - start > LONGEST_LEARNED) return
    const lines = bytes.toString('latin1', start, end).split(LINE_END)
    if (lines.length > MOST_LINES) return
    for (const [index, shape] of this.#shapes.entries()) {
      const wider = shape.widened(lines)
      if (wider === undefined) continue
      this.#shapes[index] = wider
      return
    }
    this.#add(new AnswerShape(status, lines))
  }

  /** Instead of the one that has been met least since another was added; those that are met often come first. */
  #add(shape: AnswerShape): void {
    this.#shapes.sort((one, other) => other.met - one.met)
    this.#shapes.splice(MOST_SHAPES - 1, 1, shape)
    for (const known of this.#shapes) known.met = 0
  }
}
