/** `npm run chaos`: pods behind nginx, and everything that may befall them and their stores (`test/chaos/main.ts`). */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { TEST_PACKAGES, ensureDebianPackages } from './debian-packages.mjs'
import { ensureDependencies, root } from './prepare.mjs'

ensureDependencies()
if (!ensureDebianPackages(TEST_PACKAGES)) process.exit(1)
const argv = [join(root, 'test', 'chaos', 'main.ts'), ...process.argv.slice(2)]
process.exitCode = spawnSync(process.execPath, argv, { stdio: 'inherit' }).status ?? 1
