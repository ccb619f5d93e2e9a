import { sql } from 'kysely'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { freePort } from '../../test/free-port.ts'
import { startPostgresql, type TestPostgresql } from '../../test/postgresql.ts'
import { connectDatabase, openDatabase } from './open-database.ts'
import { DatabaseUnreachableError } from './postgresql.ts'

let server: TestPostgresql

beforeAll(async () => {
  server = await startPostgresql()
})

afterAll(async () => await server[Symbol.asyncDispose]())

test('a pooler that refuses unknown start-up parameters is asked without them', async () => {
  const refused: string[] = []
  await using pooler = await startPooler(Number(new URL(server.url).port), (startup, client) => {
    if (!startup.includes('statement_timeout')) return false
    refused.push(startup)
    client.end(errorResponse('08P01', 'unsupported startup parameter: statement_timeout'))
    return true
  })
  const database = await openDatabase({ url: server.url.replace(/:\d+\//, `:${pooler.port}/`) })
  await sql`select 1`.execute(database.sql)
  await database.close()
  expect(refused).toHaveLength(1)
})

test('of a statement that is answered the driver holds no values', async () => {
  const query = vi.spyOn(pg.Client.prototype, 'query')
  const database = await openDatabase({ url: server.url })
  const { rows } = await sql`select ${'a batch of calls'}::text as text`.execute(database.sql)
  await database.close()
  expect(rows).toEqual([{ text: 'a batch of calls' }])
  expect(query.mock.calls).toContainEqual([{ text: 'select $1::text as text', values: [] }])
  query.mockRestore()
})

describe('encryption', () => {
  const isEncrypted = async (url: string): Promise<unknown> => {
    const database = await openDatabase({ url })
    try {
      const { rows } = await sql`select ssl from pg_stat_ssl where pid = pg_backend_pid()`.execute(
        database.sql,
      )
      return rows
    } finally {
      await database.close()
    }
  }

  test('a server that refuses plain text is spoken to encrypted, without a word in the URL', async () => {
    await using managed = await startPostgresql({ encryptedOnly: true })
    expect(await isEncrypted(managed.url)).toEqual([{ ssl: true }])
    expect(await isEncrypted(`${managed.url}?sslmode=prefer`)).toEqual([{ ssl: true }])
    expect(await isEncrypted(`${managed.url}?sslmode=require`)).toEqual([{ ssl: true }])
    await expect(isEncrypted(`${managed.url}?sslmode=disable`)).rejects.toThrow('no encryption')
    // Nobody vouches for its certificate.
    await expect(isEncrypted(`${managed.url}?sslmode=verify-full`)).rejects.toThrow('certificate')
  })

  test('notifications come encrypted too', async () => {
    await using managed = await startPostgresql({ encryptedOnly: true })
    const database = await openDatabase({ url: managed.url })
    const heard = Promise.withResolvers<void>()
    const listening = database.listen?.('news', heard.resolve)
    await heard.promise
    await listening?.close()
    await database.close()
  })

  test('a server without certificate is spoken to in plain text, unless the URL wants it encrypted', async () => {
    expect(await isEncrypted(server.url)).toEqual([{ ssl: false }])
    await expect(isEncrypted(`${server.url}?sslmode=require`)).rejects.toThrow('does not support SSL')
  })

  afterEach(() => vi.unstubAllEnvs())

  test('a server that wants plain text, or no TLS that we speak, is spoken to in plain text', async () => {
    await using managed = await startPostgresql({ encryptedOnly: true })
    const administrator = await openDatabase({ url: managed.url })
    await sql`create role in_plain_text login`.execute(administrator.sql)
    await administrator.close()
    const plain = managed.url.replace('sluice@', 'in_plain_text@')
    expect(await isEncrypted(plain)).toEqual([{ ssl: false }])
    await expect(isEncrypted(`${plain}?sslmode=require`)).rejects.toThrow('SSL encryption')
    await using old = await startPooler(portOf(server.url), (startup, client) => {
      if (startup.length !== SSL_REQUEST_BYTES) return false
      client.write('S')
      client.once('data', () => client.end('no TLS of today'))
      return true
    })
    expect(await isEncrypted(server.url.replace(/:\d+\//, `:${old.port}/`))).toEqual([{ ssl: false }])
  })

  test('a server that has got its certificate meanwhile is spoken to encrypted again', async () => {
    await using managed = await startPostgresql({ encryptedOnly: true })
    let asked = 0
    await using pooler = await startPooler(portOf(managed.url), (_startup, client) => {
      asked += 1
      // The first connection asks for encryption; the second, in plain text, comes without asking.
      if (asked === 1) client.end('N')
      const refusal = 'no pg_hba.conf entry for host "1.2.3.4", user "a", database "b", no encryption'
      if (asked === 2) client.end(errorResponse('28000', refusal))
      return asked <= 2
    })
    const database = connectDatabase({ url: managed.url.replace(/:\d+\//, `:${pooler.port}/`) })
    const ask = sql`select ssl from pg_stat_ssl where pid = pg_backend_pid()`
    await expect(ask.execute(database.sql)).rejects.toThrow('no encryption')
    expect((await ask.execute(database.sql)).rows).toEqual([{ ssl: true }])
    await database.close()
  })

  test('PGSSLMODE decides where the URL says nothing', async () => {
    await using managed = await startPostgresql({ encryptedOnly: true })
    vi.stubEnv('PGSSLMODE', 'verify-full')
    await expect(isEncrypted(managed.url)).rejects.toThrow('certificate')
    expect(await isEncrypted(`${managed.url}?sslmode=prefer`)).toEqual([{ ssl: true }])
    vi.stubEnv('PGSSLMODE', 'disable')
    await expect(isEncrypted(managed.url)).rejects.toThrow('no encryption')
  })

  test('a URL with a certificate to verify by is never spoken to in plain text', async () => {
    const certificate = new URL('../../test/sim/localhost.pem', import.meta.url).pathname
    await expect(isEncrypted(`${server.url}?sslrootcert=${certificate}`)).rejects.toThrow(
      'does not support SSL',
    )
  })

  test('connections that are made at once learn together that a server has no certificate', async () => {
    const database = connectDatabase({ url: server.url })
    const all = Array.from({ length: 5 }, async () => await sql`select 1 as one`.execute(database.sql))
    for (const { rows } of await Promise.all(all)) expect(rows).toEqual([{ one: 1 }])
    await database.close()
  })
})

test('a password that cannot be had is missed by new connections alone', async () => {
  let isAway = false
  // This server cannot encrypt, and nothing but the URL makes a password of this kind go out in plain text.
  const url = `${server.url}?sslmode=disable`
  const database = await openDatabase({
    url,
    password: async () =>
      await (isAway ? Promise.reject(new Error('nobody gives one')) : Promise.resolve('')),
  })
  isAway = true
  await sql`select 1`.execute(database.sql)
  await database.close()
  await expect(
    openDatabase({
      url,
      password: async () => await Promise.reject(new Error('nobody gives one')),
    }),
  ).rejects.toThrow('nobody gives one')
})

test('a statement that gets no answer fails in time, and its connection is not used again', async () => {
  let frozen: Socket | undefined
  await using pooler = await startPooler(Number(new URL(server.url).port), (_startup, client) => {
    frozen = client
    return false
  })
  const url = `${server.url.replace(/:\d+\//, `:${pooler.port}/`)}?connection_limit=1`
  const database = await openDatabase({ url, statementTimeoutMs: 300 })
  const first = frozen
  first?.pause()
  first?.removeAllListeners('data')
  await expect(sql`select 1`.execute(database.sql)).rejects.toThrow(/timeout/)
  const { rows } = await sql`select 2 as two`.execute(database.sql)
  expect(rows).toEqual([{ two: 2 }])
  expect(frozen).not.toBe(first)
  await database.close()
})

test('a statement that may wait only so long for its answer is given up before others', async () => {
  const database = await openDatabase({ url: `${server.url}?connection_limit=1` })
  const slow = sql`select pg_sleep(0.5)`
  const hasty = database.within?.(100) ?? database
  await expect(slow.execute(hasty.sql)).rejects.toThrow(DatabaseUnreachableError)
  await slow.execute(database.sql)
  await database.close()
})

test('a transaction whose process is lost keeps its locks no longer than a statement may run', async () => {
  const database = await openDatabase({ url: server.url, statementTimeoutMs: 200 })
  const other = await openDatabase({ url: server.url })
  const lost = database.sql.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(7)`.execute(transaction)
    await sql`select pg_advisory_xact_lock(7)`.execute(other.sql)
  })
  await expect(lost).rejects.toThrow()
  await other.close()
  await database.close()
})

test('a statement that gets no connection is counted as failed', async () => {
  const failures: string[] = []
  const observer = {
    succeeded: () => undefined,
    failed: (operation: string, errorClass: string) => void failures.push(`${operation} ${errorClass}`),
  }
  const database = connectDatabase({
    url: `postgresql://nobody@127.0.0.1:${await freePort()}/none`,
    observer,
  })
  await expect(sql`select 1`.execute(database.sql)).rejects.toThrow(DatabaseUnreachableError)
  await database.close()
  expect(failures).toEqual(['connect DatabaseUnreachableError'])
})

/** What a client sends first that wants to encrypt. */
const SSL_REQUEST_BYTES = 8

function portOf(url: string): number {
  return Number(new URL(url).port)
}

interface Pooler extends AsyncDisposable {
  readonly port: number
}

/** Stands between client and server; `intercept` sees each start-up packet and may answer it. */
async function startPooler(
  target: number,
  intercept: (startup: string, client: Socket) => boolean,
): Promise<Pooler> {
  const sockets = new Set<Socket>()
  const listener: Server = createServer((client) => {
    sockets.add(client)
    client.on('error', () => {})
    client.once('data', (startup) => {
      if (intercept(startup.toString('latin1'), client)) return
      const upstream = connect(target, '127.0.0.1')
      sockets.add(upstream)
      upstream.on('error', () => {})
      upstream.write(startup)
      client.on('data', (bytes) => upstream.write(bytes))
      upstream.on('data', (bytes) => client.write(bytes))
      client.on('close', () => upstream.destroy())
      upstream.on('close', () => client.destroy())
    })
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      listener.close()
      await once(listener, 'close')
    },
  }
}

function errorResponse(code: string, message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`)
  const header = Buffer.alloc(5)
  header.write('E')
  header.writeInt32BE(fields.length + 4, 1)
  return Buffer.concat([header, fields])
}
