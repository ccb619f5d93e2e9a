/** Told how long each request to a store took, or that it failed. */
export interface ServiceObserver {
  succeeded(durationMs: number): void
  /**
   * @param operation What was asked for: a short name of the code's own.
   * @param errorClass The kind of error: a name of the code's own, or of the store's protocol.
   */
  failed(operation: string, errorClass: string): void
}
