/** The first call of somebody new: a model of the configuration, and the command that asks it something. */
import type { DeploymentConfig } from '../config/build-deployments.ts'
import type { DeploymentTable } from '../routing/deployment-table.ts'

export interface ExampleModel {
  readonly name: string
  /** The API that its provider speaks. */
  readonly api: 'chat' | 'messages'
}

/** Modes of `model_info` whose models answer a chat; others embed, rank, draw … */
const CHAT_MODES: ReadonlySet<string | undefined> = new Set([undefined, 'chat', 'responses'])

/** The first model that answers a chat; undefined when the configuration names none, or wildcards only. */
export function exampleModel(
  table: DeploymentTable,
  entries: readonly DeploymentConfig[],
): ExampleModel | undefined {
  const chats = new Set(
    entries.filter(({ model_info: info }) => CHAT_MODES.has(info.mode)).map((entry) => entry.model_info.id),
  )
  for (const { name, deployments } of table.groups()) {
    const [first] = deployments
    if (first === undefined || !chats.has(first.facts.modelId)) continue
    if (first.paths['openai-chat'] !== undefined) return { name, api: 'chat' }
    if (first.paths['anthropic-messages'] !== undefined) return { name, api: 'messages' }
  }
  return undefined
}

export interface CurlFacts {
  readonly url: string
  /** How a shell gets the master key without it being shown: `$(cat …)` or `$LITELLM_MASTER_KEY`. */
  readonly masterKeyInShell: string
  readonly example: ExampleModel | undefined
}

/** One line, which works as pasted. Without a model to try, it lists the models. */
export function exampleCurl({ url, masterKeyInShell, example }: CurlFacts): string {
  const authorization = `-H "Authorization: Bearer ${masterKeyInShell}"`
  if (example === undefined) return `curl ${url}/v1/models ${authorization}`
  const messages = [{ role: 'user', content: 'Hello!' }]
  const json = '-H "Content-Type: application/json"'
  if (example.api === 'chat') {
    const body = JSON.stringify({ model: example.name, messages })
    return `curl ${url}/v1/chat/completions ${authorization} ${json} -d ${inQuotes(body)}`
  }
  const body = JSON.stringify({ model: example.name, max_tokens: 1000, messages })
  return `curl ${url}/v1/messages ${authorization} ${json} -d ${inQuotes(body)}`
}

/** A shell's word with exactly this text. */
export function inQuotes(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
