/**
 * OpenInference, which Arize and Phoenix read:
 * https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md
 */
import { completionTokens, promptTokens, totalTokens, type Usage } from '../../dialects/usage.ts'
import { toDollars } from '../../money/picodollars.ts'
import type { AttemptFacts, CallEnd, CallStart, DeploymentFacts } from '../../record/call-record.ts'
import { plainText, type Message, type MessageTexts } from './message-texts.ts'
import type { Attributes } from './span.ts'
import { clientTexts, DeploymentAttributes, type SpanWords } from './span-words.ts'

const KIND = 'openinference.span.kind'

export class OpenInferenceWords implements SpanWords {
  readonly #deployments = new DeploymentAttributes(deploymentAttributes)
  readonly #redact: (text: string) => string

  /** @param redact takes secrets out of a text. */
  constructor(redact: (text: string) => string) {
    this.#redact = redact
  }

  callAttributes(start: CallStart, end: CallEnd): Attributes {
    const texts = clientTexts(start, this.#redact)
    return {
      [KIND]: 'CHAIN',
      'session.id': texts.sessionId,
      'user.id': texts.endUser ?? start.caller.userId,
      'http.response.status_code': end.httpStatus,
      metadata: JSON.stringify(metadataOf(start, end)),
      'tag.tags': texts.tags,
    }
  }

  stageAttributes(): Attributes {
    return { [KIND]: 'CHAIN' }
  }

  attemptAttributes(start: CallStart, attempt: AttemptFacts): Attributes {
    return {
      [KIND]: kindOf(start),
      ...this.#deployments.of(attempt.deployment),
      'error.type': attempt.errorClass,
    }
  }

  answerAttributes(start: CallStart, end: CallEnd, texts: MessageTexts | undefined): Attributes {
    const told = clientTexts(start, this.#redact)
    return {
      ...(end.cache?.hit === true && end.deployment !== undefined
        ? { [KIND]: kindOf(start), ...this.#deployments.of(end.deployment) }
        : {}),
      'session.id': told.sessionId,
      'user.id': told.endUser ?? start.caller.userId,
      ...(end.usage === undefined ? {} : usageAttributes(end.usage)),
      'llm.cost.total': toDollars(end.cost),
      ...(texts === undefined ? {} : contentAttributes(texts)),
    }
  }
}

function kindOf({ callType }: CallStart): string {
  return callType === 'aembedding' ? 'EMBEDDING' : 'LLM'
}

function deploymentAttributes(deployment: DeploymentFacts): Attributes {
  return {
    'llm.model_name': deployment.upstreamModel,
    'llm.provider': deployment.provider,
    'litellm.model_group': deployment.modelGroup,
    'litellm.model_id': deployment.modelId,
  }
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

function usageAttributes(usage: Usage): Attributes {
  return {
    'llm.token_count.prompt': promptTokens(usage),
    'llm.token_count.completion': completionTokens(usage),
    'llm.token_count.total': totalTokens(usage),
    'llm.token_count.completion_details.reasoning': usage.reasoningTokens,
    'llm.token_count.prompt_details.cache_read': usage.cacheReadTokens,
  }
}

function contentAttributes({ input, output, parameters }: MessageTexts): Attributes {
  return {
    'llm.invocation_parameters': JSON.stringify(parameters),
    'input.value': plainText(input),
    'output.value': plainText(output),
    'output.mime_type': 'text/plain',
    ...messageAttributes('llm.input_messages', input),
    ...messageAttributes('llm.output_messages', output),
  }
}

function messageAttributes(prefix: string, messages: readonly Message[]): Attributes {
  const attributes: Attributes = {}
  for (const [index, message] of messages.entries()) {
    attributes[`${prefix}.${index}.message.role`] = message.role
    attributes[`${prefix}.${index}.message.content`] = plainText([message])
  }
  return attributes
}
