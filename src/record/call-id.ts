/** Ids of calls. The gateway makes them itself, as UUIDs. */

const UUID = /^[0-9a-f-]{36}$/

/** Whether an id is one of the gateway's: no client had a say in it, and in JSON it stands as it is. */
export function isOwnCallId(callId: string): boolean {
  return UUID.test(callId)
}
