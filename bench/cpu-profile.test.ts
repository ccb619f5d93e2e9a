import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { rolldown } from 'rolldown'
import { expect, onTestFinished, test } from 'vitest'
import { FrameNames, parseProfile, readProfile, summarizeProfile } from './cpu-profile.ts'

const ALWAYS = { from: 0, to: Infinity }

test('time is summed by room, package and module of Node, and idle time is left out', () => {
  const node = (id: number, functionName: string, url: string) => ({
    id,
    callFrame: { functionName, url, lineNumber: 0, columnNumber: 0 },
  })
  const profile = {
    startTime: 0,
    nodes: [
      node(1, '(idle)', ''),
      node(2, 'relay', 'file:///opt/sluice/src/calls/relay.ts'),
      node(3, 'write', 'file:///opt/sluice/node_modules/@scope/pool/lib/client.js'),
      node(4, 'onread', 'node:internal/stream_base_commons'),
      node(5, '(garbage collector)', ''),
    ],
    samples: [1, 2, 3, 2, 4, 5],
    timeDeltas: [1000, 30, 20, 20, 20, 10],
  }
  const summary = summarizeProfile(parseProfile(profile, ALWAYS), new FrameNames())
  expect(summary.parts).toEqual([
    { name: 'sluice calls', share: 0.5 },
    { name: '@scope/pool', share: 0.2 },
    { name: 'JavaScript of Node itself', share: 0.2 },
    { name: 'garbage collector', share: 0.1 },
  ])
  expect(summary.functions[0]).toEqual({ name: 'relay, sluice calls/relay', share: 0.5 })
})

test('what was before and after the time that is looked at is left out; a profile without any of it is a mistake', () => {
  const callFrame = { url: 'node:net', lineNumber: 0, columnNumber: 0 }
  const profile = {
    startTime: 1_000,
    nodes: ['start', 'load', 'stop'].map((functionName, id) => ({
      id,
      callFrame: { ...callFrame, functionName },
    })),
    samples: [0, 1, 1, 2],
    timeDeltas: [100, 100, 100, 100],
  }
  const { functions } = summarizeProfile(parseProfile(profile, { from: 1_150, to: 1_350 }), new FrameNames())
  expect(functions).toEqual([{ name: 'load, node:net', share: 1 }])
  expect(() => parseProfile(profile, { from: 5_000, to: 6_000 })).toThrow('no samples')
})

test('a function of a built file counts for the source file that it was written in', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-profile-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const bundle = await rolldown({ input: join(import.meta.dirname, '../src/errors/gateway-error.ts') })
  const file = join(directory, 'main.js')
  const { output } = await bundle.write({ file, format: 'esm', sourcemap: true })
  const lines = output[0].code.split('\n')
  const lineNumber = lines.findIndex((line) => line.includes('GatewayError = class'))
  const callFrame = {
    functionName: 'GatewayError',
    url: pathToFileURL(file).href,
    lineNumber,
    columnNumber: 0,
  }
  const profile = { startTime: 0, nodes: [{ id: 1, callFrame }], samples: [1], timeDeltas: [10] }
  writeFileSync(join(directory, 'main.cpuprofile'), JSON.stringify(profile))
  expect(summarizeProfile(readProfile(directory, ALWAYS), new FrameNames()).functions).toEqual([
    { name: 'GatewayError, sluice errors/gateway-error', share: 1 },
  ])
})
