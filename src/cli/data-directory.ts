/** The data directory, made before anything is written to it: what is wrong with it is told once, in words. */
import { accessSync, constants, mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes the directory and those above it, readable by their owner alone.
 *
 * @param path absolute.
 * @throws Error that names the directory and what to do.
 */
export function makeDataDirectory(path: string): void {
  try {
    make(path)
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (cause) {
    const reason = reasonOf(cause)
    throw new Error(
      `The data directory ${path} cannot be used: ${reason}. Choose another with --data_dir or SLUICE_DATA_DIR.`,
      { cause },
    )
  }
}

/** One after the other: Node's recursive mkdir never ends in a file system that knows no directories but its own. */
function make(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return
  const parent = dirname(path)
  if (parent !== path) make(parent)
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    // Another process, or worker, was first.
    if (codeOf(error) !== 'EEXIST' || !statSync(path).isDirectory()) throw error
  }
}

const REASONS: ReadonlyMap<unknown, string> = new Map([
  ['EACCES', 'this user has no right to make it or to write to it'],
  ['EPERM', 'this user has no right to make it'],
  ['EROFS', 'its file system is read-only'],
  ['EEXIST', 'a file is where it, or a part of its path, should be'],
  ['ENOENT', 'a part of its path leads nowhere'],
  ['ENOSPC', 'its disk is full'],
])

function reasonOf(error: unknown): string {
  return REASONS.get(codeOf(error)) ?? (error instanceof Error ? error.message : 'it cannot be made')
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
