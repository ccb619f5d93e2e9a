/** The table of providers: where calls go, how the gateway proves itself there, and which dialects they speak. */
import type { Secret } from '../config/secret.ts'
import type { DialectFamily, DialectName } from '../dialects/dialect.ts'

export interface Provider {
  /** LiteLLM's provider prefix: `openai/gpt-5` goes to `openai`. */
  readonly name: string
  readonly family: DialectFamily
  /** Base URL when the deployment names none; undefined when the deployment must. */
  readonly defaultApiBase: string | undefined
  /** Environment variables that hold the key, first hit wins. */
  readonly keyVariables: readonly string[]
  /** Environment variables that hold the base URL, first hit wins. */
  readonly baseVariables: readonly string[]
}

function openaiCompatible(
  name: string,
  defaultApiBase: string | undefined,
  variablePrefix: string,
): Provider {
  return {
    name,
    family: 'openai',
    defaultApiBase,
    keyVariables: [`${variablePrefix}_API_KEY`],
    baseVariables: [`${variablePrefix}_API_BASE`, `${variablePrefix}_BASE_URL`],
  }
}

const PROVIDER_LIST: readonly Provider[] = [
  openaiCompatible('openai', 'https://api.openai.com/v1', 'OPENAI'),
  {
    name: 'anthropic',
    family: 'anthropic',
    defaultApiBase: 'https://api.anthropic.com',
    keyVariables: ['ANTHROPIC_API_KEY', 'ANTHROPIC_AUTH_TOKEN'],
    baseVariables: ['ANTHROPIC_API_BASE', 'ANTHROPIC_BASE_URL'],
  },
  openaiCompatible('custom_openai', undefined, 'OPENAI'),
  openaiCompatible('openai_like', undefined, 'OPENAI_LIKE'),
  openaiCompatible('text-completion-openai', 'https://api.openai.com/v1', 'OPENAI'),
  openaiCompatible('litellm_proxy', undefined, 'LITELLM_PROXY'),
  openaiCompatible('groq', 'https://api.groq.com/openai/v1', 'GROQ'),
  openaiCompatible('deepseek', 'https://api.deepseek.com/v1', 'DEEPSEEK'),
  openaiCompatible('mistral', 'https://api.mistral.ai/v1', 'MISTRAL'),
  openaiCompatible('xai', 'https://api.x.ai/v1', 'XAI'),
  openaiCompatible('openrouter', 'https://openrouter.ai/api/v1', 'OPENROUTER'),
  openaiCompatible('together_ai', 'https://api.together.xyz/v1', 'TOGETHERAI'),
  openaiCompatible('fireworks_ai', 'https://api.fireworks.ai/inference/v1', 'FIREWORKS_AI'),
  openaiCompatible('perplexity', 'https://api.perplexity.ai', 'PERPLEXITYAI'),
  openaiCompatible('nvidia_nim', 'https://integrate.api.nvidia.com/v1', 'NVIDIA_NIM'),
  openaiCompatible('cerebras', 'https://api.cerebras.ai/v1', 'CEREBRAS'),
  openaiCompatible('sambanova', 'https://api.sambanova.ai/v1', 'SAMBANOVA'),
  openaiCompatible('hosted_vllm', undefined, 'HOSTED_VLLM'),
  openaiCompatible('lm_studio', undefined, 'LM_STUDIO'),
  openaiCompatible('ollama', 'http://localhost:11434/v1', 'OLLAMA'),
  openaiCompatible('ollama_chat', 'http://localhost:11434/v1', 'OLLAMA'),
]

const PROVIDERS: ReadonlyMap<string, Provider> = new Map(
  PROVIDER_LIST.map((provider) => [provider.name, provider]),
)

export function findProvider(name: string): Provider | undefined {
  return PROVIDERS.get(name)
}

/** Names of all providers, for messages that say what was expected. */
export function providerNames(): readonly string[] {
  return [...PROVIDERS.keys()]
}

/** Path of a dialect's endpoint below an OpenAI-style base URL, which ends in `/v1` or an equal of it. */
const OPENAI_PATHS: Readonly<Partial<Record<DialectName, string>>> = {
  'openai-chat': '/chat/completions',
  'openai-completions': '/completions',
  'openai-embeddings': '/embeddings',
  'openai-responses': '/responses',
}

const ANTHROPIC_PATHS: Readonly<Partial<Record<DialectName, string>>> = {
  'anthropic-messages': '/messages',
  'anthropic-count-tokens': '/messages/count_tokens',
}

/** Request path (with the base URL's own path before it), or undefined when the provider does not speak the dialect. */
export function endpointPath(family: DialectFamily, apiBase: URL, dialect: DialectName): string | undefined {
  const base = apiBase.pathname.replace(/\/+$/, '')
  if (family === 'openai') {
    const path = OPENAI_PATHS[dialect]
    return path === undefined ? undefined : base + path
  }
  const path = ANTHROPIC_PATHS[dialect]
  // A base may be written with or without `/v1`, and even with the whole path: all three are in use.
  return path === undefined ? undefined : `${base.replace(/\/v1(\/messages)?$/, '')}/v1${path}`
}

/** Header names and values, flat, that prove the gateway to the provider. Held in memory, never logged. */
export function credentialHeaders(
  provider: Provider,
  key: Secret,
  fromVariable: string | undefined,
): string[] {
  if (provider.family === 'anthropic' && fromVariable !== 'ANTHROPIC_AUTH_TOKEN') {
    return ['x-api-key', key.reveal()]
  }
  return ['authorization', `Bearer ${key.reveal()}`]
}
