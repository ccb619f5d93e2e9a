/**
 * Brings programs and data that tests need, as npm packages of exact versions, without their install scripts, into a
 * cache that outlives the work tree: each set once.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

/** Folder of this user's cache, for what tests bring. */
export function cacheFolder(kind: string): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'sluice', kind)
}

/**
 * Installs packages (`name@version`) into `folder/node_modules`, unless the folder is there. Peer dependencies are not
 * brought along.
 *
 * @param prepare works on the folder before it takes its place, e.g. unpacks what a package holds.
 * @throws Error when a package cannot be installed.
 */
export async function bringNpmPackages(
  folder: string,
  packages: readonly string[],
  prepare: (staging: string) => Promise<void> = async () => undefined,
): Promise<void> {
  if (existsSync(folder)) return
  await mkdir(dirname(folder), { recursive: true })
  // Beside the final place, and moved there in one step: two tests that do so at once are no harm.
  const staging = await mkdtemp(`${folder}.partial-`)
  try {
    await writeFile(join(staging, 'package.json'), '{"private":true}\n')
    const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--save-exact', '--legacy-peer-deps']
    await promisify(execFile)('npm', ['install', ...options, '--loglevel=error', ...packages], {
      cwd: staging,
    })
    await prepare(staging)
    await rename(staging, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error
    })
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}
