/** What the configuration says to the call path, to routing and to identity, in their own terms and units. */
import type { CallSettings } from '../calls/gateway.ts'
import type { Config } from '../config/config.ts'
import type { LedgerSettings } from '../spend/open-ledger.ts'
import { readPriceOverrides } from '../spend/prices/price-overrides.ts'
import { resolvePrice, type PricedModel } from '../spend/prices/price-of.ts'
import type { PriceBook } from '../spend/prices/price-book.ts'
import { calendarOf } from '../identity/calendar.ts'
import { DEFAULT_IDENTITY_SETTINGS, type IdentitySettings } from '../identity/identity.ts'
import type { KeyDefaults, ModelRates } from '../identity/key-defaults.ts'
import { parseDollars, type Picodollars } from '../money/picodollars.ts'
import { DeploymentTable, type GroupAlias } from '../routing/deployment-table.ts'
import type { GatewayScopes } from '../routing/gateway-scopes.ts'
import type { PriceQuestion } from '../routing/build-deployment.ts'

const MEGABYTE = 1_048_576

/** Anthropic's own limit is 32 MB; a gateway that refused earlier would break long sessions of coding agents. */
const DEFAULT_BODY_MEGABYTES = 64

const MAX_ANSWER_MEGABYTES = 128

/** Reasoning models are silent for minutes before they speak. */
const DEFAULT_IDLE_SECONDS = 300

/** More comments than this would be load and no sign of life. */
const MIN_KEEP_ALIVE_MS = 1000

export function callSettings(config: Config, version: string): CallSettings {
  const { general_settings: general, litellm_settings: litellm, router_settings: router } = config
  return {
    version,
    maxBodyBytes: Math.floor((general.max_request_size_mb ?? DEFAULT_BODY_MEGABYTES) * MEGABYTE),
    bodyIdleTimeoutMs: 30_000,
    bodyTimeoutMs: 300_000,
    maxAnswerBytes: MAX_ANSWER_MEGABYTES * MEGABYTE,
    retries: router.num_retries,
    retryAfterMs: router.retry_after * 1000,
    idleTimeoutMs: (router.stream_idle_timeout ?? DEFAULT_IDLE_SECONDS) * 1000,
    cancelOnDisconnect: general.cancel_on_disconnect,
    keepAliveMs: keepAliveMs(general.sse_keepalive_ping_interval_seconds),
    alwaysIncludeStreamUsage: general.always_include_stream_usage,
    storePrompts: general.store_prompts_in_spend_logs && !litellm.turn_off_message_logging,
    refuseUnpriced: general.refuse_unpriced_models,
    modelAliases: new Map(Object.entries(litellm.model_alias_map)),
  }
}

/** 0 is none. */
function keepAliveMs(seconds: number | undefined): number | undefined {
  return seconds === undefined || seconds === 0 ? undefined : Math.max(MIN_KEEP_ALIVE_MS, seconds * 1000)
}

export function identitySettings(config: Config): IdentitySettings {
  const { general_settings: general, litellm_settings: litellm } = config
  return {
    ...DEFAULT_IDENTITY_SETTINGS,
    keyHeaderName: general.litellm_key_header_name,
    refreshAfterMs: general.user_api_key_cache_ttl * 1000,
    allowRequestsOnDatabaseUnavailable: general.allow_requests_on_db_unavailable,
    keyDefaults: keyDefaults(config),
    calendar: calendarOf(litellm),
    showsAllBudgets: litellm.prometheus_initialize_budget_metrics,
    endUserDefaults: {
      maxBudget: dollarsOrNone(litellm.max_end_user_budget),
      budgetId: litellm.max_end_user_budget_id,
    },
    tagBudgets: new Map(
      Object.entries(litellm.tag_budget_config).map(([tag, budget]) => [
        tag,
        { maxBudget: parseDollars(budget.max_budget), duration: budget.budget_duration },
      ]),
    ),
  }
}

function keyDefaults({ general_settings: general, model_list: deployments }: Config): KeyDefaults {
  const models = new Map<string, ModelRates>()
  for (const { model_name: group, litellm_params: params } of deployments) {
    const requests = countOrNone(params.default_api_key_rpm_limit)
    const tokens = countOrNone(params.default_api_key_tpm_limit)
    if (requests === null && tokens === null) continue
    const known = models.get(group)
    models.set(group, {
      requestsPerMinute: lowest(known?.requestsPerMinute ?? null, requests),
      tokensPerMinute: lowest(known?.tokensPerMinute ?? null, tokens),
    })
  }
  return { parallelRequests: countOrNone(general.max_parallel_requests), models }
}

function countOrNone(count: number | undefined): bigint | null {
  return count === undefined ? null : BigInt(count)
}

function lowest(one: bigint | null, other: bigint | null): bigint | null {
  if (one === null || other === null) return one ?? other
  return one < other ? one : other
}

function dollarsOrNone(amount: number | undefined): Picodollars | undefined {
  return amount === undefined ? undefined : parseDollars(amount)
}

/** @param redact takes secrets out of prompts and answers before they are kept. */
export function ledgerSettings(config: Config, redact: (text: string) => string): Partial<LedgerSettings> {
  const general = config.general_settings
  const retentionSeconds = general.maximum_spend_logs_retention_period
  return {
    flushIntervalMs: general.proxy_batch_write_at * 1000,
    disableSpendLogs: general.disable_spend_logs,
    retentionMs: retentionSeconds === undefined ? undefined : retentionSeconds * 1000,
    redact,
  }
}

/** @param scopes what limits deployments and providers. */
export function deploymentTable(config: Config, prices: PriceBook, scopes: GatewayScopes): DeploymentTable {
  const router = config.router_settings
  return new DeploymentTable(config.model_list, groupAliases(config), {
    priceOf: (question) => resolvePrice(prices, pricedModel(question)),
    scopes,
    timeoutMs: router.timeout * 1000,
    streamTimeoutMs: router.stream_timeout === undefined ? undefined : router.stream_timeout * 1000,
  })
}

/** The question of a deployment's price, in the terms of the price book. */
export function pricedModel(question: PriceQuestion): PricedModel {
  return {
    provider: question.provider,
    upstreamModel: question.upstreamModel,
    baseModel: question.entry.model_info.base_model,
    overrides: readPriceOverrides({ ...question.entry.prices, mode: question.entry.model_info.mode }, {}),
  }
}

function groupAliases(config: Config): ReadonlyMap<string, GroupAlias> {
  return new Map(
    Object.entries(config.router_settings.model_group_alias).map(([name, target]) => [
      name,
      typeof target === 'string'
        ? { group: target, hidden: false }
        : { group: target.model, hidden: target.hidden },
    ]),
  )
}
