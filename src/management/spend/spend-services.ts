/** What the spend endpoints work with. */
import type { ManagementRequest } from '../route.ts'
import type { ManagementServices } from '../services.ts'

export type SpendServices = Pick<ManagementServices, 'database'>

/** Dashboards send filters that are not set as empty text. */
export function withoutEmpty(query: ManagementRequest['query']): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ''))
}
