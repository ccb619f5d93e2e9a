/** A page of metrics, in the pieces in which it was written: to put a large one together would hold up calls. */
export class PageBody {
  readonly pieces: readonly Buffer[]
  /** In bytes. */
  readonly length: number

  constructor(pieces: readonly Buffer[]) {
    this.pieces = pieces
    this.length = pieces.reduce((sum, piece) => sum + piece.length, 0)
  }

  toString(): string {
    return Buffer.concat(this.pieces).toString()
  }
}
