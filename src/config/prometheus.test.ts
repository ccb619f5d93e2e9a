/** Settings of metrics name metrics and labels that there are. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { ConfigError, type ConfigIssue } from './config-issue.ts'
import { loadConfig } from './load-config.ts'

const directory = mkdtempSync(join(tmpdir(), 'sluice-metrics-'))
afterAll(() => rmSync(directory, { recursive: true }))

function issuesOf(settings: string): readonly ConfigIssue[] {
  const file = join(directory, 'config.yaml')
  writeFileSync(file, `litellm_settings:\n${settings}`)
  try {
    return loadConfig(file, {}).warnings
  } catch (error) {
    if (error instanceof ConfigError) return error.issues
    throw error
  }
}

test('LiteLLM’s own example is in force without a word', () => {
  expect(
    issuesOf(`  prometheus_metrics_config:
    - group: token_consumption
      metrics: [litellm_input_tokens_metric, litellm_output_tokens_metric, litellm_total_tokens_metric]
      include_labels: [model, team, hashed_api_key, requested_model]
    - group: service_metrics
      metrics: [litellm_deployment_failure_responses]
  prometheus_exclude_metrics: [litellm_redis_latency, sluice_workers]
  prometheus_exclude_labels: [user_agent, client_ip]
  custom_prometheus_metadata_labels: [metadata.foo, metadata.bar]
  custom_prometheus_tags: [prod, 'User-Agent: claude-cli/*']
  prometheus_initialize_budget_metrics: true
`),
  ).toEqual([])
})

describe('errors', () => {
  const cases = [
    {
      what: 'a metric that there is not',
      settings: '  prometheus_metrics_config:\n    - metrics: [litellm_spent_metric]\n',
      issue: {
        line: 3,
        key: 'litellm_settings.prometheus_metrics_config[0].metrics[0]',
        message: 'expected the name of a metric, found "litellm_spent_metric"',
        hint: 'did you mean "litellm_spend_metric"?',
      },
    },
    {
      what: 'a label that the metric has not',
      settings:
        '  prometheus_metrics_config:\n    - metrics: [litellm_deployment_state]\n      include_labels: [team]\n',
      issue: {
        line: 4,
        key: 'litellm_settings.prometheus_metrics_config[0].include_labels[0]',
        message: 'expected a label of these metrics, found "team"',
      },
    },
    {
      what: 'an excluded metric that there is not',
      settings: '  prometheus_exclude_metrics: [litellm_nothing]\n',
      issue: { line: 2, key: 'litellm_settings.prometheus_exclude_metrics[0]' },
    },
    {
      what: 'an excluded label that there is not',
      settings: '  prometheus_exclude_labels: [userr]\n',
      issue: { line: 2, key: 'litellm_settings.prometheus_exclude_labels[0]', hint: 'did you mean "user"?' },
    },
    {
      what: 'a label that is none of metadata',
      settings: '  custom_prometheus_metadata_labels: [project]\n',
      issue: { line: 2, key: 'litellm_settings.custom_prometheus_metadata_labels[0]' },
    },
    {
      what: 'an identity that there is not',
      settings: '  prometheus_deployment_and_latency_caller_identity: name\n',
      issue: { line: 2, key: 'litellm_settings.prometheus_deployment_and_latency_caller_identity' },
    },
    {
      what: 'buckets that do not ascend',
      settings: '  prometheus_latency_buckets: [1, 2, 2]\n',
      issue: { line: 2, key: 'litellm_settings.prometheus_latency_buckets[2]' },
    },
  ]
  test.each(cases)('$what', ({ settings, issue }) => {
    expect(issuesOf(settings)).toEqual([expect.objectContaining({ severity: 'error', ...issue })])
  })
})

test('labels that settings add can be chosen', () => {
  const chosen = (label: string, metric: string): string =>
    `  prometheus_metrics_config:\n    - metrics: [${metric}]\n      include_labels: [${label}]\n`
  expect(issuesOf(chosen('metadata_foo', 'litellm_spend_metric'))).toHaveLength(1)
  expect(
    issuesOf(
      `  custom_prometheus_metadata_labels: [metadata.foo]\n${chosen('metadata_foo', 'litellm_spend_metric')}`,
    ),
  ).toEqual([])
  expect(
    issuesOf(
      `  prometheus_deployment_and_latency_caller_identity: both\n${chosen('user_email', 'litellm_llm_api_latency_metric')}`,
    ),
  ).toEqual([])
})

test('a metric of LiteLLM that cannot be chosen is a warning, so that its config goes on working', () => {
  const issues = issuesOf('  prometheus_metrics_config:\n    - metrics: [litellm_guardrail_requests_total]\n')
  expect(issues).toEqual([expect.objectContaining({ severity: 'warning', kind: 'not_in_force' })])
})
