/**
 * `npm run chaos`: plays every scenario and prints the table. `--only NAME` (several, a part of a name is enough),
 * `--short`, `--list`; `--record` writes the rows of what was played into the table of docs/reliability.md.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { SCENARIOS } from './scenarios/index.ts'
import type { Form, Outcome, Scenario } from './scenario.ts'
import { remarksOf, renderMarkdown, renderTable, verdictOf, type Played } from './table.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const RESULTS = join(ROOT, '.cache', 'chaos.json')
const DOCUMENT = join(ROOT, 'docs', 'reliability.md')
const TABLE = /(<!-- table -->\n)[\s\S]*?(<!-- end of table -->)/

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    short: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
  },
})
const wanted = SCENARIOS.filter(
  ({ name }) => values.only.length === 0 || values.only.some((part) => name.includes(part)),
)
if (values.list) for (const { name, injected } of wanted) process.stdout.write(`${name}: ${injected}\n`)
else if (wanted.length === 0) throw new RangeError(`no scenario is called ${values.only.join(' or ')}`)
else process.exitCode = await playAll(wanted, { length: values.short ? 'short' : 'full' })

/** @returns the exit code. */
async function playAll(scenarios: readonly Scenario[], form: Form): Promise<number> {
  const all: Played[] = []
  for (const scenario of scenarios) {
    const played = await play(scenario, form)
    all.push(played)
    process.stdout.write(`${verdictOf(played)}: ${scenario.name} (${played.seconds.toFixed(0)} s)\n`)
    for (const remark of remarksOf(played)) process.stdout.write(`  ${remark}\n`)
  }
  process.stdout.write(`\n${renderTable(all)}\n`)
  writeResults(all, form)
  if (values.record) {
    const page = readFileSync(DOCUMENT, 'utf8')
    const table = renderMarkdown(all, SCENARIOS, page)
    writeFileSync(
      DOCUMENT,
      page.replace(TABLE, (_, begin: string, end: string) => `${begin}${table}\n${end}`),
    )
  }
  const failed = all.filter((played) => verdictOf(played) === 'FAILED').length
  process.stdout.write(
    failed === 0 ? `${all.length} scenarios, all promises kept\n` : `${failed} scenarios FAILED\n`,
  )
  return failed === 0 ? 0 : 1
}

async function play(scenario: Scenario, form: Form): Promise<Played> {
  const fromMs = performance.now()
  const outcome = await scenario.run(form).catch(brokenOff)
  return { scenario, outcome, seconds: (performance.now() - fromMs) / 1_000 }
}

/** A scenario that could not be played to its end has failed, and the others are played all the same. */
function brokenOff(error: unknown): Outcome {
  return {
    calls: 0,
    failures: 0,
    differencePicodollars: 0n,
    estimatedRows: 0,
    addedP99Ms: Number.NaN,
    recoveryMs: Number.NaN,
    notes: [],
    faults: [`it broke off: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`],
  }
}

function writeResults(all: readonly Played[], form: Form): void {
  mkdirSync(dirname(RESULTS), { recursive: true })
  const scenarios = all.map((played) => ({
    name: played.scenario.name,
    verdict: verdictOf(played),
    seconds: played.seconds,
    ...played.outcome,
    differencePicodollars: String(played.outcome.differencePicodollars),
  }))
  writeFileSync(
    RESULTS,
    `${JSON.stringify({ date: new Date().toISOString(), form: form.length, scenarios }, null, 2)}\n`,
  )
  process.stdout.write(`results: ${RESULTS}\n`)
}
