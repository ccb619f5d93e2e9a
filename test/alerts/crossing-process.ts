/**
 * One process of several that share a database and a webhook: a key of each crosses its budget when a line comes in.
 * Arguments: URL of the database, URL of the webhook.
 */
import { once } from 'node:events'
import { createAlerts } from '../../src/alerts/create-alerts.ts'
import { Secret } from '../../src/config/secret.ts'
import { parseDollars } from '../../src/money/picodollars.ts'
import { openDatabase } from '../../src/storage/open-database.ts'
import { scopeOf, settingsOf } from './samples.ts'

const [databaseUrl = '', webhookUrl = ''] = process.argv.slice(2)
const database = await openDatabase({ url: databaseUrl })
const nothing = (): void => undefined
const alerts = createAlerts({
  database,
  ledger: { stats: { rejectedCalls: 0, lostCalls: 0 }, openCalls: () => [] },
  settings: settingsOf({ channels: new Set(['webhook']), webhookUrl: new Secret(webhookUrl) }),
  log: { info: nothing, warn: nothing },
  counts: { sent: nothing, tryFailed: nothing, dropped: nothing },
  clock: Date.now,
})
process.stdout.write('ready\n')
await once(process.stdin, 'data')
alerts.spent([scopeOf({ spent: parseDollars(11) })])
await alerts.close()
await database.close()
process.stdin.destroy()
