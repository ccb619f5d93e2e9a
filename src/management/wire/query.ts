/** Query strings of dashboards. */
import type { ManagementRequest } from '../route.ts'

/** Filters that are not set are sent as empty text: they say nothing. */
export function withoutEmpty(query: ManagementRequest['query']): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ''))
}
