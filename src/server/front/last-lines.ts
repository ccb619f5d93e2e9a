/** The last lines of an answer's head, which are the same for all answers of a second. */
import { inOnePiece } from '../../record/in-one-piece.ts'

let second = Number.NaN
let close = ''
let keepAlive = ''
let keptSeconds = Number.NaN

/**
 * The `date` (RFC 9110, section 5.6.7), what becomes of the connection, and the empty line.
 *
 * @param keepAliveSeconds how long the connection may be idle; undefined when it ends with this answer.
 */
export function lastLines(keepAliveSeconds: number | undefined): string {
  const now = Math.floor(Date.now() / 1000)
  if (now !== second || (keepAliveSeconds !== undefined && keepAliveSeconds !== keptSeconds)) {
    second = now
    keptSeconds = keepAliveSeconds ?? keptSeconds
    const date = `date: ${new Date(now * 1000).toUTCString()}\r\nconnection: `
    close = inOnePiece(`${date}close\r\n\r\n`)
    keepAlive = inOnePiece(`${date}keep-alive\r\nkeep-alive: timeout=${keptSeconds}\r\n\r\n`)
  }
  return keepAliveSeconds === undefined ? close : keepAlive
}
