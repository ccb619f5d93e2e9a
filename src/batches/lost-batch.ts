/** Finds a batch whose creation had no answer: the provider may have begun it all the same, and will bill it. */
import type { Deployment } from '../routing/deployment.ts'
import { knownProviderBatches, updateBatch, type ManagedBatch } from '../storage/queries/managed-batches.ts'
import { findFile } from '../storage/queries/managed-files.ts'
import { readWhole } from './ask-provider.ts'
import { askForCost, type CostServices } from './cost-services.ts'
import { CostError } from './cost-errors.ts'
import { z } from 'zod'

const listShape = z.object({
  data: z.array(z.object({ id: z.string(), input_file_id: z.string(), created_at: z.number() })),
  has_more: z.boolean().optional(),
})

const PAGE = 100
const MAX_PAGES = 50
/** The clocks of gateway and provider may differ. */
const CLOCK_MARGIN_MS = 600_000

/**
 * The provider's id of the batch. Each upload is a file of its own there, so that a batch of the same file which is
 * none of the known ones is this one.
 *
 * @returns undefined when there is none: the row is then marked as costing nothing.
 */
export async function findLostBatch(
  services: CostServices,
  batch: ManagedBatch,
  deployment: Deployment,
): Promise<string | undefined> {
  const { database } = services
  const file = await findFile(database, batch.input_file_id)
  const begun = batch.created_at.getTime() - CLOCK_MARGIN_MS
  let after = ''
  for (let page = 0; file !== undefined && page < MAX_PAGES; page += 1) {
    const { data, has_more } = await listPage(services, deployment, after)
    const ofFile = data.filter((entry) => entry.input_file_id === file.provider_file_id).map(({ id }) => id)
    const known = await knownProviderBatches(database, batch.model_id, ofFile)
    const found = ofFile.find((id) => !known.has(id))
    if (found !== undefined) return found
    const last = data.at(-1)
    if (last === undefined || has_more !== true || last.created_at * 1000 < begun) break
    after = `&after=${encodeURIComponent(last.id)}`
  }
  await updateBatch(database, batch.batch_id, { cost_state: 'none', status: 'failed' })
  return undefined
}

async function listPage(
  services: CostServices,
  deployment: Deployment,
  after: string,
): Promise<z.output<typeof listShape>> {
  const body = await readWhole(await askForCost(services, deployment, `/batches?limit=${PAGE}${after}`))
  const parsed = listShape.safeParse(parsedJson(body))
  if (parsed.success) return parsed.data
  throw new CostError('provider_refused', 'the provider’s list of batches cannot be read')
}

function parsedJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}
