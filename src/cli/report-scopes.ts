/** Shows in the metrics what is left of budgets and rates, what deployments may take, and how many users there are. */
import type { DeploymentConfig } from '../config/build-deployments.ts'
import type { Identity } from '../identity/identity.ts'
import type { ConfigurableLimits } from '../limits/create-limits.ts'
import type { DeploymentFacts } from '../record/call-record.ts'
import type { Telemetry } from '../telemetry/index.ts'
import type { Gauge } from '../telemetry/metrics/gauge.ts'
import { ScopeGauges, type ScopeGaugeSettings } from '../telemetry/metrics/scope-gauges.ts'
import { DEPLOYMENT_GAUGES, POPULATION_GAUGES } from '../telemetry/metrics/scope-metrics.ts'

export function reportScopes(
  { registry }: Telemetry,
  identity: Pick<Identity, 'scopes'>,
  limits: Pick<ConfigurableLimits, 'useOf'>,
  settings: ScopeGaugeSettings,
): void {
  const source = { scopes: () => identity.scopes(), useOf: limits.useOf.bind(limits) }
  new ScopeGauges(registry, source, settings, Date.now)
}

/** After so many teams calls may go on. */
const TEAMS_A_TURN = 500

/** Nothing is shown until it was counted. */
export function reportPopulation({ registry }: Telemetry, identity: Pick<Identity, 'population'>): void {
  const users = registry.gauge({ ...POPULATION_GAUGES.users, labels: [] })
  const activeUsers = registry.gauge({ ...POPULATION_GAUGES.activeUsers, labels: [] })
  const teams = registry.gauge({ ...POPULATION_GAUGES.teams, labels: [] })
  const members = registry.gauge(POPULATION_GAUGES.teamMembers)
  let scrapes = 0
  registry.beforeScrapeInTurns(function* () {
    scrapes += 1
    const scrape = scrapes
    const { population } = identity
    if (population !== undefined) {
      users.series([]).set(population.users)
      activeUsers.series([]).set(population.users)
      teams.series([]).set(population.teams)
      for (const [index, { teamId, alias, count }] of population.members.entries()) {
        members.seriesWithinBound([teamId, alias ?? 'None'])?.setAt(scrape, count)
        if (index % TEAMS_A_TURN === TEAMS_A_TURN - 1) yield
      }
    }
    members.retainSetAt(scrape)
  })
}

export interface ConfiguredDeployment {
  readonly facts: DeploymentFacts
  readonly entry: DeploymentConfig | undefined
}

/** @param deployments of the configuration in force. */
export function reportDeployments(
  { registry }: Telemetry,
  deployments: () => Iterable<ConfiguredDeployment>,
): void {
  const tokens = registry.gauge(DEPLOYMENT_GAUGES.tokensLimit)
  const requests = registry.gauge(DEPLOYMENT_GAUGES.requestsLimit)
  registry.beforeScrape(() => {
    const live = new Set<Gauge | undefined>()
    for (const { facts, entry } of deployments()) {
      const labels = [facts.upstreamModel, facts.modelId, facts.apiBase, facts.provider]
      const limits = [
        [tokens, entry?.litellm_params.tpm],
        [requests, entry?.litellm_params.rpm],
      ] as const
      for (const [family, limit] of limits) {
        if (limit === undefined) continue
        const gauge = family.seriesWithinBound(labels)
        gauge?.set(limit)
        live.add(gauge)
      }
    }
    for (const family of [tokens, requests]) family.retain((gauge) => live.has(gauge))
  })
}
