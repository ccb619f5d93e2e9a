/** The metrics of files and batches, as data. Names and labels are LiteLLM's. */

const CREATED_LABELS = ['model', 'api_provider', 'user', 'user_email', 'api_key_alias'] as const
const DEPLOYMENT_LABELS = ['model', 'api_provider'] as const

export const BATCH_COUNTERS = {
  batchesCreated: {
    name: 'litellm_managed_batch_created_total',
    help: 'Batches that clients have begun',
    labels: CREATED_LABELS,
  },
  filesCreated: {
    name: 'litellm_managed_file_created_total',
    help: 'Files that clients have uploaded',
    labels: CREATED_LABELS,
  },
  filesDeleted: {
    name: 'litellm_managed_file_deleted_total',
    help: 'Files deleted (success), or kept because a batch whose cost is not known yet needs them (blocked)',
    labels: ['result'],
  },
  jobsProcessed: {
    name: 'litellm_check_batch_cost_jobs_processed_total',
    help: 'Batches that have ended, and whose cost was booked',
    labels: DEPLOYMENT_LABELS,
  },
  costErrors: {
    name: 'litellm_check_batch_cost_errors_total',
    help: 'What kept the cost of a batch from being known; each but stale is tried again in the next round',
    labels: ['error_type'],
  },
} as const

export const BATCH_GAUGES = {
  fileSize: {
    name: 'litellm_managed_file_size_bytes',
    help: 'Size of the last file uploaded',
    labels: ['purpose', 'file_type', 'model', 'api_provider', 'user'],
    acrossWorkers: 'max',
  },
  jobsPolled: {
    name: 'litellm_check_batch_cost_jobs_polled',
    help: 'Batches without a known cost, as the last round of this process found them',
    labels: [],
    acrossWorkers: 'max',
  },
  lastRun: {
    name: 'litellm_check_batch_cost_last_run_timestamp',
    help: 'When this process last looked for ended batches, in seconds since 1970; of all processes the largest counts',
    labels: [],
    acrossWorkers: 'max',
  },
} as const

export const BATCH_HISTOGRAMS = {
  batchDuration: {
    name: 'litellm_managed_batch_duration_seconds',
    help: 'Time from the creation of a batch to its completion, as the provider tells it',
    labels: DEPLOYMENT_LABELS,
  },
} as const

export const BATCH_DURATION_BUCKETS = [
  60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 86_400,
] as const
