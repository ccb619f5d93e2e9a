/** Reads what the Lua script answers: JSON text that the rest of the program need not know. */
import type { Advanced } from './advances/advance.ts'
import type { AdmitAnswer, AdmitMessage, LimitKind, Refused, ScopeAsk, ScopeUse } from './limit-store.ts'

/** What refuses a call may be calls that other processes have in advance: it is decided after this time. */
export interface Later {
  readonly laterMs: number
  /** Index of the ask that refuses it. */
  readonly ask: number
}

export interface ScriptAnswer {
  /**
   * A call each, in their order; an error where one of its keys is not ours. Undefined when the message came too late, and
   * was not taken up.
   */
  readonly answers: readonly (AdmitAnswer | Later | Error)[] | undefined
  /** A question for calls in advance each, in their order; an error where a key is not ours. */
  readonly advances: readonly (Advanced | Error)[]
  /** Redis's clock, epoch milliseconds. */
  readonly nowMs: number
  /** The process was not known to Redis before this message. */
  readonly fresh: boolean
}

/** What Redis has added up. */
const WHOLE = /^-?\d+$/

const LIMIT_KINDS: readonly LimitKind[] = ['requests', 'tokens', 'parallel', 'budget']

/**
 * @param calls what the message asked for. @param questions of these, to have more in advance.
 * @throws Error when the answer is not one of the script: another program writes to the same keys.
 */
export function readScriptAnswer(
  value: unknown,
  calls: readonly AdmitMessage[],
  questions: readonly AdmitMessage[],
): ScriptAnswer {
  const answer: unknown = JSON.parse(String(value))
  if (!isRecord(answer) || typeof answer['now'] !== 'number') throw unreadable()
  const isLate = answer['late'] === true
  return {
    answers: isLate ? undefined : readAnswers(answer, calls),
    advances: isLate ? [] : readAdvances(answer, questions),
    nowMs: answer['now'],
    fresh: answer['fresh'] === true,
  }
}

function readAnswers(
  { second, answers }: Record<string, unknown>,
  calls: readonly AdmitMessage[],
): readonly (AdmitAnswer | Later | Error)[] {
  // Lua cannot tell an empty list from an empty map, here and where a call asks for nothing.
  if (calls.length === 0) return []
  if (typeof second !== 'number' || !Array.isArray(answers) || answers.length !== calls.length)
    throw unreadable()
  return calls.map(({ asks }, index) => readAnswer(answers[index], second, asks))
}

function readAdvances(
  { second, advances }: Record<string, unknown>,
  questions: readonly AdmitMessage[],
): readonly (Advanced | Error)[] {
  if (questions.length === 0) return []
  if (typeof second !== 'number' || !Array.isArray(advances) || advances.length !== questions.length)
    throw unreadable()
  return questions.map(({ asks }, index) => {
    const advance: unknown = advances[index]
    if (!Array.isArray(advance)) throw unreadable()
    const [calls, used]: unknown[] = advance
    if (typeof calls !== 'number') throw unreadable()
    if (calls === 0) return { calls, second, uses: [] }
    const admitted = readAnswer(used, second, asks)
    if (admitted instanceof Error) return admitted
    if (!('uses' in admitted)) throw unreadable()
    return { calls, second, uses: admitted.uses }
  })
}

/** A call that was admitted is answered with what it uses of each scope. */
function readAnswer(answer: unknown, second: number, asks: readonly ScopeAsk[]): AdmitAnswer | Later | Error {
  if (!isRecord(answer)) throw unreadable()
  if ('failure' in answer) return new Error(String(answer['failure']))
  if ('limit' in answer) return readRefusal(answer, asks)
  if ('later' in answer) return { laterMs: Number(answer['later']), ask: Number(answer['ask']) }
  if (asks.length === 0) return { admitted: true, second, uses: [] }
  if (!Array.isArray(answer) || answer.length !== asks.length) throw unreadable()
  const uses: ScopeUse[] = []
  for (const [index, ask] of asks.entries()) {
    const use = readUse(answer[index])
    if (use === undefined) return notOurs(ask)
    uses.push(use)
  }
  return { admitted: true, second, uses }
}

function readRefusal(
  { ask, limit, used, reserved, wait }: Record<string, unknown>,
  asks: readonly ScopeAsk[],
): Refused | Error {
  const kind = LIMIT_KINDS.find((known) => known === limit)
  if (kind === undefined || typeof ask !== 'number' || typeof wait !== 'number') throw unreadable()
  if (kind === 'budget' && !WHOLE.test(String(used))) return notOurs(asks[ask])
  return {
    admitted: false,
    ask,
    limit: kind,
    used: String(used),
    reserved: String(reserved),
    freeInMs: wait,
  }
}

/** @returns undefined when the spend is no whole number: another program has written there. */
function readUse(use: unknown): ScopeUse | undefined {
  if (!Array.isArray(use)) throw unreadable()
  const [requests, tokens, parallel, settled]: unknown[] = use
  if (typeof requests !== 'number' || typeof tokens !== 'number' || typeof parallel !== 'number')
    throw unreadable()
  if (typeof settled !== 'string') return { requests, tokens, parallel, settled: undefined }
  return WHOLE.test(settled) ? { requests, tokens, parallel, settled: BigInt(settled) } : undefined
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** Another program has written what this account has spent. */
function notOurs(ask: ScopeAsk | undefined): Error {
  return new Error(
    `what Redis holds as spent is no whole number of picodollars (budget:${ask?.budget?.account}): another program ` +
      'writes to this key. Delete it, and what is spent is taken from the database',
  )
}

function unreadable(): Error {
  return new Error('the limits kept in Redis gave an answer that cannot be read')
}
