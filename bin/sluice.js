#!/usr/bin/env node
// The command `sluice`: runs the gateway, or says which Node it needs. Plain syntax, so that an old Node gets this far.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { NODE_FLAGS } from './node-flags.js'

const major = Number(process.versions.node.split('.')[0])

if (major < 24) {
  process.stderr.write(
    'sluice needs Node 24 or newer; this is ' +
      process.versions.node +
      '.\nGet one from https://nodejs.org, or run `npm start` in a clone of the repository, which brings its own.\n',
  )
  process.exitCode = 1
} else {
  const built = new URL('../dist/main.js', import.meta.url)
  const entry = existsSync(built) ? built : new URL('../src/main.ts', import.meta.url)
  const argv = [process.execPath].concat(
    process.execArgv,
    NODE_FLAGS,
    [fileURLToPath(entry)],
    process.argv.slice(2),
  )
  if (process.platform !== 'win32' && process.execve !== undefined) {
    process.execve(process.execPath, argv, process.env)
  }
  // Where a process cannot become another one, it goes on without the flags.
  import(entry.href).catch(function (error) {
    process.stderr.write(error.stack + '\n')
    process.exitCode = 1
  })
}
