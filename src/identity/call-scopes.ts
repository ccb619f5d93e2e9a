/** All that a call is counted for: the caller's scopes, those of the model, of the end user and of the tags. */
import { GatewayError } from '../errors/gateway-error.ts'
import type { Scope } from '../record/scope.ts'
import type { Database } from '../storage/database.ts'
import type { PrincipalChange } from '../storage/queries/principals.ts'
import type { EndUserDefaults } from './default-end-users.ts'
import { EndUsers } from './end-users.ts'
import type { Principal } from './principal.ts'
import { limitsUnavailable } from './refusals.ts'
import type { ScopeBook } from './scope-book.ts'
import { TagScopes, type TagBudget } from './tag-scopes.ts'

export interface CallScopeSettings {
  readonly endUserDefaults: EndUserDefaults
  /** Budgets of tags that have none by the management API. */
  readonly tagBudgets: ReadonlyMap<string, TagBudget>
  /** Calls go on without the limits of end user and tags while no database tells them. */
  readonly allowRequestsOnDatabaseUnavailable: boolean
}

const NONE: readonly Scope[] = []

export class CallScopes {
  readonly #book: ScopeBook
  readonly #endUsers: EndUsers
  readonly #tags: TagScopes
  #settings: CallScopeSettings

  constructor(database: Database, book: ScopeBook, settings: CallScopeSettings) {
    this.#book = book
    this.#settings = settings
    this.#endUsers = new EndUsers(database, book)
    this.#tags = new TagScopes(database, book)
    this.configure(settings)
  }

  configure(settings: CallScopeSettings): void {
    this.#settings = settings
    this.#endUsers.configure(settings.endUserDefaults)
    this.#tags.configure(settings.tagBudgets)
  }

  /** Reads what has to be known before calls, unless it is. Never rejects. */
  async load(): Promise<void> {
    await Promise.all([this.#endUsers.load(), this.#tags.load()])
  }

  /**
   * Without a promise, and the caller's own list, when neither the end user nor a tag has limits.
   * @throws GatewayError `customer_blocked`, `identity_unavailable` (thrown, or as rejection).
   */
  of(
    principal: Principal,
    endUser: string | undefined,
    tags: readonly string[],
    modelGroup: string,
  ): readonly Scope[] | Promise<readonly Scope[]> {
    const own = principal.modelScopes?.get(modelGroup) ?? principal.scopes
    const ofEndUser = endUser === undefined ? NONE : this.#endUsers.scopesOf(endUser, modelGroup)
    const ofTags = this.#tags.scopesOf(tags, modelGroup)
    if (ofEndUser instanceof Promise || ofTags instanceof Promise) {
      return this.#whenRead(own, ofEndUser, ofTags)
    }
    return this.#used(own, ofEndUser, ofTags)
  }

  async #whenRead(
    own: readonly Scope[],
    ofEndUser: readonly Scope[] | Promise<readonly Scope[]>,
    ofTags: readonly Scope[] | Promise<readonly Scope[]>,
  ): Promise<readonly Scope[]> {
    try {
      const [endUser, tags] = await Promise.all([ofEndUser, ofTags])
      return this.#used(own, endUser, tags)
    } catch (error) {
      if (error instanceof GatewayError) throw error
      if (!this.#settings.allowRequestsOnDatabaseUnavailable) throw limitsUnavailable(error)
      return this.#used(own, NONE, NONE)
    }
  }

  #used(own: readonly Scope[], endUser: readonly Scope[], tags: readonly Scope[]): readonly Scope[] {
    const scopes = endUser.length === 0 && tags.length === 0 ? own : [...own, ...endUser, ...tags]
    this.#book.use(scopes)
    return scopes
  }

  changed({ subject, id }: PrincipalChange): void {
    if (subject === 'customer') this.#endUsers.customerChanged(id)
    else if (subject === 'tag') this.#tags.tagChanged(id)
    else if (subject === 'budget') {
      this.#endUsers.budgetChanged(id)
      this.#tags.budgetChanged()
    }
  }

  changesLost(): void {
    this.#endUsers.changesLost()
    this.#tags.changesLost()
    void this.load()
  }
}
