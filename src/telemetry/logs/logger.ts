/**
 * The log: one JSON object a line. Events (start, reload, faults) go through pino; every line of an event is redacted
 * as a whole before it leaves. Calls have a line of their own form, see `call-line.ts`.
 */
import { pino, type Logger as PinoLogger } from 'pino'
import type { Redactor } from '../redaction.ts'
import { LineBuffer, type LogDestination } from './line-buffer.ts'
import { StandardOutput } from './standard-output.ts'
import { isWritten, type LogLevel } from './log-level.ts'

/** Facts of an event. An error goes under `err`. */
export type LogFields = Readonly<Record<string, unknown>>

export interface Logger {
  readonly level: LogLevel
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** A logger whose events all have these fields too. */
  child(fields: LogFields): Logger
  isEnabled(level: LogLevel): boolean
  /** Writes a line that is already JSON and redacted, with its line feed. */
  writeLine(line: string): void
  /** Writes whole lines of another process, as they are. */
  writeBytes(lines: Buffer): void
  /** Writes everything still held back, without waiting for the event loop. */
  flushSync(): void
  /** Lines that nobody took from the destination in time. */
  readonly droppedLines: number
  /** Memory of the lines that are not written yet. */
  readonly heldBytes: number
  /** Flushes, waiting at most a second for a slow reader, and lets go of the process. */
  close(): Promise<void>
}

const CLOSE_TIMEOUT_MS = 1_000

/** Makes the log of this process. */
export function createLogger(
  level: LogLevel,
  redactor: Redactor,
  destination: LogDestination = new StandardOutput(),
): Logger {
  const buffer = new LineBuffer(destination)
  const events = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => buffer.write(redactedLine(redactor, line)) },
  )
  const logger = new BufferedLogger(level, events, buffer)
  logger.flushOnExit()
  return logger
}

/** A secret that happens to be part of an escape sequence takes JSON apart: the line is then told as text. */
function redactedLine(redactor: Redactor, line: string): string {
  const text = line.trimEnd()
  const redacted = redactor.redact(text)
  if (redacted === text) return line
  return `${isJson(redacted) ? redacted : JSON.stringify({ level: 'warn', time: new Date(), msg: redacted })}\n`
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

class BufferedLogger implements Logger {
  readonly level: LogLevel
  readonly #events: PinoLogger
  readonly #buffer: LineBuffer

  constructor(level: LogLevel, events: PinoLogger, buffer: LineBuffer) {
    this.level = level
    this.#events = events
    this.#buffer = buffer
  }

  debug(message: string, fields: LogFields = {}): void {
    this.#events.debug(fields, message)
  }

  info(message: string, fields: LogFields = {}): void {
    this.#events.info(fields, message)
  }

  warn(message: string, fields: LogFields = {}): void {
    this.#events.warn(fields, message)
  }

  error(message: string, fields: LogFields = {}): void {
    this.#events.error(fields, message)
  }

  child(fields: LogFields): Logger {
    return new BufferedLogger(this.level, this.#events.child(fields), this.#buffer)
  }

  isEnabled(level: LogLevel): boolean {
    return isWritten(level, this.level)
  }

  writeLine(line: string): void {
    this.#buffer.write(line)
  }

  writeBytes(lines: Buffer): void {
    this.#buffer.writeBytes(lines)
  }

  flushSync(): void {
    this.#buffer.flushSync()
  }

  flushOnExit(): void {
    process.on('exit', this.#onExit)
  }

  get droppedLines(): number {
    return this.#buffer.droppedLines
  }

  get heldBytes(): number {
    return this.#buffer.heldBytes
  }

  async close(): Promise<void> {
    await this.#buffer.flush(CLOSE_TIMEOUT_MS)
    process.off('exit', this.#onExit)
  }

  readonly #onExit = (): void => this.#buffer.flushSync()
}
