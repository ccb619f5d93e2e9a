/** One import, from the first look at the source to the report. */
import type { Transaction } from 'kysely'
import type { Calendar } from '../identity/calendar.ts'
import { MAX_KEPT_TEXT_LENGTH } from '../spend/call-content.ts'
import { createPartitions } from '../storage/partitions.ts'
import type { Database, Schema } from '../storage/database.ts'
import { sharesSchemaWithLitellm } from '../storage/migrate.ts'
import { tryingOut, writing, type Destination } from './destination.ts'
import { readContext } from './import-context.ts'
import { NOT_TAKEN } from './known-schema.ts'
import { budgetKind } from './map-budget.ts'
import { customerKind } from './map-customer.ts'
import { keyKind } from './map-key.ts'
import { organizationMemberKind } from './map-organization-member.ts'
import { organizationKind } from './map-organization.ts'
import { tagKind } from './map-tag.ts'
import { teamKind } from './map-team.ts'
import { userKind } from './map-user.ts'
import { modelsFile, requireOwnFiles, writeModelsFile } from './models-file.ts'
import type { ImportReport, NotTaken } from './report.ts'
import { readIdentity, readSourceSchema, tablesWithRows } from './source.ts'
import type { SourceSchema, TableColumns } from './source-schema.ts'
import { StoredSecrets } from './stored-secrets.ts'
import { readStoredModels, type StoredModels } from './stored-models.ts'
import { takeCalls } from './take-calls.ts'
import { takeMembers } from './take-members.ts'
import { takeRows, type Progress } from './take-rows.ts'
import { TableTally, type TableReport } from './tally.ts'

export interface ImportOptions {
  readonly dryRun: boolean
  /** Calls too, from a moment on; undefined leaves the call log where it is. */
  readonly calls: { readonly sinceMs: number | undefined; readonly contents: boolean } | undefined
  /** Models and credentials go to a file. */
  readonly models: { readonly file: string; readonly inlineSecrets: boolean } | undefined
  /** With which LiteLLM has encrypted; undefined where none is known. */
  readonly saltKey: string | undefined
  /** A migration that is accepted by name though it is newer than what is known. */
  readonly acceptedMigration: string | undefined
  /** Takes secrets that this process knows out of prompts and answers. */
  readonly redact: (text: string) => string
  readonly calendar: Calendar
  readonly clock: () => number
  readonly progress: Progress
}

/**
 * Reads one database and writes the other; they may be the same one.
 *
 * @throws ImportError when the source cannot be read, or its secrets cannot be opened; then nothing was written.
 */
export async function runImport(
  source: Database,
  destination: Database,
  options: ImportOptions,
): Promise<ImportReport> {
  const startedMs = options.clock()
  if (options.models !== undefined) requireOwnFiles(options.models.file)
  const taken = await source.sql
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(async (moment) => await takePrincipals(moment, destination, options, startedMs))
  const calls = await takeLog(source, destination, options, taken.schema.tables, startedMs)
  const files =
    options.models === undefined || taken.stored === undefined || options.dryRun
      ? []
      : writeModelsFile(options.models.file, modelsFile(taken.stored, options.models.inlineSecrets))
  return {
    dryRun: options.dryRun,
    startedAt: new Date(startedMs).toISOString(),
    endedAt: new Date(options.clock()).toISOString(),
    source: {
      ...taken.identity,
      newestMigration: taken.schema.newestMigration ?? null,
      unknownColumns: taken.schema.unknownColumns,
    },
    tables: [...taken.reports, ...calls],
    sharesSchema: await sharesSchemaWithLitellm(destination),
    notTaken: taken.notTaken,
    files,
  }
}

async function takePrincipals(
  moment: Transaction<Schema>,
  destination: Database,
  options: ImportOptions,
  nowMs: number,
) {
  const schema = await readSourceSchema(moment, options.acceptedMigration)
  const identity = await readIdentity(moment)
  const stored = await readModels(moment, schema.tables, options)
  const notTaken = await readNotTaken(moment, schema.tables, options)
  const work = async (here: Destination): Promise<readonly TableReport[]> =>
    await takeAll(moment, schema, here, options, nowMs)
  const reports = options.dryRun ? await tryingOut(destination, work) : await writing(destination, work)
  return { schema, identity, stored, notTaken, reports: [...reports, ...(stored?.reports ?? [])] }
}

/** In the order in which rows point at each other. */
async function takeAll(
  source: Transaction<Schema>,
  { tables }: SourceSchema,
  destination: Destination,
  { calendar, progress }: ImportOptions,
  nowMs: number,
): Promise<readonly TableReport[]> {
  const context = await readContext(source, tables, { nowMs, calendar })
  const spend = new TableTally('spend totals')
  const parts = { source, tables, destination, spend, progress }
  const reports: TableReport[] = []
  for (const kind of [budgetKind, organizationKind, userKind, organizationMemberKind, teamKind]) {
    reports.push(await takeRows(kind(context), parts))
  }
  reports.push(...(await takeMembers(parts, context)))
  for (const kind of [keyKind, customerKind, tagKind]) reports.push(await takeRows(kind(context), parts))
  return [...reports, spend.report()]
}

async function readModels(
  moment: Transaction<Schema>,
  tables: TableColumns,
  { models, saltKey }: ImportOptions,
): Promise<StoredModels | undefined> {
  if (models === undefined) return undefined
  return await readStoredModels(
    moment,
    tables,
    saltKey === undefined ? undefined : new StoredSecrets(saltKey),
  )
}

const MODEL_TABLES = ['LiteLLM_ProxyModelTable', 'LiteLLM_CredentialsTable']

async function readNotTaken(
  moment: Transaction<Schema>,
  tables: TableColumns,
  { models, calls }: ImportOptions,
): Promise<readonly NotTaken[]> {
  const candidates: NotTaken[] = [
    ...(models === undefined
      ? MODEL_TABLES.map((table) => ({
          table,
          reason: '--models-to FILE writes them as a part of a config file',
        }))
      : []),
    ...(calls === undefined
      ? [
          {
            table: 'LiteLLM_SpendLogs',
            reason: '--spend-logs takes calls too, --prompts their prompts and answers',
          },
        ]
      : []),
    ...NOT_TAKEN,
  ]
  const withRows = new Set(
    await tablesWithRows(
      moment,
      tables,
      candidates.map(({ table }) => table),
    ),
  )
  return candidates.filter(({ table }) => withRows.has(table))
}

async function takeLog(
  source: Database,
  destination: Database,
  { calls, dryRun, redact, progress }: ImportOptions,
  tables: TableColumns,
  untilMs: number,
): Promise<readonly TableReport[]> {
  if (calls === undefined) return []
  const work = async (here: Destination): Promise<readonly TableReport[]> =>
    await takeCalls({
      source: source.sql,
      tables,
      destination: here,
      sinceMs: calls.sinceMs,
      untilMs,
      contents: calls.contents ? { maxTextLength: MAX_KEPT_TEXT_LENGTH, redact } : undefined,
      progress,
    })
  if (dryRun) return await tryingOut(destination, work)
  // Rows of these days would otherwise keep a gateway from making their partitions.
  await createPartitions(destination, untilMs)
  return await writing(destination, work)
}
