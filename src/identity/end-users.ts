/** The limits of end users, as calls name them: those of customers with a row of their own, and what all others get. */
import { GatewayError } from '../errors/gateway-error.ts'
import type { Scope } from '../record/scope.ts'
import type { Database } from '../storage/database.ts'
import {
  findLimitedCustomer,
  listLimitedCustomers,
  type LimitedCustomer,
} from '../storage/queries/principals-limited.ts'
import { readSpend } from '../storage/queries/spend-windows.ts'
import { DefaultEndUsers, type EndUserDefaults } from './default-end-users.ts'
import { LimitedNames } from './limited-names.ts'
import { modelLimits } from './model-limits.ts'
import { scopesByModel, scopesOfCall, scopesOfModels, type ScopesByModel } from './model-scopes.ts'
import { scopeLimits } from './principal-scopes.ts'
import type { ScopeBook } from './scope-book.ts'

interface Customer {
  readonly blocked: boolean
  /** Undefined when the customer has no budget of its own. */
  readonly scopes: ScopesByModel | undefined
}

export class EndUsers {
  readonly #book: ScopeBook
  readonly #customers: LimitedNames<Customer>
  readonly #others: DefaultEndUsers

  constructor(database: Database, book: ScopeBook) {
    this.#book = book
    this.#others = new DefaultEndUsers(database, book)
    this.#customers = new LimitedNames<Customer>({
      list: (most) => listLimitedCustomers(database.sql, most),
      find: async (id) => {
        const row = await findLimitedCustomer(database.sql, id)
        return row === undefined ? undefined : await this.#customer(id, row)
      },
    })
  }

  configure(defaults: EndUserDefaults): void {
    this.#others.configure(defaults)
  }

  /** Reads which customers have limits, and the budget of all others, unless both are known. Never rejects. */
  async load(): Promise<void> {
    await Promise.all([this.#others.load(), this.#customers.loaded ? undefined : this.#customers.load()])
  }

  /**
   * The scopes of an end user and of the model within it; none when nothing limits it.
   * @throws GatewayError `customer_blocked` (thrown, or as rejection).
   */
  scopesOf(id: string, modelGroup: string): readonly Scope[] | Promise<readonly Scope[]> {
    const customer = this.#customers.get(id)
    return customer instanceof Promise
      ? customer.then((known) => this.#admitted(id, modelGroup, known))
      : this.#admitted(id, modelGroup, customer)
  }

  #admitted(
    id: string,
    modelGroup: string,
    customer: Customer | undefined,
  ): readonly Scope[] | Promise<readonly Scope[]> {
    if (customer?.blocked === true) throw customerBlocked(id)
    return customer?.scopes === undefined
      ? this.#others.scopesOf(id, modelGroup)
      : scopesOfCall(customer.scopes, modelGroup)
  }

  async #customer(id: string, row: LimitedCustomer): Promise<Customer | undefined> {
    const { blocked, limits } = row
    if (limits === null) return blocked ? { blocked, scopes: undefined } : undefined
    const label = row.alias ?? id
    const spend = readSpend(row.spend)
    const scope = this.#book.take({ kind: 'end_user', id, label, ...scopeLimits(limits), spend })
    const ofModels = scopesOfModels(
      { kind: 'end_user_model', id, label },
      modelLimits({}, row.model_budgets),
      row.model_spends,
      this.#book,
    )
    await this.#book.writeWindows([scope, ...ofModels.map((each) => each.scope)])
    return { blocked, scopes: scopesByModel([scope], ofModels) }
  }

  customerChanged(id: string): void {
    this.#customers.changed(id)
    this.#others.customerChanged(id)
  }

  budgetChanged(budgetId: string): void {
    this.#customers.allChanged()
    this.#others.budgetChanged(budgetId)
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
