import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

const WITH_NODE = join(import.meta.dirname, '../../scripts/with-node.cjs')

let directory: string

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-with-node-'))
})

afterAll(() => rmSync(directory, { recursive: true, force: true }))

function script(text: string): string {
  const file = join(directory, 'script.mjs')
  writeFileSync(file, text)
  return file
}

test('a script gets its own arguments, and the Node that runs it stands first on the PATH', () => {
  const file = script('console.log(JSON.stringify([process.argv.slice(1), process.env.PATH]))')
  const output = execFileSync(process.execPath, [WITH_NODE, file, '--port', '0'], { encoding: 'utf8' })
  const [argv, path]: [string[], string] = JSON.parse(output)
  expect(argv).toEqual([file, '--port', '0'])
  expect(path.split(delimiter)[0]).toBe(dirname(process.execPath))
})

test('the exit code of a script is the exit code of the command', () => {
  expect(spawnSync(process.execPath, [WITH_NODE, script('process.exitCode = 7')]).status).toBe(7)
})
