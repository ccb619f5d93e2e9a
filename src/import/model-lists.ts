/** Lists of models that stand in several places of the source, as the one list that a key or a team has here. */
import { NO_MODELS, TEAM_MODELS } from '../identity/model-rights.ts'

/** Lists that leave the choice to somebody else. */
const OPEN = new Set(['*', 'all-proxy-models', TEAM_MODELS])

/**
 * With the models of access groups: LiteLLM asks the groups where the list itself does not allow a model. A list that
 * allows all of them stays empty.
 */
export function withAccessGroups(
  models: readonly string[],
  groups: readonly string[],
  modelsOf: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  if (models.length === 0) return models
  return [...new Set([...models, ...groups.flatMap((group) => modelsOf.get(group) ?? [])])]
}

/**
 * What a list allows where another one binds it too. Names are compared as they stand: a pattern of one list that covers
 * a name of the other does not count, so that nothing becomes allowed that was not.
 */
export function narrowed(models: readonly string[], by: readonly string[]): readonly string[] {
  if (by.length === 0) return models
  if (models.length === 0 || models.some((model) => OPEN.has(model))) return by
  const both = models.filter((model) => by.includes(model))
  return both.length === 0 ? [NO_MODELS] : both
}
