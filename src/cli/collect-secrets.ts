/** All secrets of a configuration, so that the redactor knows their exact values. */
import type { Config } from '../config/config.ts'
import { Secret } from '../config/secret.ts'

/**
 * Every value that the configuration holds as a secret. What stands in `environment_variables` is one unless its name
 * says that it is an address: masked, every line and label that names a provider would say nothing.
 */
export function collectSecrets({ environment_variables: variables, ...rest }: Config): string[] {
  const named = Object.entries(variables).filter(([name, value]) => !isAddress(name, value.reveal()))
  return [...secretsIn(rest), ...named.flatMap(([, value]) => secretsIn(value))]
}

/** Walks a plain tree of objects and lists. Of a URL its password is a secret of its own. */
function secretsIn(value: unknown): string[] {
  if (value instanceof Secret) return [value.reveal(), ...passwordOf(value.reveal())]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(secretsIn)
}

const NAMES_OF_ADDRESSES = /_(?:API_BASE|BASE|BASE_URL|HOST|PORT|REGION|REGION_NAME|ENDPOINT|API_VERSION)$/i

/** A host, port, region or version, or a URL that carries neither credentials nor parameters. */
function isAddress(name: string, value: string): boolean {
  if (!NAMES_OF_ADDRESSES.test(name)) return false
  if (!value.includes('://')) return /^[\w.:[\]-]*$/.test(value)
  if (!URL.canParse(value)) return false
  const { username, password, search, hash } = new URL(value)
  return `${username}${password}${search}${hash}` === ''
}

function passwordOf(text: string): string[] {
  if (!text.includes('://') || !URL.canParse(text)) return []
  const { password } = new URL(text)
  return password === '' ? [] : [password, decodeURIComponent(password)]
}
