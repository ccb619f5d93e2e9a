/**
 * OpenTelemetry's conventions for HTTP servers and generative AI, with LiteLLM's own attributes beside them:
 * https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
 */
import { completionTokens, promptTokens, type Usage } from '../../dialects/usage.ts'
import { toDollars } from '../../money/picodollars.ts'
import type {
  AttemptFacts,
  CallEnd,
  CallerFacts,
  CallStart,
  DeploymentFacts,
} from '../../record/call-record.ts'
import { operationName, providerName } from './gen-ai-names.ts'
import { httpMethod } from './http-method.ts'
import type { MessageTexts } from './message-texts.ts'
import { serverAddress } from './server-address.ts'
import type { AttributeSink } from './sinks.ts'
import { clientTexts, writeValue, type SpanWords } from './span-words.ts'

export class GenAiWords implements SpanWords {
  readonly #hasLegacyNames: boolean
  readonly #redact: (text: string) => string
  readonly #writeDeployment: typeof writeDeployment

  /**
   * @param redact takes secrets out of a text.
   * @param hasLegacyNames also the names that the conventions had before.
   */
  constructor(redact: (text: string) => string, hasLegacyNames: boolean) {
    this.#redact = redact
    this.#hasLegacyNames = hasLegacyNames
    this.#writeDeployment = hasLegacyNames ? writeDeploymentAndSystem : writeDeployment
  }

  call(sink: AttributeSink, start: CallStart, end: CallEnd): void {
    const texts = clientTexts(start, this.#redact)
    sink.text('http.request.method', httpMethod(start.callType))
    sink.text('http.route', start.route)
    sink.number('http.response.status_code', end.httpStatus)
    sink.text('client.address', start.requesterIp)
    sink.text('user_agent.original', texts.userAgent)
    sink.text('error.type', end.error?.errorClass)
    sink.text('gen_ai.request.model', texts.requestedModel)
    sink.text('litellm.call_id', start.callId)
    sink.text('litellm.ending', end.ending)
    sink.flag('litellm.request.streaming', start.stream)
    sink.shared(start.caller, writeCaller)
    sink.text('litellm.metadata.user_api_key_end_user_id', texts.endUser)
    sink.texts('litellm.request.tags', texts.tags)
    sink.text('session.id', texts.sessionId)
    sink.number('litellm.cost.total', toDollars(end.cost))
    sink.number('litellm.attempts', end.attempts.length)
    sink.flag('litellm.cache.hit', end.cache?.hit)
  }

  stage(): void {}

  attempt(sink: AttributeSink, start: CallStart, attempt: AttemptFacts): void {
    sink.shared(attempt.deployment, this.#writeDeployment)
    sink.text('gen_ai.operation.name', operationName(start.callType))
    sink.flag('gen_ai.request.stream', start.stream)
    sink.number('http.response.status_code', attempt.httpStatus)
    sink.text('error.type', attempt.errorClass)
    sink.text('litellm.call_id', start.callId)
    sink.text('litellm.team.id', start.caller.teamId)
    if (this.#hasLegacyNames) sink.text('llm.is_streaming', start.stream ? 'True' : 'False')
  }

  keptAnswer(sink: AttributeSink, start: CallStart, deployment: DeploymentFacts): void {
    sink.shared(deployment, this.#writeDeployment)
    sink.text('gen_ai.operation.name', operationName(start.callType))
  }

  answer(sink: AttributeSink, start: CallStart, end: CallEnd, texts: MessageTexts | undefined): void {
    sink.text('gen_ai.response.model', end.responseModel)
    sink.texts(
      'gen_ai.response.finish_reasons',
      end.finishReason === undefined ? undefined : [end.finishReason],
    )
    if (start.stream) sink.number('gen_ai.response.time_to_first_chunk', secondsToFirstChunk(end))
    if (start.sessionId !== undefined) sink.text('gen_ai.conversation.id', this.#redact(start.sessionId))
    if (end.usage !== undefined) writeUsage(sink, end.usage, this.#hasLegacyNames)
    sink.number('litellm.cost.total', toDollars(end.cost))
    sink.text('litellm.usage_source', end.usageSource)
    if (texts !== undefined) writeContent(sink, texts)
  }
}

function writeCaller(sink: AttributeSink, caller: CallerFacts): void {
  sink.text('litellm.api_key.hash', caller.keyHash === '' ? undefined : caller.keyHash)
  sink.text('litellm.team.id', caller.teamId)
  sink.text('litellm.team.alias', caller.teamAlias)
  sink.text('litellm.metadata.user_api_key_alias', caller.keyAlias)
  sink.text('litellm.metadata.user_api_key_user_id', caller.userId)
  sink.text('litellm.metadata.user_api_key_org_id', caller.organizationId)
}

function writeDeployment(sink: AttributeSink, deployment: DeploymentFacts): void {
  const address = serverAddress(deployment)
  sink.text('gen_ai.provider.name', providerName(deployment.provider))
  sink.text('gen_ai.request.model', deployment.modelGroup)
  sink.text('litellm.provider.model', deployment.upstreamModel)
  sink.text('litellm.model_id', deployment.modelId)
  sink.text('server.address', address?.host)
  sink.number('server.port', address?.port)
}

function writeDeploymentAndSystem(sink: AttributeSink, deployment: DeploymentFacts): void {
  writeDeployment(sink, deployment)
  sink.text('gen_ai.system', deployment.provider)
}

function secondsToFirstChunk({ providerStartedAtMs, firstContentAtMs }: CallEnd): number | undefined {
  if (providerStartedAtMs === undefined || firstContentAtMs === undefined) return undefined
  return Math.max(0, firstContentAtMs - providerStartedAtMs) / 1000
}

/** Cached tokens are part of the input tokens, and reasoning tokens of the output tokens, as the conventions say. */
function writeUsage(sink: AttributeSink, usage: Usage, hasLegacyNames: boolean): void {
  const input = promptTokens(usage)
  const output = completionTokens(usage)
  sink.number('gen_ai.usage.input_tokens', input)
  sink.number('gen_ai.usage.output_tokens', output)
  sink.number('gen_ai.usage.cache_read.input_tokens', someTokens(usage.cacheReadTokens))
  sink.number(
    'gen_ai.usage.cache_creation.input_tokens',
    someTokens(usage.cacheWrite5mTokens + usage.cacheWrite1hTokens),
  )
  sink.number('gen_ai.usage.reasoning.output_tokens', someTokens(usage.reasoningTokens))
  if (!hasLegacyNames) return
  sink.number('gen_ai.usage.prompt_tokens', input)
  sink.number('gen_ai.usage.completion_tokens', output)
}

/** Most calls have none, and an attribute costs what it costs. */
function someTokens(tokens: number): number | undefined {
  return tokens === 0 ? undefined : tokens
}

function writeContent(sink: AttributeSink, { input, output, parameters }: MessageTexts): void {
  sink.text('gen_ai.input.messages', JSON.stringify(input))
  sink.text('gen_ai.output.messages', JSON.stringify(output))
  for (const name of PARAMETERS) writeValue(sink, `gen_ai.request.${name}`, parameters[name])
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
