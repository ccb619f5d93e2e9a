/** What holds while the shared store does not answer. */
import { GatewayError } from '../errors/gateway-error.ts'
import { asksRates } from './admit-message.ts'
import type { LimitSettings } from './limit-settings.ts'
import type { AdmitMessage, ScopeAsk } from './limit-store.ts'

/**
 * The message as it is asked of the process's own store.
 * @throws GatewayError `limits_unavailable` when it asks for what is refused while the shared store is lost.
 */
export function messageOnStoreLoss(message: AdmitMessage, settings: LimitSettings): AdmitMessage {
  const { ratesOnStoreLoss, budgetsOnStoreLoss } = settings
  if (ratesOnStoreLoss === 'fail_closed' && message.asks.some(asksRates)) throw unavailable('rate limits')
  if (budgetsOnStoreLoss === 'fail_closed' && message.asks.some((ask) => ask.budget !== undefined))
    throw unavailable('budgets')
  const openRates = ratesOnStoreLoss === 'fail_open'
  const openBudgets = budgetsOnStoreLoss === 'fail_open'
  if (!openRates && !openBudgets) return message
  return { ...message, asks: message.asks.map((ask) => openAsk(ask, openRates, openBudgets)) }
}

function openAsk(ask: ScopeAsk, openRates: boolean, openBudgets: boolean): ScopeAsk {
  const rates = openRates
    ? { requestsPerMinute: undefined, tokensPerMinute: undefined, parallelRequests: undefined }
    : {}
  return { ...ask, ...rates, ...(openBudgets ? { budget: undefined } : {}) }
}

function unavailable(what: string): GatewayError {
  return new GatewayError(
    'limits_unavailable',
    `The store that counts ${what} does not answer, and the gateway is set to refuse calls meanwhile. Try again.`,
    { retryAfterSeconds: 1 },
  )
}
