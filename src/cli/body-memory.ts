/** How much memory a process may spend on the bodies of requests. */
import { totalmem } from 'node:os'

/** A body is there twice while it is read and written, and the rest of the process needs its own. */
const SHARE = 1 / 4

/** @param workers processes that share the memory. @returns bytes, by the limit of the container where there is one. */
export function mostBodyBytes(workers: number): number {
  // Without a limit it is 0, or more than there is.
  const limit = process.constrainedMemory()
  const memory = limit > 0 ? Math.min(limit, totalmem()) : totalmem()
  return Math.floor((memory * SHARE) / workers)
}
