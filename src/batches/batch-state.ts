/** What a provider tells of a batch, taken up: its status, its files under the gateway's ids, its times. */
import type { JsonMembers } from '../dialects/json-members.ts'
import type { DeploymentFacts } from '../record/call-record.ts'
import { updateBatch, type ManagedBatch } from '../storage/queries/managed-batches.ts'
import { insertFile } from '../storage/queries/managed-files.ts'
import type { BatchServices } from './batch-services.ts'
import { newFileId } from './managed-ids.ts'
import { readObject, textMember, timeMember, withIds } from './provider-object.ts'

/** A batch as it is now. */
export interface BatchState {
  /** The provider's object with the ids that clients know. */
  readonly body: Buffer
  readonly status: string
  /** The provider's id of the file with the answers. */
  readonly providerOutputFileId: string | undefined
}

const ENDED: ReadonlySet<string> = new Set(['completed', 'failed', 'expired', 'cancelled'])

export function hasEnded(status: string): boolean {
  return ENDED.has(status)
}

/** Takes up an answer of the provider about a batch, and writes it down. */
export async function takeUpBatch(
  services: BatchServices,
  row: Pick<ManagedBatch, 'batch_id' | 'owner' | 'input_file_id' | 'status' | 'created_at'>,
  facts: DeploymentFacts,
  body: Buffer,
): Promise<BatchState> {
  const members = readObject(body)
  const status = textMember(members, 'status') ?? row.status
  const outputFileId = await ownIdOfFile(services, row.owner, facts, members, 'output_file_id')
  const errorFileId = await ownIdOfFile(services, row.owner, facts, members, 'error_file_id')
  const shown = withIds(members, {
    id: row.batch_id,
    input_file_id: row.input_file_id,
    output_file_id: outputFileId ?? '',
    error_file_id: errorFileId ?? '',
  })
  const completedAt = timeMember(members, 'completed_at')
  await updateBatch(services.database, row.batch_id, {
    provider_batch_id: textMember(members, 'id') ?? null,
    status,
    output_file_id: outputFileId ?? null,
    error_file_id: errorFileId ?? null,
    batch_object: shown.toString('utf8'),
    completed_at: completedAt ?? null,
  })
  if (status === 'completed' && row.status !== 'completed') {
    const createdAt = timeMember(members, 'created_at') ?? row.created_at
    services.metrics.batchEnded(facts, (completedAt?.getTime() ?? services.clock()) - createdAt.getTime())
  }
  return { body: shown, status, providerOutputFileId: textMember(members, 'output_file_id') }
}

/** A file that the provider made is the batch owner's, under an id of the gateway's. */
async function ownIdOfFile(
  services: BatchServices,
  owner: string,
  facts: DeploymentFacts,
  members: JsonMembers,
  name: 'output_file_id' | 'error_file_id',
): Promise<string | undefined> {
  const providerFileId = textMember(members, name)
  if (providerFileId === undefined) return undefined
  const { file_id } = await insertFile(services.database, {
    file_id: newFileId(),
    owner,
    provider_file_id: providerFileId,
    model_id: facts.modelId,
    deployment: JSON.stringify(facts),
    purpose: 'batch_output',
    filename: `${textMember(members, 'id') ?? 'batch'}_${name === 'output_file_id' ? 'output' : 'error'}.jsonl`,
    bytes: 0n,
    created_at: new Date(services.clock()),
    expires_at: null,
  })
  return file_id
}
