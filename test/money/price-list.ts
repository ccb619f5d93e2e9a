/**
 * The prices of the money proof, and the cost of a usage by them, reckoned here in the plainest way: it shares no code
 * with the prices that it checks.
 */
import type { Usage } from '../../src/dialects/usage.ts'

/** Dollars a token as decimal text, by the names of the config; what is not listed costs nothing. */
type Rates = Readonly<Record<string, string>>

const GPT: Rates = {
  input_cost_per_token: '0.000002',
  output_cost_per_token: '0.000008',
  cache_read_input_token_cost: '0.0000005',
  output_cost_per_reasoning_token: '0.0000121',
  input_cost_per_audio_token: '0.00004',
  output_cost_per_audio_token: '0.00008',
  input_cost_per_token_above_200k_tokens: '0.000004',
  output_cost_per_token_above_200k_tokens: '0.000012',
  cache_read_input_token_cost_above_200k_tokens: '0.000001',
  input_cost_per_token_priority: '0.0000035',
  output_cost_per_token_priority: '0.000014',
}

/** Prices with more digits than a picodollar has: a call is rounded once, as a whole. */
const CLAUDE: Rates = {
  input_cost_per_token: '0.000003000000123457',
  output_cost_per_token: '0.000015',
  cache_read_input_token_cost: '0.000000300000050001',
  cache_creation_input_token_cost: '0.00000375',
  cache_creation_input_token_cost_above_1hr: '0.000006',
  search_context_cost_per_query: '0.01',
  output_cost_per_reasoning_token: '0.000015',
}

const EMBEDDER: Rates = { input_cost_per_token: '0.00000001234567' }

const RATES_OF: ReadonlyMap<string, Rates> = new Map([
  ['sim-gpt', GPT],
  ['sim-claude', CLAUDE],
  ['sim-embedding', EMBEDDER],
])

/** Gateway config: models `gpt`, `claude` and `embedder` at the simulator. */
export function configOf(simulatorUrl: string, masterKey: string, cancelOnDisconnect: boolean): string {
  const model = (name: string, upstream: string, base: string): object => ({
    model_name: name,
    litellm_params: { model: upstream, api_base: base, api_key: 'sk-provider' },
    model_info: { id: `${name}-1`, ...RATES_OF.get(upstream.slice(upstream.indexOf('/') + 1)) },
  })
  // JSON is YAML.
  return JSON.stringify({
    general_settings: { master_key: masterKey, cancel_on_disconnect: cancelOnDisconnect },
    router_settings: { num_retries: 2, retry_after: 0, timeout: 4 },
    model_list: [
      model('gpt', 'openai/sim-gpt', `${simulatorUrl}/v1`),
      model('claude', 'anthropic/sim-claude', simulatorUrl),
      model('embedder', 'openai/sim-embedding', `${simulatorUrl}/v1`),
    ],
  })
}

const LONG_PROMPT_TOKENS = 200_000
const RATE_PLACES = 18
const PICODOLLARS_PLACES = 12

/** @returns picodollars. */
export function costByHand(upstreamModel: string, usage: Usage): bigint {
  const rates = RATES_OF.get(upstreamModel)
  if (rates === undefined) throw new RangeError(`no price for ${upstreamModel}`)
  const prompt =
    usage.inputTokens +
    usage.inputAudioTokens +
    usage.cacheReadTokens +
    usage.cacheWrite5mTokens +
    usage.cacheWrite1hTokens
  const suffix =
    usage.serviceTier === 'priority' ? '_priority' : prompt > LONG_PROMPT_TOKENS ? '_above_200k_tokens' : ''
  const part = (count: number, key: string): bigint =>
    BigInt(count) * scaled(rates[key + suffix] ?? rates[key] ?? '0')
  const sum =
    part(usage.inputTokens, 'input_cost_per_token') +
    part(usage.inputAudioTokens, 'input_cost_per_audio_token') +
    part(usage.cacheReadTokens, 'cache_read_input_token_cost') +
    part(usage.cacheWrite5mTokens, 'cache_creation_input_token_cost') +
    part(usage.cacheWrite1hTokens, 'cache_creation_input_token_cost_above_1hr') +
    part(usage.outputTokens, 'output_cost_per_token') +
    part(usage.reasoningTokens, 'output_cost_per_reasoning_token') +
    part(usage.outputAudioTokens, 'output_cost_per_audio_token') +
    part(usage.webSearchRequests, 'search_context_cost_per_query')
  const unit = 10n ** BigInt(RATE_PLACES - PICODOLLARS_PLACES)
  return (sum + unit / 2n) / unit
}

/** A price with less than `RATE_PLACES` decimals as a whole number of 10^-RATE_PLACES dollars. */
function scaled(decimal: string): bigint {
  const [whole = '0', fraction = ''] = decimal.split('.')
  return BigInt(whole + fraction.padEnd(RATE_PLACES, '0'))
}
