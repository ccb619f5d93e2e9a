/** The steps of docs/migrate-from-litellm.md, done as they stand there: the chart's changes by Helm, the Job, the commands. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { bringHelm, CHART, type Helm, type Manifest } from '../chart/helm.ts'
import { typeFaults } from '../chart/kubernetes-types.ts'
import { containerOf, environmentOf, listAt, only, workload } from '../chart/look.ts'
import { runCommand } from '../e2e/command.ts'
import { startPostgresql, type TestPostgresql } from '../postgresql.ts'
import { LitellmDatabase } from './litellm-database.ts'
import { fillSample } from './sample-rows.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const DOCUMENT = readFileSync(join(ROOT, 'docs/migrate-from-litellm.md'), 'utf8')
const TEAM_CHART = join(ROOT, 'test/chart/fixtures/team-chart')
const COMMAND = [process.execPath, join(ROOT, 'src/main.ts')] as const

/** What stands in the block after `<!-- tested: name -->`. */
function block(name: string): string {
  const text = new RegExp(`<!-- tested: ${name} -->\\n\`\`\`\\w+\\n([^]*?)\`\`\``).exec(DOCUMENT)?.[1]
  if (text === undefined) throw new Error(`the document has no block "${name}"`)
  return text
}

/** Applies one hunk of a diff. */
function patched(text: string, diff: string): string {
  const lines = diff.trimEnd().split('\n')
  const side = (mark: string): string =>
    lines
      .filter((line) => line.startsWith(' ') || line.startsWith(mark))
      .map((line) => `${line.slice(1)}\n`)
      .join('')
  expect(text).toContain(side('-'))
  return text.replace(side('-'), side('+'))
}

const job = parse(block('job')) as Manifest

describe('the chart', () => {
  let helm: Helm
  let folder: string
  let published: string

  beforeAll(async () => {
    helm = await bringHelm(4)
    folder = mkdtempSync(join(tmpdir(), 'sluice-migrate-'))
    cpSync(TEAM_CHART, folder, { recursive: true })
    // As docs/kubernetes.md publishes it: the image's registry is written into the chart's values, and nothing else.
    published = mkdtempSync(join(tmpdir(), 'sluice-published-'))
    cpSync(CHART, published, { recursive: true })
    const values = readFileSync(join(published, 'values.yaml'), 'utf8')
    const image = values.replace(
      '\n  repository: sluice\n',
      '\n  repository: registry.example.com/ai/sluice\n',
    )
    expect(image).not.toBe(values)
    writeFileSync(join(published, 'values.yaml'), image)
  }, 180_000)

  afterAll(() => {
    for (const each of [folder, published]) rmSync(each, { recursive: true, force: true })
  })

  test('the changes of the document are all that a team’s wrapper needs', async () => {
    for (const file of ['Chart.yaml', 'values.yaml']) {
      const path = join(folder, file)
      const changed = patched(readFileSync(path, 'utf8'), block(file))
      writeFileSync(path, changed.replace('oci://registry.example.com/ai/charts', `file://${published}`))
    }
    await helm.run(['dependency', 'update', folder])
    const manifests = await helm.render({}, { chart: folder, release: 'litellm' })
    const gateway = workload(manifests)
    expect(gateway.metadata.name).toBe('litellm')
    expect(environmentOf(gateway)).toMatchObject({ DATABASE_SCHEMA: 'sluice' })
    expect(environmentOf(only(manifests, 'Job'))).toMatchObject({ DATABASE_SCHEMA: 'sluice' })
    expect(containerOf(gateway)['image']).toBe(containerOf(job)['image'])
    expect(await typeFaults([...manifests, job])).toEqual([])
  })
})

describe('the commands', () => {
  let server: TestPostgresql
  let old: LitellmDatabase
  let directory: string

  beforeAll(async () => {
    server = await startPostgresql()
  })

  afterAll(async () => await server?.[Symbol.asyncDispose]())

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'sluice-migrate-'))
    old = await LitellmDatabase.create(await server.createDatabase())
    await fillSample(old)
  })

  afterEach(async () => {
    await old.close()
    rmSync(directory, { recursive: true, force: true })
  })

  /** Runs `NAME=value … sluice …`. */
  const shell = async (line: string, env: Record<string, string>) => {
    const words = line.trim().split(/\s+/)
    const command = words.indexOf('sluice')
    const variables = Object.fromEntries(words.slice(0, command).map((word) => word.split('=')))
    return await runCommand(words.slice(command + 1), {
      cwd: directory,
      command: COMMAND,
      env: { ...env, ...variables },
    })
  }

  test('the Job takes the database that LiteLLM uses into a schema beside it', async () => {
    const url = new URL(old.url)
    const environment = Object.fromEntries(
      listAt(containerOf(job), 'env').map(({ name, value }) => [String(name), String(value)]),
    )
    const result = await runCommand(containerOf(job)['args'] as string[], {
      cwd: directory,
      command: COMMAND,
      env: {
        ...environment,
        DATABASE_HOST: url.host,
        DATABASE_NAME: url.pathname.slice(1),
        // What the Secret of the document holds.
        DATABASE_USERNAME: url.username,
        DATABASE_PASSWORD: 'unused',
        LITELLM_MASTER_KEY: 'sk-master',
      },
    })
    expect(result).toMatchObject({ exitCode: 0 })
    expect(result.stdout).toMatch(/keys +9 +6 /)
    expect(result.stdout).not.toContain('Take care')
    expect(await old.run('select count(*) from sluice.sluice_virtual_key')).toEqual([{ count: '6' }])
  })

  test('the dry run is one', async () => {
    const line = block('dry-run').replace(/postgresql:\S+/, old.url)
    const result = await shell(line, { DATABASE_URL: `${old.url}?schema=sluice` })
    expect(result).toMatchObject({ exitCode: 0 })
    expect(result.stdout).toContain('A dry run: nothing was written.')
  })

  test('models are written where the document says', async () => {
    await old.insert('LiteLLM_CredentialsTable', [
      { credential_id: 'c', credential_name: 'plain', credential_values: { api_key: 'sk-plain' } },
    ])
    const result = await shell(block('models'), { DATABASE_URL: `${old.url}?schema=sluice` })
    expect(result).toMatchObject({ exitCode: 0 })
    expect(readFileSync(join(directory, 'models.yaml'), 'utf8')).toContain(
      'os.environ/IMPORTED_PLAIN_API_KEY',
    )
    expect(readFileSync(join(directory, 'models.yaml.env'), 'utf8')).toContain(
      'IMPORTED_PLAIN_API_KEY=sk-plain',
    )
  })
})
