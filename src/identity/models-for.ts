/** The models that a caller is shown. */
import { mayUseModel } from './model-rights.ts'
import type { Principal } from './principal.ts'

export interface OfferedModel {
  /** Name of the model group or alias; `provider/*` for a wildcard group. */
  readonly name: string
  readonly accessGroups: readonly string[]
}

/**
 * Names that the caller may call, in the order of the configuration. Of a wildcard group these are the names that the
 * caller's lists spell out, and the wildcard itself when all of it is allowed.
 */
export function visibleModels(principal: Principal, offered: readonly OfferedModel[]): readonly string[] {
  const visible = new Set<string>()
  for (const model of offered) {
    if (model.name.endsWith('*')) {
      for (const name of spelledOut(principal, model)) visible.add(name)
    }
    if (mayUseModel(principal, model.name, model.name, model.accessGroups)) visible.add(model.name)
  }
  return [...visible]
}

function spelledOut(principal: Principal, wildcard: OfferedModel): readonly string[] {
  const prefix = wildcard.name.slice(0, -1)
  return principal.modelLists
    .flatMap((list) => list.models)
    .filter((name) => !name.endsWith('*') && name.startsWith(prefix))
    .filter((name) => (prefix === '' ? name.includes('/') : true))
    .filter((name) => mayUseModel(principal, name, wildcard.name, wildcard.accessGroups))
}
