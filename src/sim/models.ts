/** The models that the simulator lists, in the shape of either family. */

export const DEFAULT_MODELS: readonly string[] = ['sim-gpt', 'sim-claude', 'sim-embedding']

const CREATED_S = 1_767_225_600
const CREATED_AT = '2026-01-01T00:00:00Z'

/** The answer to `/models` or `/models/{id}`; undefined when there is no such model. */
export function modelAnswer(
  models: readonly string[],
  route: string,
  family: 'openai' | 'anthropic',
): object | undefined {
  const describe = family === 'openai' ? openaiModel : anthropicModel
  if (route === '/models') {
    const data = models.map(describe)
    if (family === 'openai') return { object: 'list', data }
    return { data, has_more: false, first_id: models[0] ?? null, last_id: models.at(-1) ?? null }
  }
  const id = models.find(
    (model) => `/models/${encodeURIComponent(model)}` === route || `/models/${model}` === route,
  )
  return id === undefined ? undefined : describe(id)
}

function openaiModel(id: string): object {
  return { id, object: 'model', created: CREATED_S, owned_by: 'sluice-simulator' }
}

function anthropicModel(id: string): object {
  return {
    type: 'model',
    id,
    display_name: id,
    created_at: CREATED_AT,
    max_input_tokens: 200_000,
    max_tokens: 64_000,
    lifecycle: 'active',
  }
}
