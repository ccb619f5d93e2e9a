/** The simulator's embeddings: the same text has the same vector, in floats and in base64 alike. */
import { BadRequestError, numberOf } from '../sim-request.ts'
import { promptTokens } from '../../dialects/usage.ts'
import { OPENAI } from './families.ts'
import { openaiRequest } from './openai-body.ts'
import { openaiStreamError } from './openai-chat.ts'
import type { Plan } from '../plan.ts'
import type { EmbeddingRequest, JsonObject, SimRequest } from '../sim-request.ts'
import type { Wire } from './wire.ts'

const DEFAULT_DIMENSIONS = 1_536
const MAX_DIMENSIONS = 4_096

export const openaiEmbeddings: Wire = {
  dialect: 'openai-embeddings',
  family: OPENAI,
  read,
  answer,
  frames: () => [],
  streamError: openaiStreamError,
  malformedEvent: () => '',
}

function read(body: JsonObject): SimRequest {
  const inputs = inputsOf(body['input'])
  const dimensions = numberOf(body['dimensions']) ?? DEFAULT_DIMENSIONS
  if (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > MAX_DIMENSIONS) {
    throw new BadRequestError(`dimensions must be from 1 to ${MAX_DIMENSIONS}`, 'dimensions')
  }
  const encoding = body['encoding_format'] === 'base64' ? 'base64' : 'float'
  const request = openaiRequest(body, {
    segments: inputs.map((text) => ({ label: 'input', text })),
    lastUserText: inputs.at(-1) ?? '',
    maxOutputTokens: 0,
    embedding: { inputs, dimensions, encoding },
  })
  return { ...request, stream: false }
}

/** A text, texts, a list of token numbers, or lists of them: numbers count as their JSON. */
function inputsOf(input: unknown): readonly string[] {
  if (typeof input === 'string') return [input]
  if (!Array.isArray(input) || input.length === 0) {
    throw new BadRequestError('input must be a string or a list that is not empty', 'input')
  }
  if (typeof input[0] === 'number') return [JSON.stringify(input)]
  return input.map((item: unknown) => (typeof item === 'string' ? item : JSON.stringify(item)))
}

function answer(plan: Plan): string {
  const { embedding, model } = plan.request
  const data = embedding === undefined ? '' : rows(embedding)
  const tokens = promptTokens(plan.usage)
  return (
    `{"object":"list","data":[${data}],"model":${JSON.stringify(model)},` +
    `"usage":{"prompt_tokens":${tokens},"total_tokens":${tokens}}}`
  )
}

function rows(embedding: EmbeddingRequest): string {
  return embedding.inputs
    .map((text, index) => {
      const vector = vectorOf(text, embedding.dimensions)
      const written =
        embedding.encoding === 'base64'
          ? `"${Buffer.from(vector.buffer).toString('base64')}"`
          : `[${vector.join(',')}]`
      return `{"object":"embedding","index":${index},"embedding":${written}}`
    })
    .join(',')
}

/** Values are multiples of 1/1024 between -1 and 1, so that floats and base64 say exactly the same. */
function vectorOf(text: string, dimensions: number): Float32Array {
  let state = 2_166_136_261
  for (const byte of Buffer.from(text)) state = Math.imul(state ^ byte, 16_777_619)
  const vector = new Float32Array(dimensions)
  for (let index = 0; index < dimensions; index += 1) {
    state = Math.imul(state, 1_664_525) + 1_013_904_223
    vector[index] = (state >> 21) / 1_024
  }
  return vector
}
