/** Reads what the Lua script answers: JSON text that the rest of the program need not know. */
import type { Admitted, AdmitAnswer, AdmitMessage, LimitKind, Refused, ScopeUse } from './limit-store.ts'

export interface ScriptAnswer {
  /** Undefined when the message came too late, and was not taken up. */
  readonly answer: AdmitAnswer | undefined
  /** Redis's clock, epoch milliseconds. */
  readonly nowMs: number
  /** The process was not known to Redis before this message. */
  readonly fresh: boolean
}

const LIMIT_KINDS: readonly LimitKind[] = ['requests', 'tokens', 'parallel', 'budget']

/** @throws Error when the answer is not one of the script: another program writes to the same keys. */
export function readScriptAnswer(value: unknown, message: AdmitMessage): ScriptAnswer {
  const answer: unknown = JSON.parse(String(value))
  if (!isRecord(answer) || typeof answer['now'] !== 'number') throw unreadable()
  return {
    answer: readAnswer(answer, message),
    nowMs: answer['now'],
    fresh: answer['fresh'] === true,
  }
}

function readAnswer(answer: Record<string, unknown>, message: AdmitMessage): AdmitAnswer | undefined {
  if (answer['late'] === true) return undefined
  return 'limit' in answer ? readRefusal(answer) : readAdmitted(answer, message)
}

function readRefusal({ ask, limit, used, reserved, wait }: Record<string, unknown>): Refused {
  const kind = LIMIT_KINDS.find((known) => known === limit)
  if (kind === undefined || typeof ask !== 'number' || typeof wait !== 'number') throw unreadable()
  return {
    admitted: false,
    ask,
    limit: kind,
    used: String(used),
    reserved: String(reserved),
    freeInMs: wait,
  }
}

function readAdmitted({ second, uses }: Record<string, unknown>, message: AdmitMessage): Admitted {
  if (typeof second !== 'number') throw unreadable()
  // Lua cannot tell an empty list from an empty map.
  if (message.asks.length === 0) return { admitted: true, second, uses: [] }
  if (!Array.isArray(uses) || uses.length !== message.asks.length) throw unreadable()
  return { admitted: true, second, uses: uses.map(readUse) }
}

function readUse(use: unknown): ScopeUse {
  if (!Array.isArray(use)) throw unreadable()
  const [requests, tokens, parallel, settled]: unknown[] = use
  if (typeof requests !== 'number' || typeof tokens !== 'number' || typeof parallel !== 'number')
    throw unreadable()
  return { requests, tokens, parallel, settled: typeof settled === 'string' ? settled : undefined }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function unreadable(): Error {
  return new Error('the limits kept in Redis gave an answer that cannot be read')
}
