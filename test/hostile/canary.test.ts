import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ROUTE_TABLE } from '../../src/identity/route-table.ts'
import { startPostgresql, type TestPostgresql } from '../postgresql.ts'
import { canariesIn, canary, dumpDatabase, filesBelow, keyShaped } from './canaries.ts'
import { ECHO_FORMS, EchoProvider } from './echo-provider.ts'
import { Program } from './program.ts'

const MASTER = keyShaped('master')
const CLIENT_HEADERS: Readonly<Record<string, string>> = {
  'x-api-key': keyShaped('header-x-api-key'),
  'api-key': keyShaped('header-api-key'),
  'x-goog-api-key': canary('header-goog'),
  'ocp-apim-subscription-key': canary('header-azure'),
  cookie: `session=${canary('header-cookie')}`,
  'proxy-authorization': `Basic ${canary('header-proxy')}`,
}

let directory: string
let postgresql: TestPostgresql
let databaseUrl: string
const provider = new EchoProvider()
let providerUrl: string

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-canary-'))
  postgresql = await startPostgresql()
  databaseUrl = (await postgresql.createDatabase()).replace('sluice@', `sluice:${canary('database')}@`)
  providerUrl = await provider.start()
})

afterAll(async () => {
  await provider.close()
  await postgresql[Symbol.asyncDispose]()
  rmSync(directory, { recursive: true, force: true })
})

/** A config with a canary in each slot that a config has. */
function configWith(further = ''): string {
  const models = ECHO_FORMS.flatMap((form) => [
    `  - model_name: openai-${form}
    litellm_params:
      model: openai/m
      api_base: ${providerUrl}/${form}/v1
      api_key: os.environ/PROVIDER_KEY
      organization: ${canary('organization')}
      extra_headers: { x-provider-token: ${canary('extra-header')} }
      extra_body: { token: os.environ/EXTRA_BODY }
    model_info: { note: os.environ/MODEL_INFO }`,
    `  - model_name: anthropic-${form}
    litellm_params: { model: anthropic/m, api_base: '${providerUrl}/${form}', litellm_credential_name: shared }`,
  ])
  return `
general_settings:
  master_key: ${MASTER}
  store_prompts_in_spend_logs: true
  proxy_batch_write_at: 0.05
router_settings: { num_retries: 1, retry_after: 0 }
environment_variables: { SOME_TOKEN: ${canary('environment-variable')} }
credential_list:
  - credential_name: shared
    credential_values: { api_key: ${canary('credential-list')}, extra_headers: { x-second: ${canary('credential-header')} } }
model_list:
${models.join('\n')}
  - model_name: literal
    litellm_params: { model: openai/m, api_base: 'http://user:${canary('base-password')}@127.0.0.1:9/v1?key=${canary('base-query')}', api_key: ${canary('api-key')} }
  - model_name: sim
    litellm_params: { model: no-such-provider/m, api_key: ${canary('unserved')} }
${further}`
}

const ENVIRONMENT = {
  PROVIDER_KEY: canary('provider-variable'),
  EXTRA_BODY: canary('extra-body'),
  MODEL_INFO: canary('model-info'),
  OPENAI_API_KEY: canary('openai-variable'),
  ANTHROPIC_API_KEY: canary('anthropic-variable'),
}

/** Everything that callers were shown. */
class Visitor {
  readonly shown: string[] = []
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  async ask(method: string, path: string, headers: Record<string, string>, body?: unknown): Promise<string> {
    const answer = await fetch(this.#url + path, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      redirect: 'manual',
    })
    const text = await answer.text()
    this.shown.push(
      `${method} ${path.split('?')[0]} ${answer.status} ${JSON.stringify([...answer.headers])}\n${text}`,
    )
    return text
  }

  /** A request whose answer must show a key, once. */
  async make(path: string, body: unknown): Promise<void> {
    const answer = await fetch(this.#url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${MASTER}` },
      body: JSON.stringify(body),
    })
    expect([path, answer.status, await answer.text()]).toEqual([path, 200, expect.anything()])
  }
}

const ROLE_KEYS: Readonly<Record<string, string>> = {
  admin: MASTER,
  viewer: keyShaped('viewer-key'),
  user: keyShaped('user-key'),
  nobody: keyShaped('unknown-key'),
}

async function visitEverything(visitor: Visitor): Promise<void> {
  for (const [role, userRole] of [
    ['viewer', 'proxy_admin_viewer'],
    ['user', 'internal_user'],
  ] as const) {
    await visitor.make('/user/new', { user_id: role, user_role: userRole, auto_create_key: false })
    await visitor.make('/key/generate', { user_id: role, key: ROLE_KEYS[role] })
  }
  for (const key of [...Object.values(ROLE_KEYS), undefined]) {
    const credential: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` }
    for (const { method, path } of ROUTE_TABLE) {
      const makesKey = path === '/key/generate' || path === '/user/new'
      const target = `${path.replaceAll(/:\w+/g, 'x')}?key=&start_date=2020-01-01&end_date=2099-01-01&api_key=${canary('query')}`
      if (method === 'GET') await visitor.ask(method, target, { ...CLIENT_HEADERS, ...credential })
      else
        for (const body of [makesKey ? '[]' : '{}', '{"model":', '[]', '{"key_alias":"\\u0000"}'])
          await visitor.ask(method, target, { ...CLIENT_HEADERS, ...credential }, body)
    }
    await visitor.ask('GET', `/%zz?key=${canary('bad-path')}`, credential)
    await visitor.ask('GET', `/none?key=${canary('no-path')}`, credential)
  }
  const prompt = `my keys are ${keyShaped('prompt')} and "password": "${canary('prompt-password')}"`
  for (const header of Object.entries(CLIENT_HEADERS))
    await visitor.ask('GET', '/v1/models', Object.fromEntries([header]))
  for (const basic of [
    `Basic ${keyShaped('basic')}`,
    `AWS4-HMAC-SHA256 Credential=${keyShaped('sigv4')}/x`,
    canary('no-scheme'),
  ])
    await visitor.ask('GET', '/v1/models', { authorization: basic })
  for (const key of [MASTER, ROLE_KEYS['user'] ?? '']) {
    for (const form of [...ECHO_FORMS, 'none']) {
      for (const stream of [false, true]) {
        const rest = {
          stream,
          max_tokens: 5,
          messages: [{ role: 'user', content: prompt }],
          metadata: { spend_logs_metadata: { note: keyShaped('metadata') } },
        }
        const headers = {
          ...CLIENT_HEADERS,
          authorization: `Bearer ${key}`,
          'user-agent': `curl -H "x-api-key: ${keyShaped('user-agent')}"`,
        }
        const query = `?key=${canary('call-query')}&api_key=${canary('call-query')}&token=${canary('call-query')}`
        await visitor.ask('POST', `/v1/chat/completions${query}`, headers, {
          model: form === 'none' ? 'literal' : `openai-${form}`,
          api_key: canary('body-api-key'),
          ...rest,
        })
        await visitor.ask('POST', `/v1/messages${query}`, headers, { model: `anthropic-${form}`, ...rest })
        await visitor.ask('POST', '/v1/messages', headers, { model: 'sim', ...rest })
      }
    }
  }
}

function expectNone(places: Iterable<readonly [place: string, text: string]>): void {
  expect([...places].flatMap(([place, text]) => canariesIn(place, text))).toEqual([])
}

describe('no secret comes out', () => {
  test('in an answer, a header, a log, a metric, a journal or a table, whoever asks for whatever', async () => {
    const file = join(directory, 'config.yaml')
    const dataDir = join(directory, 'data')
    writeFileSync(file, configWith())
    const environment = { ...ENVIRONMENT, DATABASE_URL: databaseUrl }
    const program = new Program(
      ['--config', file, '--port', '0', '--host', '127.0.0.1', '--data-dir', dataDir, '--detailed_debug'],
      environment,
    )
    const visitor = new Visitor(await program.url())
    await visitEverything(visitor)

    // A configuration that is refused, with a canary in each wrong place.
    for (const [index, broken] of [
      `  - model_name: [${canary('wrong-type')}]\n    litellm_params: { model: openai/m, api_key: [${canary('wrong-key')}] }`,
      `  - model_name: x\n    litellm_params: { model: openai/m, api_key: ${canary('syntax')}: : }`,
      `  - model_name: x\n    litellm_params: { model: openai/m, api_key: os.environ/NOT_SET, timeout: os.environ/PROVIDER_KEY }`,
    ].entries()) {
      writeFileSync(file, configWith(broken))
      await program.until(new RegExp(`(is refused[^]*){${index + 1}}`))
    }
    writeFileSync(file, configWith().replace(MASTER, keyShaped('second-master')))
    await program.until(/the changed configuration is in force/)
    await visitor.ask('GET', '/key/list', { authorization: `Bearer ${MASTER}` })
    await visitor.ask('GET', '/model/info', { authorization: `Bearer ${keyShaped('second-master')}` })

    // The database goes away and comes back.
    await postgresql.stop('immediate')
    await visitor.ask('GET', '/key/list', { authorization: `Bearer ${keyShaped('second-master')}` })
    await visitor.ask('GET', '/key/list', { authorization: `Bearer ${keyShaped('unseen')}` })
    await visitor.ask('GET', '/health/readiness', {})
    await postgresql.start()
    await expect
      .poll(
        async () =>
          await visitor.ask('GET', '/key/list', { authorization: `Bearer ${keyShaped('second-master')}` }),
        { timeout: 15_000 },
      )
      .toContain('total_count')
    await visitor.ask('GET', '/spend/logs', { authorization: `Bearer ${keyShaped('second-master')}` })
    await visitor.ask('GET', '/metrics', { authorization: `Bearer ${keyShaped('second-master')}` })
    await program.stop()

    // The slots were real: the provider got what it is due.
    for (const slot of [
      'provider-variable',
      'extra-header',
      'extra-body',
      'organization',
      'credential-list',
      'credential-header',
    ])
      expect(provider.received).toContain(canary(slot))
    for (const slot of [
      'master',
      'user-key',
      'call-query',
      'header-cookie',
      'header-x-api-key',
      'body-api-key',
    ])
      expect(provider.received).not.toContain(canary(slot))
    expect(program.output).toContain('[redacted]')

    expectNone(visitor.shown.map((text) => ['shown to a caller', text]))
    expectNone([['log', program.output]])
    expectNone(filesBelow(dataDir))
    const dump = await dumpDatabase(databaseUrl)
    expect(dump.size).toBeGreaterThan(5)
    expect([...dump.values()].join('')).toContain('my keys are')
    expectNone(dump)
  }, 120_000)

  test('from a command that fails', async () => {
    const start = ['--port', '0', '--host', '127.0.0.1', '--data-dir', join(directory, 'failing')]
    const unreachable = `postgresql://sluice:${canary('far-database')}@127.0.0.1:1/x`
    const config = (name: string, text: string): string => {
      const file = join(directory, name)
      writeFileSync(file, text)
      return file
    }
    const good = config('good.yaml', configWith())
    const cases: readonly (readonly [
      argv: readonly string[],
      environment: Record<string, string>,
      ends: boolean,
    ])[] = [
      [['--config', config('a.yaml', configWith(`  - ${canary('a')}`)), ...start], ENVIRONMENT, true],
      [
        ['--config', config('b.yaml', `general_settings: { master_key: ${canary('no-prefix')} }`), ...start],
        ENVIRONMENT,
        true,
      ],
      [
        [
          '--config',
          config('c.yaml', `general_settings: { database_url: 'mysql://u:${canary('mysql')}@h/x' }`),
          ...start,
        ],
        ENVIRONMENT,
        true,
      ],
      [['--config', config('d.yaml', `api_key: "${canary('unclosed')}\n`), ...start], ENVIRONMENT, true],
      [
        [
          '--config',
          config('e.yaml', `unknown_name: ${canary('unknown-value')}\nmodel_list: []`),
          ...start,
          '--validate_config',
        ],
        ENVIRONMENT,
        true,
      ],
      [
        [
          'check',
          '--config',
          config('f.yaml', configWith(`  - model_name: 7\n    litellm_params: ${canary('text')}`)),
        ],
        ENVIRONMENT,
        true,
      ],
      [['check', '--json', '--config', good], { ...ENVIRONMENT, PROVIDER_KEY: '' }, true],
      [['migrate', '--config', good], { ...ENVIRONMENT, DATABASE_URL: `${canary('no-url')}://` }, true],
      [['--config', good, ...start], { ...ENVIRONMENT, DATABASE_URL: unreachable }, false],
      [
        [
          '--config',
          good,
          ...start,
          '--ssl_keyfile_path',
          join(directory, 'none'),
          '--ssl_certfile_path',
          join(directory, 'none'),
        ],
        { ...ENVIRONMENT, DATABASE_URL: databaseUrl },
        true,
      ],
    ]
    const outputs = await Promise.all(
      cases.map(async ([argv, environment, ends]) => {
        const program = new Program(argv, environment)
        if (!ends) {
          await program.until(/Trying again[^]*Trying again/)
          await program.stop('SIGKILL')
        }
        await program.exited
        expect(program.output).not.toBe('')
        return [argv.join(' '), program.output] as const
      }),
    )
    expectNone(outputs)
  }, 90_000)

  test('from a start without configuration: the master key stands in one file that only its owner reads', async () => {
    const dataDir = join(directory, 'quick')
    const program = new Program(['--port', '0', '--host', '127.0.0.1', '--data-dir', dataDir], ENVIRONMENT)
    const url = await program.url()
    await program.until(/quick-start\.yaml/)
    const keyFile = join(dataDir, 'master-key')
    const key = readFileSync(keyFile, 'utf8').trim()
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const body = { model: 'sim-gpt', messages: [{ role: 'user', content: 'hi' }] }
    const call = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    })
    expect(call.status).toBe(200)
    await call.text()
    await program.stop()
    expect(statSync(keyFile).mode & 0o777).toBe(0o600)
    expect(program.output).not.toContain(key)
    const files = filesBelow(dataDir)
    expect([...files.keys()].map((path) => path.slice(dataDir.length + 1))).toContain('quick-start.yaml')
    expect([...files].filter(([, text]) => text.includes(key)).map(([path]) => path)).toEqual([keyFile])
    expectNone([...files, ['log', program.output]])
  }, 60_000)
})
