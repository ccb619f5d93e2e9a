/** `sluice check`: reads a config as a start would, tells every fault, and starts nothing. */
import { ConfigError, type ConfigIssue, formatIssue } from '../config/config-issue.ts'
import type { Environment } from '../config/environment.ts'
import { loadConfig } from '../config/load-config.ts'

export interface CheckOptions {
  readonly configPath: string
  readonly json: boolean
}

interface CheckResult {
  readonly ok: boolean
  readonly models: number
  readonly issues: readonly ConfigIssue[]
}

/** @returns the exit code: 0 when a start would succeed (there may be warnings), else 1. */
export function runCheck(
  options: CheckOptions,
  environment: Environment,
  write: (text: string) => void,
): 0 | 1 {
  const result = checkConfig(options.configPath, environment)
  write(options.json ? `${JSON.stringify(result, undefined, 2)}\n` : asText(result))
  return result.ok ? 0 : 1
}

function checkConfig(path: string, environment: Environment): CheckResult {
  try {
    const { config, warnings } = loadConfig(path, environment)
    return { ok: true, models: config.model_list.length, issues: warnings }
  } catch (error) {
    if (error instanceof ConfigError) return { ok: false, models: 0, issues: error.issues }
    throw error
  }
}

function asText({ ok, models, issues }: CheckResult): string {
  const lines = issues.map((issue) => `${formatIssue(issue)}\n`)
  const errors = issues.filter((issue) => issue.severity === 'error').length
  const verdict = ok ? `config OK (${count(models, 'model')})` : `config has ${count(errors, 'error')}`
  return `${lines.join('')}${verdict}\n`
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
