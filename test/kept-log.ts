/** A logger that keeps its lines, for tests of what operators are told. */
import { createLogger, type Logger } from '../src/telemetry/logs/logger.ts'
import { createRedactor } from '../src/telemetry/redaction.ts'

export interface KeptLog {
  readonly log: Logger
  /** Messages of a level, in order. */
  messages(level: 'info' | 'warn' | 'error'): readonly string[]
  /** Everything that was written. */
  text(): string
}

export function keptLog(): KeptLog {
  let text = ''
  const log = createLogger('info', createRedactor(), { write: (lines: string) => void (text += lines) })
  return {
    log,
    text: () => {
      log.flushSync()
      return text
    },
    messages: (level) => {
      log.flushSync()
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as { level: string; msg: string })
        .filter((line) => line.level === level)
        .map((line) => line.msg)
    },
  }
}
