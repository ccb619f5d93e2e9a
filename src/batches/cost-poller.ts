/**
 * Looks for batches that have ended, and has them paid for. Of all processes one does so at a time, by a lease in the
 * database; another goes on where one that died has stopped.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { pendingBatches, updateBatch, type ManagedBatch } from '../storage/queries/managed-batches.ts'
import { releaseLease, renewLease, takeLease, type LeaseRequest } from '../storage/queries/leases.ts'
import { readWhole } from './ask-provider.ts'
import { hasEnded, takeUpBatch } from './batch-state.ts'
import { batchPath } from './batches.ts'
import { bookBatch } from './book-batch.ts'
import { deploymentOfRow } from './choose-deployment.ts'
import { CostError, costErrorType } from './cost-errors.ts'
import { askForCost, type CostServices } from './cost-services.ts'
import { findLostBatch } from './lost-batch.ts'

export interface CostPoller {
  /** The work's name among those that one process does for all. */
  readonly lease: string
  /** Whether this process is at it. */
  readonly isLeader: boolean
  /** One round, unless another process is at it or the next is not due. @returns whether this process did it. */
  poll(): Promise<boolean>
  /** Ends after the batch that is under way, or soon. */
  close(): Promise<void>
}

/** As many as LiteLLM's job takes. */
const BATCHES_A_ROUND = 50
const STALE_AFTER_MS = 7 * 86_400_000
/** A creation that has had no answer for so long will get none. */
const CREATION_MS = 120_000
const LEASE_TERM_MS = 120_000
const LONGEST_TICK_MS = 60_000
const SHORTEST_TICK_MS = 100
const CLOSE_MS = 1_000

/** Begins to poll, by the settings that are in force at each time. */
export function openCostPoller(services: CostServices): CostPoller {
  const poller = new Poller(services)
  poller.begin()
  return poller
}

class Poller implements CostPoller {
  readonly #services: CostServices
  readonly lease = 'batch-cost'
  readonly #holder = randomUUID()
  #isLeader = false
  #timer: NodeJS.Timeout | undefined
  #round: Promise<void> | undefined
  #closed = false

  constructor(services: CostServices) {
    this.#services = services
  }

  get isLeader(): boolean {
    return this.#isLeader
  }

  begin(): void {
    if (this.#closed) return
    // More often than the interval: the process whose turn it would be may have died.
    const quarterMs = (this.#services.settings.pollingIntervalMs ?? Infinity) / 4
    const tickMs = Math.min(LONGEST_TICK_MS, Math.max(SHORTEST_TICK_MS, quarterMs))
    this.#timer = setTimeout(() => void this.#tick(), tickMs)
    this.#timer.unref()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    // What is not done by then goes on in another process.
    await Promise.race([this.#round, delay(CLOSE_MS, undefined, { ref: false })])
  }

  async poll(): Promise<boolean> {
    const { database, settings } = this.#services
    const intervalMs = settings.pollingIntervalMs
    if (intervalMs === undefined) return false
    const lease = { name: this.lease, holder: this.#holder, termMs: LEASE_TERM_MS, intervalMs }
    if (!(await takeLease(database, lease))) return false
    this.#isLeader = true
    try {
      await this.#pollAll(lease)
      await releaseLease(database, lease)
    } finally {
      this.#isLeader = false
    }
    return true
  }

  async #tick(): Promise<void> {
    this.#round = this.poll().then(
      () => undefined,
      (error: unknown) => this.#failed(error, undefined),
    )
    await this.#round
    this.begin()
  }

  async #pollAll(lease: LeaseRequest): Promise<void> {
    const { database, metrics, clock } = this.#services
    const nowMs = clock()
    const { count, next } = await pendingBatches(database, new Date(nowMs - CREATION_MS), BATCHES_A_ROUND)
    metrics.roundBegan(count, nowMs)
    for (const batch of next) {
      if (this.#closed || !(await renewLease(database, lease))) return
      await this.#pollOne(batch)
    }
  }

  /** A batch that cannot be looked at keeps no other from it. */
  async #pollOne(batch: ManagedBatch): Promise<void> {
    const { database, clock } = this.#services
    await updateBatch(database, batch.batch_id, { polled_at: new Date(clock()) })
    try {
      if (await this.#settled(batch)) return
    } catch (error) {
      this.#failed(error, batch)
    }
    if (clock() - batch.created_at.getTime() <= STALE_AFTER_MS) return
    await updateBatch(database, batch.batch_id, { cost_state: 'stale' })
    this.#failed(new CostError('stale', 'it did not end within seven days, and is given up'), batch)
  }

  /** @returns whether the batch needs no further look. */
  async #settled(batch: ManagedBatch): Promise<boolean> {
    const services = this.#services
    const deployment = deploymentOfRow(services.gateway, batch.deployment)
    if (deployment === undefined) {
      throw new CostError(
        'deployment_gone',
        `the deployment ${batch.deployment.modelId} is configured no more`,
      )
    }
    const providerBatchId = batch.provider_batch_id ?? (await findLostBatch(services, batch, deployment))
    if (providerBatchId === undefined) return true
    const body = await readWhole(await askForCost(services, deployment, batchPath(providerBatchId)))
    const state = await takeUpBatch(services, batch, batch.deployment, body)
    if (!hasEnded(state.status)) return false
    const used = await bookBatch(services, batch, deployment, state.providerOutputFileId)
    services.metrics.jobProcessed(deployment.facts)
    if (used !== undefined && used.unreadable > 0) {
      this.#failed(
        new CostError('output_unreadable', `${used.unreadable} lines of its output tell no usage`),
        batch,
      )
    }
    return true
  }

  #failed(error: unknown, batch: ManagedBatch | undefined): void {
    const { metrics, log, gateway } = this.#services
    const type = costErrorType(error)
    metrics.costFailed(type)
    const reason = gateway.redact(error instanceof Error ? error.message : String(error)).slice(0, 500)
    log.warn('the cost of a batch could not be found out', {
      batch_id: batch?.batch_id,
      error_type: type,
      reason,
    })
  }
}
