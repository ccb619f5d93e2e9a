/** Levels of the log, and how LiteLLM's setting for them is read. */

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

const NAMES: Readonly<Record<string, LogLevel>> = {
  trace: 'debug',
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  warning: 'warn',
  error: 'error',
  critical: 'error',
  fatal: 'error',
  silent: 'silent',
}

/** Reads the value of `LITELLM_LOG` (`DEBUG`, `INFO`, `WARNING`, `ERROR` …); undefined when it is none of them. */
export function parseLogLevel(value: string | undefined): LogLevel | undefined {
  return value === undefined ? undefined : NAMES[value.trim().toLowerCase()]
}

/** Whether a line of one level is written at a threshold. */
export function isWritten(level: LogLevel, threshold: LogLevel): boolean {
  return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(threshold)
}
