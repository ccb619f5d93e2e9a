/** Loads a config file: the one way from YAML and environment to the typed `Config`. */
import type * as z from 'zod'
import { warnOfAlerting } from './alerting.ts'
import { warnOfAliases } from './aliases.ts'
import { buildDeployments } from './build-deployments.ts'
import { warnOfBucket, warnOfCallbacks } from './callbacks.ts'
import type { Config, EffectiveRouterSettings } from './config.ts'
import { ConfigError, type ConfigIssue, sortIssues } from './config-issue.ts'
import { addFallbacks } from './environment-fallbacks.ts'
import type { Environment } from './environment.ts'
import { type LocatedMap, nodeAt } from './located.ts'
import { checkMetrics } from './prometheus.ts'
import { readRedis, type RedisReading } from './redis.ts'
import { type ConfigFiles, readConfigFiles } from './read-files.ts'
import { resolveReferences } from './resolve-references.ts'
import { warnOfCache } from './response-cache.ts'
import { type Credential, credentialSchema, credentialValuesSchema } from './schema/credential-list.ts'
import { environmentVariablesSchema } from './schema/environment-variables.ts'
import { GENERAL_SETTINGS_NOT_IN_FORCE, generalSettingsSchema } from './schema/general-settings.ts'
import {
  LITELLM_SETTINGS_NOT_IN_FORCE,
  type LitellmSettings,
  litellmSettingsSchema,
} from './schema/litellm-settings.ts'
import { LITELLM_PARAMS_NOT_IN_FORCE } from './schema/model-list.ts'
import {
  ROUTER_SETTINGS_NOT_IN_FORCE,
  type RouterSettings,
  routerSettingsSchema,
} from './schema/router-settings.ts'
import { SECTIONS, SECTIONS_NOT_IN_FORCE } from './schema/top-level.ts'
import type { Secret } from './secret.ts'
import { SectionReader } from './section-reader.ts'
import { shapeOf } from './setting.ts'

export interface LoadedConfig {
  readonly config: Config
  readonly warnings: readonly ConfigIssue[]
  /** The file and all that it includes. */
  readonly files: readonly string[]
  /** Of the content that was read. */
  readonly fingerprint: string
}

/**
 * Reads, resolves and checks the config file at `path`.
 * @param environment resolves `os.environ/NAME` and gives the fallbacks; it is not changed.
 * @throws ConfigError with all issues at once.
 */
export function loadConfig(path: string, environment: Environment): LoadedConfig {
  return readConfig(readConfigFiles(path), environment)
}

/** The config of a start without a file: no models, and what the environment says. */
export function defaultConfig(environment: Environment): LoadedConfig {
  const place = { file: 'environment', line: 0, column: 0 }
  const root: LocatedMap = { kind: 'map', place, entries: new Map() }
  return readConfig({ root, issues: [], files: [], fingerprint: '' }, environment)
}

const DEFAULT_RETRIES = 2
const DEFAULT_TIMEOUT_SECONDS = 600

function readConfig(input: ConfigFiles, environment: Environment): LoadedConfig {
  const { files, fingerprint } = input
  const issues = [...input.issues]
  const config = input.root === undefined ? undefined : readSections(input.root, environment, issues)
  const sorted = sortIssues(issues, files)
  if (config === undefined || sorted.some((issue) => issue.severity === 'error')) {
    throw new ConfigError(sorted, files, fingerprint)
  }
  return { config, warnings: sorted, files, fingerprint }
}

/** Undefined when a section does not fit; `issues` then tells why. */
function readSections(
  source: LocatedMap,
  environment: Environment,
  issues: ConfigIssue[],
): Config | undefined {
  const exported = readEnvironmentVariables(source, environment, issues)
  const merged: Environment = { ...environment, ...revealAll(exported) }
  const own = withoutSection(source, 'environment_variables')
  const root = addFallbacks(resolveReferences(own, merged, issues), merged)
  const reader = new SectionReader(root, source, issues)
  reader.warnOfKeys([], root, { shape: SECTIONS, notInForce: SECTIONS_NOT_IN_FORCE })
  const general = readSection(
    reader,
    'general_settings',
    generalSettingsSchema,
    GENERAL_SETTINGS_NOT_IN_FORCE,
  )
  const litellm = readSection(
    reader,
    'litellm_settings',
    litellmSettingsSchema,
    LITELLM_SETTINGS_NOT_IN_FORCE,
  )
  const router = readSection(reader, 'router_settings', routerSettingsSchema, ROUTER_SETTINGS_NOT_IN_FORCE)
  const credentials = readCredentials(reader)
  const deployments = buildDeployments(reader, credentials, merged)
  if (litellm !== undefined) {
    warnOfAllCallbacks(reader, litellm, merged)
    warnOfCache(reader, litellm)
    checkMetrics(reader, litellm)
  }
  if (general !== undefined) warnOfAlerting(reader, general)
  if (general === undefined || litellm === undefined || router === undefined) return undefined
  if (!issues.some((issue) => issue.severity === 'error')) warnOfAliases(reader, deployments, router, litellm)
  const sections = { general_settings: general, litellm_settings: litellm, router_settings: router }
  const redis = readRedis(sections, merged)
  reportRedis(reader, redis)
  return {
    redis: redis.settings,
    model_list: deployments,
    credential_list: credentials,
    general_settings: general,
    litellm_settings: litellm,
    router_settings: effectiveRouterSettings(router, litellm),
    environment_variables: exported,
  }
}

/** The file's own variables come first: the other sections may refer to them. */
function readEnvironmentVariables(
  source: LocatedMap,
  environment: Environment,
  issues: ConfigIssue[],
): Readonly<Record<string, Secret>> {
  const entry = source.entries.get('environment_variables')
  if (entry === undefined || (entry.value.kind === 'scalar' && entry.value.value === null)) return {}
  const section: LocatedMap = { ...source, entries: new Map([['environment_variables', entry]]) }
  const reader = new SectionReader(resolveReferences(section, environment, issues), source, issues)
  return reader.parse(['environment_variables'], environmentVariablesSchema) ?? {}
}

function withoutSection(root: LocatedMap, name: string): LocatedMap {
  return { ...root, entries: new Map([...root.entries].filter(([key]) => key !== name)) }
}

function revealAll(variables: Readonly<Record<string, Secret>>): Environment {
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, value.reveal()]))
}

function readSection<Schema extends z.ZodType>(
  reader: SectionReader,
  name: string,
  schema: Schema,
  notInForce: readonly string[],
): z.output<Schema> | undefined {
  const node = nodeAt(reader.root, [name])
  if (node === undefined || (node.kind === 'scalar' && node.value === null))
    return reader.parse([name], schema, {})
  if (node.kind === 'map') reader.warnOfKeys([name], node, { shape: shapeOf(schema), notInForce })
  return reader.parse([name], schema)
}

function readCredentials(reader: SectionReader): readonly Credential[] {
  const list = nodeAt(reader.root, ['credential_list'])
  if (list === undefined || (list.kind === 'scalar' && list.value === null)) return []
  if (list.kind !== 'list') {
    reader.reportUnfit(['credential_list'], 'a list of credentials')
    return []
  }
  return list.items.flatMap((item, index) => {
    const path = ['credential_list', index]
    if (item.kind === 'map')
      reader.warnOfKeys(path, item, { shape: shapeOf(credentialSchema), notInForce: [] })
    const values = nodeAt(reader.root, [...path, 'credential_values'])
    if (values?.kind === 'map') {
      const known = { shape: shapeOf(credentialValuesSchema), notInForce: LITELLM_PARAMS_NOT_IN_FORCE }
      reader.warnOfKeys([...path, 'credential_values'], values, known)
    }
    const credential = reader.parse(path, credentialSchema)
    return credential === undefined ? [] : [credential]
  })
}

function warnOfAllCallbacks(
  reader: SectionReader,
  settings: LitellmSettings,
  environment: Environment,
): void {
  for (const key of ['callbacks', 'success_callback', 'failure_callback', 'service_callback'] as const) {
    warnOfCallbacks(reader, ['litellm_settings', key], settings[key], environment)
  }
  warnOfBucket(reader, settings, environment)
}

function reportRedis(reader: SectionReader, { problems }: RedisReading): void {
  for (const { severity, path, variable, message, expected } of problems) {
    const more = expected === undefined ? {} : { expected }
    if (variable === undefined) {
      reader.report(severity, severity === 'error' ? 'wrong_type' : 'not_in_force', path, message, more)
    } else {
      const place = { file: 'environment', line: 0, column: 0 }
      reader.issues.push({ severity, kind: 'environment', ...place, key: variable, message, ...more })
    }
  }
}

function effectiveRouterSettings(router: RouterSettings, litellm: LitellmSettings): EffectiveRouterSettings {
  return {
    ...router,
    num_retries: router.num_retries ?? litellm.num_retries ?? DEFAULT_RETRIES,
    timeout: router.timeout ?? litellm.request_timeout ?? DEFAULT_TIMEOUT_SECONDS,
  }
}
