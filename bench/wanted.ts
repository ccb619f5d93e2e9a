/** What a run of the benchmark is to measure, as its options say. */
import { MAIN_TARGETS } from './measure.ts'
import type { Section } from './section.ts'
import { SECTIONS } from './sections/index.ts'
import type { Target } from './target.ts'

export interface Options {
  readonly section?: string
  readonly only?: string
  readonly quick?: boolean
  readonly record?: boolean
}

export interface Wanted {
  /** Rows of the main table. */
  readonly main: readonly Target[]
  /** What is measured of Sluice alone. */
  readonly alone: boolean
  readonly sections: readonly Section[]
  readonly isQuick: boolean
  readonly isWhole: boolean
}

const MAIN = 'main'
const ALONE = 'alone'
/** All sections that are measured only when they are asked for. */
const ON_DEMAND = 'curves'

/** @throws Error when a name is not known. */
export function readWanted(options: Options): Wanted {
  const known = [MAIN, ALONE, ...SECTIONS.map(({ name }) => name)]
  const asked = options.section?.split(',').flatMap((name) => (name === ON_DEMAND ? onDemand() : [name]))
  const names = namesAmong(known, asked, '--section') ?? [MAIN, ALONE, ...defaultSections()]
  const sections = SECTIONS.filter(({ name }) => names.includes(name))
  const main = names.includes(MAIN) ? MAIN_TARGETS : []
  const isQuick = options.quick === true
  if (options.only === undefined) {
    // The rest would take a short run far beyond a minute.
    const brief = isQuick && asked === undefined
    const alone = names.includes(ALONE) && !isQuick
    return { main, alone, sections: brief ? [] : sections, isQuick, isWhole: !isQuick && asked === undefined }
  }
  return { ...readOnly(options.only, asked === undefined, main, sections), isQuick, isWhole: false }
}

/** Rows by name, wherever they stand; without sections asked for, of the main table where they are in it. */
function readOnly(
  names: string,
  anywhere: boolean,
  main: readonly Target[],
  sections: readonly Section[],
): Pick<Wanted, 'main' | 'alone' | 'sections'> {
  const targets = [...main, ...(anywhere ? SECTIONS : sections).flatMap((section) => section.targets)]
  const known = targets.map(({ name }) => name)
  const only = namesAmong(known, names.split(','), '--only') ?? []
  const kept = ({ name }: Target): boolean => only.includes(name) || name === 'provider'
  return {
    main: anywhere ? uniqueByName(targets).filter(kept) : main.filter(kept),
    alone: false,
    sections: anywhere
      ? []
      : sections.map((section) => ({ ...section, targets: section.targets.filter(kept) })),
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

/** @throws Error when a name is not among the known ones. */
function namesAmong(
  known: readonly string[],
  asked: readonly string[] | undefined,
  option: string,
): readonly string[] | undefined {
  const unknown = asked?.filter((name) => !known.includes(name)) ?? []
  if (unknown.length === 0) return asked
  throw new Error(`${option} ${unknown.join(',')}: expected names of ${[...new Set(known)].join(', ')}`)
}
