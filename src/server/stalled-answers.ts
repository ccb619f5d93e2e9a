/** Answers that are written and that their clients do not read: without an end they would hold their memory for ever. */
import type { Server, ServerResponse } from 'node:http'

/** A client that takes nothing of a finished answer for so long is taken for gone. */
export const ANSWER_STALL_MS = 60_000

/** Cuts the connections of Node's server whose clients take nothing of a finished answer for `stallMs`. */
export function endStalledAnswers(server: Server, stallMs: number): void {
  // Written whole, it waits for nothing but its client. Node's own keep-alive time replaces this one when it is taken.
  function onWritten(this: ServerResponse): void {
    this.setTimeout(stallMs)
  }
  server.prependListener('request', (_request, response) => response.once('prefinish', onWritten))
}
