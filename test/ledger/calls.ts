/** Call records for tests of the ledger. */
import { randomUUID } from 'node:crypto'
import { NO_USAGE } from '../../src/dialects/usage.ts'
import { picodollars } from '../../src/money/picodollars.ts'
import type { CallEnd, CallerFacts, CallStart, DeploymentFacts } from '../../src/record/call-record.ts'
import type { JournalWaiter, Ledger, StartEstimate } from '../../src/spend/ledger.ts'

export const CALLER: CallerFacts = {
  keyHash: 'a'.repeat(64),
  keyAlias: 'alias',
  userId: 'user-1',
  userEmail: 'one@example.com',
  teamId: 'team-1',
  teamAlias: 'Team One',
  organizationId: 'organization-1',
}

export const DEPLOYMENT: DeploymentFacts = {
  modelId: 'deployment-1',
  modelGroup: 'fast',
  litellmModel: 'openai/gpt-5-mini',
  upstreamModel: 'gpt-5-mini',
  provider: 'openai',
  apiBase: 'https://api.example.com/v1',
}

export const ESTIMATE: StartEstimate = {
  usage: { ...NO_USAGE, inputTokens: 7 },
  cost: picodollars(700n),
}

/** A call that begins now, unless told otherwise. */
export function callStart(change: Partial<CallStart> = {}): CallStart {
  return {
    callId: randomUUID(),
    callType: 'acompletion',
    route: '/v1/chat/completions',
    arrivedAtMs: Date.now(),
    caller: CALLER,
    requestedModel: 'fast',
    stream: false,
    endUser: undefined,
    tags: [],
    sessionId: undefined,
    requesterIp: '192.0.2.1',
    userAgent: 'test/1',
    spendLogsMetadata: undefined,
    ...change,
  }
}

/** A complete answer of 10 and 5 tokens for 1,000 picodollars, unless told otherwise. */
export function callEnd(start: CallStart, change: Partial<CallEnd> = {}): CallEnd {
  const at = start.arrivedAtMs
  return {
    ending: 'complete',
    httpStatus: 200,
    endedAtMs: at + 100,
    deployment: DEPLOYMENT,
    attempts: [
      {
        deployment: DEPLOYMENT,
        startedAtMs: at + 1,
        endedAtMs: at + 98,
        httpStatus: 200,
        errorClass: undefined,
      },
    ],
    providerStartedAtMs: at + 1,
    firstContentAtMs: at + 50,
    providerEndedAtMs: at + 98,
    usage: { ...NO_USAGE, inputTokens: 10, outputTokens: 5 },
    usageSource: 'provider',
    cost: picodollars(1000n),
    priced: true,
    error: undefined,
    requestBody: undefined,
    responseBody: undefined,
    ...change,
  }
}

/** A waiter that can be awaited. */
export class Waiter implements JournalWaiter {
  readonly started: Promise<void>
  readonly ended: Promise<void>
  #start: () => void
  #end: () => void

  constructor() {
    const start = Promise.withResolvers<void>()
    const end = Promise.withResolvers<void>()
    this.started = start.promise
    this.#start = start.resolve
    this.ended = end.promise
    this.#end = end.resolve
  }

  onStartJournaled(): void {
    this.#start()
  }

  onEndJournaled(): void {
    this.#end()
  }
}

/** Takes a call through the ledger, as the call path does. */
export async function runCall(ledger: Ledger, start: CallStart, end: CallEnd): Promise<void> {
  const waiter = new Waiter()
  ledger.start(start, DEPLOYMENT, ESTIMATE, waiter)
  await waiter.started
  ledger.settle(start, end, waiter)
  await waiter.ended
}
