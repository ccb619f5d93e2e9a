/** Calls on files that a provider keeps: the list, one, its content, and its end. */
import { headerText } from '../calls/answer-headers.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import { isFileNeeded } from '../storage/queries/managed-batches.ts'
import { deleteFile, findFile, listFiles, type ManagedFile } from '../storage/queries/managed-files.ts'
import { requireDeployment } from './choose-deployment.ts'
import { filePath } from './create-file.ts'
import type { ManagedAnswer, ManagedCall } from './managed-call.ts'
import { listedOwner, requireOwned, requireWriter } from './owner.ts'
import { readObject, withIds } from './provider-object.ts'
import { limitOf, queryOfCall } from './read-json.ts'

const JSON_TYPE = 'application/json'
const USUAL_PAGE = 1_000
const LARGEST_PAGE = 10_000

/** From the gateway's own table: a provider's list would show the files of everybody. */
export async function listOwnFiles(
  call: ManagedCall,
  pathProvider: string | undefined,
): Promise<ManagedAnswer> {
  const { database } = call.services
  const query = queryOfCall(call)
  const limit = limitOf(query, USUAL_PAGE, LARGEST_PAGE)
  const after = query.get('after')
  const last = after === null ? undefined : await ownFile(call, after)
  const rows = await listFiles(database, {
    owner: listedOwner(call.principal),
    purpose: query.get('purpose') ?? undefined,
    provider: pathProvider ?? query.get('provider') ?? undefined,
    after: last && { id: last.file_id, createdAt: last.created_at },
    limit,
    descending: query.get('order') !== 'asc',
  })
  return listAnswer(rows.slice(0, limit).map(fileObject), rows.length > limit)
}

export function listAnswer(
  data: readonly Readonly<Record<string, unknown>>[],
  hasMore: boolean,
): ManagedAnswer {
  const list = {
    object: 'list',
    data,
    has_more: hasMore,
    first_id: data[0]?.['id'] ?? null,
    last_id: data.at(-1)?.['id'] ?? null,
  }
  return { body: Buffer.from(JSON.stringify(list)), contentType: JSON_TYPE }
}

function fileObject(row: ManagedFile): Readonly<Record<string, unknown>> {
  return {
    id: row.file_id,
    object: 'file',
    bytes: Number(row.bytes),
    created_at: epochSeconds(row.created_at),
    expires_at: row.expires_at === null ? null : epochSeconds(row.expires_at),
    filename: row.filename,
    purpose: row.purpose,
    status: 'processed',
  }
}

function epochSeconds(at: Date): number {
  return Math.floor(at.getTime() / 1000)
}

export async function retrieveFile(call: ManagedCall, fileId: string): Promise<ManagedAnswer> {
  const row = await ownFile(call, fileId)
  const deployment = requireDeployment(call.gateway, row.deployment)
  const body = await call.askObject(deployment, { method: 'GET', path: filePath(row.provider_file_id) })
  return { body: withIds(readObject(body), { id: fileId }), contentType: JSON_TYPE }
}

/** As it comes from the provider, never held. */
export async function fileContent(call: ManagedCall, fileId: string): Promise<ManagedAnswer> {
  const row = await ownFile(call, fileId)
  const deployment = requireDeployment(call.gateway, row.deployment)
  const path = `${filePath(row.provider_file_id)}/content`
  const { body, headers } = await call.ask(deployment, { method: 'GET', path })
  return {
    body,
    contentType: headerText(headers['content-type']) ?? 'application/octet-stream',
    contentLength: headerText(headers['content-length']),
    headers,
  }
}

/** A file that a batch without a known cost needs is kept: without it the cost could never be known. */
export async function removeFile(call: ManagedCall, fileId: string): Promise<ManagedAnswer> {
  const { database, metrics } = call.services
  const row = await ownFile(call, fileId)
  requireWriter(call.principal, row)
  if (await isFileNeeded(database, fileId)) {
    metrics.fileDeleted('blocked')
    throw new GatewayError(
      'bad_request',
      `The file ${fileId} belongs to a batch whose cost is not known yet; delete it when the batch has ended and was paid for.`,
      { param: 'file_id' },
    )
  }
  const deployment = requireDeployment(call.gateway, row.deployment)
  const body = await call.askObject(deployment, { method: 'DELETE', path: filePath(row.provider_file_id) })
  await deleteFile(database, fileId)
  metrics.fileDeleted('success')
  return { body: withIds(readObject(body), { id: fileId }), contentType: JSON_TYPE }
}

/** @throws GatewayError `not_found`. */
export async function ownFile(call: ManagedCall, fileId: string): Promise<ManagedFile> {
  return requireOwned(await findFile(call.services.database, fileId), call.principal, 'file', fileId)
}
