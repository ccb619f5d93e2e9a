/** Alerts from the settlement to the receiver, over real databases. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DatabaseKind } from '../storage/database.ts'
import { parseDollars, ZERO } from '../money/picodollars.ts'
import { CALLER, endOf, startOf } from '../../test/telemetry/sample-calls.ts'
import { startReceiver, type Receiver } from '../../test/alerts/receiver.ts'
import { scopeOf, settingsOf } from '../../test/alerts/samples.ts'
import { migratedDatabase, type TestDatabase } from '../../test/databases.ts'
import { startPostgresql } from '../../test/postgresql.ts'
import { connectDatabase, openDatabase } from '../storage/open-database.ts'
import { migrate } from '../storage/migrate.ts'
import type { AlertSettings } from './alerts.ts'
import { createAlerts, type OpenAlerts } from './create-alerts.ts'

const nothing = (): void => undefined

interface Parts {
  readonly database: TestDatabase['database']
  readonly settings: Partial<AlertSettings>
  readonly clock?: () => number
}

function alertsOf({ database, settings, clock }: Parts): OpenAlerts {
  return createAlerts({
    database,
    ledger: { stats: { rejectedCalls: 0, lostCalls: 0 }, openCalls: () => [] },
    settings: settingsOf(settings),
    log: { info: nothing, warn: nothing },
    counts: { sent: nothing, tryFailed: nothing, dropped: nothing },
    clock: clock ?? Date.now,
  })
}

let ids = 0
/** A key of its own for each test. */
function keyScope(changes: Parameters<typeof scopeOf>[0] = {}): ReturnType<typeof scopeOf> {
  ids += 1
  return scopeOf({ id: String(ids).padStart(64, '0'), ...changes })
}

describe.each<DatabaseKind>(['embedded', 'postgresql'])('with the database %s', (kind) => {
  let stored: TestDatabase

  beforeAll(async () => {
    stored = await migratedDatabase(kind)
  })

  afterAll(async () => {
    await stored[Symbol.asyncDispose]()
  })

  test('a crossed budget is told to the webhook, with its amounts in dollars and whose it is', async () => {
    await using receiver = await startReceiver()
    const alerts = alertsOf({ database: stored.database, settings: { webhookUrl: receiver.url } })
    const scope = keyScope({
      spent: parseDollars('10.25'),
      softBudget: parseDollars('30'),
      resetsAtMs: 86_400_000,
    })
    alerts.spent([scope], CALLER)
    const [message] = await receiver.count(1)
    expect(message?.body).toEqual({
      spend: 10.25,
      max_budget: 10,
      soft_budget: 30,
      token: scope.id,
      customer_id: null,
      user_id: 'user-1',
      team_id: 'team-1',
      team_alias: 'Platform',
      organization_id: null,
      user_email: null,
      key_alias: 'ci-key',
      projected_exceeded_date: null,
      projected_spend: null,
      event: 'budget_crossed',
      event_group: 'key',
      entity_type: 'key',
      entity_id: scope.id,
      event_message: 'Budget crossed: key app (sk-...abcd). Spend 10.25 USD, line 10 USD.',
    })
    await alerts.close()
  })

  test('each line is told once, and not again after a restart with the spend over it', async () => {
    await using receiver = await startReceiver()
    const settings = { webhookUrl: receiver.url }
    const scope = keyScope({ softBudget: parseDollars(2) })
    const first = alertsOf({ database: stored.database, settings })
    for (const spent of [1, 2, 8, 9, 9.4, 9.5, 9.9, 10, 12]) {
      scope.spent = parseDollars(spent)
      first.spent([scope], CALLER)
    }
    await first.close()
    const second = alertsOf({ database: stored.database, settings })
    second.spent([{ ...scope, spent: parseDollars(13) }], CALLER)
    await second.close()
    expect(receiver.received.map(({ body }) => [body['event'], body['spend']])).toEqual([
      ['soft_budget_crossed', 2],
      ['threshold_crossed', 9],
      ['threshold_crossed', 9.5],
      ['budget_crossed', 10],
    ])
  })

  test('the next window, and a budget that was raised, are told anew', async () => {
    await using receiver = await startReceiver()
    const alerts = alertsOf({ database: stored.database, settings: { webhookUrl: receiver.url } })
    const scope = keyScope({ spent: parseDollars(10) })
    alerts.spent([scope])
    alerts.spent([{ ...scope, budgetWindow: 'w2' }])
    alerts.spent([{ ...scope, maxBudget: parseDollars(11) }])
    alerts.spent([{ ...scope, budgetWindow: 'w2' }])
    await alerts.close()
    expect(receiver.received.map(({ body }) => [body['event'], body['max_budget']])).toEqual([
      ['budget_crossed', 10],
      ['budget_crossed', 10],
      ['threshold_crossed', 11],
    ])
  })

  test('Slack messages go to the address of their type, to each of several, and else to the common one', async () => {
    await using common = await startReceiver()
    await using budgets = await startReceiver()
    await using others = await startReceiver()
    const alerts = alertsOf({
      database: stored.database,
      settings: {
        slackUrl: common.url,
        slackUrlsByType: new Map([['budget_alerts', [budgets.url, others.url]]]),
      },
    })
    alerts.spent([keyScope({ spent: parseDollars(10) })])
    const failed = { httpStatus: 500, errorClass: 'InternalServerError' }
    const end = endOf()
    alerts.callSettled(startOf(), { ...end, attempts: [{ ...end.attempts[0]!, ...failed }] })
    const [exception] = await common.count(1)
    expect(exception?.body['text']).toContain('A provider failed: gpt-5-5, InternalServerError (status 500)')
    const [budget] = await budgets.count(1)
    expect(budget?.body['text']).toContain(
      'Budget crossed: key app (sk-...abcd)\nSpend: 10 USD\nBudget: 10 USD',
    )
    await others.count(1)
    await alerts.close()
  })

  test('types that are not chosen are not sent, and a reload is taken up', async () => {
    await using receiver = await startReceiver()
    const settings = { webhookUrl: receiver.url }
    const alerts = alertsOf({ database: stored.database, settings: { ...settings, types: new Set() } })
    alerts.spent([keyScope({ spent: parseDollars(10) })])
    await new Promise((resolve) => setImmediate(resolve))
    alerts.configure(settingsOf({ ...settings, channels: new Set() }))
    alerts.spent([keyScope({ spent: parseDollars(10) })])
    alerts.configure(settingsOf(settings))
    alerts.spent([keyScope({ spent: parseDollars(10), label: 'the last' })])
    const [message] = await receiver.count(1)
    expect(message?.body['event_message']).toContain('the last')
    await alerts.close()
    expect(receiver.received).toHaveLength(1)
  })

  test('a paid call of a customer is told to the webhook with its own cost, and not to people', async () => {
    await using receiver = await startReceiver()
    await using people = await startReceiver()
    const settings = { webhookUrl: receiver.url, slackUrl: people.url }
    const alerts = alertsOf({ database: stored.database, settings })
    alerts.callSettled(startOf({ endUser: 'customer-7' }), endOf({ cost: parseDollars('0.25') }))
    alerts.callSettled(startOf({ endUser: 'customer-7' }), endOf({ cost: ZERO }))
    alerts.callSettled(startOf(), endOf({ cost: parseDollars('0.25') }))
    await alerts.close()
    expect(receiver.received.map(({ body }) => body)).toMatchObject([
      { event: 'spend_tracked', event_group: 'customer', customer_id: 'customer-7', spend: 0.25 },
    ])
    expect(people.received).toEqual([])
  })

  test('the body of every kind of scope names it', async () => {
    await using receiver = await startReceiver()
    const alerts = alertsOf({ database: stored.database, settings: { webhookUrl: receiver.url } })
    const over = { spent: parseDollars(10) }
    const cases = [
      [
        { kind: 'user', id: 'u' },
        { event_group: 'internal_user', user_id: 'u', token: null },
      ],
      [
        { kind: 'team', id: 't' },
        { event_group: 'team', team_id: 't', user_id: null, token: null },
      ],
      [
        { kind: 'team_member', id: 't::u' },
        { event_group: 'team_member', team_id: 't', token: null },
      ],
      [
        { kind: 'organization', id: 'o' },
        { event_group: 'organization', organization_id: 'o' },
      ],
      [
        { kind: 'organization_member', id: 'o::u' },
        { event_group: 'organization_member', organization_id: 'o', token: null },
      ],
      [
        { kind: 'organization_member_model', id: 'o::u::m', ownerId: 'o::u' },
        { event_group: 'organization_member', organization_id: 'o', token: null },
      ],
      [
        { kind: 'end_user', id: 'e' },
        { event_group: 'customer', customer_id: 'e', user_id: null },
      ],
      [
        { kind: 'tag', id: 'g' },
        { event_group: 'tag', entity_id: 'g', token: null },
      ],
      [
        { kind: 'key_model', id: 'k::m', ownerId: 'k' },
        { event_group: 'key', token: 'k', entity_id: 'k::m' },
      ],
      [
        { kind: 'user_model', id: 'u::m', ownerId: 'u' },
        { event_group: 'internal_user', user_id: 'u', token: null },
      ],
      [
        { kind: 'team_member_model', id: 't::u::m', ownerId: 't::u' },
        { event_group: 'team_member', team_id: 't', token: null },
      ],
      [
        { kind: 'organization_model', id: 'o::m', ownerId: 'o' },
        { event_group: 'organization', organization_id: 'o' },
      ],
      [
        { kind: 'end_user_model', id: 'e::e::m', ownerId: 'e::e' },
        { event_group: 'customer', customer_id: 'e::e', user_id: null },
      ],
      [
        { kind: 'tag_model', id: 'g::m', ownerId: 'g' },
        { event_group: 'tag', entity_id: 'g::m', token: null },
      ],
      [
        { kind: 'team_model', id: 't::m', ownerId: 't' },
        { event_group: 'team', team_id: 't', entity_id: 't::m' },
      ],
      [
        { kind: 'key_window', id: 'k::1d', ownerId: 'k' },
        { event_group: 'key', token: 'k', entity_id: 'k::1d' },
      ],
      [
        { kind: 'team_window', id: 't::1d', ownerId: 't' },
        { event_group: 'team', team_id: 't', entity_id: 't::1d' },
      ],
      [
        { kind: 'deployment', id: 'd' },
        { event_group: 'deployment', entity_id: 'd', token: null },
      ],
      [
        { kind: 'provider', id: 'p' },
        { event_group: 'provider', entity_id: 'p', token: null },
      ],
      [
        { kind: 'proxy', id: '' },
        { event_group: 'proxy', entity_id: '', token: null },
      ],
    ] as const
    for (const [scope] of cases) alerts.spent([scopeOf({ ...over, ...scope })], CALLER)
    await receiver.count(cases.length)
    await alerts.close()
    const bodies = receiver.received.map(({ body }) => body)
    for (const [scope, body] of cases) {
      expect(bodies.find((each) => each['entity_type'] === scope.kind)).toMatchObject(body)
    }
  })

  test('a test reaches the receiver, or says which host refused, and never the address', async () => {
    await using receiver = await startReceiver()
    const alerts = alertsOf({ database: stored.database, settings: { webhookUrl: receiver.url } })
    await alerts.test('webhook')
    expect(receiver.received[0]?.body['event_message']).toBe('A test: Sluice can send alerts here')
    receiver.answer({ status: 403 })
    await expect(alerts.test('webhook')).rejects.toMatchObject({
      message: `127.0.0.1:${receiver.port} did not take the test: HTTP 403`,
      status: 502,
    })
    await expect(alerts.test('slack')).rejects.toMatchObject({ status: 400, param: 'service' })
    await alerts.close()
  })
})

describe('several processes', () => {
  test('that cross the same line at once send one alert', async () => {
    await using postgresql = await startPostgresql()
    await using receiver = await startReceiver()
    const database = await openDatabase({ url: postgresql.url })
    await migrate(database)
    await database.close()
    const processes = await Promise.all([1, 2].map(() => crossingProcess(postgresql.url, receiver)))
    for (const child of processes) child.stdin.write('go\n')
    const codes = await Promise.all(processes.map(async (child) => (await once(child, 'exit'))[0] as number))
    expect(codes).toEqual([0, 0])
    expect(receiver.received.map(({ body }) => body['event'])).toEqual(['budget_crossed'])
  })

  test('send all the same while the database is away, and write down what they sent when it is back', async () => {
    await using postgresql = await startPostgresql()
    await using receiver = await startReceiver()
    const settings = { webhookUrl: receiver.url }
    const database = connectDatabase({ url: postgresql.url, connectTimeoutMs: 1_000 })
    await migrate(database)
    await postgresql.stop('immediate')
    const first = alertsOf({ database, settings })
    const scope = keyScope({ spent: parseDollars(10) })
    first.spent([scope])
    await receiver.count(1)
    first.spent([{ ...scope, spent: parseDollars(11) }])
    await postgresql.start()
    await first.sweep()
    await first.close()
    const second = alertsOf({ database, settings })
    second.spent([{ ...scope, spent: parseDollars(12) }])
    await second.close()
    expect(receiver.received).toHaveLength(1)
    await database.close()
  })
})

async function crossingProcess(databaseUrl: string, receiver: Receiver) {
  const file = fileURLToPath(new URL('../../test/alerts/crossing-process.ts', import.meta.url))
  const child = spawn(process.execPath, [file, databaseUrl, receiver.url.reveal()], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  return child
}
