/**
 * `npm run bench`: measures the main table and the sections in rounds, prints the tables, and keeps the result.
 *
 * `--section NAME,…` measures these alone (`main` is the main table), `--only NAME,…` these rows alone, `--quick` is a
 * short form. A whole run becomes the published one; `--record` puts what was measured of it into the published one.
 * `--render` writes the page anew from what is published.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { MAIN_TARGETS, measureRows } from './measure.ts'
import { measureSection } from './measure-section.ts'
import { renderPerformancePage, renderSection, renderTable } from './render.ts'
import type { BenchResult } from './result.ts'
import type { Section } from './section.ts'
import { SECTIONS } from './sections/index.ts'
import { machine, withSurroundings } from './surroundings.ts'
import type { Target } from './target.ts'

const root = dirname(import.meta.dirname)
const RESULTS = join(root, 'bench', 'results')
const PUBLISHED = join(RESULTS, 'latest.json')
const MAIN = 'main'
/** All sections that are measured only when they are asked for. */
const ON_DEMAND = 'curves'

/** What a run is to measure. */
interface Wanted {
  readonly main: readonly Target[]
  readonly sections: readonly Section[]
  readonly isQuick: boolean
  readonly isWhole: boolean
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

function readWanted(options: { section?: string; only?: string; quick?: boolean }): Wanted {
  const known = [MAIN, ...SECTIONS.map(({ name }) => name)]
  const asked = options.section?.split(',').flatMap((name) => (name === ON_DEMAND ? onDemand() : [name]))
  const names = namesAmong(known, asked, '--section') ?? [MAIN, ...defaultSections()]
  const sections = SECTIONS.filter(({ name }) => names.includes(name))
  const main = names.includes(MAIN) ? MAIN_TARGETS : []
  const isQuick = options.quick === true
  if (options.only === undefined) {
    // The sections would take a short run far beyond a minute.
    const brief = isQuick && asked === undefined
    return { main, sections: brief ? [] : sections, isQuick, isWhole: !isQuick && asked === undefined }
  }
  // Rows by name, wherever they stand; without sections asked for, of the main table where they are in it.
  const targets = [...main, ...(asked === undefined ? SECTIONS : sections).flatMap(({ targets }) => targets)]
  const only =
    namesAmong(
      targets.map(({ name }) => name),
      options.only.split(','),
      '--only',
    ) ?? []
  const kept = ({ name }: Target): boolean => only.includes(name) || name === 'provider'
  return {
    main: asked === undefined ? uniqueByName(targets).filter(kept) : main.filter(kept),
    sections:
      asked === undefined
        ? []
        : sections.map((section) => ({ ...section, targets: section.targets.filter(kept) })),
    isQuick,
    isWhole: false,
  }
}

function defaultSections(): string[] {
  return SECTIONS.filter(({ isOnDemand }) => isOnDemand !== true).map(({ name }) => name)
}

function onDemand(): string[] {
  return SECTIONS.filter(({ isOnDemand }) => isOnDemand === true).map(({ name }) => name)
}

function uniqueByName(targets: readonly Target[]): Target[] {
  return [...new Map(targets.toReversed().map((target) => [target.name, target])).values()].toReversed()
}

/** @throws when a name is not among the known ones. */
function namesAmong(
  known: readonly string[],
  asked: readonly string[] | undefined,
  option: string,
): readonly string[] | undefined {
  const unknown = asked?.filter((name) => !known.includes(name)) ?? []
  if (unknown.length === 0) return asked
  throw new Error(`${option} ${unknown.join(',')}: expected names of ${[...new Set(known)].join(', ')}`)
}

async function measure({ main, sections, isQuick }: Wanted): Promise<BenchResult> {
  return await withSurroundings(join(root, '.cache', 'bench'), async (context) => {
    const date = new Date().toISOString()
    const { rows, sluice } = await measureRows(main, isQuick, context, say)
    const result = { date, machine: machine(), rows, sluice, sections: [] }
    if (rows.length > 0) say(`\n${renderTable(result)}\n`)
    const measured = []
    for (const section of sections) {
      const found = await measureSection(section, isQuick, context, say)
      say(`\n${section.title}\n${renderSection(section, found)}\n`)
      measured.push(found)
    }
    return { ...result, sections: measured }
  })
}

function readPublished(): BenchResult | undefined {
  // Written below, from the same interface.
  return existsSync(PUBLISHED) ? (JSON.parse(readFileSync(PUBLISHED, 'utf8')) as BenchResult) : undefined
}

/** What a run did not measure stays as it was published. */
function mergeInto(published: BenchResult | undefined, result: BenchResult): BenchResult {
  if (published === undefined) return result
  const main = result.rows.length > 0 ? result : published
  const sections = SECTIONS.map(
    ({ name }) =>
      result.sections.find((section) => section.name === name) ??
      published.sections.find((section) => section.name === name),
  ).filter((section) => section !== undefined)
  return { ...main, sections }
}

function write(file: string, result: BenchResult): void {
  mkdirSync(RESULTS, { recursive: true })
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`)
}

function publish(result: BenchResult): void {
  write(PUBLISHED, result)
  writeFileSync(join(root, 'docs', 'performance.md'), renderPerformancePage(result))
}

async function run(options: {
  section?: string
  only?: string
  quick?: boolean
  record?: boolean
}): Promise<number> {
  const wanted = readWanted(options)
  const result = await measure(wanted)
  const rows = [...result.rows, ...result.sections.flatMap((section) => section.rows)]
  const hasFailed = rows.some(({ name, failure }) => name.startsWith('sluice') && failure !== undefined)
  if (!wanted.isQuick) write(join(RESULTS, `${result.date.replaceAll(/[:.]/g, '-')}.json`), result)
  const isPublished = wanted.isWhole || (options.record === true && options.only === undefined)
  if (isPublished && !wanted.isQuick && !hasFailed) publish(mergeInto(readPublished(), result))
  return hasFailed ? 1 : 0
}

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    only: { type: 'string' },
    section: { type: 'string' },
    record: { type: 'boolean' },
    render: { type: 'boolean' },
  },
})
const published = values.render === true ? readPublished() : undefined
if (published === undefined) process.exit(await run(values))
publish(published)
