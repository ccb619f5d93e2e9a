/** The version of this program, from its own package.json. */
import { readFileSync } from 'node:fs'

interface PackageFacts {
  readonly version: string
}

function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as PackageFacts).version
}

export const VERSION = readVersion()
