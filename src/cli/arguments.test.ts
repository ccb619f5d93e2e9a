/** What the command line and the environment may ask for. */
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { ArgumentError, parseArguments } from './arguments.ts'
import { helpText, OPTIONS } from './options.ts'
import type { ServeOptions } from './serve-options.ts'

function serveOptions(argv: string[], environment: Record<string, string> = {}): ServeOptions {
  const command = parseArguments(argv, environment)
  if (command.kind !== 'serve') throw new Error(`the command is ${command.kind}`)
  return command.options
}

test('without arguments the gateway is served on port 4000 of every address', () => {
  expect(serveOptions([])).toEqual({
    configFile: undefined,
    host: '0.0.0.0',
    port: 4000,
    dataDir: resolve('data'),
    logLevel: 'info',
    keepAliveTimeoutMs: 75_000,
    keyFile: undefined,
    certificateFile: undefined,
    workers: 1,
    requestsBeforeRestart: undefined,
    restartJitter: 0,
    graceMs: 25_000,
    noticeMs: 5_000,
    databaseWaitMs: 60_000,
    warnings: [],
  })
})

test.each([
  ['underscores', ['--config', 'f', '--port', '1', '--data_dir', 'd', '--keepalive_timeout', '5', '--debug']],
  ['dashes', ['-c', 'f', '--port=1', '--data-dir=d', '--keepalive-timeout', '5', '--debug']],
])('options are read with %s', (_, argv) => {
  const expected = {
    configFile: 'f',
    port: 1,
    dataDir: resolve('d'),
    keepAliveTimeoutMs: 5_000,
    logLevel: 'debug',
  }
  expect(serveOptions(argv)).toMatchObject(expected)
})

test('the data directory is absolute, so that a removed working directory does not matter', () => {
  expect(serveOptions(['--data-dir', '../d']).dataDir).toBe(resolve('../d'))
})

test('every argument can come from the environment, and the command line wins', () => {
  const environment = {
    CONFIG_FILE_PATH: '/etc/litellm/config.yaml',
    HOST: '127.0.0.1',
    PORT: '8080',
    SLUICE_DATA_DIR: '/var/lib/sluice',
    KEEPALIVE_TIMEOUT: '90',
    DETAILED_DEBUG: 'True',
    SSL_KEYFILE_PATH: 'key.pem',
    SSL_CERTFILE_PATH: 'chain.pem',
    PROMETHEUS_METRICS_PORT: '4001',
    NUM_WORKERS: '4',
    MAX_REQUESTS_BEFORE_RESTART: '1000',
    SLUICE_SHUTDOWN_GRACE_SECONDS: '0.5',
    SLUICE_DRAIN_NOTICE_SECONDS: '2',
    SLUICE_DATABASE_WAIT_SECONDS: '300',
    LIMIT_CONCURRENCY: '9',
  }
  expect(serveOptions(['--port', '9'], environment)).toMatchObject({
    configFile: '/etc/litellm/config.yaml',
    host: '127.0.0.1',
    port: 9,
    metricsPort: 4001,
    dataDir: '/var/lib/sluice',
    keepAliveTimeoutMs: 90_000,
    logLevel: 'debug',
    keyFile: 'key.pem',
    certificateFile: 'chain.pem',
    workers: 4,
    requestsBeforeRestart: 1000,
    restartJitter: 100,
    graceMs: 500,
    noticeMs: 2_000,
    databaseWaitMs: 300_000,
    warnings: ['LIMIT_CONCURRENCY (environment) is accepted, but has no effect'],
  })
})

test('the grace has a second name in the environment, and its own name wins', () => {
  expect(serveOptions([], { GRACEFUL_SHUTDOWN_TIMEOUT: '80' }).graceMs).toBe(80_000)
  const both = { GRACEFUL_SHUTDOWN_TIMEOUT: '80', SLUICE_SHUTDOWN_GRACE_SECONDS: '60' }
  expect(serveOptions([], both).graceMs).toBe(60_000)
})

test('workers are replaced at requests that differ by lot, unless a jitter of zero is asked for', () => {
  const argv = ['--max_requests_before_restart', '50', '--max_requests_before_restart_jitter']
  expect(serveOptions([...argv, '0']).restartJitter).toBe(0)
  expect(serveOptions([...argv, '7']).restartJitter).toBe(7)
})

test('a variable that is empty counts as not set', () => {
  expect(serveOptions([], { PORT: '', CONFIG_FILE_PATH: '' })).toMatchObject({
    port: 4000,
    configFile: undefined,
  })
})

test('a word of another program in DEBUG is read over', () => {
  expect(serveOptions([], { DEBUG: 'express:*' }).logLevel).toBe('info')
})

test.each([
  ['ERROR', 'error'],
  ['debug', 'debug'],
  ['WARNING', 'warn'],
  ['other', 'info'],
])('LITELLM_LOG=%s logs at level %s', (word, level) => {
  expect(serveOptions([], { LITELLM_LOG: word }).logLevel).toBe(level)
})

test('options without effect are accepted with a warning that names them', () => {
  const { warnings } = serveOptions(['--run_gunicorn', '--telemetry', 'False'])
  expect(warnings.map((warning) => warning.split(' ')[0])).toEqual(['--telemetry', '--run_gunicorn'])
})

test.each([
  [['--prot', '1'], /--prot is not known; did you mean --port\?/],
  [['--data-dri', 'x'], /--data-dri is not known; did you mean --data_dir\?/],
  [['--port', 'many'], /--port: expected a port number from 0 to 65535, found "many"/],
  [['--port', '70000'], /expected a port number/],
  [['--port', '-1'], /expected a port number/],
  [['--config'], /--config needs a value: --config FILE/],
  [['--config', '--debug'], /--config needs a value/],
  [['--num_workers', '0'], /expected a whole number from 1/],
  [['--debug=perhaps'], /--debug: expected true or false/],
  [['--ssl_keyfile_path', 'k'], /--ssl_certfile_path FILE is missing/],
  [['chekc'], /"chekc" is not a command; did you mean "check"\?/],
  [['serve', 'more'], /unexpected argument "more"/],
  [['check'], /check needs a config file/],
])('%j is refused with what was expected', (argv, message) => {
  expect(() => parseArguments(argv, {})).toThrow(ArgumentError)
  expect(() => parseArguments(argv, {})).toThrow(message)
})

test('the commands are read, with LiteLLM’s names for them', () => {
  const check = { kind: 'check', configPath: 'f', json: false }
  expect(parseArguments(['check', '-c', 'f'], {})).toEqual(check)
  expect(parseArguments(['--config', 'f', '--validate_config'], {})).toEqual(check)
  expect(parseArguments(['check', '--json'], { CONFIG_FILE_PATH: 'f' })).toEqual({ ...check, json: true })
  expect(parseArguments(['migrate'], {}).kind).toBe('migrate')
  expect(parseArguments(['--skip_server_startup'], {}).kind).toBe('migrate')
  expect(parseArguments(['sim', '--port', '9', '--own'], {})).toEqual({
    kind: 'sim',
    argv: ['--port', '9', '--own'],
  })
  expect(parseArguments(['--version'], {})).toEqual({ kind: 'version' })
  expect(parseArguments(['-v'], {})).toEqual({ kind: 'version' })
  expect(parseArguments(['serve', '--help'], {}).kind).toBe('help')
})

test('the help text names every option that works, and its variable', () => {
  for (const option of OPTIONS) {
    expect(helpText()).toContain(`--${option.name}`)
    if (option.variable !== undefined) expect(helpText()).toContain(`[${option.variable}`)
  }
})
