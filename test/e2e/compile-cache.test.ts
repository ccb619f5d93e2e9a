/** The compile cache of a build: used where it fits, and otherwise neither seen nor heard. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { ensureBuild, root } from '../../scripts/prepare.mjs'
import { PROGRAM, runCommand, RunningCommand } from './command.ts'

/** Has Node tell on standard output what it does with its compile cache. */
const TELL = { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' }
const TAKEN = /V8 code cache for ESM file:\S+\/load-config-\S+ was accepted/

/** As long as it takes to build, with other tests beside it. */
const BUILD_TIMEOUT_MS = 120_000

let directory: string

beforeAll(() => {
  if (!ensureBuild()) throw new Error('the sources do not compile')
}, BUILD_TIMEOUT_MS)
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-cached-'))
  writeFileSync(join(directory, 'config.yaml'), 'model_list: []\n')
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

/** Runs a command that loads the configuration, of a copy of the program that may be spoilt. */
async function check(program: string, env: Readonly<Record<string, string>> = {}, flags: string[] = []) {
  const command = [process.execPath, ...flags, program] as const
  const ended = await runCommand(['check', '--config', 'config.yaml'], { cwd: directory, env, command })
  return { ...ended, output: ended.stdout + ended.stderr }
}

/** A copy of the command and its build. */
function copyOfProgram(): { readonly program: string; readonly cache: string } {
  const copy = join(directory, 'program')
  mkdirSync(copy)
  for (const part of ['bin', 'dist', 'package.json']) {
    cpSync(join(root, part), join(copy, part), { recursive: true })
  }
  return { program: join(copy, 'bin/sluice.js'), cache: join(copy, 'dist/compile-cache') }
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

test('a start takes what the build kept, the embedded database too, wherever the program was moved to', async () => {
  const { program } = copyOfProgram()
  const moved = await check(program, TELL)
  expect(moved.exitCode).toBe(0)
  expect(moved.output).toMatch(TAKEN)

  const args = ['--config', 'config.yaml', '--port', '0', '--data-dir', 'data']
  await using gateway = new RunningCommand(args, { cwd: directory, env: TELL })
  await gateway.printed(/"listening"/)
  const told = gateway.stdout + gateway.stderr
  expect(told).toMatch(TAKEN)
  expect(told).toMatch(/was accepted[^]*pglite-worker\.js was accepted/)
})

test('a cache for other flags is left alone, and none is made for them', async () => {
  const { program, cache } = copyOfProgram()
  const before = filesOf(cache)
  const main = join(program, '../../dist/main.js')
  const ended = await check(main, TELL, ['--no-opt'])
  expect(ended.exitCode).toBe(0)
  expect(ended.output).not.toContain('[compile cache]')
  expect(readdirSync(cache)).toHaveLength(1)
  expect(filesOf(cache)).toEqual(before)
})

test('a damaged cache, and none, change nothing but the time', async () => {
  const { program, cache } = copyOfProgram()
  const sound = await check(program)
  expect(sound).toMatchObject({ exitCode: 0, stderr: '' })
  for (const file of filesOf(cache)) truncateSync(file, Math.floor(statSync(file).size / 2))
  expect(await check(program)).toEqual(sound)
  rmSync(cache, { recursive: true })
  expect(await check(program)).toEqual(sound)
})

test('who names a cache of their own, or wants none, gets that', async () => {
  const own = join(directory, 'own')
  const named = await check(PROGRAM, { ...TELL, NODE_COMPILE_CACHE: own })
  expect(named.exitCode).toBe(0)
  expect(named.output).not.toContain('dist/compile-cache/')
  expect(filesOf(own)).not.toHaveLength(0)

  const without = await check(PROGRAM, { ...TELL, NODE_DISABLE_COMPILE_CACHE: '1' })
  expect(without.exitCode).toBe(0)
  expect(without.output).not.toContain('was accepted')
})
