/** Whether a call costs more when there is more of something: keys, deployments, open streams, metric series. */
import {
  IDLE,
  IDLE_COST,
  multipleOf,
  NET_STEADY_COST,
  STEADY,
  STEADY_COST,
  type Section,
} from '../section.ts'
import type { SectionFigures } from '../section-figures.ts'
import type { SluiceForm } from '../sluice-forms.ts'
import { EVERYTHING_ON } from '../sluice-forms.ts'
import { withCalledKeys, withKeys, withNewKeys, withOpenStreams } from '../grown-targets.ts'
import { sluiceTarget } from '../sluice-targets.ts'
import type { Target } from '../target.ts'

const SAME_LOAD =
  ' Each row is called 1,000 times a second, and the rows in turn, round by round, so that what befalls the machine ' +
  'befalls all of them alike. At this pace a call costs more than under a full load, here as in bare relays: it has turns ' +
  'of the event loop and writes of its own, and its code finds the processor’s caches cold.'

interface Curve {
  readonly name: string
  readonly title: string
  readonly about: string
  /** The first is what the others are compared with. */
  readonly targets: readonly [Target, ...Target[]]
  /** The largest of them. */
  readonly largest: Target
  /** What the rows do besides calls is no part of a call. */
  readonly isNet?: boolean
}

function curve({ name, title, about, targets, largest, isNet }: Curve): Section {
  const cost = isNet === true ? NET_STEADY_COST : STEADY_COST
  const columns = [cost, multipleOf(targets[0].name, cost, '× the first row'), IDLE_COST]
  return {
    name,
    title,
    about: about + SAME_LOAD,
    order: 'side by side',
    rounds: 5,
    isOnDemand: true,
    targets,
    measures: [STEADY, IDLE],
    columns,
    conclusion: (rows) => conclusionOf(rows, targets[0].name, largest.name),
  }
}

/** The multiple is the second figure of a row. */
function conclusionOf(
  rows: readonly SectionFigures[],
  firstName: string,
  largestName: string,
): string | undefined {
  const first = rows.find(({ name }) => name === firstName)
  const largest = rows.find(({ name }) => name === largestName)
  const multiple = largest?.cells[1]
  if (first === undefined || largest === undefined || multiple === undefined || Number.isNaN(multiple))
    return undefined
  return `From “${first.title}” to “${largest.title}”, the cost of a call is ${multiple.toFixed(2)} times what it was.`
}

function deployments(count: number): SluiceForm {
  const words = count.toLocaleString('en-US')
  return {
    ...EVERYTHING_ON,
    name: `sluice-deployments-${count}`,
    title: `${words} deployments of a model`,
    settings: `everything on, ${words} entries of the same model_name`,
    deployments: count,
  }
}

const MANY_MODELS: SluiceForm = {
  ...EVERYTHING_ON,
  name: 'sluice-models-2000',
  title: '2,000 models of a deployment each',
  settings: 'everything on, 2,000 entries of as many names, one of which is called',
  otherModels: 2_000,
}

const MILLION_IN_USE = withKeys(1_000_000, 5_000)
const TWO_THOUSAND_DEPLOYMENTS = sluiceTarget(deployments(2_000))
const TWO_THOUSAND_STREAMS = withOpenStreams(2_000)
const MOST_SERIES = withCalledKeys(2_500)

export const CURVES: readonly Section[] = [
  curve({
    name: 'keys',
    title: 'The number of keys',
    about:
      'Virtual keys in PostgreSQL, and how many of them are called in turn. A process holds 10,000 of them in memory, ' +
      'and reads those in use anew once a minute, many in a statement. What the last row has on top is the first ' +
      'call of a key: the look-up in the database, and the making of its series of metrics. It is paid once a key.',
    targets: [
      withKeys(10, 10),
      withKeys(10_000, 10),
      withKeys(1_000_000, 10),
      withKeys(10_000, 5_000),
      MILLION_IN_USE,
      withNewKeys(1_000_000),
    ],
    largest: MILLION_IN_USE,
  }),
  curve({
    name: 'deployments',
    title: 'The number of deployments',
    about: 'Entries of one model group, of which each call takes one; and as many groups of one.',
    targets: [
      sluiceTarget(deployments(2)),
      sluiceTarget(deployments(20)),
      sluiceTarget(deployments(200)),
      TWO_THOUSAND_DEPLOYMENTS,
      sluiceTarget(MANY_MODELS),
    ],
    largest: TWO_THOUSAND_DEPLOYMENTS,
  }),
  curve({
    name: 'streams-beside',
    title: 'The number of open streams',
    about:
      'Streams that are open beside the calls, with a chunk each ten seconds. What they cost themselves is the last ' +
      'column, and is taken off the cost of a call.',
    targets: [withOpenStreams(0), withOpenStreams(200), withOpenStreams(1_000), TWO_THOUSAND_STREAMS],
    largest: TWO_THOUSAND_STREAMS,
    isNet: true,
  }),
  curve({
    name: 'series',
    title: 'The number of metric series',
    about:
      'Keys were called before, so that metrics have that many series; the calls that are measured are those of one ' +
      'more key.',
    targets: [withCalledKeys(2), withCalledKeys(200), MOST_SERIES],
    largest: MOST_SERIES,
  }),
]
