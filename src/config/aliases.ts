/** Warns of aliases that lead to no model. Never an error: the other models serve. */
import type { DeploymentConfig } from './build-deployments.ts'
import { nearestName } from './nearest-name.ts'
import type { LitellmSettings } from './schema/litellm-settings.ts'
import type { RouterSettings } from './schema/router-settings.ts'
import type { SectionReader } from './section-reader.ts'

/** @param deployments all that the file names: where one could not be read, nothing is said of aliases. */
export function warnOfAliases(
  reader: SectionReader,
  deployments: readonly DeploymentConfig[],
  router: RouterSettings,
  litellm: LitellmSettings,
): void {
  const models = deployments.map((deployment) => deployment.model_name)
  // A wildcard may serve whatever an alias names.
  if (models.some((name) => name.includes('*'))) return
  for (const [alias, target] of Object.entries(router.model_group_alias)) {
    const model = typeof target === 'string' ? target : target.model
    warnUnlessKnown(reader, ['router_settings', 'model_group_alias', alias], model, models)
  }
  const ids = deployments.map((deployment) => deployment.model_info.id)
  const named = [...models, ...ids, ...Object.keys(router.model_group_alias)]
  for (const [alias, model] of Object.entries(litellm.model_alias_map)) {
    warnUnlessKnown(reader, ['litellm_settings', 'model_alias_map', alias], model, named)
  }
}

function warnUnlessKnown(
  reader: SectionReader,
  path: readonly [section: string, key: string, alias: string],
  model: string,
  known: readonly string[],
): void {
  if (known.includes(model)) return
  const nearest = nearestName(model, known)
  const message = 'no entry of model_list has the name that this alias stands for: calls of it are refused'
  reader.report('warning', 'bad_reference', path, message, {
    hint: nearest === undefined ? undefined : `did you mean "${nearest}"?`,
  })
}
