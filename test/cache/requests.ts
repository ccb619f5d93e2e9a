/** Requests as the response cache sees them, for its tests. */
import type { KeyedRequest } from '../../src/cache/cache-key.ts'
import type { CacheRequest } from '../../src/cache/response-cache.ts'
import type { DialectName } from '../../src/dialects/dialect.ts'
import { DIALECTS, scanMembers } from '../../src/dialects/index.ts'
import type { DeploymentFacts } from '../../src/record/call-record.ts'
import type { Deployment } from '../../src/routing/deployment.ts'

export function cachedDeployment(facts: Partial<DeploymentFacts> = {}): Deployment {
  return {
    facts: {
      modelId: 'gpt-1',
      modelGroup: 'gpt',
      litellmModel: 'openai/sim-gpt',
      upstreamModel: 'sim-gpt',
      provider: 'openai',
      apiBase: 'https://api.example.com/v1',
      ...facts,
    },
    family: 'openai',
    origin: 'https://api.example.com',
    paths: {},
    headers: [],
    upstreamModelJson: '"sim-gpt"',
    defaults: [],
    price: undefined,
    weight: 1,
    timeoutMs: 1_000,
    streamTimeoutMs: undefined,
    accessGroups: [],
    scopes: [],
  }
}

/** @param text the body as the client wrote it. */
export function requestOf(
  name: DialectName,
  text: string,
): Pick<KeyedRequest, 'dialect' | 'members' | 'facts'> {
  const dialect = DIALECTS[name]
  const members = scanMembers(Buffer.from(text))
  return { dialect, members, facts: dialect.readRequest(members, undefined) }
}

export function keyedRequest(
  name: DialectName,
  body: object,
  changes: Partial<KeyedRequest> = {},
): KeyedRequest {
  return {
    ...requestOf(name, JSON.stringify(body)),
    caller: {
      keyHash: 'a'.repeat(64),
      keyAlias: undefined,
      userId: 'user-1',
      userEmail: undefined,
      teamId: undefined,
      teamAlias: undefined,
      organizationId: undefined,
    },
    group: { name: 'gpt', deployments: [cachedDeployment()] },
    headers: [],
    query: '',
    ...changes,
  }
}

export function cacheRequest(body: object, changes: Partial<CacheRequest> = {}): CacheRequest {
  return { ...keyedRequest('openai-chat', body), callType: 'acompletion', allowedControls: [], ...changes }
}
