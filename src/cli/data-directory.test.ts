import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeDataDirectory } from './data-directory.ts'

let base: string

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'sluice-data-'))
})

afterEach(() => {
  chmodSync(base, 0o700)
  rmSync(base, { recursive: true })
})

test('a directory is made with those above it, for its owner alone, and may be there already', () => {
  const path = join(base, 'one', 'two')
  makeDataDirectory(path)
  expect(statSync(path).mode & 0o777).toBe(0o700)
  makeDataDirectory(path)
})

test.for<[name: string, reason: RegExp]>([
  ['file', /a file is where it/],
  ['file/below', /a file is where it/],
  ['dangling/below', /a part of its path leads nowhere/],
])('%s, which cannot be a directory, is told with its path and what to do', ([name, reason]) => {
  writeFileSync(join(base, 'file'), '')
  symlinkSync(join(base, 'nowhere', 'deep'), join(base, 'dangling'))
  const path = join(base, name)
  expect(() => makeDataDirectory(path)).toThrow(reason)
  expect(() => makeDataDirectory(path)).toThrow(`The data directory ${path} cannot be used`)
  expect(() => makeDataDirectory(path)).toThrow('--data_dir')
})

test.runIf(existsSync('/proc/self'))(
  'a file system that takes no directories is told, and not tried for ever',
  () => {
    expect(() => makeDataDirectory('/proc/sluice/data')).toThrow(/\/proc\/sluice\/data cannot be used/)
  },
)
