/** Records of calls for the tests of telemetry: a plain served call, with whatever a test wants different. */
import { NO_USAGE, type Usage } from '../../src/dialects/usage.ts'
import { parseDollars } from '../../src/money/picodollars.ts'
import type {
  AttemptFacts,
  CallEnd,
  CallerFacts,
  CallStart,
  DeploymentFacts,
} from '../../src/record/call-record.ts'

/** When the sample calls arrive, in epoch milliseconds. */
export const ARRIVED_AT_MS = 1_780_000_000_000

export const CALLER: CallerFacts = {
  keyHash: 'ab12cd34'.repeat(8),
  keyAlias: 'ci-key',
  userId: 'user-1',
  userEmail: undefined,
  teamId: 'team-1',
  teamAlias: 'Platform',
  organizationId: undefined,
}

export const NOBODY: CallerFacts = {
  keyHash: '',
  keyAlias: undefined,
  userId: undefined,
  userEmail: undefined,
  teamId: undefined,
  teamAlias: undefined,
  organizationId: undefined,
}

export const DEPLOYMENT: DeploymentFacts = {
  modelId: 'deployment-1',
  modelGroup: 'gpt-5-5',
  litellmModel: 'openai/gpt-5-5',
  upstreamModel: 'gpt-5-5',
  provider: 'openai',
  apiBase: 'https://api.openai.com/v1',
}

export const OTHER_DEPLOYMENT: DeploymentFacts = { ...DEPLOYMENT, modelId: 'deployment-2', provider: 'azure' }

export const USAGE: Usage = { ...NO_USAGE, inputTokens: 10, outputTokens: 7 }

export function startOf(changes: Partial<CallStart> = {}): CallStart {
  return {
    callId: 'call-1',
    callType: 'acompletion',
    route: '/v1/chat/completions',
    arrivedAtMs: ARRIVED_AT_MS,
    caller: CALLER,
    requestedModel: 'gpt-5-5',
    stream: false,
    endUser: undefined,
    tags: [],
    sessionId: undefined,
    requesterIp: '10.0.0.7',
    userAgent: 'OpenAI/JS 7.57.0',
    spendLogsMetadata: undefined,
    ...changes,
  }
}

/** An attempt from 2 ms to 100 ms after the arrival. */
export function attemptOf(changes: Partial<AttemptFacts> = {}): AttemptFacts {
  return {
    deployment: DEPLOYMENT,
    startedAtMs: ARRIVED_AT_MS + 2,
    endedAtMs: ARRIVED_AT_MS + 100,
    httpStatus: 200,
    errorClass: undefined,
    ...changes,
  }
}

/** A whole answer, 101 ms after the arrival, for 0.25 dollars. */
export function endOf(changes: Partial<CallEnd> = {}): CallEnd {
  return {
    ending: 'complete',
    httpStatus: 200,
    endedAtMs: ARRIVED_AT_MS + 101,
    deployment: DEPLOYMENT,
    attempts: [attemptOf()],
    providerStartedAtMs: ARRIVED_AT_MS + 2,
    firstContentAtMs: ARRIVED_AT_MS + 30,
    providerEndedAtMs: ARRIVED_AT_MS + 100,
    usage: USAGE,
    usageSource: 'provider',
    cost: parseDollars('0.25'),
    priced: true,
    error: undefined,
    requestBody: undefined,
    responseBody: undefined,
    ...changes,
  }
}

/** A call that the gateway refused before it chose a deployment. */
export function refusalOf(httpStatus: number, errorClass: string): CallEnd {
  return endOf({
    ending: 'refused',
    httpStatus,
    deployment: undefined,
    attempts: [],
    providerStartedAtMs: undefined,
    firstContentAtMs: undefined,
    providerEndedAtMs: undefined,
    usage: undefined,
    usageSource: 'none',
    cost: parseDollars('0'),
    error: { errorClass, httpStatus, message: 'refused', provider: undefined },
  })
}

/** A call whose only attempt the provider refused. */
export function providerErrorOf(httpStatus: number, errorClass: string): CallEnd {
  return endOf({
    ending: 'provider_error',
    httpStatus,
    attempts: [attemptOf({ httpStatus, errorClass })],
    firstContentAtMs: undefined,
    usage: undefined,
    usageSource: 'none',
    cost: parseDollars('0'),
    error: { errorClass, httpStatus, message: 'no', provider: 'openai' },
  })
}
