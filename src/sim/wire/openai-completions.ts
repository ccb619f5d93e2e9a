/** The simulator's legacy Completions. */
import { cutText } from '../tokens.ts'
import { stringOf } from '../sim-request.ts'
import { OPENAI } from './families.ts'
import { openaiRequest, outputBound } from './openai-body.ts'
import { chatUsage, openaiStreamError } from './openai-chat.ts'
import { frame } from './wire.ts'
import type { Plan } from '../plan.ts'
import type { JsonObject, SimRequest } from '../sim-request.ts'
import type { Frame, Wire } from './wire.ts'

export const openaiCompletions: Wire = {
  dialect: 'openai-completions',
  family: OPENAI,
  read,
  answer,
  frames,
  streamError: openaiStreamError,
  malformedEvent: (plan) => `data: {"id":"cmpl-${plan.id}","object":"text_compl\n\n`,
}

function read(body: JsonObject): SimRequest {
  const prompts = Array.isArray(body['prompt']) ? body['prompt'] : [body['prompt'] ?? '']
  const texts = prompts.map((prompt) => stringOf(prompt) ?? JSON.stringify(prompt))
  return openaiRequest(body, {
    segments: texts.map((text) => ({ label: 'prompt', text })),
    lastUserText: texts.at(-1) ?? '',
    maxOutputTokens: outputBound(body, 'max_tokens'),
  })
}

function head(plan: Plan): string {
  const model = JSON.stringify(plan.request.model)
  return `{"id":"cmpl-${plan.id}","object":"text_completion","created":${plan.createdS},"model":${model},"choices":[`
}

function choice(text: string, finishReason: string): string {
  return `{"index":0,"text":${JSON.stringify(text)},"logprobs":null,"finish_reason":${finishReason}}`
}

function answer(plan: Plan): string {
  const text = plan.blocks.map((block) => block.text).join('')
  return `${head(plan)}${choice(text, `"${plan.stop}"`)}],"usage":${chatUsage(plan.usage)}}`
}

function* frames(plan: Plan): Generator<Frame> {
  const start = `data: ${head(plan)}`
  const end = plan.request.includeUsage ? '],"usage":null}\n\n' : ']}\n\n'
  let hiddenTokens = plan.usage.reasoningTokens
  for (const block of plan.blocks) {
    for (const piece of cutText(block.text, block.pieces, block.bytesBefore)) {
      yield frame('content', start + choice(piece.text, 'null') + end, piece.tokens, hiddenTokens)
      hiddenTokens = 0
    }
  }
  yield frame('closing', start + choice('', `"${plan.stop}"`) + end)
  if (plan.request.includeUsage) yield frame('closing', `${start}],"usage":${chatUsage(plan.usage)}}\n\n`)
  yield frame('last', 'data: [DONE]\n\n')
}
