/** What those work with who find out what batches cost. */
import { randomUUID } from 'node:crypto'
import { headerText } from '../calls/answer-headers.ts'
import { providerErrorFacts } from '../dialects/index.ts'
import type { Identity } from '../identity/identity.ts'
import type { Deployment } from '../routing/deployment.ts'
import type { Logger } from '../telemetry/logs/logger.ts'
import { askProvider, readWhole, type ProviderAnswer } from './ask-provider.ts'
import type { BatchServices } from './batch-services.ts'
import { CostError } from './cost-errors.ts'

export interface CostServices extends BatchServices {
  readonly keys: Pick<Identity, 'principalOf'>
  readonly log: Pick<Logger, 'info' | 'warn'>
}

/** Asks on nobody's behalf. @throws CostError | GatewayError */
export async function askForCost(
  { gateway }: CostServices,
  deployment: Deployment,
  path: string,
): Promise<ProviderAnswer> {
  const answer = await askProvider(gateway, deployment, { method: 'GET', path, callId: randomUUID() })
  if (answer.status < 300) return answer
  const body = await readWhole(answer)
  const facts = providerErrorFacts('openai', answer.status, body, headerText(answer.headers['content-type']))
  throw new CostError('provider_refused', `status ${answer.status}: ${facts.message}`)
}
