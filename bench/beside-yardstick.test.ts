import { expect, test } from 'vitest'
import { besideYardstick } from './beside-yardstick.ts'
import { FrameNames, RUNTIME_PARTS } from './cpu-profile.ts'

test('kinds of work are told in µs of a call, whoever names its own code how', () => {
  const names = new FrameNames()
  const partOf = (url: string, functionName = 'f') =>
    names.partOf({ functionName, url, lineNumber: 0, columnNumber: 0 })
  const sluice = {
    parts: [
      { name: partOf('file:///s/src/calls/call.ts'), share: 0.3 },
      { name: partOf('file:///s/src/spend/ledger.ts'), share: 0.1 },
      { name: partOf('', 'writeBuffer'), share: 0.4 },
      { name: partOf('file:///s/node_modules/pg/lib/client.js'), share: 0.1 },
      { name: partOf('', '(garbage collector)'), share: 0.1 },
    ],
    functions: [],
  }
  const duties = {
    parts: [
      { name: partOf('file:///s/bench/duties/call.ts'), share: 0.5 },
      { name: partOf('node:net'), share: 0.5 },
    ],
    functions: [],
  }
  expect(besideYardstick({ sluice, duties }, { sluice: 60, duties: 40 })).toEqual([
    { name: RUNTIME_PARTS.native, sluice: 24, duties: 0 },
    { name: RUNTIME_PARTS.node, sluice: 0, duties: 20 },
    { name: 'code of the program itself', sluice: 24, duties: 20 },
    { name: RUNTIME_PARTS.garbage, sluice: 6, duties: 0 },
    { name: 'packages', sluice: 6, duties: 0 },
  ])
})
