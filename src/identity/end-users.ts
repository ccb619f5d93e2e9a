/** The limits of end users, as calls name them: those of customers with a row of their own, and what all others get. */
import { GatewayError } from '../errors/gateway-error.ts'
import type { Picodollars } from '../money/picodollars.ts'
import type { Scope } from '../record/scope.ts'
import type { Database } from '../storage/database.ts'
import {
  findBudgetLimits,
  findLimitedCustomer,
  listLimitedCustomers,
  type LimitedCustomer,
} from '../storage/queries/principals-limited.ts'
import { NO_SPEND, readSpend } from '../storage/queries/spend-windows.ts'
import { LimitedNames } from './limited-names.ts'
import { scopeLimits } from './principal-scopes.ts'
import type { ScopeBook } from './scope-book.ts'
import { UNLIMITED, type ScopeLimits } from './shared-scope.ts'

/** What end users get who have no budget of their own. */
export interface EndUserDefaults {
  /** `litellm_settings.max_end_user_budget`. */
  readonly maxBudget: Picodollars | undefined
  /** `litellm_settings.max_end_user_budget_id`: its limits go before `maxBudget`. */
  readonly budgetId: string | undefined
}

interface Customer {
  readonly blocked: boolean
  /** Undefined when the customer has no budget of its own. */
  readonly scope: Scope | undefined
}

/** Scopes of end users without a row of their own that are kept at a time. */
const MOST_DEFAULT_SCOPES = 20_000

export class EndUsers {
  readonly #database: Database
  readonly #book: ScopeBook
  readonly #customers: LimitedNames<Customer>
  readonly #scopes = new Map<string, Scope>()
  #defaults: EndUserDefaults = { maxBudget: undefined, budgetId: undefined }
  #defaultLimits: ScopeLimits | undefined
  #defaultsLoaded = true

  constructor(database: Database, book: ScopeBook) {
    this.#database = database
    this.#book = book
    this.#customers = new LimitedNames<Customer>({
      list: (most) => listLimitedCustomers(database.sql, most),
      find: async (id) => await this.#find(id),
    })
  }

  configure(defaults: EndUserDefaults): void {
    this.#defaults = defaults
    this.#defaultLimits =
      defaults.maxBudget === undefined ? undefined : { ...UNLIMITED, maxBudget: defaults.maxBudget }
    this.#scopes.clear()
    this.#defaultsLoaded = defaults.budgetId === undefined
  }

  /** Reads which customers have limits, and the budget of all others, unless both are known. Never rejects. */
  async load(): Promise<void> {
    await Promise.all([
      this.#defaultsLoaded ? undefined : this.#loadDefaults(),
      this.#customers.loaded ? undefined : this.#customers.load(),
    ])
  }

  async #loadDefaults(): Promise<void> {
    const { budgetId } = this.#defaults
    if (budgetId === undefined) return
    try {
      const limits = await findBudgetLimits(this.#database.sql, budgetId)
      if (limits !== undefined) this.#defaultLimits = scopeLimits(limits)
      this.#scopes.clear()
      this.#defaultsLoaded = true
    } catch {
      // The storage room reports a database that is away; the next round asks again.
    }
  }

  /**
   * The scope of an end user; undefined when nothing limits it.
   * @throws GatewayError `customer_blocked` (thrown, or as rejection).
   */
  scopeOf(id: string): Scope | undefined | Promise<Scope | undefined> {
    const customer = this.#customers.get(id)
    return customer instanceof Promise
      ? customer.then((known) => this.#admitted(id, known))
      : this.#admitted(id, customer)
  }

  #admitted(id: string, customer: Customer | undefined): Scope | undefined {
    if (customer?.blocked === true) throw customerBlocked(id)
    return customer?.scope ?? this.#defaultScope(id)
  }

  /** Begins at zero spent, and is read soon: a name that nobody knows delays no call. */
  #defaultScope(id: string): Scope | undefined {
    if (this.#defaultLimits === undefined) return undefined
    const known = this.#scopes.get(id)
    if (known !== undefined) return known
    const scope = this.#book.take({
      kind: 'end_user',
      id,
      label: id,
      ...this.#defaultLimits,
      spend: NO_SPEND,
    })
    this.#book.readSoon(scope)
    this.#scopes.set(id, scope)
    for (const oldest of this.#scopes.keys()) {
      if (this.#scopes.size <= MOST_DEFAULT_SCOPES) break
      this.#scopes.delete(oldest)
    }
    return scope
  }

  async #find(id: string): Promise<Customer | undefined> {
    const row = await findLimitedCustomer(this.#database.sql, id)
    if (row === undefined || (row.limits === null && !row.blocked)) return undefined
    const scope = this.#customerScope(id, row)
    if (scope !== undefined) await this.#book.writeWindows([scope])
    return { blocked: row.blocked, scope }
  }

  #customerScope(id: string, { alias, limits, spend }: LimitedCustomer): Scope | undefined {
    if (limits === null) return undefined
    return this.#book.take({
      kind: 'end_user',
      id,
      label: alias ?? id,
      ...scopeLimits(limits),
      spend: readSpend(spend),
    })
  }

  customerChanged(id: string): void {
    this.#customers.changed(id)
    this.#scopes.delete(id)
  }

  budgetChanged(budgetId: string): void {
    this.#customers.allChanged()
    if (budgetId === this.#defaults.budgetId) void this.#loadDefaults()
  }

  changesLost(): void {
    this.#customers.changesLost()
  }
}

function customerBlocked(id: string): GatewayError {
  return new GatewayError(
    'customer_blocked',
    `The end user ${id.slice(0, 100)} is blocked. An administrator can release it with /customer/unblock.`,
    { param: 'user' },
  )
}
