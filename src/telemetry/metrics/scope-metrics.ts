/** Metrics about budgets, rate limits and the number of users and teams, as data. Names and labels are LiteLLM's. */
import type { MetricDefinition } from './operations.ts'

const DOLLARS_LEFT = 'US dollars left of the budget; negative when more was spent'
const DOLLARS_MOST = 'Budget in US dollars'
const HOURS_LEFT = 'Hours until the budget begins anew'

/** Values are read from memory at each scrape. A scope without a budget, or without a window, has no series. */
export const BUDGET_GAUGES = {
  teamRemaining: remaining('litellm_remaining_team_budget_metric', 'team', ['team', 'team_alias']),
  teamMax: most('litellm_team_max_budget_metric', 'team', ['team', 'team_alias']),
  teamHours: hours('litellm_team_budget_remaining_hours_metric', 'team', ['team', 'team_alias']),
  keyRemaining: remaining('litellm_remaining_api_key_budget_metric', 'key', [
    'hashed_api_key',
    'api_key_alias',
  ]),
  keyMax: most('litellm_api_key_max_budget_metric', 'key', ['hashed_api_key', 'api_key_alias']),
  keyHours: hours('litellm_api_key_budget_remaining_hours_metric', 'key', [
    'hashed_api_key',
    'api_key_alias',
  ]),
  userRemaining: remaining('litellm_remaining_user_budget_metric', 'user', ['user']),
  userMax: most('litellm_user_max_budget_metric', 'user', ['user']),
  userHours: hours('litellm_user_budget_remaining_hours_metric', 'user', ['user']),
  organizationRemaining: remaining('litellm_remaining_org_budget_metric', 'organization', [
    'org_id',
    'org_alias',
  ]),
  organizationMax: most('litellm_org_max_budget_metric', 'organization', ['org_id', 'org_alias']),
  organizationHours: hours('litellm_org_budget_remaining_hours_metric', 'organization', [
    'org_id',
    'org_alias',
  ]),
  customerRemaining: remaining('litellm_remaining_customer_budget_metric', 'end user', ['end_user']),
  customerMax: most('litellm_customer_max_budget_metric', 'end user', ['end_user']),
  customerHours: hours('litellm_customer_budget_remaining_hours_metric', 'end user', ['end_user']),
  providerRemaining: remaining('litellm_provider_remaining_budget_metric', 'provider', ['api_provider']),
} as const satisfies Record<string, MetricDefinition>

function remaining(name: string, whose: string, labels: readonly string[]): MetricDefinition {
  return { name, help: `${DOLLARS_LEFT}, by ${whose}`, labels, acrossWorkers: 'min' }
}

function most(name: string, whose: string, labels: readonly string[]): MetricDefinition {
  return { name, help: `${DOLLARS_MOST}, by ${whose}`, labels, acrossWorkers: 'max' }
}

function hours(name: string, whose: string, labels: readonly string[]): MetricDefinition {
  return { name, help: `${HOURS_LEFT}, by ${whose}`, labels, acrossWorkers: 'max' }
}

const OF_KEY = ['hashed_api_key', 'api_key_alias']
const OF_TEAM = ['team', 'team_alias']
const OF_KEY_MODEL = [...OF_KEY, 'model', 'model_id']

/** What is used is what the last admission in this process was told; a minute without one is a minute without use. */
export const RATE_GAUGES = {
  keyAllowed: {
    name: 'litellm_api_key_rate_limit_allowed_metric',
    help: 'Requests or tokens that a key may use a minute',
    labels: [...OF_KEY, 'rate_limit_type'],
    acrossWorkers: 'max',
  },
  keyUsed: {
    name: 'litellm_api_key_rate_limit_used_metric',
    help: 'Requests or tokens that a limited key has used in the last minute, as of the last call admitted here',
    labels: [...OF_KEY, 'rate_limit_type'],
    acrossWorkers: 'max',
  },
  teamAllowed: {
    name: 'litellm_team_rate_limit_allowed_metric',
    help: 'Requests or tokens that a team may use a minute',
    labels: [...OF_TEAM, 'rate_limit_type'],
    acrossWorkers: 'max',
  },
  teamUsed: {
    name: 'litellm_team_rate_limit_used_metric',
    help: 'Requests or tokens that a limited team has used in the last minute, as of the last call admitted here',
    labels: [...OF_TEAM, 'rate_limit_type'],
    acrossWorkers: 'max',
  },
  keyModelRequests: {
    name: 'litellm_remaining_api_key_requests_for_model',
    help: 'Requests that a key with a limit for the model has left this minute',
    labels: OF_KEY_MODEL,
    acrossWorkers: 'min',
  },
  keyModelTokens: {
    name: 'litellm_remaining_api_key_tokens_for_model',
    help: 'Tokens that a key with a limit for the model has left this minute',
    labels: OF_KEY_MODEL,
    acrossWorkers: 'min',
  },
} as const satisfies Record<string, MetricDefinition>

const OF_DEPLOYMENT = ['litellm_model_name', 'model_id', 'api_base', 'api_provider']

export const DEPLOYMENT_GAUGES = {
  tokensLimit: {
    name: 'litellm_deployment_tpm_limit',
    help: 'tpm that the configuration gives a deployment',
    labels: OF_DEPLOYMENT,
    acrossWorkers: 'max',
  },
  requestsLimit: {
    name: 'litellm_deployment_rpm_limit',
    help: 'rpm that the configuration gives a deployment',
    labels: OF_DEPLOYMENT,
    acrossWorkers: 'max',
  },
} as const satisfies Record<string, MetricDefinition>

/** With `prometheus_initialize_budget_metrics`. */
export const POPULATION_GAUGES = {
  users: {
    name: 'litellm_total_users',
    help: 'Users in the database; with prometheus_initialize_budget_metrics',
    acrossWorkers: 'max',
  },
  activeUsers: {
    name: 'litellm_active_users',
    help: 'Users that are not switched off, which in Sluice are all; with prometheus_initialize_budget_metrics',
    acrossWorkers: 'max',
  },
  teams: {
    name: 'litellm_teams_count',
    help: 'Teams in the database; with prometheus_initialize_budget_metrics',
    acrossWorkers: 'max',
  },
  teamMembers: {
    name: 'litellm_team_members_metric',
    help: 'Members of a team; with prometheus_initialize_budget_metrics',
    labels: OF_TEAM,
    acrossWorkers: 'max',
  },
} as const satisfies Record<string, MetricDefinition>
