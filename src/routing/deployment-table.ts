/** The deployments of one configuration, found by what a client calls. Immutable: a reload makes a new table. */
import type { DeploymentConfig } from '../config/build-deployments.ts'
import { buildDeployment, isFault, type BuildOptions, type DeploymentFault } from './build-deployment.ts'
import type { Deployment, ModelGroup } from './deployment.ts'

/** An alias of a model group (`router_settings.model_group_alias`). */
export interface GroupAlias {
  readonly group: string
  /** Works, but is not listed. */
  readonly hidden: boolean
}

export interface OfferedName {
  readonly name: string
  readonly accessGroups: readonly string[]
}

interface Wildcard {
  readonly pattern: RegExp
  readonly name: string
  readonly entries: readonly DeploymentConfig[]
}

/** Client-chosen names that matched a wildcard and are remembered. */
const MAX_REMEMBERED = 10_000

/** No model is called by a longer name; matching stays cheap whatever a client sends. */
const MAX_NAME_LENGTH = 512

export class DeploymentTable {
  readonly faults: readonly DeploymentFault[]
  readonly #groups: ReadonlyMap<string, ModelGroup>
  readonly #byId: ReadonlyMap<string, ModelGroup>
  readonly #wildcards: readonly Wildcard[]
  readonly #aliases: ReadonlyMap<string, GroupAlias>
  readonly #options: BuildOptions
  readonly #remembered = new Map<string, ModelGroup>()

  constructor(
    entries: readonly DeploymentConfig[],
    aliases: ReadonlyMap<string, GroupAlias>,
    options: BuildOptions,
  ) {
    this.#aliases = aliases
    this.#options = options
    const built = buildGroups(
      entries.filter((entry) => !entry.model_name.includes('*')),
      options,
    )
    this.#groups = built.groups
    this.faults = built.faults
    this.#byId = new Map(
      [...built.groups.values()].flatMap((group) =>
        group.deployments.map((deployment) => [
          deployment.facts.modelId,
          { name: group.name, deployments: [deployment] },
        ]),
      ),
    )
    this.#wildcards = wildcardsOf(entries.filter((entry) => entry.model_name.includes('*')))
  }

  /** By name, then alias, then deployment id, then the most specific wildcard. Undefined when nothing matches. */
  find(model: string): ModelGroup | undefined {
    const named = this.#groups.get(model)
    if (named !== undefined) return named
    const alias = this.#aliases.get(model)
    if (alias !== undefined) return this.#groups.get(alias.group) ?? this.#matchWildcard(alias.group)
    return this.#byId.get(model) ?? this.#matchWildcard(model)
  }

  /** Groups by name, without wildcards and aliases. */
  groups(): readonly ModelGroup[] {
    return [...this.#groups.values()]
  }

  /** What a client may be shown: groups, the aliases that are not hidden, and wildcards, with their access groups. */
  offered(): readonly OfferedName[] {
    const offered = [...this.#groups.values()].map((group) => ({
      name: group.name,
      accessGroups: [...new Set(group.deployments.flatMap((deployment) => deployment.accessGroups))],
    }))
    for (const [name, alias] of this.#aliases) {
      if (!alias.hidden) offered.push({ name, accessGroups: [] })
    }
    for (const wildcard of this.#wildcards) {
      const accessGroups = wildcard.entries.flatMap((entry) => entry.model_info.access_groups)
      offered.push({ name: wildcard.name, accessGroups: [...new Set(accessGroups)] })
    }
    return offered
  }

  #matchWildcard(model: string): ModelGroup | undefined {
    if (model.length > MAX_NAME_LENGTH) return undefined
    const remembered = this.#remembered.get(model)
    if (remembered !== undefined) return remembered
    for (const wildcard of this.#wildcards) {
      const match = wildcard.pattern.exec(model)
      if (match === null) continue
      const deployments = wildcard.entries
        .map((entry) =>
          buildDeployment(entry, model, fillWildcard(entry, match.slice(1), model), this.#options),
        )
        .filter((result): result is Deployment => !isFault(result))
      if (deployments.length === 0) continue
      const group = { name: model, deployments }
      if (this.#remembered.size < MAX_REMEMBERED) this.#remembered.set(model, group)
      return group
    }
    return undefined
  }
}

function buildGroups(
  entries: readonly DeploymentConfig[],
  options: BuildOptions,
): { groups: Map<string, ModelGroup>; faults: DeploymentFault[] } {
  const deployments = new Map<string, Deployment[]>()
  const faults: DeploymentFault[] = []
  for (const entry of entries) {
    const result = buildDeployment(entry, entry.model_name, entry.litellm_params.model, options)
    if (isFault(result)) {
      faults.push(result)
      continue
    }
    const list = deployments.get(entry.model_name)
    if (list === undefined) deployments.set(entry.model_name, [result])
    else list.push(result)
  }
  const groups = new Map<string, ModelGroup>()
  for (const [name, list] of deployments) groups.set(name, { name, deployments: list })
  return { groups, faults }
}

/** Most specific first: the longest pattern, then the one with the fewest wildcards. */
function wildcardsOf(entries: readonly DeploymentConfig[]): readonly Wildcard[] {
  const byName = new Map<string, DeploymentConfig[]>()
  for (const entry of entries) byName.set(entry.model_name, [...(byName.get(entry.model_name) ?? []), entry])
  return [...byName]
    .map(([name, list]) => ({ name, pattern: patternOf(name), entries: list }))
    .toSorted(
      (left, right) => right.name.length - left.name.length || starsOf(left.name) - starsOf(right.name),
    )
}

function patternOf(name: string): RegExp {
  const escaped = name.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${escaped.join('(.+)')}$`, 's')
}

function starsOf(name: string): number {
  return name.split('*').length - 1
}

function fillWildcard(entry: DeploymentConfig, matched: readonly string[], model: string): string {
  const template = entry.litellm_params.model
  if (template === '*') return model
  let index = 0
  return template.replaceAll('*', () => matched[index++] ?? matched.at(-1) ?? '')
}
