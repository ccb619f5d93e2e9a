/**
 * A lock on a data directory that ends with the process, however it ends. The operating system holds it on a small
 * SQLite file, so nothing has to be cleaned up after a kill.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

const LOCK_FILE = 'lock.sqlite'

export interface DirectoryLock {
  release(): void
}

/**
 * Takes the lock of a directory, which is made if it is missing.
 *
 * @returns undefined when another holder has it.
 * @throws when the directory cannot be written.
 */
export function tryLockDirectory(directory: string): DirectoryLock | undefined {
  mkdirSync(directory, { recursive: true })
  const file = new DatabaseSync(join(directory, LOCK_FILE))
  try {
    file.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    file.close()
    if (isBusy(error)) return undefined
    throw new Error(`cannot lock the directory ${directory}: ${String(error)}`, { cause: error })
  }
  return { release: () => file.close() }
}

/** SQLITE_BUSY is 5. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 5
}
