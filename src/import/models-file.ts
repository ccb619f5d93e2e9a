/**
 * Models and credentials as a part of a config file, for `include`. Secrets stand in a second file as environment
 * variables, which the part refers to, or in the part itself.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { stringify } from 'yaml'
import { ImportError } from './import-error.ts'
import type { JsonObject } from './source-row.ts'
import type { StoredModels } from './stored-models.ts'

const HEADER = '# Models and credentials of a LiteLLM database, written by `sluice import`.\n'
const SECRETS_HEADER = '# Secrets of an imported LiteLLM database, written by `sluice import`.\n'

/** Members that are secrets wherever they stand. Everything in a credential is one, unless it says where or which. */
const SECRET_MEMBER = /key|secret|token|password|credential(?!_name)|authorization|cookie|headers/i
const PLAIN_MEMBERS = new Set([
  'max_tokens',
  'max_input_tokens',
  'max_output_tokens',
  'max_completion_tokens',
  'output_cost_per_token',
  'input_cost_per_token',
  's3_encryption_key_id',
])
const PLAIN_IN_CREDENTIAL =
  /(_base|_version|_url|_region|region_name|_project|_location|organization|tenant_id)$/i

export interface ModelsFile {
  /** YAML. */
  readonly config: string
  /** Lines `NAME=value`; empty where secrets stand in the config. */
  readonly secrets: string
}

/** @param inline secrets stand in the config itself. */
export function modelsFile({ models, credentials }: StoredModels, inline: boolean): ModelsFile {
  const vault = new Vault(inline)
  const modelList = models.map(({ name, params, info }) => ({
    model_name: name,
    litellm_params: vault.replaced(params, name, isSecret),
    model_info: info,
  }))
  const credentialList = credentials.map(({ name, values, info }) => ({
    credential_name: name,
    credential_values: vault.replaced(values, name, isSecretOfCredential),
    ...(Object.keys(info).length === 0 ? {} : { credential_info: info }),
  }))
  const config = {
    ...(modelList.length === 0 ? {} : { model_list: modelList }),
    ...(credentialList.length === 0 ? {} : { credential_list: credentialList }),
  }
  return { config: HEADER + stringify(config, { lineWidth: 0 }), secrets: vault.lines() }
}

/** Names of both files: the second beside the first. */
export function secretsFileOf(file: string): string {
  return `${file}.env`
}

/** @throws ImportError before anything is done, when a file is there that no import has written. */
export function requireOwnFiles(file: string): void {
  for (const [path, header] of [
    [file, HEADER],
    [secretsFileOf(file), SECRETS_HEADER],
  ] as const) {
    if (existsSync(path) && !readFileSync(path, 'utf8').startsWith(header)) {
      throw new ImportError(`${path} is there already, and no import has written it: name another file.`)
    }
  }
}

/** Writes what only its owner may read: each file as a whole, or not at all. @returns the files written. */
export function writeModelsFile(file: string, { config, secrets }: ModelsFile): readonly string[] {
  const files = [
    [file, config] as const,
    ...(secrets === '' ? [] : [[secretsFileOf(file), SECRETS_HEADER + secrets] as const]),
  ]
  for (const [path, text] of files) {
    writeFileSync(`${path}.new`, text, { mode: 0o600 })
    renameSync(`${path}.new`, path)
  }
  return files.map(([path]) => path)
}

type SecretTest = (name: string) => boolean

function isSecret(name: string): boolean {
  return SECRET_MEMBER.test(name) && !PLAIN_MEMBERS.has(name)
}

function isSecretOfCredential(name: string): boolean {
  return isSecret(name) || !PLAIN_IN_CREDENTIAL.test(name)
}

/** Gives each secret a name; one that stands in several places has one name. */
class Vault {
  readonly #inline: boolean
  readonly #names = new Map<string, string>()

  constructor(inline: boolean) {
    this.#inline = inline
  }

  replaced(object: JsonObject, owner: string, test: SecretTest): JsonObject {
    return Object.fromEntries(
      Object.entries(object)
        .filter(([, value]) => value !== null)
        .map(([name, value]) => [name, this.#replacedMember(value, owner, name, test(name))]),
    )
  }

  /** Whatever stands below a secret's name is secret too: a map of headers, a key in JSON. */
  #replacedMember(value: unknown, owner: string, name: string, secret: boolean): unknown {
    if (typeof value === 'string') return secret ? this.#reference(value, owner, name) : value
    if (Array.isArray(value))
      return value.map((item: unknown) => this.#replacedMember(item, owner, name, secret))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([inner, member]) => [
        inner,
        this.#replacedMember(member, owner, `${name}_${inner}`, secret || isSecret(inner)),
      ]),
    )
  }

  #reference(secret: string, owner: string, member: string): string {
    const text = oneLine(secret)
    if (this.#inline || text === '' || text.startsWith('os.environ/') || text.includes('\n')) return secret
    const known = this.#names.get(text)
    if (known !== undefined) return `os.environ/${known}`
    const wanted = `IMPORTED_${owner}_${member}`.toUpperCase().replace(/[^A-Z0-9]+/g, '_')
    const taken = new Set(this.#names.values())
    let name = wanted
    for (let next = 2; taken.has(name); next += 1) name = `${wanted}_${next}`
    this.#names.set(text, name)
    return `os.environ/${name}`
  }

  lines(): string {
    return [...this.#names].map(([secret, name]) => `${name}=${secret}\n`).join('')
  }
}

/** A key file in JSON fits on a line; nothing else with line feeds does. */
function oneLine(text: string): string {
  if (!text.includes('\n')) return text
  try {
    return JSON.stringify(JSON.parse(text))
  } catch {
    return text
  }
}
