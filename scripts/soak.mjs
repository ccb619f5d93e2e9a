/** `npm run soak`: an hour, or a day, of mixed load with faults, while the gateway's memory is watched. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { SERVER_PACKAGES, ensureDebianPackages } from './debian-packages.mjs'
import { ensureBuild, ensureDependencies, root } from './prepare.mjs'

ensureDependencies()
if (!ensureDebianPackages(SERVER_PACKAGES) || !ensureBuild()) process.exit(1)
const argv = [join(root, 'bench', 'soak', 'main.ts'), ...process.argv.slice(2)]
process.exitCode = spawnSync(process.execPath, argv, { stdio: 'inherit' }).status ?? 1
