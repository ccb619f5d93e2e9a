/**
 * Room to put a message together, of which the operating system nearly always takes every byte at once: then the next
 * message is put into the same bytes, which are in the processor's caches still, and nothing is to be collected.
 */
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

/** Larger messages get bytes of their own. A slow reader of a small one holds on to so much. */
const ROOM_BYTES = 8_192

let room = Buffer.allocUnsafeSlow(ROOM_BYTES)

/** Room for a message of so many bytes; it has to be sent by `sendMessage` before anything else happens. */
export function messageRoom(socket: Socket, bytes: number): Buffer {
  // What waits, for other bytes or to be encrypted, must not be written over.
  const waits = socket.writableLength > 0 || socket instanceof TLSSocket
  return waits || bytes > ROOM_BYTES ? Buffer.allocUnsafe(bytes) : room.subarray(0, bytes)
}

/** Sends a message that was put into its room. @returns what `socket.write` says. */
export function sendMessage(socket: Socket, message: Buffer): boolean {
  const taken = socket.write(message)
  // The socket holds on to what was not taken whole.
  if (socket.writableLength > 0 && message.buffer === room.buffer) room = Buffer.allocUnsafeSlow(ROOM_BYTES)
  return taken
}
