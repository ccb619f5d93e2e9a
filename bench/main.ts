/**
 * `npm run bench`: measures the main table and the sections in rounds, prints the tables, and keeps the result.
 *
 * `--section NAME,…` measures these alone (`main` is the main table, `alone` what is measured of Sluice alone), `--only
 * NAME,…` these rows alone, `--quick` is a short form. A whole run becomes the published one; `--record` puts what was
 * measured of it into the published one. `--render` writes the page anew from what is published.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { measureAlone, type AloneFindings } from './measure-alone.ts'
import { measureRows } from './measure.ts'
import { measureSection } from './measure-section.ts'
import { keep, mergeInto, publish, readPublished } from './publish.ts'
import { renderSection, renderTable } from './render.ts'
import type { BenchResult, SectionResult } from './result.ts'
import type { Section } from './section.ts'
import { measureInSmallBuffers } from './small-buffers.ts'
import { machine, withSurroundings } from './surroundings.ts'
import type { TargetContext } from './target.ts'
import { readWanted, type Options, type Wanted } from './wanted.ts'

const root = dirname(import.meta.dirname)

interface Found {
  readonly result: BenchResult
  readonly stacks: AloneFindings['stacks'] | undefined
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

async function measure({ main, alone, sections, isQuick }: Wanted): Promise<Found> {
  return await withSurroundings(join(root, '.cache', 'bench'), async (context) => {
    const date = new Date().toISOString()
    const rows = await measureRows(main, isQuick, context, say)
    if (alone) say('Sluice alone: start with the embedded database, event loop, profiles, touched memory')
    const findings = alone ? await measureAlone(context, say) : undefined
    const result = { date, machine: machine(), rows, sluice: findings?.extras, sections: [] }
    if (rows.length > 0) say(`\n${renderTable(result)}\n`)
    return {
      result: { ...result, sections: await measureSections(sections, isQuick, context) },
      stacks: findings?.stacks,
    }
  })
}

async function measureSections(
  sections: readonly Section[],
  isQuick: boolean,
  context: TargetContext,
): Promise<SectionResult[]> {
  const measured = []
  for (const section of sections) {
    const found = await measureSection(section, isQuick, context, say)
    say(`\n${section.title}\n${renderSection(section, found)}\n`)
    measured.push(found)
  }
  return measured
}

/** Sections that need a network of their own are measured by a run of this program within one, after the others. */
async function measureApart(
  sections: readonly Section[],
  options: Options,
): Promise<readonly SectionResult[]> {
  if (sections.length === 0) return []
  const directory = mkdtempSync(join(tmpdir(), 'sluice-bench-apart-'))
  try {
    const quick = options.quick === true ? ['--quick'] : []
    const only = options.only === undefined ? [] : ['--only', options.only]
    const names = sections.map(({ name }) => name).join(',')
    return await measureInSmallBuffers(['--section', names, ...only, ...quick], directory)
  } catch (error) {
    say(`not measured: ${sections.map(({ title }) => title).join(', ')}: ${String(error)}`)
    return []
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function needsApart({ inSmallBuffers }: Section): boolean {
  return inSmallBuffers === true
}

async function run(options: Options): Promise<number> {
  const wanted = readWanted(options)
  const here = wanted.sections.filter((section) => !needsApart(section))
  const { result: near, stacks } = await measure({ ...wanted, sections: here })
  const apart = await measureApart(wanted.sections.filter(needsApart), options)
  const result = { ...near, sections: [...near.sections, ...apart] }
  const rows = [...result.rows, ...result.sections.flatMap((section) => section.rows)]
  const hasFailed = rows.some(({ name, failure }) => name.startsWith('sluice') && failure !== undefined)
  if (!wanted.isQuick) keep(result)
  const isPublished = wanted.isWhole || (options.record === true && options.only === undefined)
  if (isPublished && !wanted.isQuick && !hasFailed) publish(mergeInto(readPublished(), result), stacks)
  return hasFailed ? 1 : 0
}

/** For the run that has started this one. */
async function runInto(file: string, options: Options): Promise<number> {
  const { result } = await measure(readWanted(options))
  writeFileSync(file, JSON.stringify(result.sections))
  return 0
}

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    only: { type: 'string' },
    section: { type: 'string' },
    record: { type: 'boolean' },
    render: { type: 'boolean' },
    into: { type: 'string' },
  },
})
if (values.into !== undefined) process.exit(await runInto(values.into, values))
const published = values.render === true ? readPublished() : undefined
if (published === undefined) process.exit(await run(values))
publish(published)
