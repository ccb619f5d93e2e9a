import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ROUTE_TABLE } from '../../src/identity/route-table.ts'
import { ROLES } from '../../src/identity/principal.ts'
import { startTestGateway, type TestGateway } from '../running-gateway.ts'
import { exchange, type RawAnswer } from './raw-connection.ts'

let gateway: TestGateway
/** A key of each role, and one that may only read its own information. */
const keys = new Map<string, string>()

beforeAll(async () => {
  gateway = await startTestGateway()
  for (const role of ROLES) {
    const answer = await gateway.call('/user/new', { user_role: role })
    keys.set(role, ((await answer.json()) as { key: string }).key)
  }
})

afterAll(async () => await gateway.stop())

const PATHS = [...new Set(ROUTE_TABLE.map((entry) => entry.path))]

async function ask(method: string, target: string, key?: string): Promise<RawAnswer> {
  const credential = key === undefined ? '' : `Authorization: Bearer ${key}\r\n`
  const body = method === 'POST' ? 'Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}' : '\r\n'
  const bytes = Buffer.from(`${method} ${target} HTTP/1.1\r\nHost: g\r\n${credential}${body}`, 'latin1')
  const answer = await exchange(gateway.url, bytes)
  if (answer === undefined) throw new Error(`no answer to ${method} ${target}`)
  return answer
}

/** Other ways to write a path, by which filters before a handler have been passed. */
const DISGUISES: readonly ((path: string) => string)[] = [
  (path) => path.replace('/', '//'),
  (path) => path.replace(/\/(?=[^/]*$)/, '//'),
  (path) => `/.${path}`,
  (path) => `/..${path}`,
  (path) => `/health/liveliness/..${path}`,
  (path) => `/health/liveliness/%2e%2e${path}`,
  (path) => `/health/liveliness/%2E%2E%2F${path.slice(1)}`,
  (path) => `/health/liveliness/..%5c${path.slice(1)}`,
  (path) => `/health/liveliness;${path}`,
  (path) => `/health/liveliness%00${path}`,
  (path) => `${path};a=b`,
  (path) => `${path};.css`,
  (path) => `${path}%00`,
  (path) => `${path}%2f`,
  (path) => `${path}%20`,
  (path) => `${path}.json`,
  (path) => `${path}/.`,
  (path) => `${path}/../..`,
  (path) => path.toUpperCase(),
  (path) => `/${path.slice(1).replaceAll('/', '%2f')}`,
  (path) => `/${path.slice(1).replaceAll('/', '%252f')}`,
  (path) => `/${path.slice(1).replaceAll('/', '\\')}`,
  (path) => path.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
  (path) => path.replace(/[a-z]/, (letter) => `%25${letter.charCodeAt(0).toString(16)}`),
  (path) => path.replace(/[a-z]/, (letter) => `%u00${letter.charCodeAt(0).toString(16)}`),
  (path) => path.replace('k', '%E2%84%AA'),
  (path) => `${path}#/health/liveliness`,
  (path) => `${path}?/health/liveliness`,
  (path) => `//gateway${path}`,
  (path) => `http://gateway${path}`,
  (path) => `http://user@gateway${path}`,
  (path) => `https://evil.example${path}`,
  (path) => `*${path}`,
  (path) => `${path}/`,
]

/** Statuses by which nothing of a protected route was shown or done. */
const NOT_SERVED = [400, 401, 403, 404, 405, 426, 431]

describe('a path written in another way', () => {
  test('is served to nobody who sends no key, unless it is a public one', async () => {
    const published = new Set(['{"status":"ok"}', `"I'm alive!"`])
    for (const path of PATHS) {
      for (const disguise of DISGUISES) {
        const target = disguise(path.replaceAll(/:\w+/g, 'x')).replaceAll(' ', '%20')
        for (const method of ['GET', 'POST']) {
          const answer = await ask(method, target)
          const isPublic = published.has(answer.body) || /"(status|db)":|Sluice is running/.test(answer.body)
          if (!isPublic)
            expect([method, target, NOT_SERVED.includes(answer.status)]).toEqual([method, target, true])
        }
      }
    }
  })

  test('opens no administrator’s route to a user', async () => {
    const forUsers = keys.get('internal_user_viewer') ?? ''
    const reserved = ROUTE_TABLE.filter(
      (entry) => entry.access !== 'public' && !entry.access.includes('internal_user_viewer'),
    )
    expect(reserved.length).toBeGreaterThan(5)
    for (const { method, path } of reserved) {
      for (const disguise of DISGUISES) {
        const answer = await ask(method, disguise(path).replaceAll(' ', '%20'), forUsers)
        const isPublic = /I'm alive|"status":"(ok|healthy)"|Sluice is running/.test(answer.body)
        if (!isPublic)
          expect([method, path, disguise(path), NOT_SERVED.includes(answer.status)]).toContain(true)
      }
    }
  })

  test('whatever is generated, means the handler whose right was asked', async () => {
    const part = fc.constantFrom(
      '/',
      '//',
      '.',
      '..',
      '%2e',
      '%2f',
      '%00',
      ';',
      'key',
      'list',
      'KEY',
      'v1',
      'metrics',
      'user',
      'new',
      'health',
      'liveliness',
      '\\',
      '%',
      '?',
      '*',
      'é',
      '%c3%a9',
      '%ff',
    )
    const viewer = keys.get('internal_user_viewer') ?? ''
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 8 }), async (parts) => {
        const target = `/${parts.join('')}`
        const canonical = target.split(/[?#]/, 1)[0]?.replace(/(.)\/$/, '$1') ?? ''
        const [unknown, reader] = [await ask('GET', target), await ask('GET', target, viewer)]
        const entry = ROUTE_TABLE.find((each) => each.method === 'GET' && each.path === decoded(canonical))
        if (unknown.status === 200) expect(entry?.access).toBe('public')
        if (reader.status === 200) {
          expect(
            entry === undefined || entry.access === 'public' || entry.access.includes('internal_user_viewer'),
          ).toBe(true)
        }
      }),
      { numRuns: 300 },
    )
  })
})

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

describe('a path', () => {
  test('of tens of thousands of characters gets an error, not a crash', async () => {
    for (const target of [
      `/${'a'.repeat(60_000)}`,
      '/..'.repeat(20_000),
      `/v1/models/${'%41'.repeat(10_000)}`,
    ]) {
      expect([400, 401, 404, 414, 431]).toContain((await ask('GET', target)).status)
    }
  })

  test('with raw control characters or bytes beyond ASCII gets an error', async () => {
    for (const target of ['/key/list\0', '/key/\x7flist', '/k\xe9y/list', '/key/list\t', '/\x1b[31m']) {
      expect([400, 401, 404]).toContain((await ask('GET', target)).status)
    }
  })

  test('may name a model with a slash, whose rights are asked under its decoded name', async () => {
    const key = await gateway.newKey({ models: ['gpt'] })
    const denied = await ask('POST', '/engines/cl%61ude/chat/completions', key)
    expect([denied.status, denied.body]).toEqual([403, expect.stringContaining('key_model_access_denied')])
    const unknown = await ask('POST', '/engines/a%2F..%2Fgpt/chat/completions', key)
    expect(unknown.status).toBe(400)
  })

  test('below SERVER_ROOT_PATH has the same rights as without', async () => {
    const rooted = await startTestGateway({ environment: { SERVER_ROOT_PATH: '/llm' } })
    try {
      for (const path of ['/key/list', '/v1/models', '/metrics', '/health', '/spend/logs']) {
        expect([path, (await rooted.call(`/llm${path}`)).status]).toEqual([path, 200])
        expect([path, (await fetch(`${rooted.url}/llm${path}`)).status]).toEqual([path, 401])
        expect([path, (await rooted.call(path)).status]).toEqual([path, 404])
      }
    } finally {
      await rooted.stop()
    }
  })
})
