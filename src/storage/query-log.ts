/** Tells an observer how long each statement took, or that it failed. */
import type { LogEvent } from 'kysely'
import type { ServiceObserver } from '../telemetry/service-observer.ts'

export function queryLog(observer: ServiceObserver): (event: LogEvent) => void {
  return (event) => {
    if (event.level === 'query') {
      observer.succeeded(event.queryDurationMillis)
      return
    }
    // `SelectQueryNode` is a select; a statement written as text is `RawNode`.
    const operation = event.query.query.kind.replace(/(Query)?Node$/, '').toLowerCase()
    const { error } = event
    observer.failed(operation, error instanceof Error ? error.constructor.name : 'Error')
  }
}
