/** The ids that clients get for files and batches: the gateway's own, so that a provider's id never is a credential. */
import { randomUUID } from 'node:crypto'

export function newFileId(): string {
  return `file-${hexId()}`
}

export function newBatchId(): string {
  return `batch_${hexId()}`
}

function hexId(): string {
  return randomUUID().replaceAll('-', '')
}
