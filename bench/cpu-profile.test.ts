import { expect, test } from 'vitest'
import { summarizeProfile } from './cpu-profile.ts'

test('time is summed by room, package and module of Node, and idle time is left out', () => {
  const node = (id: number, functionName: string, url: string) => ({ id, callFrame: { functionName, url } })
  const summary = summarizeProfile({
    nodes: [
      node(1, '(idle)', ''),
      node(2, 'relay', 'file:///opt/sluice/dist/calls/relay.js'),
      node(3, 'write', 'file:///opt/sluice/node_modules/@scope/pool/lib/client.js'),
      node(4, 'onread', 'node:internal/stream_base_commons'),
      node(5, '(garbage collector)', ''),
    ],
    samples: [1, 2, 3, 2, 4, 5],
    timeDeltas: [1000, 30, 20, 20, 20, 10],
  })
  expect(summary.parts).toEqual([
    { name: 'sluice calls', share: 0.5 },
    { name: '@scope/pool', share: 0.2 },
    { name: 'JavaScript of Node itself', share: 0.2 },
    { name: 'garbage collector', share: 0.1 },
  ])
  expect(summary.functions[0]).toEqual({ name: 'relay, sluice calls/relay', share: 0.5 })
})
