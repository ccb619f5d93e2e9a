/** Keeps what a run has found: every run in a file of its own, and what is to be shown in the published one. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { STACK_FILES, type AloneFindings } from './measure-alone.ts'
import { renderPerformancePage } from './render.ts'
import type { BenchResult } from './result.ts'
import { SECTIONS } from './sections/index.ts'

const root = dirname(import.meta.dirname)
const RESULTS = join(root, 'bench', 'results')
const PUBLISHED = join(RESULTS, 'latest.json')

/** @returns undefined where nothing was ever published. */
export function readPublished(): BenchResult | undefined {
  // Written below, from the same interface.
  return existsSync(PUBLISHED) ? (JSON.parse(readFileSync(PUBLISHED, 'utf8')) as BenchResult) : undefined
}

/** Keeps the raw figures of a run. */
export function keep(result: BenchResult): void {
  write(join(RESULTS, `${result.date.replaceAll(/[:.]/g, '-')}.json`), result)
}

/** Writes the published result, the profiles that belong to it, and the page. */
export function publish(result: BenchResult, stacks?: AloneFindings['stacks']): void {
  write(PUBLISHED, result)
  for (const [name, text] of stacks ?? []) writeFileSync(join(RESULTS, STACK_FILES[name]), text)
  writeFileSync(join(root, 'docs', 'performance.md'), renderPerformancePage(result))
}

/** What a run did not measure stays as it was published. */
export function mergeInto(published: BenchResult | undefined, result: BenchResult): BenchResult {
  if (published === undefined) return result
  const main = result.rows.length > 0 ? result : published
  const sections = SECTIONS.map(
    ({ name }) =>
      result.sections.find((section) => section.name === name) ??
      published.sections.find((section) => section.name === name),
  ).filter((section) => section !== undefined)
  return { ...main, sluice: result.sluice ?? published.sluice, sections, soak: published.soak }
}

function write(file: string, result: BenchResult): void {
  mkdirSync(RESULTS, { recursive: true })
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`)
}
