/** Measures a piece of work for a `ServiceObserver`. */
import type { ServiceObserver } from './service-observer.ts'

/** Does the work, and tells how long it took or that it failed; without an observer it is only done. */
export async function observed<Result>(
  observer: ServiceObserver | undefined,
  operation: string,
  work: () => Promise<Result>,
): Promise<Result> {
  if (observer === undefined) return await work()
  const beganAtMs = performance.now()
  try {
    const result = await work()
    observer.succeeded(performance.now() - beganAtMs)
    return result
  } catch (error) {
    observer.failed(operation, error instanceof Error ? error.name : 'Error')
    throw error
  }
}
