/** The names under which a model may stand in a price list, most exact first. */

/** LiteLLM's provider words, where the price book has another word for the same seller. */
const SELLERS: Readonly<Record<string, string>> = {
  'text-completion-openai': 'openai',
  azure_ai: 'azure',
  azure_text: 'azure',
  anthropic_text: 'anthropic',
  bedrock: 'aws',
  bedrock_converse: 'aws',
  bedrock_mantle: 'aws',
  amazon_nova: 'aws',
  gemini: 'google',
  palm: 'google',
  vertex_ai: 'google',
  vertex_ai_beta: 'google',
  codestral: 'mistral',
  'text-completion-codestral': 'mistral',
  cohere_chat: 'cohere',
  fireworks_ai: 'fireworks',
  github_copilot: 'github-copilot',
  moonshot: 'moonshotai',
  together_ai: 'together',
  voyage: 'voyageai',
  xai: 'x-ai',
}

/** The seller that a LiteLLM provider word means: `bedrock_converse` and `bedrock` are both `aws`. */
export function sellerOf(provider: string): string {
  const word = provider.toLowerCase()
  // The cost map's own words for Vertex: `vertex_ai-language-models`, `vertex_ai-anthropic_models`, …
  if (word.startsWith('vertex_ai-')) return 'google'
  return SELLERS[word] ?? word
}

/** Sellers whose model names carry a route or an owner before the last slash (`us-east-1/…`, `publishers/…/models/…`). */
const SELLERS_WITH_PATHS: ReadonlySet<string> = new Set(['aws', 'azure', 'google'])

const AWS_REGION = /^(?:us|us-gov|eu|apac|au|ca|in|jp|sa|global)\./
const AWS_VERSION = /(?:-v\d+)?(?::\d+)?(?::\d+k)?$/
const COMPACT_DATE = /-(20\d\d)(\d\d)(\d\d)$/
const DATE = /(?:[-@](?:20\d{6})|-20\d\d-\d\d-\d\d)$/
const MINOR_VERSION_DASH = /(\d)-(\d{1,2})(?!\d)/
const MINOR_VERSION_DOT = /(\d)\.(\d)/g

/**
 * The lower-case names to look for, in order: as written; without the provider's own prefix; without a path, region or
 * platform version; with the date written with dashes, and without it; with `5-5` for `5.5` and the reverse.
 */
export function candidateNames(model: string, provider: string): readonly string[] {
  const name = model.trim().toLowerCase()
  const seller = sellerOf(provider)
  let names: readonly string[] = [name]
  const add = (changed: (name: string) => string): void => {
    names = [...new Set([...names, ...names.map(changed)])]
  }
  add((known) => withoutSeller(known, seller))
  if (SELLERS_WITH_PATHS.has(seller)) add((known) => known.slice(known.lastIndexOf('/') + 1))
  if (seller === 'aws') {
    add((known) => known.replace(AWS_REGION, ''))
    add((known) => known.replace(AWS_VERSION, ''))
  }
  add((known) => known.replace(COMPACT_DATE, '-$1-$2-$3'))
  add((known) => known.replace(DATE, ''))
  add((known) => known.replace(MINOR_VERSION_DASH, '$1.$2'))
  add((known) => known.replaceAll(MINOR_VERSION_DOT, '$1-$2'))
  return names
}

function withoutSeller(name: string, seller: string): string {
  const slash = name.indexOf('/')
  return slash > 0 && sellerOf(name.slice(0, slash)) === seller ? name.slice(slash + 1) : name
}
