/** A whole gateway tells of a budget that its calls use up. */
import { expect, test } from 'vitest'
import { startReceiver } from './receiver.ts'
import { SIMULATED_MODELS, startTestGateway } from '../running-gateway.ts'

const CHAT = { model: 'gpt', messages: [{ role: 'user', content: 'Say hello.' }] }

test('a key that uses up its budget is told to the webhook, and the webhook’s address to nobody', async () => {
  await using receiver = await startReceiver()
  const gateway = await startTestGateway({
    config: `${SIMULATED_MODELS}\ngeneral_settings: { alerting: [webhook] }\n`,
    environment: { WEBHOOK_URL: receiver.url.reveal() },
  })
  try {
    const key = await gateway.newKey({ key_alias: 'spender', max_budget: 0.000001 })
    const answer = await gateway.call('/v1/chat/completions', CHAT, { authorization: `Bearer ${key}` })
    expect(answer.status).toBe(200)
    const [alert] = await receiver.count(1)
    expect(alert?.body).toMatchObject({
      event: 'budget_crossed',
      event_group: 'key',
      key_alias: 'spender',
      max_budget: 0.000001,
    })
    expect(alert?.body['spend']).toBeGreaterThan(0.000001)
    const tested = await gateway.call('/health/services?service=webhook')
    expect(await tested.json()).toMatchObject({ status: 'success' })
    const refused = await gateway.call('/health/services?service=slack')
    expect(refused.status).toBe(400)
    const byKey = { authorization: `Bearer ${key}` }
    expect((await gateway.call('/health/services?service=webhook', undefined, byKey)).status).toBe(403)
    receiver.answer({ status: 404 })
    gateway.reconfigure(
      `${SIMULATED_MODELS}\ngeneral_settings: { alerting: [webhook], alerting_args: { log_to_console: true } }\n`,
    )
    const second = await gateway.newKey({ max_budget: 0.000001 })
    await gateway.call('/v1/chat/completions', CHAT, { authorization: `Bearer ${second}` })
    await receiver.count(3)
    const metrics = await (await gateway.call('/metrics')).text()
    expect(metrics).toContain('sluice_alerts_sent_total{channel="webhook",alert_type="budget_alerts"} 1')
    expect(JSON.stringify(gateway.logLines()) + metrics).not.toContain('SECRET')
  } finally {
    await gateway.stop()
  }
})
