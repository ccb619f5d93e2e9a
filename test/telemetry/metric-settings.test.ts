/** Settings of metrics, from the file to the page. */
import { expect, test, vi } from 'vitest'
import { SIMULATED_MODELS, startTestGateway } from '../running-gateway.ts'
import { readExposition, samplesOf, valueOf } from './read-exposition.ts'

const CONFIG = `${SIMULATED_MODELS}
litellm_settings:
  custom_prometheus_metadata_labels: [metadata.project, metadata.place]
  custom_prometheus_tags: [batch*]
  prometheus_exclude_labels: [user_agent, client_ip]
  prometheus_metrics_config:
    - metrics: [litellm_proxy_total_requests_metric, litellm_spend_metric]
      include_labels: [metadata_project, metadata_place, tag_batch_, requested_model, stream]
  prometheus_emit_stream_label: true
`

test('labels of metadata and tags, and the choice of metrics, hold on every way that a call ends', async () => {
  const gateway = await startTestGateway({ config: CONFIG })
  try {
    const key = await gateway.newKey({ metadata: { project: 'apollo', place: 'key' } })
    const ask = async (model: string, sim = ''): Promise<void> => {
      const body = {
        model,
        messages: [{ role: 'user', content: `hello [[sim tokens=3 ${sim}]]` }],
        metadata: { place: 'request', tags: ['batch-7'] },
      }
      const answer = await gateway.call('/v1/chat/completions', body, { authorization: `Bearer ${key}` })
      await answer.text()
    }
    await ask('gpt')
    await ask('gpt', 'fault=400')
    await ask('nowhere')
    const page = await vi.waitFor(async () => {
      const answer = await gateway.call('/metrics')
      const families = readExposition(await answer.text())
      expect(valueOf(families, 'litellm_spend_metric_total')).toBeGreaterThan(0)
      return families
    })
    const calls = samplesOf(page, 'litellm_proxy_total_requests_metric_total')
    const own = { metadata_project: 'apollo', metadata_place: 'key', tag_batch_: 'true', stream: 'False' }
    expect(calls.map(({ labels, value }) => ({ ...labels, value }))).toEqual([
      { ...own, requested_model: 'gpt', value: 2 },
      { ...own, requested_model: 'other', value: 1 },
    ])
    const litellm = [...page.keys()].filter(
      (name) => name.startsWith('litellm_') && /request|spend/.test(name),
    )
    expect(litellm).not.toContain('litellm_requests_metric_total')
    expect(litellm).toContain('litellm_in_flight_requests')
  } finally {
    await gateway.stop()
  }
})
