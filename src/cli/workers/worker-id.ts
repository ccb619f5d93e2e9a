/** Whether this process is a worker, and which one: the process above says so in the environment. */

export const WORKER_ID = 'SLUICE_WORKER_ID'

/** @returns 1 for the first of all; undefined in a process that no other one of this program has started. */
export function ownWorkerId(): number | undefined {
  const id = process.env[WORKER_ID]
  return id === undefined || process.send === undefined ? undefined : Number(id)
}
