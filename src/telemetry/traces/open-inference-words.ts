/**
 * OpenInference, which Arize and Phoenix read:
 * https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md
 */
import { completionTokens, promptTokens, totalTokens, type Usage } from '../../dialects/usage.ts'
import { toDollars } from '../../money/picodollars.ts'
import type { AttemptFacts, CallEnd, CallStart, DeploymentFacts } from '../../record/call-record.ts'
import { plainText, type Message, type MessageTexts } from './message-texts.ts'
import type { AttributeSink } from './sinks.ts'
import { clientTexts, type SpanWords } from './span-words.ts'

const KIND = 'openinference.span.kind'

export class OpenInferenceWords implements SpanWords {
  readonly #redact: (text: string) => string

  /** @param redact takes secrets out of a text. */
  constructor(redact: (text: string) => string) {
    this.#redact = redact
  }

  call(sink: AttributeSink, start: CallStart, end: CallEnd): void {
    const texts = clientTexts(start, this.#redact)
    sink.text(KIND, 'CHAIN')
    sink.text('session.id', texts.sessionId)
    sink.text('user.id', texts.endUser ?? start.caller.userId)
    sink.number('http.response.status_code', end.httpStatus)
    sink.text('metadata', JSON.stringify(metadataOf(start, end)))
    sink.texts('tag.tags', texts.tags)
  }

  stage(sink: AttributeSink): void {
    sink.text(KIND, 'CHAIN')
  }

  attempt(sink: AttributeSink, start: CallStart, attempt: AttemptFacts): void {
    sink.text(KIND, kindOf(start))
    sink.shared(attempt.deployment, writeDeployment)
    sink.text('error.type', attempt.errorClass)
  }

  keptAnswer(sink: AttributeSink, start: CallStart, deployment: DeploymentFacts): void {
    sink.text(KIND, kindOf(start))
    sink.shared(deployment, writeDeployment)
  }

  answer(sink: AttributeSink, start: CallStart, end: CallEnd, texts: MessageTexts | undefined): void {
    const told = clientTexts(start, this.#redact)
    sink.text('session.id', told.sessionId)
    sink.text('user.id', told.endUser ?? start.caller.userId)
    if (end.usage !== undefined) writeUsage(sink, end.usage)
    sink.number('llm.cost.total', toDollars(end.cost))
    if (texts !== undefined) writeContent(sink, texts)
  }
}

function kindOf({ callType }: CallStart): string {
  return callType === 'aembedding' ? 'EMBEDDING' : 'LLM'
}

function writeDeployment(sink: AttributeSink, deployment: DeploymentFacts): void {
  sink.text('llm.model_name', deployment.upstreamModel)
  sink.text('llm.provider', deployment.provider)
  sink.text('litellm.model_group', deployment.modelGroup)
  sink.text('litellm.model_id', deployment.modelId)
}

function metadataOf({ caller, callId }: CallStart, { ending, error }: CallEnd): Record<string, unknown> {
  return {
    litellm_call_id: callId,
    ending,
    user_api_key_hash: caller.keyHash,
    user_api_key_alias: caller.keyAlias,
    user_api_key_user_id: caller.userId,
    user_api_key_team_id: caller.teamId,
    user_api_key_team_alias: caller.teamAlias,
    error_class: error?.errorClass,
  }
}

function writeUsage(sink: AttributeSink, usage: Usage): void {
  sink.number('llm.token_count.prompt', promptTokens(usage))
  sink.number('llm.token_count.completion', completionTokens(usage))
  sink.number('llm.token_count.total', totalTokens(usage))
  sink.number('llm.token_count.completion_details.reasoning', usage.reasoningTokens)
  sink.number('llm.token_count.prompt_details.cache_read', usage.cacheReadTokens)
}

function writeContent(sink: AttributeSink, { input, output, parameters }: MessageTexts): void {
  sink.text('llm.invocation_parameters', JSON.stringify(parameters))
  sink.text('input.value', plainText(input))
  sink.text('output.value', plainText(output))
  sink.text('output.mime_type', 'text/plain')
  writeMessages(sink, 'llm.input_messages', input)
  writeMessages(sink, 'llm.output_messages', output)
}

function writeMessages(sink: AttributeSink, prefix: string, messages: readonly Message[]): void {
  for (const [index, message] of messages.entries()) {
    sink.text(`${prefix}.${index}.message.role`, message.role)
    sink.text(`${prefix}.${index}.message.content`, plainText([message]))
  }
}
