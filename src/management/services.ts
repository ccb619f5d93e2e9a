/** What the management API works with. */
import type { Alerts } from '../alerts/alerts.ts'
import type { ResponseCache } from '../cache/response-cache.ts'
import type { Config } from '../config/config.ts'
import type { Identity } from '../identity/identity.ts'
import type { Database } from '../storage/database.ts'

export interface ManagementServices {
  readonly alerts: Pick<Alerts, 'test'>
  readonly database: Database
  readonly identity: Pick<Identity, 'changed' | 'tellOthers' | 'beginDueWindows'>
  readonly cache: Pick<ResponseCache, 'settings' | 'ping' | 'delete' | 'clear'>
  /** Epoch milliseconds. */
  readonly clock: () => number
  /** The configuration in force; read at each request. */
  readonly config: Pick<Config, 'litellm_settings'>
}
