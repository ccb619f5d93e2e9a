/**
 * Books what an ended batch cost: once, whichever process does it and however often it begins anew. The batch's own id
 * and the moment at which its end was first seen are the name of the booking, so that the ledger takes it once; the
 * batch is marked only when the booking is in the database.
 */
import { ZERO } from '../money/picodollars.ts'
import type { CallEnd, CallStart } from '../record/call-record.ts'
import type { Scope } from '../record/scope.ts'
import type { Deployment } from '../routing/deployment.ts'
import { positionsOfBookedCalls } from '../storage/queries/book-calls.ts'
import { settleTimeOf, updateBatch, type ManagedBatch } from '../storage/queries/managed-batches.ts'
import { dialectOfEndpoint } from './batch-line.ts'
import { CostError } from './cost-errors.ts'
import { askForCost, type CostServices } from './cost-services.ts'
import { filePath } from './create-file.ts'
import { readOutput, type BatchUsage } from './output-usage.ts'

/**
 * @param providerOutputFileId undefined for a batch that gave no answer.
 * @returns what was read of the output; undefined when there was none.
 */
export async function bookBatch(
  services: CostServices,
  batch: ManagedBatch,
  deployment: Deployment,
  providerOutputFileId: string | undefined,
): Promise<BatchUsage | undefined> {
  const { database, clock, gateway } = services
  if (providerOutputFileId === undefined) {
    await updateBatch(database, batch.batch_id, { cost_state: 'none', picodollars: ZERO })
    return undefined
  }
  const settledAtMs = (await settleTimeOf(database, batch.batch_id, new Date(clock()))).getTime()
  const { body } = await askForCost(services, deployment, `${filePath(providerOutputFileId)}/content`)
  const dialect = dialectOfEndpoint(batch.endpoint, 'endpoint')
  const used = await readOutput(body, dialect, deployment.price, settledAtMs, gateway.settings.maxAnswerBytes)
  const booking = { callId: batch.batch_id, startedAtMs: settledAtMs }
  if (!(await isBooked(services, booking))) {
    await settle(services, batch, deployment, used, settledAtMs)
    await gateway.ledger.flush()
    if (!(await isBooked(services, booking)))
      throw new CostError('not_booked', 'the ledger has not taken the cost')
  }
  await updateBatch(database, batch.batch_id, { cost_state: 'booked', picodollars: used.cost })
  return used
}

interface Booking {
  readonly callId: string
  readonly startedAtMs: number
}

async function isBooked({ database }: CostServices, booking: Booking): Promise<boolean> {
  return (await positionsOfBookedCalls(database, [booking])).size > 0
}

async function settle(
  services: CostServices,
  batch: ManagedBatch,
  deployment: Deployment,
  used: BatchUsage,
  settledAtMs: number,
): Promise<void> {
  const { gateway, clock } = services
  const start = startOf(batch, deployment, settledAtMs)
  const end = endOf(deployment, used, clock())
  const scopes = await scopesOf(services, batch, deployment)
  await new Promise<void>((resolve) => {
    gateway.ledger.settle(start, end, { onStartJournaled() {}, onEndJournaled: resolve })
  })
  // The time that the batch took at the provider is no latency of a call.
  gateway.observer.callSettled({ ...start, arrivedAtMs: end.endedAtMs }, end)
  if (used.cost === ZERO) return
  gateway.identity.recordSpend(scopes, used.cost)
  gateway.alerts.spent(scopes, start.caller)
}

function startOf(batch: ManagedBatch, deployment: Deployment, settledAtMs: number): CallStart {
  return {
    callId: batch.batch_id,
    callType: 'aretrieve_batch',
    route: '/v1/batches',
    arrivedAtMs: settledAtMs,
    caller: batch.caller,
    requestedModel: deployment.facts.modelGroup,
    stream: false,
    endUser: batch.end_user ?? undefined,
    tags: batch.tags,
    sessionId: undefined,
    requesterIp: undefined,
    userAgent: undefined,
    spendLogsMetadata: undefined,
  }
}

function endOf(deployment: Deployment, used: BatchUsage, endedAtMs: number): CallEnd {
  return {
    ending: 'complete',
    httpStatus: 200,
    endedAtMs,
    deployment: deployment.facts,
    attempts: [],
    providerStartedAtMs: undefined,
    firstContentAtMs: undefined,
    providerEndedAtMs: undefined,
    usage: used.usage,
    usageSource: 'provider',
    cost: used.cost,
    priced: deployment.price !== undefined,
    error: undefined,
    requestBody: undefined,
    responseBody: undefined,
  }
}

/** What the cost counts for in this process at once; the others read it from the database. */
async function scopesOf(
  { keys, gateway }: CostServices,
  batch: ManagedBatch,
  deployment: Deployment,
): Promise<readonly Scope[]> {
  const principal = await keys.principalOf(batch.caller.keyHash)
  if (principal === undefined) return deployment.scopes
  const { modelGroup } = deployment.facts
  const endUser = batch.end_user ?? undefined
  try {
    const own = await gateway.identity.callScopes(principal, endUser, batch.tags, modelGroup)
    return [...own, ...deployment.scopes]
  } catch {
    // An end user who was blocked meanwhile: what was begun before is paid for all the same.
    return [...principal.scopes, ...deployment.scopes]
  }
}
