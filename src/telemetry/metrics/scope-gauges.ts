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

/** Where a number of a scope is shown. */
interface Place {
  readonly family: GaugeFamily
  readonly labels: (scope: Scope) => readonly string[]
  /** Among the gauges of a scope. */
  readonly slot: number
}

interface BudgetPlaces {
  readonly remaining: Place
  readonly max?: Place
  readonly hours?: Place
}

interface RatePlaces {
  readonly allowed: Place
  readonly used: Place
}

/** The gauges of one scope, made once; of a place past the bound there is none. */
interface Shown {
  readonly alias: string | undefined
  readonly email: string | undefined
  readonly gauges: (Gauge | false | undefined)[]
}

/** After so many scopes calls may go on. */
const SCOPES_A_TURN = 200

export class ScopeGauges {
  readonly #registry: MetricsRegistry
  readonly #source: ScopeSource
  readonly #clock: () => number
  readonly #families = new Set<GaugeFamily>()
  readonly #budgets: ReadonlyMap<ScopeKind, BudgetPlaces>
  readonly #requests: ReadonlyMap<ScopeKind, RatePlaces>
  readonly #tokens: ReadonlyMap<ScopeKind, RatePlaces>
  readonly #keyModelRequests: Place
  readonly #keyModelTokens: Place
  #slots = 0
  #scrape = 0
  #shown = new WeakMap<Scope, Shown>()

  /** @param clock epoch milliseconds. */
  constructor(
    registry: MetricsRegistry,
    source: ScopeSource,
    settings: ScopeGaugeSettings,
    clock: () => number,
  ) {
    this.#registry = registry
    this.#source = source
    this.#clock = clock
    this.#budgets = this.#budgetPlaces(settings)
    const { keyAllowed, keyUsed, teamAllowed, teamUsed } = RATE_GAUGES
    const key = { allowed: this.#family(keyAllowed), used: this.#family(keyUsed) }
    const team = { allowed: this.#family(teamAllowed), used: this.#family(teamUsed) }
    const rates = (labels: Place['labels']): ReadonlyMap<ScopeKind, RatePlaces> =>
      new Map([
        ['key', { allowed: this.#place(key.allowed, labels), used: this.#place(key.used, labels) }],
        ['team', { allowed: this.#place(team.allowed, labels), used: this.#place(team.used, labels) }],
      ])
    this.#requests = rates(requestLabels)
    this.#tokens = rates(tokenLabels)
    this.#keyModelRequests = this.#place(this.#family(RATE_GAUGES.keyModelRequests), keyModelLabels)
    this.#keyModelTokens = this.#place(this.#family(RATE_GAUGES.keyModelTokens), keyModelLabels)
    registry.beforeScrapeInTurns(() => this.#collect())
  }

  /** Yields where calls may go on. */
  *#collect(): Generator<void> {
    this.#scrape += 1
    const scrape = this.#scrape
    const nowMs = this.#clock()
    let count = 0
    for (const scope of this.#source.scopes()) {
      if (scope.maxBudget !== undefined) this.#showBudget(scope, scope.maxBudget, nowMs, scrape)
      if (scope.requestsPerMinute !== undefined || scope.tokensPerMinute !== undefined)
        this.#showRates(scope, scrape)
      count += 1
      if (count % SCOPES_A_TURN === 0) yield
    }
    let dropped = 0
    for (const family of this.#families) {
      dropped += family.retainSetAt(scrape)
      if (count >= SCOPES_A_TURN) yield
    }
    if (dropped > 0) this.#shown = new WeakMap()
  }

  #showBudget(scope: Scope, maxBudget: bigint, nowMs: number, scrape: number): void {
    const places = this.#budgets.get(scope.kind)
    if (places === undefined) return
    const { remaining, max, hours } = places
    const shown = this.#shownOf(scope)
    this.#set(scope, shown, remaining, Number(maxBudget - scope.spent) / PICODOLLARS, scrape)
    if (max !== undefined) this.#set(scope, shown, max, Number(maxBudget) / PICODOLLARS, scrape)
    if (hours !== undefined && scope.resetsAtMs !== undefined)
      this.#set(scope, shown, hours, (scope.resetsAtMs - nowMs) / HOUR_MS, scrape)
  }

  #showRates(scope: Scope, scrape: number): void {
    const requests = this.#requests.get(scope.kind)
    const tokens = this.#tokens.get(scope.kind)
    if (requests !== undefined && tokens !== undefined) this.#showUse(scope, requests, tokens, scrape)
    else if (scope.kind === 'key_model') this.#showLeft(scope, scrape)
  }

  #showUse(scope: Scope, requests: RatePlaces, tokens: RatePlaces, scrape: number): void {
    const use = this.#source.useOf(scope)
    const shown = this.#shownOf(scope)
    const { requestsPerMinute, tokensPerMinute } = scope
    if (requestsPerMinute !== undefined) {
      this.#set(scope, shown, requests.allowed, requestsPerMinute, scrape)
      this.#set(scope, shown, requests.used, use.requests, scrape)
    }
    if (tokensPerMinute !== undefined) {
      this.#set(scope, shown, tokens.allowed, tokensPerMinute, scrape)
      this.#set(scope, shown, tokens.used, use.tokens, scrape)
    }
  }

  #showLeft(scope: Scope, scrape: number): void {
    const use = this.#source.useOf(scope)
    const shown = this.#shownOf(scope)
    const { requestsPerMinute, tokensPerMinute } = scope
    const left = (allowed: number, used: number): number => Math.max(0, allowed - used)
    if (requestsPerMinute !== undefined)
      this.#set(scope, shown, this.#keyModelRequests, left(requestsPerMinute, use.requests), scrape)
    if (tokensPerMinute !== undefined)
      this.#set(scope, shown, this.#keyModelTokens, left(tokensPerMinute, use.tokens), scrape)
  }

  /** Past the bound of a metric a scope is not shown: budgets that are folded together would tell nothing. */
  #set(scope: Scope, shown: Shown, { family, labels, slot }: Place, value: number, scrape: number): void {
    const gauge = (shown.gauges[slot] ??= family.seriesWithinBound(labels(scope)) ?? false)
    if (gauge !== false) gauge.setAt(scrape, value)
  }

  #shownOf(scope: Scope): Shown {
    const known = this.#shown.get(scope)
    if (known !== undefined && known.alias === scope.alias && known.email === scope.email) return known
    const shown = { alias: scope.alias, email: scope.email, gauges: [] }
    this.#shown.set(scope, shown)
    return shown
  }

  #family(definition: MetricDefinition, more: readonly string[] = []): GaugeFamily {
    const family = this.#registry.gauge({ ...definition, labels: [...(definition.labels ?? []), ...more] })
    this.#families.add(family)
    return family
  }

  #place(family: GaugeFamily, labels: Place['labels']): Place {
    const slot = this.#slots
    this.#slots += 1
    return { family, labels, slot }
  }

  #budgetPlaces({ endUsers, userNames }: ScopeGaugeSettings): ReadonlyMap<ScopeKind, BudgetPlaces> {
    const names = userNames ? ['user_email', 'user_alias'] : []
    const places = (
      [remaining, max, hours]: readonly [MetricDefinition, MetricDefinition, MetricDefinition],
      labels: Place['labels'],
      more: readonly string[] = [],
    ): BudgetPlaces => ({
      remaining: this.#place(this.#family(remaining, more), labels),
      max: this.#place(this.#family(max, more), labels),
      hours: this.#place(this.#family(hours, more), labels),
    })
    const of = BUDGET_GAUGES
    const budgets = new Map<ScopeKind, BudgetPlaces>([
      ['team', places([of.teamRemaining, of.teamMax, of.teamHours], idAndAlias)],
      ['key', places([of.keyRemaining, of.keyMax, of.keyHours], idAndAlias)],
      ['user', places([of.userRemaining, of.userMax, of.userHours], userNames ? userLabels : idAlone, names)],
      [
        'organization',
        places([of.organizationRemaining, of.organizationMax, of.organizationHours], idAndAlias),
      ],
      ['provider', { remaining: this.#place(this.#family(of.providerRemaining), idAlone) }],
    ])
    const customers = places([of.customerRemaining, of.customerMax, of.customerHours], idAlone)
    if (endUsers) budgets.set('end_user', customers)
    return budgets
  }
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
