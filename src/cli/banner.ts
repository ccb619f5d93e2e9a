/** What a person sees on the terminal when the gateway is ready. */
import { exampleCurl, type CurlFacts } from './example-call.ts'

export interface BannerFacts extends CurlFacts {
  readonly version: string
  readonly models: readonly string[]
  readonly database: string
  readonly configFile: string | undefined
  readonly quickStart: boolean
  /** Providers served because their key stands in the environment. */
  readonly providers: readonly string[]
  /** The key itself, only for a terminal and only when this installation made it. */
  readonly masterKeyShown: string | undefined
  readonly masterKeySource: string
}

const MOST_MODELS_SHOWN = 8

export function banner(facts: BannerFacts): string {
  const shown = facts.models.slice(0, MOST_MODELS_SHOWN).join(', ')
  const more =
    facts.models.length > MOST_MODELS_SHOWN ? ` and ${facts.models.length - MOST_MODELS_SHOWN} more` : ''
  const lines = [
    '',
    `  Sluice ${facts.version} is ready at ${facts.url}`,
    '',
    `  models       ${shown === '' ? 'none: the configuration lists no model' : shown + more}`,
    ...(facts.quickStart ? [`               ${quickStartNote(facts.providers)}`] : []),
    `  database     ${facts.database}`,
    `  config       ${facts.configFile ?? 'none'}`,
    `  master key   ${facts.masterKeyShown ?? ''}${facts.masterKeyShown === undefined ? '' : '  '}(${facts.masterKeySource})`,
    '',
    '  Try it:',
    '',
    `  ${exampleCurl(facts)}`,
    '',
    '',
  ]
  return lines.join('\n')
}

function quickStartNote(providers: readonly string[]): string {
  const real = providers.length === 0 ? '' : `, and ${providers.join(' and ')} by the key in the environment`
  return `sim-* are answered by the built-in simulator${real}; --config FILE serves your own`
}
