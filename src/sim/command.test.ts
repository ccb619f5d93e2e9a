/** Tests of `sluice sim` as a process of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { sendPlain } from '../../test/sim/plain-client.ts'
import { readMeterFile, runSimulator } from './index.ts'

const COMMAND = new URL('./command.ts', import.meta.url).href

test('it prints its address when ready, keeps the meter in a file, and ends on SIGTERM', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sim-meter-'))
  const meterFile = join(folder, 'meter.jsonl')
  const script = `const { runSimulator } = await import(${JSON.stringify(COMMAND)}); await runSimulator(process.argv.slice(1))`
  const args = ['--input-type=module', '-e', script, '--', '--port', '0', '--meter-file', meterFile]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line]: unknown[] = await once(createInterface(child.stdout), 'line')
  const { url }: { url: string } = JSON.parse(String(line))
  const messages = [{ role: 'user', content: 'How are you?' }]
  for (const model of ['sim/any?tokens=5', 'sim/any?fault=500']) {
    await sendPlain({ url: `${url}/v1/chat/completions`, body: { model, messages } })
  }
  child.kill('SIGTERM')
  const [code]: unknown[] = await once(child, 'exit')
  expect(code).toBe(0)
  expect(readMeterFile(meterFile)).toMatchObject([
    { state: 'complete', billed: true, usage: { inputTokens: 3, outputTokens: 5 } },
    { state: 'faulted', billed: false, status: 500 },
  ])
  rmSync(folder, { recursive: true })
})

test.each(['-1', '65536', 'x'])('port %s is refused', async (port) => {
  await expect(runSimulator([`--port=${port}`])).rejects.toThrow('--port')
})
