/** The command line as somebody new meets it: what is printed when it works, and when it cannot. */
import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { ensureBuild } from '../../scripts/prepare.mjs'
import { startSimulator } from '../../src/sim/index.ts'
import { PROGRAM, runCommand, RunningCommand } from './command.ts'

const PLATFORM_YAML = join(import.meta.dirname, '../fixtures/config/platform.yaml')

/** Longer than any of these needs, with other tests beside it. */
const START_TIMEOUT_MS = 60_000

let directory: string

beforeAll(() => {
  if (!ensureBuild()) throw new Error('the sources do not compile')
}, START_TIMEOUT_MS)
beforeEach(() => {
  // A path as people have them.
  directory = join(mkdtempSync(join(tmpdir(), 'sluice-command-')), "Ada's gateway")
  mkdirSync(directory)
})
afterEach(() => rmSync(join(directory, '..'), { recursive: true, force: true }))

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): RunningCommand {
  return new RunningCommand(args, { cwd: directory, env })
}

/** Runs a line as pasted into another terminal, which stands in another directory. */
function paste(line: string, env: Readonly<Record<string, string>> = {}): unknown {
  const answer = execFileSync('sh', ['-c', line], {
    cwd: tmpdir(),
    env: { PATH: process.env['PATH'], ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return JSON.parse(answer)
}

const CURL_LINE = /^ {2}(curl .*)$/m

test(
  'without any configuration it starts, and the curl line that it prints answers as pasted',
  async () => {
    await using gateway = start(['--port', '0'])
    const [, line] = await gateway.printed(CURL_LINE)
    expect(paste(line!)).toMatchObject({ object: 'chat.completion', choices: [{ finish_reason: 'stop' }] })
    const { exitCode, stdout, stderr } = await gateway.stop()
    expect(exitCode).toBe(0)
    expect(stderr).toContain('sim-gpt, sim-claude, sim-embedding')
    expect(stderr).toContain('answered by the built-in simulator')
    for (const text of stdout.trim().split('\n')) expect(JSON.parse(text)).toHaveProperty('msg')
  },
  START_TIMEOUT_MS,
)

test(
  'the master key that it makes is for its owner alone, stays, and is not printed where logs are collected',
  async () => {
    const file = join(directory, 'data', 'master-key')
    const keys: string[] = []
    for (const _start of [1, 2]) {
      await using gateway = start(['--port', '0'])
      const [, line] = await gateway.printed(CURL_LINE)
      expect(paste(line!)).toHaveProperty('choices')
      keys.push(readFileSync(file, 'utf8').trim())
      const { stdout, stderr } = await gateway.stop()
      expect(stdout + stderr).not.toContain(keys[0])
    }
    expect(keys[0]).toMatch(/^sk-.{32}$/)
    expect(keys[1]).toBe(keys[0])
    expect(statSync(file).mode & 0o777).toBe(0o600)
  },
  START_TIMEOUT_MS,
)

test(
  'keys of providers in the environment are served, and said so',
  async () => {
    await using gateway = start(['--port', '0'], { OPENAI_API_KEY: 'sk-openai', ANTHROPIC_API_KEY: 'sk-ant' })
    await gateway.printed(CURL_LINE)
    expect(gateway.stderr).toContain('openai and anthropic by the key in the environment')
    expect(gateway.stderr + gateway.stdout).not.toContain('sk-openai')
  },
  START_TIMEOUT_MS,
)

test(
  'with the config of a real deployment it serves its models, and names what is not in force',
  async () => {
    const simulator = await startSimulator()
    await using gateway = start(['--config', PLATFORM_YAML, '--port', '0', '--num_workers', '4'], {
      LITELLM_MASTER_KEY: 'sk-master-of-the-team',
      OPENAI_API_KEY: 'sk-openai-of-the-team',
      OPENAI_API_BASE: `${simulator.url}/v1`,
      ANTHROPIC_API_KEY: 'sk-ant-of-the-team',
      ANTHROPIC_API_BASE: simulator.url,
    })
    const [, url] = await gateway.printed(/"url":"(http:[^"]+)"/)
    const master = { authorization: 'Bearer sk-master-of-the-team' }
    const made = await fetch(`${url}/user/new`, {
      method: 'POST',
      headers: { ...master, 'content-type': 'application/json' },
      body: JSON.stringify({ user_email: 'ada@example.com', user_role: 'internal_user' }),
    })
    const { key } = (await made.json()) as { key: string }
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'gpt-5-5', messages: [{ role: 'user', content: 'How are you?' }] }),
    })
    expect(await answer.json()).toMatchObject({ object: 'chat.completion' })
    const { exitCode, stdout, stderr } = await gateway.stop()
    expect(exitCode).toBe(0)
    for (const name of ['otel', 'arize', 'Redis at localhost:6379', 'num_workers 4'])
      expect(stdout).toContain(name)
    expect(stdout + stderr).not.toMatch(/of-the-team/)
    expect(stdout + stderr).not.toContain(key)
    await simulator.close()
  },
  START_TIMEOUT_MS,
)

const FAULTY = `general_settings:
  master_key: os.environ/NOT_SET_ANYWHERE
  proxy_batch_write_at: soon
litellm_settings:
  cach: true
model_list:
  - model_name: gpt
    litellm_params: { model: 7 }
`

test('a faulty config is checked without a start: every fault at once, with its place', async () => {
  writeFileSync(join(directory, 'config.yaml'), FAULTY)
  const { exitCode, stdout } = await runCommand(['check', '--config', 'config.yaml'], { cwd: directory })
  expect(exitCode).toBe(1)
  expect(stdout.split('\n')).toEqual([
    expect.stringMatching(
      /^config\.yaml:2:15: error: general_settings\.master_key: .*NOT_SET_ANYWHERE is not set/,
    ),
    expect.stringMatching(
      /^config\.yaml:3:3: error: general_settings\.proxy_batch_write_at: expected .*, found the text "soon"/,
    ),
    expect.stringMatching(/^config\.yaml:5:3: warning: litellm_settings\.cach: .*did you mean "cache"\?/),
    expect.stringMatching(
      /^config\.yaml:8:23: error: model_list\[0\]\.litellm_params\.model: .*found the number 7/,
    ),
    'config has 3 errors',
    '',
  ])
  expect(existsSync(join(directory, 'data'))).toBe(false)
})

test('a good config is checked with exit code 0', async () => {
  const env = { LITELLM_MASTER_KEY: 'sk-master', OPENAI_API_KEY: 'sk-o', ANTHROPIC_API_KEY: 'sk-a' }
  const run = await runCommand(['check', '--config', PLATFORM_YAML], { cwd: directory, env })
  expect(run.exitCode).toBe(0)
  expect(run.stdout).toMatch(/config OK \(2 models\)\n$/)
})

test('a start with a faulty config tells all of its errors, and ends with exit code 1', async () => {
  writeFileSync(join(directory, 'config.yaml'), FAULTY)
  const { exitCode, stderr } = await runCommand(['--config', 'config.yaml', '--port', '0'], {
    cwd: directory,
  })
  expect(exitCode).toBe(1)
  expect(stderr).toMatch(/^sluice: the config has 3 errors\n(config\.yaml:\d+:\d+: error: .*\n){3}$/)
})

test('a config file that is not there is named', async () => {
  const { exitCode, stderr } = await runCommand(['--config', 'absent.yaml'], { cwd: directory })
  expect(exitCode).toBe(1)
  expect(stderr).toContain('absent.yaml cannot be read: there is no such file')
})

test('--version and --help print to standard output', async () => {
  const version = await runCommand(['--version'], { cwd: directory })
  expect(version).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^sluice \d+\.\d+\.\d+\n$/) })
  const help = await runCommand(['--help'], { cwd: directory })
  expect(help).toMatchObject({ exitCode: 0, stderr: '' })
  for (const text of ['Usage: sluice', '--config FILE', '--port PORT', 'check ']) {
    expect(help.stdout).toContain(text)
  }
  for (const line of help.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
})

test('a word that is no command, and an option that is none, get the nearest one', async () => {
  const command = await runCommand(['chekc'], { cwd: directory })
  expect(command).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('did you mean "check"? The') })
  const option = await runCommand(['--prot', '1'], { cwd: directory })
  expect(option).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('did you mean --port?') })
})

test(
  'a port that is taken is told with its number and the option to choose another',
  async () => {
    const other = createServer().listen(0, '0.0.0.0')
    await once(other, 'listening')
    const address = other.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const { exitCode, stderr } = await runCommand(['--port', String(port)], { cwd: directory })
    other.close()
    expect(exitCode).toBe(1)
    expect(stderr).toBe(
      `sluice: port ${port} is in use by another program: stop that one, or choose another port with --port.\n`,
    )
  },
  START_TIMEOUT_MS,
)

test(
  'a second process on the same data directory is told what to do, and the first goes on',
  async () => {
    await using first = start(['--port', '0'])
    const [, line] = await first.printed(CURL_LINE)
    const second = await runCommand(['--port', '0'], { cwd: directory })
    expect(second.exitCode).toBe(1)
    expect(second.stderr).toMatch(
      /^sluice: The data directory .* is in use by another process.*--data-dir.*DATABASE_URL/,
    )
    expect(paste(line!)).toHaveProperty('choices')
  },
  START_TIMEOUT_MS,
)

test(
  'a database that does not answer is named by host and port, without its password',
  async () => {
    await using gateway = start(['--port', '0'], {
      DATABASE_URL: 'postgresql://app:pass-of-the-database@127.0.0.1:1/litellm',
    })
    const [line] = await gateway.printed(/\{.*The database .*\n/)
    expect(JSON.parse(line)).toMatchObject({
      level: 'warn',
      msg: expect.stringMatching(
        /^The database 127\.0\.0\.1:1\/litellm cannot be reached: .*ECONNREFUSED.*Trying again for \d+ s\.$/,
      ),
    })
    expect(gateway.stdout + gateway.stderr).not.toContain('pass-of-the-database')
  },
  START_TIMEOUT_MS,
)

const OLD_NODE_MESSAGE =
  /^sluice needs Node 24 or newer; this is 20\..*\nGet one from https:\/\/nodejs\.org, or run `npm start`/

test('an older Node is told which one is needed', async () => {
  const pretend = 'Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.1.0"}})'
  const run = await runCommand([], {
    cwd: directory,
    command: [process.execPath, '--import', `data:text/javascript,${encodeURIComponent(pretend)}`, PROGRAM],
  })
  expect(run).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(OLD_NODE_MESSAGE) })
})

test('the older Node of this machine, where it has one, can read the command', async () => {
  const { stdout } = spawnSync('/usr/bin/node', ['--version'], { encoding: 'utf8' })
  // Where there is none, the test above has to do.
  if (stdout === null || !stdout.startsWith('v20.')) return
  const run = await runCommand([], { cwd: directory, command: ['/usr/bin/node', PROGRAM] })
  expect(run).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(OLD_NODE_MESSAGE) })
})
