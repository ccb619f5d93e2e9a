/** For each alert, series at which it fires and series at which it keeps still, in the notation of promtool. */

/** `series: values`, a value a minute: `0+60x30` grows by 60 each minute, for 30 minutes. */
export type Series = Readonly<Record<string, string>>

export interface AlertCase {
  readonly fires: Series
  readonly quiet: Series
  /** When it is looked at; later than the alert's `for`. Default `30m`. */
  readonly at?: string
  /** Labels of the alert that fires, without its name and severity. */
  readonly labels: Readonly<Record<string, string>>
  /** Time between two values where it is not a minute. */
  readonly interval?: string
}

const GATEWAY = 'job="litellm",instance="pod-1"'
const POD = { job: 'litellm', instance: 'pod-1' }
const JOB = { job: 'litellm' }
const INFO = { [`sluice_build_info{${GATEWAY}}`]: '1x60' }

const calls = (values: string): Series => ({
  [`litellm_proxy_total_requests_metric_total{${GATEWAY},requested_model="gpt",status_code="200"}`]: values,
})

const DEPLOYMENT = `${GATEWAY},requested_model="gpt",model_id="gpt-1",litellm_model_name="openai/gpt",api_provider="openai"`
const attempts = (values: string): Series => ({
  [`litellm_deployment_total_requests_total{${DEPLOYMENT}}`]: values,
})
const failures = (status: string, values: string): Series => ({
  [`litellm_deployment_failure_responses_total{${DEPLOYMENT},exception_status="${status}",exception_class="Openai.Error"}`]:
    values,
})
const successes = (values: string): Series => ({
  [`litellm_deployment_success_responses_total{${DEPLOYMENT}}`]: values,
})

/** A hundred observations a minute: `under` of them below the bound, all below the next. */
const histogram = (name: string, labels: string, bound: string, above: string, under: number): Series => ({
  [`${name}_bucket{${labels},le="${bound}"}`]: `0+${under}x60`,
  [`${name}_bucket{${labels},le="${above}"}`]: '0+100x60',
  [`${name}_bucket{${labels},le="+Inf"}`]: '0+100x60',
})

const growing = (name: string, labels: string): Pick<AlertCase, 'fires' | 'quiet'> => ({
  fires: { [`${name}{${labels}}`]: '0+2x60' },
  quiet: { [`${name}{${labels}}`]: '7x60' },
})

const both = (first: Series, second: Series): Series => ({ ...first, ...second })

const TEAM = `${GATEWAY},team="t1",team_alias="Platform"`
const KEY = `${GATEWAY},hashed_api_key="abc",api_key_alias="ci"`
const TEAM_LABELS = { ...JOB, team: 't1', team_alias: 'Platform' }

const teamBudget = (left: string): Series => ({
  [`litellm_remaining_team_budget_metric{${TEAM}}`]: left,
  [`litellm_team_max_budget_metric{${TEAM}}`]: '100x60',
})

const keyBudget = (left: string): Series => ({
  [`litellm_remaining_api_key_budget_metric{${KEY}}`]: left,
  [`litellm_api_key_max_budget_metric{${KEY}}`]: '100x60',
})

const keyUse = (used: string): Series => ({
  [`litellm_api_key_rate_limit_used_metric{${KEY},rate_limit_type="requests"}`]: used,
  [`litellm_api_key_rate_limit_allowed_metric{${KEY},rate_limit_type="requests"}`]: '100x60',
})

const failed = (status: string, values: string): Series => ({
  [`litellm_proxy_failed_requests_metric_total{${GATEWAY},requested_model="gpt",exception_status="${status}"}`]:
    values,
})

const breaker = (open: string): Series => ({
  [`litellm_redis_circuit_breaker_state{${GATEWAY},state="open"}`]: open,
})

const batches = (lastRun: string, unpaid: string): Series => ({
  [`litellm_check_batch_cost_last_run_timestamp{${GATEWAY}}`]: lastRun,
  [`litellm_check_batch_cost_jobs_polled{${GATEWAY}}`]: unpaid,
})

/** By the alert's name. */
export const ALERT_CASES: Readonly<Record<string, AlertCase>> = {
  SluiceCallsFailing: {
    fires: both(calls('0+100x60'), failed('502', '0+10x60')),
    // Clients that do wrong, and limits, are no failure.
    quiet: both(calls('0+100x60'), failed('429', '0+90x60')),
    labels: JOB,
  },
  SluiceModelDown: {
    fires: failures('500', '0+10x60'),
    quiet: both(failures('500', '0+10x60'), successes('0+1x60')),
    labels: { ...JOB, requested_model: 'gpt' },
  },
  SluiceProviderFailing: {
    fires: both(attempts('0+100x60'), failures('503', '0+20x60')),
    quiet: both(attempts('0+100x60'), failures('400', '0+20x60')),
    labels: { ...JOB, api_provider: 'openai' },
  },
  SluiceDeploymentFailing: {
    fires: both(attempts('0+100x60'), failures('503', '0+60x60')),
    quiet: both(attempts('0+100x60'), failures('503', '0+40x60')),
    labels: { ...JOB, litellm_model_name: 'openai/gpt', model_id: 'gpt-1' },
  },
  SluiceProviderRefusesKey: {
    fires: failures('401', '0+1x60'),
    quiet: both(failures('401', '5x60'), failures('429', '0+1x60')),
    labels: { ...JOB, api_provider: 'openai', litellm_model_name: 'openai/gpt', model_id: 'gpt-1' },
  },
  SluiceStreamsBreakOff: {
    fires: {
      [`sluice_call_duration_seconds_count{${GATEWAY},api_provider="openai",ending="provider_cut"}`]:
        '0+5x60',
      [`sluice_call_duration_seconds_count{${GATEWAY},api_provider="openai",ending="complete"}`]: '0+95x60',
    },
    quiet: {
      [`sluice_call_duration_seconds_count{${GATEWAY},api_provider="openai",ending="client_gone"}`]:
        '0+50x60',
      [`sluice_call_duration_seconds_count{${GATEWAY},api_provider="openai",ending="provider_cut"}`]:
        '0+1x60',
    },
    labels: { ...JOB, api_provider: 'openai' },
  },
  SluiceFirstTokenSlow: {
    fires: histogram(
      'litellm_llm_api_time_to_first_token_metric',
      `${GATEWAY},model="gpt"`,
      '30.0',
      '60.0',
      90,
    ),
    quiet: histogram(
      'litellm_llm_api_time_to_first_token_metric',
      `${GATEWAY},model="gpt"`,
      '10.0',
      '30.0',
      99,
    ),
    labels: { ...JOB, model: 'gpt' },
  },
  SluiceCallsSlow: {
    fires: histogram(
      'litellm_request_total_latency_metric',
      `${GATEWAY},requested_model="gpt"`,
      '120.0',
      '300.0',
      90,
    ),
    quiet: histogram(
      'litellm_request_total_latency_metric',
      `${GATEWAY},requested_model="gpt"`,
      '60.0',
      '120.0',
      90,
    ),
    labels: { ...JOB, requested_model: 'gpt' },
  },
  SluiceOverheadHigh: {
    fires: histogram('litellm_overhead_latency_metric', GATEWAY, '0.25', '0.5', 90),
    quiet: histogram('litellm_overhead_latency_metric', GATEWAY, '0.01', '0.25', 99),
    labels: JOB,
  },
  SluiceCallsWaiting: {
    fires: histogram('litellm_request_queue_time_seconds', GATEWAY, '1.0', '2.0', 90),
    quiet: histogram('litellm_request_queue_time_seconds', GATEWAY, '0.5', '1.0', 99),
    labels: JOB,
  },
  SluiceKeyRateLimitNear: {
    fires: keyUse('95x60'),
    quiet: keyUse('95x2 50x57'),
    labels: { ...JOB, hashed_api_key: 'abc', api_key_alias: 'ci', rate_limit_type: 'requests' },
  },
  SluiceNoCalls: {
    fires: calls('0+300x300 90000x24'),
    quiet: calls('0+300x324'),
    interval: '5m',
    at: '26h',
    labels: JOB,
  },
  SluiceCallsLost: {
    fires: both(
      { [`sluice_lost_calls_total{${GATEWAY}}`]: '0+1x60' },
      { [`sluice_rejected_calls_total{${GATEWAY}}`]: '0x60' },
    ),
    quiet: both(
      { [`sluice_lost_calls_total{${GATEWAY}}`]: '3x60' },
      { [`sluice_rejected_calls_total{${GATEWAY}}`]: '0x60' },
    ),
    labels: POD,
  },
  SluiceLedgerBehind: {
    fires: { [`sluice_ledger_queue_records{${GATEWAY}}`]: '30000x60' },
    quiet: { [`sluice_ledger_queue_records{${GATEWAY}}`]: '1000x60' },
    labels: POD,
  },
  SluiceBookingFailing: { ...growing('sluice_booking_failures_total', GATEWAY), labels: POD },
  SluiceJournalFailing: {
    fires: both(
      { [`sluice_unjournaled_records_total{${GATEWAY}}`]: '0+1x60' },
      { [`sluice_journal_write_failures_total{${GATEWAY}}`]: '0x60' },
    ),
    quiet: both(
      { [`sluice_unjournaled_records_total{${GATEWAY}}`]: '1x60' },
      { [`sluice_journal_write_failures_total{${GATEWAY}}`]: '0x60' },
    ),
    labels: POD,
  },
  SluiceCallsWithoutPrice: {
    ...growing(
      'litellm_zero_cost_requests_total',
      `${GATEWAY},requested_model="gpt",reason="missing_pricing_key"`,
    ),
    labels: { ...JOB, requested_model: 'gpt', reason: 'missing_pricing_key' },
  },
  SluiceSpendJump: {
    fires: { [`litellm_spend_metric_total{${GATEWAY},team_alias="Platform"}`]: '0+0.01x1440 14+1x60' },
    quiet: { [`litellm_spend_metric_total{${GATEWAY},team_alias="Platform"}`]: '0+1x1500' },
    at: '1490m',
    labels: { ...JOB, team_alias: 'Platform' },
  },
  SluiceTeamBudgetLow: { fires: teamBudget('5x60'), quiet: teamBudget('50x60'), labels: TEAM_LABELS },
  SluiceKeyBudgetLow: {
    fires: keyBudget('-1x60'),
    quiet: keyBudget('50x60'),
    labels: { ...JOB, hashed_api_key: 'abc', api_key_alias: 'ci' },
  },
  SluiceTeamBudgetEndsEarly: {
    // A dollar a minute for six hours, 100 left, two weeks to go.
    fires: {
      [`litellm_spend_metric_total{${TEAM}}`]: '0+1x500',
      [`litellm_remaining_team_budget_metric{${TEAM}}`]: '100x500',
      [`litellm_team_budget_remaining_hours_metric{${TEAM}}`]: '336x500',
    },
    quiet: {
      [`litellm_spend_metric_total{${TEAM}}`]: '0+1x500',
      [`litellm_remaining_team_budget_metric{${TEAM}}`]: '100x500',
      [`litellm_team_budget_remaining_hours_metric{${TEAM}}`]: '1x500',
    },
    at: '450m',
    labels: TEAM_LABELS,
  },
  SluiceBatchCostsLate: {
    // Promtool's clock begins at zero.
    fires: batches('60x400', '2x400'),
    quiet: batches('60x400', '0x400'),
    at: '300m',
    labels: JOB,
  },
  SluiceBudgetWindowsLate: {
    ...growing(
      'litellm_reset_budget_job_failed_requests_total',
      `${GATEWAY},error_class="error",function_name="begin_due_windows"`,
    ),
    labels: { ...JOB, error_class: 'error' },
  },
  SluiceBatchCostsFailing: {
    ...growing('litellm_check_batch_cost_errors_total', `${GATEWAY},error_type="deployment_gone"`),
    labels: { ...JOB, error_type: 'deployment_gone' },
  },
  SluicePodDown: {
    fires: { [`up{${GATEWAY}}`]: '1x10 0x50', [`sluice_build_info{${GATEWAY}}`]: '1x10' },
    // A target that never was a gateway.
    quiet: { [`up{${GATEWAY}}`]: '0x60', [`sluice_build_info{job="litellm",instance="pod-2"}`]: '1x60' },
    labels: POD,
  },
  SluiceGone: { fires: { 'up{job="node"}': '1x60' }, quiet: INFO, labels: {} },
  SluiceRestarting: {
    fires: both(INFO, { [`process_start_time_seconds{${GATEWAY}}`]: '0+1x60' }),
    quiet: both(INFO, { [`process_start_time_seconds{${GATEWAY}}`]: '1x20 2x40' }),
    labels: POD,
  },
  SluiceWorkersDie: {
    fires: { [`sluice_worker_exits_total{${GATEWAY},cause="died"}`]: '0+1x60' },
    quiet: { [`sluice_worker_exits_total{${GATEWAY},cause="replaced"}`]: '0+9x60' },
    labels: POD,
  },
  SluiceEventLoopBlocked: {
    fires: both(INFO, { [`nodejs_eventloop_lag_p99_seconds{${GATEWAY}}`]: '0.4x60' }),
    quiet: both(INFO, { [`nodejs_eventloop_lag_p99_seconds{${GATEWAY}}`]: '0.02x60' }),
    labels: POD,
  },
  SluiceFileDescriptorsLow: {
    fires: {
      ...INFO,
      [`process_open_fds{${GATEWAY}}`]: '1000x60',
      [`process_max_fds{${GATEWAY}}`]: '1024x60',
    },
    quiet: {
      ...INFO,
      [`process_open_fds{${GATEWAY}}`]: '100x60',
      [`process_max_fds{${GATEWAY}}`]: '1024x60',
    },
    labels: POD,
  },
  SluiceConfigRefused: {
    fires: { [`sluice_config_reloads_total{${GATEWAY},result="failure"}`]: '0+1x60' },
    quiet: { [`sluice_config_reloads_total{${GATEWAY},result="success"}`]: '0+1x60' },
    labels: POD,
  },
  SluiceMetricsFolded: {
    ...growing('sluice_metric_overflow_total', `${GATEWAY},metric="litellm_spend_metric_total"`),
    labels: { ...JOB, metric: 'litellm_spend_metric_total' },
  },
  SluiceScrapeHeavy: {
    fires: both(INFO, { [`scrape_samples_scraped{${GATEWAY}}`]: '200000x60' }),
    quiet: {
      ...INFO,
      [`scrape_samples_scraped{${GATEWAY}}`]: '2000x60',
      'scrape_samples_scraped{job="node",instance="n"}': '200000x60',
    },
    labels: POD,
  },
  SluiceLogLinesDropped: { ...growing('sluice_log_lines_dropped_total', GATEWAY), labels: POD },
  SluiceDatabaseAway: {
    fires: { [`sluice_database_reachable{${GATEWAY}}`]: '0x60' },
    quiet: { [`sluice_database_reachable{${GATEWAY}}`]: '1x60' },
    labels: POD,
  },
  SluicePostgresSlow: {
    fires: histogram('litellm_postgres_latency', `${GATEWAY},postgres="postgres"`, '1.0', '2.0', 90),
    quiet: histogram('litellm_postgres_latency', `${GATEWAY},postgres="postgres"`, '0.01', '1.0', 99),
    labels: JOB,
  },
  SluicePostgresFailing: {
    ...growing(
      'litellm_postgres_failed_requests_total',
      `${GATEWAY},postgres="postgres",error_class="DatabaseError",function_name="insert"`,
    ),
    labels: { ...JOB, error_class: 'DatabaseError', function_name: 'insert' },
  },
  SluiceRedisAway: { fires: breaker('1x60'), quiet: breaker('0x60'), labels: POD },
  SluiceRedisFailing: {
    fires: {
      [`litellm_redis_total_requests_total{${GATEWAY},redis="redis"}`]: '0+100x60',
      [`litellm_redis_failed_requests_total{${GATEWAY},redis="redis",error_class="Timeout",function_name="get"}`]:
        '0+5x60',
    },
    quiet: {
      [`litellm_redis_total_requests_total{${GATEWAY},redis="redis"}`]: '0+1000x60',
      [`litellm_redis_failed_requests_total{${GATEWAY},redis="redis",error_class="Timeout",function_name="get"}`]:
        '0+5x60',
    },
    labels: JOB,
  },
  SluiceLimitsNotShared: {
    ...growing('sluice_limit_store_failures_total', `${GATEWAY},step="admission"`),
    labels: POD,
  },
  SluiceCallbackGivesUp: {
    ...growing('sluice_export_dropped_calls_total', `${GATEWAY},callback_name="datadog",reason="refused"`),
    labels: { ...JOB, callback_name: 'datadog', reason: 'refused' },
  },
  SluiceAlertsGivenUp: {
    ...growing('sluice_alerts_dropped_total', `${GATEWAY},channel="slack",reason="refused"`),
    labels: { ...JOB, channel: 'slack', reason: 'refused' },
  },
}
