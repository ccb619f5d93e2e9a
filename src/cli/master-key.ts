/** The master key of an installation that was given none: made once, kept in the data directory, mode 0600. */
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Secret } from '../config/secret.ts'

export interface KeptMasterKey {
  readonly key: Secret
  readonly file: string
  /** True when it was made just now. */
  readonly made: boolean
}

/** @throws Error when the kept key cannot be read, or is no key. */
export function keepMasterKey(dataDir: string): KeptMasterKey {
  // Absolute: the banner's command is pasted into another terminal, in whatever directory that stands.
  const file = resolve(dataDir, 'master-key')
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const fresh = `sk-${randomBytes(24).toString('base64url')}`
  try {
    // `wx` fails when the file is there: of two processes that start together, one makes the key.
    writeFileSync(file, `${fresh}\n`, { mode: 0o600, flag: 'wx' })
    return { key: new Secret(fresh), file, made: true }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
  const kept = readFileSync(file, 'utf8').trim()
  if (!kept.startsWith('sk-')) {
    throw new Error(
      `${file} holds no master key (expected text that starts with "sk-"): delete it, and one is made.`,
    )
  }
  return { key: new Secret(kept), file, made: false }
}
