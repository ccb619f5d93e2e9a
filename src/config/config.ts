/** The config as the rest of Sluice reads it: typed, immutable by type, keys named as in the file. All times are seconds. */
import type { RedisSettings } from '../redis/redis-settings.ts'
import type { DeploymentConfig } from './build-deployments.ts'
import type { Credential } from './schema/credential-list.ts'
import type { GeneralSettings } from './schema/general-settings.ts'
import type { LitellmSettings } from './schema/litellm-settings.ts'
import type { RouterSettings } from './schema/router-settings.ts'
import type { Secret } from './secret.ts'

/** `router_settings` with what `litellm_settings`, the environment and the defaults say where it is silent. */
export interface EffectiveRouterSettings extends RouterSettings {
  readonly num_retries: number
  /** Seconds. */
  readonly timeout: number
}

export interface Config {
  readonly model_list: readonly DeploymentConfig[]
  readonly credential_list: readonly Credential[]
  readonly general_settings: GeneralSettings
  readonly litellm_settings: LitellmSettings
  readonly router_settings: EffectiveRouterSettings
  /** The Redis that these and the environment name; undefined where none is in use. */
  readonly redis: RedisSettings | undefined
  /** What the file exports into the environment; it wins over what was there. */
  readonly environment_variables: Readonly<Record<string, Secret>>
}
