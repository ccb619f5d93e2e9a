/** Finds every secret of a config, so that logs and error texts can be cleared of them by value. */
import type { Config } from './config.ts'
import { Secret } from './secret.ts'

/** The distinct secret values of a config, revealed; the database's password also by itself. Not empty ones. */
export function collectSecrets(config: Config): ReadonlySet<string> {
  const found = new Set<string>()
  collect(config, found)
  const url = config.general_settings.database_url?.reveal()
  if (url !== undefined && URL.canParse(url)) {
    const { password } = new URL(url)
    found.add(password).add(decodeOrKeep(password))
  }
  found.delete('')
  return found
}

function collect(value: unknown, found: Set<string>): void {
  if (value instanceof Secret) found.add(value.reveal())
  else if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) collect(member, found)
  }
}

function decodeOrKeep(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
