/** A row of the call log with prompt and answer, where they were kept. */
import type { Kysely } from 'kysely'
import { findContent, type CallLogRow } from '../../storage/queries/call-log.ts'
import type { Schema } from '../../storage/database.ts'
import { spendLogRow } from './spend-log-row.ts'

export async function wholeCall(database: Kysely<Schema>, row: CallLogRow) {
  const content = await findContent(database, row)
  const request = content?.request ?? {}
  return {
    ...spendLogRow(row),
    messages: messagesOf(request),
    response: content?.response ?? {},
    proxy_server_request: request,
  }
}

/** Chat and messages requests have `messages`, responses and embeddings `input`, completions `prompt`. */
function messagesOf(request: unknown): unknown {
  if (typeof request !== 'object' || request === null) return {}
  for (const name of ['messages', 'input', 'prompt']) {
    const value: unknown = Reflect.get(request, name)
    if (value !== undefined) return value
  }
  return {}
}
