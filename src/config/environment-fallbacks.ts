/** Settings that take their value from an environment variable when the file does not give them. */
import { databaseUrlFromEnvironment } from './database-url.ts'
import { EnvironmentText, type Environment } from './environment.ts'
import type { LocatedEntry, LocatedMap, Place } from './located.ts'

interface Fallback {
  readonly section: string
  readonly key: string
  readonly variable: string
}

export const ENVIRONMENT_FALLBACKS: readonly Fallback[] = [
  { section: 'general_settings', key: 'master_key', variable: 'LITELLM_MASTER_KEY' },
  // What the Helm chart sets, for a config file that does not name the key.
  { section: 'general_settings', key: 'master_key', variable: 'PROXY_MASTER_KEY' },
  { section: 'general_settings', key: 'store_model_in_db', variable: 'STORE_MODEL_IN_DB' },
  { section: 'general_settings', key: 'proxy_batch_write_at', variable: 'PROXY_BATCH_WRITE_AT' },
  {
    section: 'general_settings',
    key: 'proxy_batch_polling_interval',
    variable: 'PROXY_BATCH_POLLING_INTERVAL',
  },
  {
    section: 'general_settings',
    key: 'proxy_batch_polling_enabled',
    variable: 'PROXY_BATCH_POLLING_ENABLED',
  },
  {
    section: 'general_settings',
    key: 'disable_prisma_schema_update',
    variable: 'DISABLE_SCHEMA_UPDATE',
  },
  { section: 'general_settings', key: 'slack_webhook_url', variable: 'SLACK_WEBHOOK_URL' },
  { section: 'general_settings', key: 'slack_webhook_url', variable: 'ALERTING_WEBHOOK_URL' },
  { section: 'general_settings', key: 'webhook_url', variable: 'WEBHOOK_URL' },
  { section: 'litellm_settings', key: 'request_timeout', variable: 'REQUEST_TIMEOUT' },
  { section: 'litellm_settings', key: 'json_logs', variable: 'JSON_LOGS' },
  { section: 'litellm_settings', key: 'drop_params', variable: 'LITELLM_DROP_PARAMS' },
]

const PLACE: Place = { file: 'environment', line: 0, column: 0 }

/** Adds the keys that only the environment gives. */
export function addFallbacks(root: LocatedMap, environment: Environment): LocatedMap {
  let filled = root
  for (const { section, key, variable } of ENVIRONMENT_FALLBACKS) {
    const value = environment[variable]
    if (value) filled = addMember(filled, section, key, new EnvironmentText(variable, value))
  }
  const url = databaseUrlFromEnvironment(environment)
  if (url === undefined) return filled
  return addMember(
    filled,
    'general_settings',
    'database_url',
    new EnvironmentText('DATABASE_URL', url.reveal()),
  )
}

function addMember(root: LocatedMap, section: string, key: string, value: EnvironmentText): LocatedMap {
  const own = root.entries.get(section)
  const ownValue = own?.value
  // A section of the wrong type is reported when it is parsed.
  if (
    ownValue !== undefined &&
    ownValue.kind !== 'map' &&
    !(ownValue.kind === 'scalar' && ownValue.value === null)
  ) {
    return root
  }
  const members = ownValue?.kind === 'map' ? ownValue.entries : new Map<string, LocatedEntry>()
  const present = members.get(key)?.value
  if (present !== undefined && !(present.kind === 'scalar' && present.value === null)) return root
  const entry: LocatedEntry = { keyPlace: PLACE, value: { kind: 'scalar', place: PLACE, value } }
  const map: LocatedMap = {
    kind: 'map',
    place: ownValue?.place ?? PLACE,
    entries: new Map([...members, [key, entry]]),
  }
  return {
    ...root,
    entries: new Map([...root.entries, [section, { keyPlace: own?.keyPlace ?? PLACE, value: map }]]),
  }
}
