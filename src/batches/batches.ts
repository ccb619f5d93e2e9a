/** Calls on batches: begin one, look at one, list them, cancel one. */
import { spliceMembers } from '../dialects/index.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import {
  deleteBatch,
  findBatch,
  insertBatch,
  listBatches,
  type ManagedBatch,
} from '../storage/queries/managed-batches.ts'
import { dialectOfEndpoint } from './batch-line.ts'
import { takeUpBatch } from './batch-state.ts'
import { requireDeployment } from './choose-deployment.ts'
import { listAnswer, ownFile } from './files.ts'
import type { ManagedAnswer, ManagedCall } from './managed-call.ts'
import { newBatchId } from './managed-ids.ts'
import { listedOwner, ownerOf, requireOwned, requireWriter } from './owner.ts'
import { limitOf, queryOfCall, readMembers, requireText } from './read-json.ts'

const JSON_TYPE = 'application/json'
const USUAL_PAGE = 20
const LARGEST_PAGE = 100

/**
 * The batch is written down before the provider is asked: should the answer get lost, the poller finds out whether it
 * was begun, so that it is paid for in any case.
 */
export async function createBatch(call: ManagedCall): Promise<ManagedAnswer> {
  const { services, gateway, principal } = call
  const members = await readMembers(call)
  const inputFileId = requireText(members, 'input_file_id')
  const endpoint = requireText(members, 'endpoint')
  dialectOfEndpoint(endpoint, 'endpoint')
  const file = await ownFile(call, inputFileId)
  if (file.purpose !== 'batch') {
    throw new GatewayError(
      'bad_request',
      `input_file_id: the file ${inputFileId} has the purpose ${file.purpose}, expected batch.`,
      {
        param: 'input_file_id',
      },
    )
  }
  const deployment = requireDeployment(gateway, file.deployment)
  const { facts } = deployment
  gateway.identity.authorizeModel(principal, facts.modelGroup, facts.modelGroup, deployment.accessGroups)
  await call.takePlace(deployment)
  const { start } = call
  const row = {
    batch_id: newBatchId(),
    owner: ownerOf(principal.facts),
    input_file_id: inputFileId,
    status: 'validating',
    created_at: new Date(services.clock()),
  }
  await insertBatch(services.database, {
    ...row,
    caller: JSON.stringify(principal.facts),
    end_user: start.endUser ?? null,
    tags: JSON.stringify(start.tags),
    model_id: facts.modelId,
    deployment: JSON.stringify(facts),
    endpoint,
    batch_object: '{}',
    cost_state: 'pending',
  })
  const edits = [
    { name: 'input_file_id', value: JSON.stringify(file.provider_file_id) },
    ...OWN_MEMBERS.map((name) => ({ name, value: undefined })),
  ]
  const body = Buffer.concat(spliceMembers(members, edits))
  const answer = await begin(call, row.batch_id, () =>
    call.askObject(deployment, { method: 'POST', path: '/batches', contentType: JSON_TYPE, body }),
  )
  const state = await takeUpBatch(services, row, facts, answer)
  services.metrics.created('batch', facts, principal.facts)
  return { body: state.body, contentType: JSON_TYPE }
}

/** Members of the request that are meant for the gateway. */
const OWN_MEMBERS = ['model', 'custom_llm_provider', 'litellm_metadata', 'target_model_names'] as const

/** What was refused was not begun. What got no answer may have been. */
async function begin(call: ManagedCall, batchId: string, ask: () => Promise<Buffer>): Promise<Buffer> {
  try {
    return await ask()
  } catch (error) {
    const status = call.attempts.at(-1)?.httpStatus
    if (status !== undefined && status >= 300) await deleteBatch(call.services.database, batchId)
    throw error
  }
}

export async function retrieveBatch(call: ManagedCall, batchId: string): Promise<ManagedAnswer> {
  return await askAbout(call, await ownBatch(call, batchId), 'GET')
}

export async function cancelBatch(call: ManagedCall, batchId: string): Promise<ManagedAnswer> {
  const row = await ownBatch(call, batchId)
  requireWriter(call.principal, row)
  return await askAbout(call, row, 'POST')
}

async function askAbout(
  call: ManagedCall,
  row: ManagedBatch,
  method: 'GET' | 'POST',
): Promise<ManagedAnswer> {
  const deployment = requireDeployment(call.gateway, row.deployment)
  const path = batchPath(row.provider_batch_id ?? '') + (method === 'POST' ? '/cancel' : '')
  const body = await call.askObject(deployment, { method, path })
  const state = await takeUpBatch(call.services, row, row.deployment, body)
  return { body: state.body, contentType: JSON_TYPE }
}

/** As last heard of each: by a call on it, or by the poller. */
export async function listOwnBatches(
  call: ManagedCall,
  pathProvider: string | undefined,
): Promise<ManagedAnswer> {
  const query = queryOfCall(call)
  const limit = limitOf(query, USUAL_PAGE, LARGEST_PAGE)
  const after = query.get('after')
  const last = after === null ? undefined : await ownBatch(call, after)
  const rows = await listBatches(call.services.database, {
    owner: listedOwner(call.principal),
    provider: pathProvider ?? query.get('provider') ?? undefined,
    modelGroup: query.get('target_model_names') ?? query.get('model') ?? undefined,
    after: last && { id: last.batch_id, createdAt: last.created_at },
    limit,
    descending: true,
  })
  return listAnswer(
    rows.slice(0, limit).map((row) => row.batch_object),
    rows.length > limit,
  )
}

/** @throws GatewayError `not_found`, also for a batch that was never begun as far as is known. */
async function ownBatch(call: ManagedCall, batchId: string): Promise<ManagedBatch> {
  const row = await findBatch(call.services.database, batchId)
  const begun = row?.provider_batch_id === null ? undefined : row
  return requireOwned(begun, call.principal, 'batch', batchId)
}

export function batchPath(providerBatchId: string): string {
  return `/batches/${encodeURIComponent(providerBatchId)}`
}
