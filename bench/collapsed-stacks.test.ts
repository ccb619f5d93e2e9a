import { expect, test } from 'vitest'
import { collapseStacks } from './collapsed-stacks.ts'
import { FrameNames, parseProfile } from './cpu-profile.ts'

function profileOf(
  nodes: readonly { id: number; name: string; url?: string; children?: number[] }[],
  samples: readonly (readonly [id: number, microseconds: number])[],
): string {
  const profile = {
    startTime: 0,
    nodes: nodes.map(({ id, name, url = 'file:///opt/sluice/src/calls/relay.ts', children }) => ({
      id,
      callFrame: { functionName: name, url, lineNumber: 0, columnNumber: 0 },
      ...(children === undefined ? {} : { children }),
    })),
    samples: samples.map(([id]) => id),
    timeDeltas: samples.map(([, microseconds]) => microseconds),
  }
  return collapseStacks(parseProfile(profile, { from: 0, to: Infinity }), new FrameNames())
}

test('each stack is a line with its time, and calls of one function from several lines are one frame', () => {
  const stacks = profileOf(
    [
      { id: 1, name: '(root)', url: '', children: [2, 5, 6] },
      { id: 2, name: 'onData', url: 'node:internal/stream_base_commons', children: [3, 4] },
      { id: 3, name: 'relay' },
      { id: 4, name: 'relay' },
      { id: 5, name: '(garbage collector)', url: '' },
      { id: 6, name: '(idle)', url: '' },
    ],
    [
      [2, 10],
      [3, 200],
      [4, 100],
      [5, 40],
      [6, 5_000],
    ],
  )
  expect(stacks.split('\n')).toEqual([
    'onData (node:stream_base_commons) 10',
    'onData (node:stream_base_commons);relay (sluice calls/relay) 300',
    '(garbage collector) 40',
    '',
  ])
})

test('a stack with next to no time counts for what called it, so that no time is lost', () => {
  const stacks = profileOf(
    [
      { id: 1, name: '(root)', url: '', children: [2] },
      { id: 2, name: 'outer', children: [3] },
      { id: 3, name: 'rare' },
    ],
    [
      [2, 1_000_000],
      [3, 3],
    ],
  )
  expect(stacks).toBe('outer (sluice calls/relay) 1000003\n')
})
