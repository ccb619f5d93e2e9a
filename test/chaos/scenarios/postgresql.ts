/** What befalls PostgreSQL: it stops, crashes, answers slowly, has no connection left, or the wire to it is cut. */
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { OPERATION_COUNTERS, OPERATION_GAUGES } from '../../../src/telemetry/metrics/operations.ts'
import { planOf } from '../load.ts'
import type { Pod } from '../pod.ts'
import type { Platform } from '../platform.ts'
import { steadyKeys, steadyScenario, type Form } from '../scenario.ts'
import { blockEverywhere, writerKeys } from './keys.ts'

/** Pauses between tries to book double up to 5 s; then some statements. */
const MAX_BACKLOG_MS = 30_000
const GIVE_UP_MS = 120_000

function outageMs(form: Form): number {
  return form.length === 'full' ? 60_000 : 10_000
}

export const postgresqlStopped = steadyScenario({
  name: 'PostgreSQL stopped',
  injected: 'PostgreSQL is shut down for 60 s, while 20 keys of one team and others call',
  promised: 'no failed call; all rows there afterwards, none twice, and no deadlock',
  pods: 2,
  makeKeys: async (platform) => [...(await steadyKeys(platform)), ...(await writerKeys(platform))],
  maxRecoveryMs: MAX_BACKLOG_MS,
  strike: async ({ platform, form }) => {
    const { postgresql } = platform
    await postgresql.stop('fast')
    await delay(outageMs(form))
    await postgresql.start()
    return await backlogBooked(platform)
  },
})

export const postgresqlRestarted = steadyScenario({
  name: 'PostgreSQL crashes and restarts',
  injected: 'PostgreSQL is killed in the midst of its transactions and started again, 3 times',
  promised: 'no failed call; all rows there afterwards, none twice',
  pods: 2,
  maxRecoveryMs: MAX_BACKLOG_MS,
  strike: async ({ platform, form }) => {
    const { postgresql } = platform
    for (let crash = 0; crash < (form.length === 'full' ? 3 : 1); crash += 1) {
      await postgresql.stop('immediate')
      await postgresql.start()
      await delay(1_500)
    }
    return await backlogBooked(platform)
  },
})

/** Statements of identity are given up long before those of the ledger. */
const MAX_IDENTITY_MS = 10_000

const SLOW_MS = 2_000

export const postgresqlSlow = steadyScenario({
  name: 'PostgreSQL slow',
  injected: 'each answer of PostgreSQL comes 2 s late, for 40 s',
  promised: 'no failed call and none slower, with keys that are known; all rows there afterwards',
  pods: 2,
  wires: ['postgresql'],
  maxAddedP99Ms: 50,
  maxRecoveryMs: MAX_BACKLOG_MS,
  strike: async ({ platform, form, note }) => {
    platform.wires.postgresql?.slowDown(SLOW_MS)
    await delay(form.length === 'full' ? 40_000 : 5_000)
    note(`${await queuedCalls(platform)} calls waited at its end`)
    platform.wires.postgresql?.slowDown(0)
    return await backlogBooked(platform)
  },
})

export const postgresqlCut = steadyScenario({
  name: 'network cut to PostgreSQL',
  injected: 'every byte between pods and PostgreSQL is lost for 30 s; open connections stay dead for ever',
  promised: 'no failed call; all rows there afterwards, none twice',
  pods: 2,
  wires: ['postgresql'],
  maxAddedP99Ms: 50,
  maxRecoveryMs: MAX_BACKLOG_MS,
  strike: async ({ platform, load, form, note, fault }) => {
    const unknown = load.addKey(await platform.newKey())
    platform.wires.postgresql?.cut()
    const asked = load.play(planOf('unknown', 'whole', unknown, ''))
    await delay(form.length === 'full' ? 30_000 : 3_000)
    platform.wires.postgresql?.heal()
    const blockedMs = await blockEverywhere(platform, load)
    note(`a key blocked right after the cut was refused everywhere after ${Math.round(blockedMs)} ms`)
    const { startedAtMs, endedAtMs } = await asked
    note(`a call with a key that no pod knew was answered after ${endedAtMs - startedAtMs} ms`)
    for (const ms of [blockedMs, endedAtMs - startedAtMs])
      if (ms > MAX_IDENTITY_MS) fault(`identity waited ${Math.round(ms)} ms for a connection that is dead`)
    return await backlogBooked(platform)
  },
})

const NO_CONNECTION_USER = 'crowded'

export const connectionsExhausted = steadyScenario({
  name: 'no connection left',
  injected:
    'PostgreSQL ends the connections of 4 pods and takes 2 in all for 20 s, both used by others for 10 s',
  promised: 'no failed call; all rows there afterwards, none twice',
  pods: 4,
  databaseUser: NO_CONNECTION_USER,
  maxRecoveryMs: MAX_BACKLOG_MS,
  strike: async ({ platform, form, note }) => {
    const halfMs = form.length === 'full' ? 10_000 : 2_000
    await limitConnections(platform, 2)
    const others = await Promise.all([openAs(platform), openAs(platform)])
    await delay(halfMs)
    await Promise.all(others.map((other) => other.end()))
    await delay(halfMs)
    note(`${await queuedCalls(platform)} calls waited at its end`)
    await limitConnections(platform, -1)
    return await backlogBooked(platform)
  },
})

/** Ends the pods' connections, and lets them have so many from now on. */
async function limitConnections(platform: Platform, most: number): Promise<void> {
  const owner = new pg.Client({ connectionString: platform.databaseUrl })
  await owner.connect()
  try {
    await owner.query(`alter role ${NO_CONNECTION_USER} connection limit ${most}`)
    if (most < 0) return
    await owner.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [
      NO_CONNECTION_USER,
    ])
  } finally {
    await owner.end()
  }
}

/** A connection that takes the place of a pod's. */
async function openAs(platform: Platform): Promise<pg.Client> {
  const url = new URL(platform.databaseUrl)
  url.username = NO_CONNECTION_USER
  for (;;) {
    const client = new pg.Client({ connectionString: url.href })
    client.on('error', () => {})
    try {
      await client.connect()
      return client
    } catch {
      // A pod was faster: once more.
      await limitConnections(platform, 2)
    }
  }
}

async function queuedCalls(platform: Platform): Promise<number> {
  const counts = await Promise.all(
    platform.pods.map((pod) => pod.metric(OPERATION_GAUGES.ledgerQueueRecords.name)),
  )
  return counts.reduce<number>((sum, count) => sum + (count ?? 0), 0)
}

/** Waits until each pod has booked what waits in it now. @returns how long that took, in milliseconds. */
async function backlogBooked(platform: Platform): Promise<number> {
  const fromMs = performance.now()
  await Promise.all(platform.pods.map((pod) => podBooked(pod, fromMs + GIVE_UP_MS)))
  return performance.now() - fromMs
}

async function podBooked(pod: Pod, giveUpAtMs: number): Promise<void> {
  const booked = async (): Promise<number> => (await pod.metric(OPERATION_COUNTERS.bookedCalls.name)) ?? 0
  const waiting = (await pod.metric(OPERATION_GAUGES.ledgerQueueRecords.name)) ?? 0
  const target = (await booked()) + waiting
  while ((await booked()) < target) {
    if (performance.now() > giveUpAtMs) throw new Error(`${pod.name} does not book what waits in it`)
    // A page of metrics costs the pod some milliseconds.
    await delay(250)
  }
}
