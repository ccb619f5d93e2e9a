/** Settings that a running gateway keeps as they were at its start: what a changed file says of them is told, not lost. */
import { isDeepStrictEqual } from 'node:util'
import type { Config } from '../config/config.ts'
import { isSameRedis } from '../config/redis.ts'
import { Secret } from '../config/secret.ts'
import { PROMETHEUS_SHAPE } from '../config/schema/prometheus-settings.ts'

const GENERAL = [
  'database_url',
  'database_connection_pool_limit',
  'database_connect_timeout',
  'database_statement_timeout',
] as const

/** Series that exist have their labels already. */
const METRICS: readonly string[] = Object.keys(PROMETHEUS_SHAPE)

/** The settings that differ and are not taken up, by their key paths. */
export function settingsThatNeedRestart(running: Config, changed: Config): readonly string[] {
  const general = GENERAL.filter(
    (name) => !isSame(running.general_settings[name], changed.general_settings[name]),
  ).map((name) => `general_settings.${name}`)
  const [before, after] = [running.litellm_settings, changed.litellm_settings]
  const litellm = [...METRICS, 'service_callback'].filter(
    (name) => !isSame(Reflect.get(before, name), Reflect.get(after, name)),
  )
  return [
    ...general,
    ...litellm.map((name) => `litellm_settings.${name}`),
    ...(isSameRedis(changed.redis, running.redis) ? [] : ['the settings of Redis']),
  ]
}

function isSame(one: unknown, other: unknown): boolean {
  if (one instanceof Secret && other instanceof Secret) return one.reveal() === other.reveal()
  return isDeepStrictEqual(one, other)
}
