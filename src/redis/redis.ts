/**
 * Redis or Valkey as the rooms above see it, whatever its topology. Every command has a deadline, and a breaker: while
 * the server does not answer, commands are refused at once, so that it can never slow a call down by more than one
 * deadline.
 */

/** A Lua script, sent once and then called by its digest. */
export interface RedisScript {
  /** Shown in metrics and errors. */
  readonly name: string
  readonly lua: string
}

export type RedisValue = string | number | Buffer

/** The server did not answer within the deadline, is not connected, or the breaker is open. */
export class RedisUnavailableError extends Error {
  override readonly name = 'RedisUnavailableError'
}

export interface Redis {
  /** False while the breaker is open or no connection stands: then every command is refused at once. */
  readonly available: boolean
  /** Put before every key by its user: the configured namespace with a colon, or nothing. */
  readonly namespace: string
  /**
   * Runs a script. On a cluster all keys must be in one slot: use a hash tag.
   * @throws RedisUnavailableError, or the server's own error.
   */
  script(script: RedisScript, keys: readonly string[], values: readonly RedisValue[]): Promise<unknown>
  /**
   * Runs it when all sockets that can be read in this turn have been read. What it sends leaves with what was sent in the
   * turn, but on a cluster.
   */
  whenTurnEnds(task: () => void): void
  get(key: string): Promise<Buffer | undefined>
  set(key: string, value: RedisValue, ttlMs: number | undefined): Promise<void>
  /** @returns how many of them were there. */
  delete(keys: readonly string[]): Promise<number>
  /** Deletes every key that begins so. @returns how many. */
  deleteByPrefix(prefix: string): Promise<number>
  ping(): Promise<string>
  /** Messages of a channel, from now on; a lost connection subscribes again by itself. */
  subscribe(channel: string, listener: (message: string) => void): void
  publish(channel: string, message: string): Promise<void>
  /** Told after each (re)connection: messages may have been missed. */
  onConnected(listener: () => void): void
  close(): Promise<void>
}
