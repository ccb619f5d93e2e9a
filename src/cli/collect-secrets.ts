/** All secrets of a configuration, so that the redactor knows their exact values. */
import { Secret } from '../config/secret.ts'

/** Walks a plain tree of objects and lists. Of a URL its password is a secret of its own. */
export function collectSecrets(value: unknown): string[] {
  if (value instanceof Secret) return [value.reveal(), ...passwordOf(value.reveal())]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(collectSecrets)
}

function passwordOf(text: string): string[] {
  if (!text.includes('://') || !URL.canParse(text)) return []
  const { password } = new URL(text)
  return password === '' ? [] : [password, decodeURIComponent(password)]
}
