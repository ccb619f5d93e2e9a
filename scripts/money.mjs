/** `npm run money`: the long form of the money proof (`test/money/main.ts`): the ledger against the provider's meter. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { TEST_PACKAGES, ensureDebianPackages } from './debian-packages.mjs'
import { ensureDependencies, root } from './prepare.mjs'

ensureDependencies()
if (!ensureDebianPackages(TEST_PACKAGES)) process.exit(1)
const argv = [join(root, 'test', 'money', 'main.ts')]
process.exitCode = spawnSync(process.execPath, argv, { stdio: 'inherit' }).status ?? 1
