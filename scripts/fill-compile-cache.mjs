/**
 * Starts a build once, with an embedded database in a folder of its own, and has Node keep what V8 made of its texts in
 * `compile-cache` beside them. Usage: node scripts/fill-compile-cache.mjs BUILD
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { NODE_FLAGS } from '../bin/node-flags.js'

const LONGEST_START_MS = 120_000

/** One model of each kind of configuration that is read at a start; nobody calls them. */
const CONFIG = {
  model_list: ['openai/gpt-5.5', 'anthropic/claude-sonnet-4-6'].map((model) => ({
    model_name: model,
    litellm_params: { model, api_base: 'http://127.0.0.1:9', api_key: 'none' },
  })),
  general_settings: { master_key: 'sk-build' },
}

const [built = 'dist'] = process.argv.slice(2)
const folder = mkdtempSync(join(tmpdir(), 'sluice-build-'))
try {
  const config = join(folder, 'config.yaml')
  writeFileSync(config, JSON.stringify(CONFIG))
  const place = ['--config', config, '--data-dir', folder, '--host', '127.0.0.1', '--port', '0']
  const child = spawn(process.execPath, [...NODE_FLAGS, join(built, 'main.js'), ...place], {
    // Nothing of who builds: a cache for other flags, or a database of theirs, is not what is wanted.
    env: { NODE_COMPILE_CACHE: join(built, 'compile-cache'), NODE_COMPILE_CACHE_PORTABLE: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LONGEST_START_MS,
  })
  const complaints = text(child.stderr)
  const ended = once(child, 'close')
  let said = ''
  for await (const line of createInterface({ input: child.stdout })) {
    said += `${line}\n`
    // Node writes the cache at the end of the process.
    if (line.includes('"listening"')) child.kill('SIGTERM')
  }
  const [code] = await ended
  if (code !== 0) process.stderr.write(`The new build does not start:\n${said}${await complaints}`)
  process.exitCode = code === 0 ? 0 : 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
