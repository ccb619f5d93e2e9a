/** Tells people why a start failed. */
import { ConfigError } from '../config/config-issue.ts'

/** Prints why a start failed, for people. @returns the exit code. */
export function reportFailedStart(error: unknown): number {
  const text =
    error instanceof ConfigError
      ? error.message
      : error instanceof Error
        ? (addressInUse(error) ?? error.message)
        : String(error)
  process.stderr.write(`sluice: ${text}\n`)
  return 1
}

function addressInUse(error: Error): string | undefined {
  if (!('code' in error) || error.code !== 'EADDRINUSE' || !('port' in error)) return undefined
  return `port ${String(error.port)} is in use by another program: stop that one, or choose another port with --port.`
}
