/** All secrets of a configuration, so that the redactor knows their exact values. */
import { Secret } from '../config/secret.ts'

/** Walks a plain tree of objects, lists and maps. */
export function collectSecrets(value: unknown): string[] {
  if (value instanceof Secret) return [value.reveal()]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(collectSecrets)
}
