/** Secrets made to be searched for: each carries the same mark, and the name of the slot in which it was put. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'

const MARK = 'c4n4ry'

/** Without the shape of a key: what hides it is that it is known to be secret. */
export function canary(slot: string): string {
  return `${MARK}-${slot}-5f0c2a9e71`
}

/** What callers send, and the gateway cannot know: only its shape tells. */
export function keyShaped(slot: string): string {
  return `sk-${canary(slot)}`
}

/** The slots whose canaries stand in a text, with what stands around the first of each. */
export function canariesIn(place: string, text: string): string[] {
  const found = new Map<string, string>()
  for (const written of [text, decoded(text), text.replaceAll('\\', '')]) {
    for (const match of written.matchAll(new RegExp(`${MARK}-([\\w-]+?)-5f0c`, 'g'))) {
      const around = written.slice(Math.max(0, match.index - 120), match.index + 60)
      if (!found.has(match[1] ?? '')) found.set(match[1] ?? '', `${place}: ${match[1] ?? ''}: ${around}`)
    }
  }
  return [...found.values()]
}

function decoded(text: string): string {
  return text.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
}

/** All files below a directory, as Latin-1 text by path. */
export function filesBelow(directory: string): Map<string, string> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
  return new Map(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path, readFileSync(path, 'latin1')]),
  )
}

/** Every row of every table, by table. */
export async function dumpDatabase(url: string): Promise<Map<string, string>> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const tables = await client.query<{ name: string }>(
      `select quote_ident(table_schema) || '.' || quote_ident(table_name) as name from information_schema.tables
       where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`,
    )
    const dump = new Map<string, string>()
    for (const { name } of tables.rows) {
      const rows = await client.query<{ row: string }>(`select t::text as row from ${name} t`)
      dump.set(name, rows.rows.map(({ row }) => row).join('\n'))
    }
    return dump
  } finally {
    await client.end()
  }
}
