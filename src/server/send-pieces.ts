/** Answers of megabytes that lie there in pieces. */
import { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FastifyReply } from 'fastify'
import { ANSWER_STALL_MS } from './stalled-answers.ts'

/** Sends them as the client takes them, each in a turn of its own: calls go on between. */
export function sendPieces(reply: FastifyReply, pieces: readonly Buffer[]): FastifyReply {
  // What is not yet written whole has no end of its own, should its client take nothing of it.
  reply.raw.setTimeout(ANSWER_STALL_MS)
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
  return reply.header('content-length', length).send(Readable.from(inTurns(pieces)))
}

async function* inTurns(pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) await nextTurn()
    yield piece
  }
}
