/** What the configuration says about limits: of deployments, providers, the gateway, and while a shared store is lost. */
import type { DeploymentConfig } from '../config/build-deployments.ts'
import type { Config } from '../config/config.ts'
import type { ConfiguredLimits } from '../identity/configured-scopes.ts'
import type { Identity } from '../identity/identity.ts'
import { UNLIMITED } from '../identity/shared-scope.ts'
import type { LimitSettings } from '../limits/limit-settings.ts'
import { parseDollars } from '../money/picodollars.ts'
import type { Scope } from '../record/scope.ts'
import type { GatewayScopes } from '../routing/gateway-scopes.ts'

export function limitSettings({ general_settings: general }: Config): LimitSettings {
  const ratesOnStoreLoss = general.limits_on_store_loss
  const unlessSaid = general.fail_closed_budget_enforcement ? 'fail_closed' : ratesOnStoreLoss
  return {
    ratesOnStoreLoss,
    budgetsOnStoreLoss: general.budgets_on_store_loss ?? unlessSaid,
    countedTokens: general.token_rate_limit_type,
    reservesBudgets: !general.disable_budget_reservation,
  }
}

/** The scopes of a configuration, instead of those of the one before. */
export function gatewayScopes(config: Config, identity: Pick<Identity, 'configuredScopes'>): GatewayScopes {
  const scopes = identity.configuredScopes(configuredLimits(config))
  const byId = (kind: Scope['kind']): ReadonlyMap<string, Scope> =>
    new Map(scopes.filter((scope) => scope.kind === kind).map((scope) => [scope.id, scope]))
  return {
    deployments: byId('deployment'),
    providers: byId('provider'),
    proxy: scopes.find((scope) => scope.kind === 'proxy'),
  }
}

export function configuredLimits(config: Config): readonly ConfiguredLimits[] {
  const enforcesRates = areModelRatesLimits(config)
  const deployments = config.model_list.map((entry) => deploymentLimits(entry, enforcesRates))
  const all = [...deployments, ...providerLimits(config), proxyLimits(config)]
  return all.filter(limitsAnything)
}

/** LiteLLM takes `rpm` and `tpm` for shares of the calls, unless calls are routed by usage or it is asked to check. */
function areModelRatesLimits({ router_settings: router }: Config): boolean {
  return (
    router.optional_pre_call_checks.includes('enforce_model_rate_limits') ||
    router.routing_strategy === 'usage-based-routing' ||
    router.routing_strategy === 'usage-based-routing-v2'
  )
}

function deploymentLimits(entry: DeploymentConfig, enforcesRates: boolean): ConfiguredLimits {
  const { rpm, tpm, max_parallel_requests, max_budget, budget_duration } = entry.litellm_params
  return {
    ...UNLIMITED,
    kind: 'deployment',
    id: entry.model_info.id,
    label: `${entry.model_name} (${entry.model_info.id})`,
    requestsPerMinute: enforcesRates ? countOf(rpm) : null,
    tokensPerMinute: enforcesRates ? countOf(tpm) : null,
    parallelRequests: countOf(max_parallel_requests),
    maxBudget: max_budget === undefined ? null : parseDollars(max_budget),
    duration: budget_duration ?? null,
  }
}

function providerLimits({ router_settings: router }: Config): readonly ConfiguredLimits[] {
  return Object.entries(router.provider_budget_config).map(([provider, budget]) => {
    const amount = budget.budget_limit ?? budget.max_budget
    return {
      ...UNLIMITED,
      kind: 'provider' as const,
      id: provider,
      label: provider,
      maxBudget: amount === undefined ? null : parseDollars(amount),
      duration: budget.time_period ?? budget.budget_duration ?? null,
    }
  })
}

function proxyLimits({ general_settings: general, litellm_settings: litellm }: Config): ConfiguredLimits {
  const { max_budget: amount, budget_duration } = litellm
  return {
    ...UNLIMITED,
    kind: 'proxy',
    id: 'proxy',
    label: 'proxy',
    parallelRequests: countOf(general.global_max_parallel_requests),
    // As in LiteLLM, zero is no budget.
    maxBudget: amount === undefined || amount === 0 ? null : parseDollars(amount),
    duration: budget_duration ?? null,
  }
}

function limitsAnything(limits: ConfiguredLimits): boolean {
  const { maxBudget, requestsPerMinute, tokensPerMinute, parallelRequests } = limits
  return [maxBudget, requestsPerMinute, tokensPerMinute, parallelRequests].some((limit) => limit !== null)
}

function countOf(limit: number | undefined): bigint | null {
  return limit === undefined ? null : BigInt(limit)
}
