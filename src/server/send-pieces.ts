/** Answers of megabytes that come in pieces. */
import { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FastifyReply } from 'fastify'
import { ANSWER_STALL_MS } from './stalled-answers.ts'

/** Sends what lies there in pieces, each in a turn of its own: calls go on between. */
export function sendPieces(reply: FastifyReply, pieces: readonly Buffer[]): FastifyReply {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
  return sendWhileMade(reply, inTurns(pieces), length)
}

/**
 * Sends pieces as the client takes them; more of them are not made.
 * @param length of all of them in bytes, where it is known.
 */
export function sendWhileMade(
  reply: FastifyReply,
  pieces: AsyncIterable<Buffer>,
  length: number | undefined,
): FastifyReply {
  // What is not yet written whole has no end of its own, should its client take nothing of it.
  reply.raw.setTimeout(ANSWER_STALL_MS)
  if (length !== undefined) void reply.header('content-length', length)
  return reply.send(Readable.from(pieces))
}

async function* inTurns(pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) await nextTurn()
    yield piece
  }
}
