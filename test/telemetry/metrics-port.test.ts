/** The metrics on a port of their own. */
import { expect, test } from 'vitest'
import { freePort } from '../free-port.ts'
import { MASTER_KEY, startTestGateway } from '../running-gateway.ts'

test('a port of their own serves the metrics, to whoever reaches it, and nothing else', async () => {
  const port = await freePort()
  const gateway = await startTestGateway({ metricsPort: port })
  try {
    const ask = async (path: string, headers: Record<string, string> = {}): Promise<Response> =>
      await fetch(`http://127.0.0.1:${port}${path}`, { headers })
    for (const path of ['/metrics', '/metrics/']) {
      const page = await ask(path)
      expect(page.status).toBe(200)
      expect(await page.text()).toContain('litellm_in_flight_requests')
    }
    expect(await (await ask('/health')).json()).toEqual({ status: 'healthy', multiproc_dir: null })
    expect((await ask('/v1/models', { authorization: `Bearer ${MASTER_KEY}` })).status).toBe(404)
  } finally {
    await gateway.stop()
  }
  await expect(fetch(`http://127.0.0.1:${port}/metrics`)).rejects.toThrow('fetch failed')
})
