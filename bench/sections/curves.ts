/** Whether a call costs more when there is more of something: keys, deployments, open streams, metric series. */
import { callCost, closedLoop, multipleOf, SMALL_BODY, type Section } from '../section.ts'
import type { SluiceForm } from '../sluice-forms.ts'
import { EVERYTHING_ON } from '../sluice-forms.ts'
import { withCalledKeys, withKeys, withOpenStreams } from '../grown-targets.ts'
import { sluiceTarget } from '../sluice-targets.ts'
import type { Target } from '../target.ts'

const COST = callCost('CPU µs a call, 1 KB', 'small')

/** The first row is what the others are compared with. */
function curve(name: string, title: string, about: string, targets: readonly [Target, ...Target[]]): Section {
  return {
    name,
    title,
    about,
    order: 'side by side',
    rounds: 5,
    isOnDemand: true,
    targets,
    measures: [closedLoop('small', SMALL_BODY)],
    columns: [COST, multipleOf(targets[0].name, COST, '× the first row')],
  }
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

export const CURVES: readonly Section[] = [
  curve(
    'keys',
    'The number of keys',
    'Virtual keys in PostgreSQL, and how many of them are used in turn. 10,000 is what a process holds in memory; a key ' +
      'in use is read anew once a minute.',
    [
      withKeys(10, 10),
      withKeys(10_000, 10),
      withKeys(1_000_000, 10),
      withKeys(10_000, 5_000),
      withKeys(1_000_000, 5_000),
    ],
  ),
  curve(
    'deployments',
    'The number of deployments',
    'Entries of one model group, of which each call takes one.',
    [sluiceTarget(deployments(2)), sluiceTarget(deployments(200)), sluiceTarget(deployments(2_000))],
  ),
  curve(
    'streams-beside',
    'The number of open streams',
    'Streams that are open beside the calls, with a chunk each ten seconds.',
    [withOpenStreams(0), withOpenStreams(1_000), withOpenStreams(5_000)],
  ),
  curve(
    'series',
    'The number of metric series',
    'Keys were called before, so that metrics have that many series; the calls that are measured are those of one key.',
    [withCalledKeys(2), withCalledKeys(200), withCalledKeys(2_500)],
  ),
]
