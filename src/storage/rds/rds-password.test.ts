/** Logins by an AWS role: where the keys come from, and a real PostgreSQL that is given the password made of them. */
import { sql } from 'kysely'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startPostgresql, type TestPostgresql } from '../../../test/postgresql.ts'
import { openDatabase } from '../open-database.ts'
import { awsKeys } from './aws-role.ts'
import { rdsPassword } from './rds-password.ts'
import { rdsToken } from './rds-token.ts'

let server: TestPostgresql
let folder: string
let aws: Server
let awsUrl: string
/** What AWS was asked, and what it answers. */
let asked: { readonly url: string; readonly authorization: string | undefined; readonly body: string }[]
let answer: { readonly status: number; readonly body: string }

beforeAll(async () => {
  server = await startPostgresql({ encryptedOnly: true })
  folder = mkdtempSync(join(tmpdir(), 'sluice-rds-'))
  writeFileSync(join(folder, 'token'), 'token-of-the-account\n')
  aws = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      asked.push({ url: request.url ?? '', authorization: request.headers.authorization, body })
      response.writeHead(answer.status).end(answer.body)
    })
  }).listen(0, '127.0.0.1')
  await once(aws, 'listening')
  const address = aws.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  awsUrl = `http://127.0.0.1:${address.port}`
})

afterAll(async () => {
  aws.close()
  await server[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

beforeEach(() => {
  asked = []
})

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request) body += String(chunk)
  return body
}

const KEYS = { accessKeyId: 'AKID', secretAccessKey: 'secret', sessionToken: 'session' }
const REGION = 'eu-west-1'

test('the role of a service account gives the keys', async () => {
  const credentials = Object.entries({
    AccessKeyId: 'AKID',
    SecretAccessKey: 'secret',
    SessionToken: 'session',
  })
  const members = credentials.map(([name, value]) => `<${name}>${value}</${name}>`).join('')
  answer = {
    status: 200,
    body: `<AssumeRoleWithWebIdentityResponse><Credentials>${members}</Credentials></AssumeRoleWithWebIdentityResponse>`,
  }
  const environment = {
    AWS_ROLE_ARN: 'arn:aws:iam::1:role/gateway',
    AWS_WEB_IDENTITY_TOKEN_FILE: join(folder, 'token'),
    AWS_ENDPOINT_URL_STS: awsUrl,
  }
  expect(await awsKeys(environment, REGION)).toEqual(KEYS)
  expect(Object.fromEntries(new URLSearchParams(asked[0]?.body))).toMatchObject({
    Action: 'AssumeRoleWithWebIdentity',
    RoleArn: 'arn:aws:iam::1:role/gateway',
    WebIdentityToken: 'token-of-the-account',
  })
  answer = { status: 403, body: '<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>' }
  await expect(awsKeys(environment, REGION)).rejects.toThrow('AWS STS refuses the role: AccessDenied.')
})

test('so does an EKS Pod Identity, and so do keys of the environment', async () => {
  answer = {
    status: 200,
    body: JSON.stringify({ AccessKeyId: 'AKID', SecretAccessKey: 'secret', Token: 'session' }),
  }
  const identity = {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${awsUrl}/v1/credentials`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: join(folder, 'token'),
  }
  expect(await awsKeys(identity, REGION)).toEqual(KEYS)
  expect(asked).toEqual([{ url: '/v1/credentials', authorization: 'token-of-the-account', body: '' }])
  const own = { AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'secret', AWS_SESSION_TOKEN: 'session' }
  expect(await awsKeys({ ...identity, ...own }, REGION)).toEqual(KEYS)
  await expect(awsKeys({}, REGION)).rejects.toThrow('eks.amazonaws.com/role-arn')
})

test('the database is opened by a token, and by a new one when that is old', async () => {
  const { port } = new URL(server.url)
  const url = `postgresql://by_password@127.0.0.1:${port}/postgres`
  const environment = { AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'secret', AWS_REGION: REGION }
  const keys = { accessKeyId: 'AKID', secretAccessKey: 'secret', sessionToken: undefined }
  const login = { host: '127.0.0.1', port: Number(port), user: 'by_password', region: REGION }
  let nowMs = Date.parse('2026-11-29T12:00:00Z')
  const password = rdsPassword(url, environment, () => nowMs)
  const administrator = await openDatabase({ url: server.url })
  const expectToken = async (verb: 'create' | 'alter'): Promise<void> => {
    const token = sql.lit(rdsToken(login, keys, nowMs))
    await sql`${sql.raw(verb)} role by_password login password ${token}`.execute(administrator.sql)
  }
  const logIn = async (): Promise<unknown> => {
    const database = await openDatabase({ url, password })
    const heard = Promise.withResolvers<void>()
    const listening = database.listen?.('news', heard.resolve)
    await heard.promise
    await listening?.close()
    const { rows } = await sql`select current_user as name`.execute(database.sql)
    await database.close()
    return rows
  }
  await expectToken('create')
  expect(await logIn()).toEqual([{ name: 'by_password' }])
  nowMs += 9 * 60_000
  expect(await logIn()).toEqual([{ name: 'by_password' }])
  nowMs += 2 * 60_000
  await expect(logIn()).rejects.toThrow('password authentication failed')
  await expectToken('alter')
  expect(await logIn()).toEqual([{ name: 'by_password' }])
  await administrator.close()
})

test('without a role the database cannot be reached, and the message says why', async () => {
  const password = rdsPassword(server.url, { AWS_REGION: REGION }, Date.now)
  await expect(openDatabase({ url: server.url, password })).rejects.toThrow(
    /cannot be reached: IAM_TOKEN_DB_AUTH needs an AWS role/,
  )
})

test('a token is not sent in plain text because a server says that it cannot encrypt', async () => {
  await using plain = await startPostgresql()
  const url = await plain.createDatabase()
  const password = (): Promise<string> => Promise.resolve(new URL(url).password)
  await expect(openDatabase({ url, password })).rejects.toThrow('does not support SSL')
  // The same server lets in who needs no token.
  await (await openDatabase({ url })).close()
})
