/** The examples of the README, run as a reader runs them: each marked block, word for word but for port and directory. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runCommand, RunningCommand } from './command.ts'

const ROOT = join(import.meta.dirname, '../..')
const README = readFileSync(join(ROOT, 'README.md'), 'utf8')

/** Longer than a start with a build needs, with other tests beside it. */
const START_TIMEOUT_MS = 180_000

let directory: string
let gateway: RunningCommand
let url: string

function block(name: string): string {
  const match = new RegExp(`<!-- tested: ${name} -->\\n\`\`\`sh\\n([^]*?)\`\`\``).exec(README)
  if (match?.[1] === undefined) throw new Error(`README.md has no block "${name}"`)
  return match[1]
}

/** Runs each command of a block in a shell of its own, and returns their answers. */
function run(name: string): unknown[] {
  const commands = block(name).split(/\n\n/)
  return commands.map((command) => {
    const line = command.replaceAll('http://localhost:4000', url)
    const answer = execFileSync('sh', ['-c', line], {
      cwd: directory,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return JSON.parse(answer) as unknown
  })
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-readme-'))
  const [program, ...args] = block('start').trim().split('\n').at(-1)!.split(' ')
  gateway = new RunningCommand(['--', '--port', '0', '--data-dir', join(directory, 'data')], {
    cwd: ROOT,
    env: { HOME: process.env['HOME'] ?? directory },
    command: [program!, ...args],
  })
  url = (await gateway.printed(/is ready at (http:\S+)/))[1]!
}, START_TIMEOUT_MS)

afterAll(async () => {
  await gateway?.stop()
  rmSync(directory, { recursive: true, force: true })
})

test('the first question is answered', () => {
  expect(run('call')).toMatchObject([{ object: 'chat.completion', choices: [{ finish_reason: 'stop' }] }])
})

test('a user gets a key with a budget, and the spend log answers', () => {
  const [user, rows] = run('key')
  expect(user).toMatchObject({ key: expect.stringMatching(/^sk-/), max_budget: 20 })
  expect(rows).toBeInstanceOf(Array)
})

test('the configuration is one that a start takes, without a warning', async () => {
  const yaml = /```yaml\n([^]*?)```/.exec(README)![1]!
  writeFileSync(join(directory, 'config.yaml'), yaml)
  const env = { LITELLM_MASTER_KEY: 'sk-master', OPENAI_API_KEY: 'sk-o', ANTHROPIC_API_KEY: 'sk-a' }
  const check = await runCommand(['check', '--config', 'config.yaml'], { cwd: directory, env })
  expect(check).toMatchObject({ exitCode: 0, stdout: 'config OK (2 models)\n' })
})
