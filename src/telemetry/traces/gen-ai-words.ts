/**
 * OpenTelemetry's conventions for HTTP servers and generative AI, with LiteLLM's own attributes beside them:
 * https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
 */
import { completionTokens, promptTokens, type Usage } from '../../dialects/usage.ts'
import { toDollars } from '../../money/picodollars.ts'
import type { AttemptFacts, CallEnd, CallStart, DeploymentFacts } from '../../record/call-record.ts'
import { operationName, providerName } from './gen-ai-names.ts'
import { httpMethod } from './http-method.ts'
import type { MessageTexts } from './message-texts.ts'
import { serverAddress } from './server-address.ts'
import type { Attributes } from './span.ts'
import { clientTexts, DeploymentAttributes, type SpanWords } from './span-words.ts'

export class GenAiWords implements SpanWords {
  readonly #deployments: DeploymentAttributes
  readonly #hasLegacyNames: boolean
  readonly #redact: (text: string) => string

  /**
   * @param redact takes secrets out of a text.
   * @param hasLegacyNames also the names that the conventions had before.
   */
  constructor(redact: (text: string) => string, hasLegacyNames: boolean) {
    this.#redact = redact
    this.#hasLegacyNames = hasLegacyNames
    this.#deployments = new DeploymentAttributes((deployment) =>
      deploymentAttributes(deployment, hasLegacyNames),
    )
  }

  callAttributes(start: CallStart, end: CallEnd): Attributes {
    const { caller } = start
    const texts = clientTexts(start, this.#redact)
    return {
      'http.request.method': httpMethod(start.callType),
      'http.route': start.route,
      'http.response.status_code': end.httpStatus,
      'client.address': start.requesterIp,
      'user_agent.original': texts.userAgent,
      'error.type': end.error?.errorClass,
      'gen_ai.request.model': texts.requestedModel,
      'litellm.call_id': start.callId,
      'litellm.ending': end.ending,
      'litellm.request.streaming': start.stream,
      'litellm.api_key.hash': caller.keyHash === '' ? undefined : caller.keyHash,
      'litellm.team.id': caller.teamId,
      'litellm.team.alias': caller.teamAlias,
      'litellm.metadata.user_api_key_alias': caller.keyAlias,
      'litellm.metadata.user_api_key_user_id': caller.userId,
      'litellm.metadata.user_api_key_org_id': caller.organizationId,
      'litellm.metadata.user_api_key_end_user_id': texts.endUser,
      'litellm.request.tags': texts.tags,
      'session.id': texts.sessionId,
      'litellm.cost.total': toDollars(end.cost),
      'litellm.attempts': end.attempts.length,
      'litellm.cache.hit': end.cache?.hit,
    }
  }

  stageAttributes(): Attributes {
    return {}
  }

  attemptAttributes(start: CallStart, attempt: AttemptFacts): Attributes {
    const attributes = {
      ...this.#deployments.of(attempt.deployment),
      'gen_ai.operation.name': operationName(start.callType),
      'gen_ai.request.stream': start.stream,
      'http.response.status_code': attempt.httpStatus,
      'error.type': attempt.errorClass,
      'litellm.call_id': start.callId,
      'litellm.team.id': start.caller.teamId,
    }
    return this.#hasLegacyNames
      ? { ...attributes, 'llm.is_streaming': start.stream ? 'True' : 'False' }
      : attributes
  }

  answerAttributes(start: CallStart, end: CallEnd, texts: MessageTexts | undefined): Attributes {
    return {
      ...(end.cache?.hit === true && end.deployment !== undefined
        ? { ...this.#deployments.of(end.deployment), 'gen_ai.operation.name': operationName(start.callType) }
        : {}),
      'gen_ai.response.model': end.responseModel,
      'gen_ai.response.finish_reasons': end.finishReason === undefined ? undefined : [end.finishReason],
      'gen_ai.response.time_to_first_chunk': start.stream ? secondsToFirstChunk(end) : undefined,
      'gen_ai.conversation.id': start.sessionId === undefined ? undefined : this.#redact(start.sessionId),
      ...(end.usage === undefined ? {} : usageAttributes(end.usage, this.#hasLegacyNames)),
      'litellm.cost.total': toDollars(end.cost),
      'litellm.usage_source': end.usageSource,
      ...(texts === undefined ? {} : contentAttributes(texts)),
    }
  }
}

function deploymentAttributes(deployment: DeploymentFacts, hasLegacyNames: boolean): Attributes {
  const address = serverAddress(deployment)
  return {
    'gen_ai.provider.name': providerName(deployment.provider),
    'gen_ai.request.model': deployment.modelGroup,
    'litellm.provider.model': deployment.upstreamModel,
    'litellm.model_id': deployment.modelId,
    'server.address': address?.host,
    'server.port': address?.port,
    ...(hasLegacyNames ? { 'gen_ai.system': deployment.provider } : {}),
  }
}

function secondsToFirstChunk({ providerStartedAtMs, firstContentAtMs }: CallEnd): number | undefined {
  if (providerStartedAtMs === undefined || firstContentAtMs === undefined) return undefined
  return Math.max(0, firstContentAtMs - providerStartedAtMs) / 1000
}

/** Cached tokens are part of the input tokens, and reasoning tokens of the output tokens, as the conventions say. */
function usageAttributes(usage: Usage, hasLegacyNames: boolean): Attributes {
  const input = promptTokens(usage)
  const output = completionTokens(usage)
  return {
    'gen_ai.usage.input_tokens': input,
    'gen_ai.usage.output_tokens': output,
    'gen_ai.usage.cache_read.input_tokens': someTokens(usage.cacheReadTokens),
    'gen_ai.usage.cache_creation.input_tokens': someTokens(
      usage.cacheWrite5mTokens + usage.cacheWrite1hTokens,
    ),
    'gen_ai.usage.reasoning.output_tokens': someTokens(usage.reasoningTokens),
    ...(hasLegacyNames
      ? { 'gen_ai.usage.prompt_tokens': input, 'gen_ai.usage.completion_tokens': output }
      : {}),
  }
}

/** Most calls have none, and an attribute costs what it costs. */
function someTokens(tokens: number): number | undefined {
  return tokens === 0 ? undefined : tokens
}

function contentAttributes({ input, output, parameters }: MessageTexts): Attributes {
  const attributes: Attributes = {
    'gen_ai.input.messages': JSON.stringify(input),
    'gen_ai.output.messages': JSON.stringify(output),
  }
  for (const name of PARAMETERS) attributes[`gen_ai.request.${name}`] = parameters[name]
  return attributes
}

const PARAMETERS = [
  'max_tokens',
  'temperature',
  'top_p',
  'top_k',
  'frequency_penalty',
  'presence_penalty',
  'seed',
] as const
