/** Models and credentials that LiteLLM keeps in its database, opened: their values are encrypted one by one. */
import type { Transaction } from 'kysely'
import type { Schema } from '../storage/database.ts'
import { ImportError } from './import-error.ts'
import { isMarkedEncrypted, looksEncrypted, type StoredSecrets } from './stored-secrets.ts'
import { readAll } from './source.ts'
import type { JsonObject } from './source-row.ts'
import type { TableColumns } from './source-schema.ts'
import { TableTally, type TableReport } from './tally.ts'

export interface StoredModel {
  readonly name: string
  readonly params: JsonObject
  readonly info: JsonObject
}

export interface StoredCredential {
  readonly name: string
  readonly values: JsonObject
  readonly info: JsonObject
}

export interface StoredModels {
  readonly models: readonly StoredModel[]
  readonly credentials: readonly StoredCredential[]
  readonly reports: readonly TableReport[]
}

/**
 * @param secrets undefined where no salt key is known.
 * @throws ImportError that names each row which the salt key does not open.
 */
export async function readStoredModels(
  source: Transaction<Schema>,
  tables: TableColumns,
  secrets: StoredSecrets | undefined,
): Promise<StoredModels> {
  const opener = new Opener(secrets)
  const models: StoredModel[] = []
  const modelTally = new TableTally('models')
  for (const row of await readAll(source, tables, 'LiteLLM_ProxyModelTable')) {
    const id = row.key('model_id')
    const name = row.key('model_name')
    const info = row.object('model_info')
    const label = `${name} (${id})`
    if (row.flag('blocked')) modelTally.leave(label, 'is blocked: a model of the config file cannot be')
    else if (typeof info['team_id'] === 'string') {
      modelTally.leave(label, 'belongs to one team: a model of the config file is for all')
    } else {
      const params = opener.openAll(row.object('litellm_params'), `model ${label}`, 'model')
      models.push({ name, params, info: { ...withoutMember(info, 'db_model'), id } })
      modelTally.add({ new: 1 })
    }
  }
  const credentials: StoredCredential[] = []
  const credentialTally = new TableTally('credentials')
  for (const row of await readAll(source, tables, 'LiteLLM_CredentialsTable')) {
    const name = row.key('credential_name')
    const values = opener.openAll(row.object('credential_values'), `credential ${name}`, undefined)
    credentials.push({ name, values, info: row.object('credential_info') })
    credentialTally.add({ new: 1 })
  }
  opener.requireOpened()
  return { models, credentials, reports: [modelTally.report(), credentialTally.report()] }
}

/** What became of the texts of a row. */
interface Found {
  opened: number
  /** Ciphertexts that do not open, by their paths. */
  readonly closed: string[]
  /** What may be a ciphertext, or a long plain text. */
  readonly doubtful: string[]
}

class Opener {
  readonly #secrets: StoredSecrets | undefined
  readonly #closed: string[] = []

  constructor(secrets: StoredSecrets | undefined) {
    this.#secrets = secrets
  }

  /**
   * Opens the texts of an object, at any depth. Rows that were stored without encryption hold plain texts, and a plain
   * key can look like a ciphertext.
   *
   * @param witness a member whose plain text never looks like a ciphertext: it tells whether the row is encrypted.
   *   Without one, a row of which nothing opens is taken for one of another salt key.
   */
  openAll(object: JsonObject, label: string, witness: string | undefined): JsonObject {
    const found: Found = { opened: 0, closed: [], doubtful: [] }
    const result = Object.fromEntries(
      Object.entries(object).map(([name, value]) => [name, this.#open(value, name, witness, found)]),
    )
    const closed = found.opened === 0 ? [...found.closed, ...found.doubtful] : found.closed
    if (closed.length > 0) this.#closed.push(`${label}: ${closed.join(', ')}`)
    return result
  }

  #open(value: unknown, path: string, witness: string | undefined, found: Found): unknown {
    if (Array.isArray(value)) {
      return value.map((item: unknown, at) => this.#open(item, `${path}[${at}]`, witness, found))
    }
    if (typeof value === 'object' && value !== null) {
      const members = Object.entries(value)
      return Object.fromEntries(
        members.map(([name, member]) => [name, this.#open(member, `${path}.${name}`, witness, found)]),
      )
    }
    if (typeof value !== 'string' || !looksEncrypted(value)) return value
    const plain = this.#secrets?.open(value)
    if (plain === undefined) {
      if (path === witness || isMarkedEncrypted(value)) found.closed.push(path)
      else if (witness === undefined) found.doubtful.push(path)
      return value
    }
    found.opened += 1
    return plain
  }

  requireOpened(): void {
    if (this.#closed.length === 0) return
    const advice =
      this.#secrets === undefined
        ? 'Set LITELLM_SALT_KEY to the salt key of the old gateway; if it had none, LITELLM_MASTER_KEY to its master key.'
        : 'The salt key is not the one that they were stored with: set LITELLM_SALT_KEY to the old one, or, if the old ' +
          'gateway had none, LITELLM_MASTER_KEY to the master key that it had when they were stored.'
    const rows = this.#closed.map((each) => `  - ${each}`).join('\n')
    throw new ImportError(`These values cannot be opened:\n${rows}\n${advice} Nothing was imported.`)
  }
}

function withoutMember(object: JsonObject, name: string): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([member]) => member !== name))
}
