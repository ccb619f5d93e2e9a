/** `npm run bench`: brings what the benchmark runs against, then runs it (`bench/main.ts`). */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { BENCH_PACKAGES, SERVER_PACKAGES, ensureDebianPackages } from './debian-packages.mjs'
import { ensureBuild, ensureDependencies, root } from './prepare.mjs'

ensureDependencies()
// The short form counts nothing by valgrind.
const packages = process.argv.includes('--quick') ? SERVER_PACKAGES : BENCH_PACKAGES
if (!ensureDebianPackages(packages) || !ensureBuild()) process.exit(1)
const argv = [join(root, 'bench', 'main.ts'), ...process.argv.slice(2)]
process.exitCode = spawnSync(process.execPath, argv, { stdio: 'inherit' }).status ?? 1
