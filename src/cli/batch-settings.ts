/** What the configuration says to calls on files and batches, in their own terms and units. */
import type { BatchSettings } from '../batches/batch-services.ts'
import type { Config } from '../config/config.ts'

const MEGABYTE = 1_048_576

/** OpenAI's own bounds. */
const FILE_MEGABYTES = 512
const BATCH_FILE_MEGABYTES = 200

export function batchSettings({
  general_settings: general,
}: Pick<Config, 'general_settings'>): BatchSettings {
  return {
    maxFileBytes: Math.floor((general.max_file_size_mb ?? FILE_MEGABYTES) * MEGABYTE),
    maxBatchFileBytes: Math.floor((general.max_batch_file_size_mb ?? BATCH_FILE_MEGABYTES) * MEGABYTE),
    pollingIntervalMs: general.proxy_batch_polling_enabled
      ? general.proxy_batch_polling_interval * 1000
      : undefined,
  }
}
