/** Starts Sluice from a clone: installs and builds what is missing, then becomes `dist/main.js`. `npm start -- …`. */
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { join } from 'node:path'
import { NODE_FLAGS } from '../bin/node-flags.js'
import { ensureBuild, ensureDependencies, root } from './prepare.mjs'

/**
 * Stands in for the server on systems without execve: signals in, exit code out.
 * @param {readonly string[]} argv
 */
function standInFor(argv) {
  const child = spawn(process.execPath, argv, { stdio: 'inherit' })
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGINT'])) {
    process.on(signal, () => child.kill(signal))
  }
  child.on('exit', (code, signal) => {
    process.exit(signal === null ? (code ?? 1) : 128 + constants.signals[signal])
  })
}

ensureDependencies()
if (!ensureBuild()) process.exit(1)
const argv = [...NODE_FLAGS, join(root, 'dist', 'main.js'), ...process.argv.slice(2)]
if (process.platform !== 'win32' && process.execve !== undefined) {
  process.execve(process.execPath, [process.execPath, ...argv], process.env)
} else {
  standInFor(argv)
}
