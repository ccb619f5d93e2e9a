/**
 * A stage of `npm test`: what a call costs, as a multiple of a fixed relay and in instructions, against the stored
 * baseline.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { BENCH_PACKAGES, ensureDebianPackages } from './debian-packages.mjs'
import { ensureBuild, ensureDependencies, root } from './prepare.mjs'

ensureDependencies()
if (!ensureDebianPackages(BENCH_PACKAGES) || !ensureBuild()) process.exit(1)
const argv = [join(root, 'bench', 'regression.ts'), ...process.argv.slice(2)]
process.exitCode = spawnSync(process.execPath, argv, { stdio: 'inherit' }).status ?? 1
