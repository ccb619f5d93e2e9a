/** `POST /v1/files`: takes a file to a provider, and writes down whose it is and where. */
import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { headerText } from '../calls/answer-headers.ts'
import type { JsonMembers } from '../dialects/json-members.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Deployment } from '../routing/deployment.ts'
import { insertFile } from '../storage/queries/managed-files.ts'
import { arrivingBytes } from './arriving-bytes.ts'
import { readWhole } from './ask-provider.ts'
import { deploymentOfModel, deploymentOfProvider } from './choose-deployment.ts'
import type { ManagedAnswer, ManagedCall } from './managed-call.ts'
import { newFileId } from './managed-ids.ts'
import { boundaryOf, MultipartReader, MultipartWriter } from './multipart.ts'
import { ownerOf } from './owner.ts'
import { countMember, readObject, textMember, timeMember, withIds } from './provider-object.ts'
import { queryOfCall } from './read-json.ts'
import { Upload } from './upload.ts'

export async function createFile(
  call: ManagedCall,
  pathProvider: string | undefined,
): Promise<ManagedAnswer> {
  const { services, gateway, arrival } = call
  const { settings } = gateway
  const boundary = boundaryOf(arrival.exchange.headers['content-type'])
  const bytes = arrivingBytes(arrival.exchange.request, settings.bodyIdleTimeoutMs)
  const { maxFileBytes, maxBatchFileBytes } = services.settings
  const limits = { maxFileBytes, maxBatchFileBytes, maxLineBytes: settings.maxBodyBytes }
  const upload = await Upload.begin(new MultipartReader(bytes, boundary), limits)
  const { deployment, accepts } = chooseTarget(call, upload, pathProvider)
  await call.takePlace(deployment)
  const members = readObject(await send(call, upload, deployment, accepts))
  const fileId = await remember(call, upload, deployment, members)
  return { body: withIds(members, { id: fileId }), contentType: 'application/json' }
}

interface Target {
  readonly deployment: Deployment
  /** Whether a line of the file that names this model may go there. */
  readonly accepts: (model: string) => boolean
}

function chooseTarget(call: ManagedCall, upload: Upload, pathProvider: string | undefined): Target {
  const { gateway, principal } = call
  const named = namedModel(call, upload)
  if (named !== undefined) {
    // Whoever names the target has said what every line is to call.
    return { deployment: deploymentOfModel(gateway, principal, named), accepts: () => true }
  }
  if (upload.isBatch) return targetOfLines(call, upload)
  const provider =
    pathProvider ??
    queryOfCall(call).get('provider') ??
    upload.field('custom_llm_provider') ??
    upload.field('provider') ??
    headerText(call.arrival.exchange.headers['custom-llm-provider'])
  return { deployment: deploymentOfProvider(gateway, principal, provider), accepts: () => false }
}

function namedModel(call: ManagedCall, upload: Upload): string | undefined {
  const model =
    queryOfCall(call).get('model') ??
    queryOfCall(call).get('target_model_names') ??
    headerText(call.arrival.exchange.headers['x-litellm-model']) ??
    upload.field('target_model_names') ??
    upload.field('model')
  if (model?.includes(',') !== true) return model === '' ? undefined : model?.trim()
  throw new GatewayError(
    'bad_request',
    'target_model_names: expected one model. A file is kept by one provider: upload it once for each model.',
    { param: 'target_model_names' },
  )
}

/** A batch file that names no target goes where its first line's model is; all other lines have to call the same. */
function targetOfLines({ gateway, principal }: ManagedCall, upload: Upload): Target {
  const first = upload.firstModel
  if (first === undefined) {
    throw new GatewayError(
      'bad_request',
      'file: its first line is no request of a batch: expected a JSON object with custom_id, method, url and body, and the model in the body.',
      { param: 'file' },
    )
  }
  const deployment = deploymentOfModel(gateway, principal, first)
  return { deployment, accepts: (model) => model === first }
}

async function send(
  call: ManagedCall,
  upload: Upload,
  deployment: Deployment,
  accepts: (model: string) => boolean,
): Promise<Buffer> {
  const writer = new MultipartWriter(`sluice-${randomUUID()}`)
  try {
    const answer = await call.ask(deployment, {
      method: 'POST',
      path: '/files',
      contentType: `multipart/form-data; boundary=${writer.boundary}`,
      body: Readable.from(upload.form(writer, deployment, accepts), { objectMode: false }),
    })
    return await readWhole(answer)
  } catch (error) {
    // The provider's side breaks off when the client's does: the cause is what has to be told.
    throw upload.failure ?? error
  }
}

/** @returns the id that the client gets. */
async function remember(
  call: ManagedCall,
  upload: Upload,
  deployment: Deployment,
  members: JsonMembers,
): Promise<string> {
  const { services, principal } = call
  const { facts } = deployment
  const providerFileId = textMember(members, 'id') ?? ''
  const bytes = countMember(members, 'bytes') ?? upload.bytes
  const purpose = textMember(members, 'purpose') ?? upload.field('purpose') ?? ''
  try {
    const { file_id } = await insertFile(services.database, {
      file_id: newFileId(),
      owner: ownerOf(principal.facts),
      provider_file_id: providerFileId,
      model_id: facts.modelId,
      deployment: JSON.stringify(facts),
      purpose: purpose.slice(0, 100),
      filename: upload.filename.slice(0, 500).replaceAll('\0', '').toWellFormed(),
      bytes: BigInt(bytes),
      created_at: timeMember(members, 'created_at') ?? new Date(services.clock()),
      expires_at: timeMember(members, 'expires_at') ?? null,
    })
    services.metrics.created('file', facts, principal.facts)
    services.metrics.fileSize(purpose, upload.filename, bytes, facts, principal.facts.userId)
    return file_id
  } catch (error) {
    // Nobody could ever ask for it.
    await call.ask(deployment, { method: 'DELETE', path: filePath(providerFileId) }).catch(() => undefined)
    throw error
  }
}

export function filePath(providerFileId: string): string {
  return `/files/${encodeURIComponent(providerFileId)}`
}
