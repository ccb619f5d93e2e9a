/** Shows what is left of budgets and rate limits: read from the scopes that this process keeps, at each scrape. */
import type { Scope, ScopeKind } from '../../record/scope.ts'
import type { Gauge, GaugeFamily } from './gauge.ts'
import type { MetricDefinition } from './operations.ts'
import type { MetricsRegistry } from './registry.ts'
import { BUDGET_GAUGES, RATE_GAUGES } from './scope-metrics.ts'

/** Requests and tokens of a scope in the last minute. */
export interface RateUse {
  readonly requests: number
  readonly tokens: number
}

export interface ScopeSource {
  /** The scopes in memory, brought up to the clock. */
  scopes(): Iterable<Scope>
  useOf(scope: Scope): RateUse
}

export interface ScopeGaugeSettings {
  /** Shows budgets of end users (`enable_end_user_cost_tracking_prometheus_only`). */
  readonly endUsers: boolean
  /** Adds e-mail address and alias to budgets of users (`prometheus_user_budget_label_include_email_alias`). */
  readonly userNames: boolean
}

const NONE = 'None'
const PICODOLLARS = 1e12
const HOUR_MS = 3_600_000

/** A key's hash, and the colons after it, in the id of the scope of a model within it. */
const KEY_PART_LENGTH = 64 + '::'.length

interface BudgetFamilies {
  readonly remaining: GaugeFamily
  readonly max: GaugeFamily | undefined
  readonly hours: GaugeFamily | undefined
  readonly labels: (scope: Scope) => readonly string[]
}

/** The gauges of one scope, made once. */
interface Shown {
  readonly alias: string | undefined
  readonly email: string | undefined
  readonly gauges: Map<string, Gauge | undefined>
}

export class ScopeGauges {
  readonly #source: ScopeSource
  readonly #clock: () => number
  readonly #budgets: ReadonlyMap<ScopeKind, BudgetFamilies>
  readonly #rates: Readonly<Record<keyof typeof RATE_GAUGES, GaugeFamily>>
  readonly #families: readonly GaugeFamily[]
  #shown = new WeakMap<Scope, Shown>()
  /** Gauges that this scrape has set. */
  #live = new Set<Gauge>()

  /** @param clock epoch milliseconds. */
  constructor(
    registry: MetricsRegistry,
    source: ScopeSource,
    settings: ScopeGaugeSettings,
    clock: () => number,
  ) {
    this.#source = source
    this.#clock = clock
    const families: GaugeFamily[] = []
    const gauge = (definition: MetricDefinition, more: readonly string[] = []): GaugeFamily => {
      const family = registry.gauge({ ...definition, labels: [...(definition.labels ?? []), ...more] })
      families.push(family)
      return family
    }
    this.#budgets = budgetFamilies(gauge, settings)
    this.#rates = {
      keyAllowed: gauge(RATE_GAUGES.keyAllowed),
      keyUsed: gauge(RATE_GAUGES.keyUsed),
      teamAllowed: gauge(RATE_GAUGES.teamAllowed),
      teamUsed: gauge(RATE_GAUGES.teamUsed),
      keyModelRequests: gauge(RATE_GAUGES.keyModelRequests),
      keyModelTokens: gauge(RATE_GAUGES.keyModelTokens),
    }
    this.#families = families
    registry.beforeScrape(() => this.#collect())
  }

  #collect(): void {
    const nowMs = this.#clock()
    this.#live = new Set()
    for (const scope of this.#source.scopes()) {
      if (scope.maxBudget !== undefined) this.#showBudget(scope, scope.maxBudget, nowMs)
      if (scope.requestsPerMinute !== undefined || scope.tokensPerMinute !== undefined) this.#showRates(scope)
    }
    const live = this.#live
    let dropped = 0
    for (const family of this.#families) dropped += family.retain((gauge) => live.has(gauge))
    if (dropped > 0) this.#shown = new WeakMap()
  }

  #showBudget(scope: Scope, maxBudget: bigint, nowMs: number): void {
    const families = this.#budgets.get(scope.kind)
    if (families === undefined) return
    const { remaining, max, hours, labels } = families
    this.#set(scope, remaining, labels, Number(maxBudget - scope.spent) / PICODOLLARS)
    if (max !== undefined) this.#set(scope, max, labels, Number(maxBudget) / PICODOLLARS)
    if (hours !== undefined && scope.resetsAtMs !== undefined)
      this.#set(scope, hours, labels, (scope.resetsAtMs - nowMs) / HOUR_MS)
  }

  #showRates(scope: Scope): void {
    const { keyAllowed, keyUsed, teamAllowed, teamUsed } = this.#rates
    if (scope.kind === 'key') this.#showUse(scope, keyAllowed, keyUsed)
    else if (scope.kind === 'team') this.#showUse(scope, teamAllowed, teamUsed)
    else if (scope.kind === 'key_model') this.#showLeft(scope)
  }

  #showUse(scope: Scope, allowed: GaugeFamily, used: GaugeFamily): void {
    const use = this.#source.useOf(scope)
    const { requestsPerMinute, tokensPerMinute } = scope
    if (requestsPerMinute !== undefined) {
      this.#set(scope, allowed, requestLabels, requestsPerMinute)
      this.#set(scope, used, requestLabels, use.requests)
    }
    if (tokensPerMinute !== undefined) {
      this.#set(scope, allowed, tokenLabels, tokensPerMinute)
      this.#set(scope, used, tokenLabels, use.tokens)
    }
  }

  #showLeft(scope: Scope): void {
    const use = this.#source.useOf(scope)
    const { requestsPerMinute, tokensPerMinute } = scope
    const { keyModelRequests, keyModelTokens } = this.#rates
    if (requestsPerMinute !== undefined)
      this.#set(scope, keyModelRequests, keyModelLabels, Math.max(0, requestsPerMinute - use.requests))
    if (tokensPerMinute !== undefined)
      this.#set(scope, keyModelTokens, keyModelLabels, Math.max(0, tokensPerMinute - use.tokens))
  }

  /** Past the bound of a metric a scope is not shown: budgets that are folded together would tell nothing. */
  #set(scope: Scope, family: GaugeFamily, labels: (scope: Scope) => readonly string[], value: number): void {
    const shown = this.#shownOf(scope)
    const name = labels === tokenLabels ? `${family.name} tokens` : family.name
    let gauge = shown.gauges.get(name)
    if (gauge === undefined) {
      gauge = family.seriesWithinBound(labels(scope))
      shown.gauges.set(name, gauge)
    }
    if (gauge === undefined) return
    gauge.set(value)
    this.#live.add(gauge)
  }

  #shownOf(scope: Scope): Shown {
    const known = this.#shown.get(scope)
    if (known !== undefined && known.alias === scope.alias && known.email === scope.email) return known
    const shown = { alias: scope.alias, email: scope.email, gauges: new Map<string, Gauge | undefined>() }
    this.#shown.set(scope, shown)
    return shown
  }
}

function budgetFamilies(
  gauge: (definition: MetricDefinition, more?: readonly string[]) => GaugeFamily,
  { endUsers, userNames }: ScopeGaugeSettings,
): ReadonlyMap<ScopeKind, BudgetFamilies> {
  const names = userNames ? ['user_email', 'user_alias'] : []
  const families = new Map<ScopeKind, BudgetFamilies>([
    [
      'team',
      {
        remaining: gauge(BUDGET_GAUGES.teamRemaining),
        max: gauge(BUDGET_GAUGES.teamMax),
        hours: gauge(BUDGET_GAUGES.teamHours),
        labels: idAndAlias,
      },
    ],
    [
      'key',
      {
        remaining: gauge(BUDGET_GAUGES.keyRemaining),
        max: gauge(BUDGET_GAUGES.keyMax),
        hours: gauge(BUDGET_GAUGES.keyHours),
        labels: idAndAlias,
      },
    ],
    [
      'user',
      {
        remaining: gauge(BUDGET_GAUGES.userRemaining, names),
        max: gauge(BUDGET_GAUGES.userMax, names),
        hours: gauge(BUDGET_GAUGES.userHours, names),
        labels: userNames ? userLabels : idAlone,
      },
    ],
    [
      'organization',
      {
        remaining: gauge(BUDGET_GAUGES.organizationRemaining),
        max: gauge(BUDGET_GAUGES.organizationMax),
        hours: gauge(BUDGET_GAUGES.organizationHours),
        labels: idAndAlias,
      },
    ],
    [
      'provider',
      {
        remaining: gauge(BUDGET_GAUGES.providerRemaining),
        max: undefined,
        hours: undefined,
        labels: idAlone,
      },
    ],
  ])
  const customers = {
    remaining: gauge(BUDGET_GAUGES.customerRemaining),
    max: gauge(BUDGET_GAUGES.customerMax),
    hours: gauge(BUDGET_GAUGES.customerHours),
    labels: idAlone,
  }
  if (endUsers) families.set('end_user', customers)
  return families
}

function idAlone({ id }: Scope): readonly string[] {
  return [id]
}

function idAndAlias({ id, alias }: Scope): readonly string[] {
  return [id, alias ?? NONE]
}

function userLabels({ id, alias, email }: Scope): readonly string[] {
  return [id, email ?? NONE, alias ?? NONE]
}

function requestLabels(scope: Scope): readonly string[] {
  return [...idAndAlias(scope), 'requests']
}

function tokenLabels(scope: Scope): readonly string[] {
  return [...idAndAlias(scope), 'tokens']
}

/** The limit holds whichever deployment serves the model. */
function keyModelLabels({ id, alias }: Scope): readonly string[] {
  const keyHash = id.slice(0, KEY_PART_LENGTH - '::'.length)
  return [keyHash, alias ?? NONE, id.slice(KEY_PART_LENGTH), NONE]
}
