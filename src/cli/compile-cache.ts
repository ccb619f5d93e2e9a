/**
 * What V8 makes of the program's texts, which the build keeps beside them: most of a start would go into making it
 * again. See docs/decisions/2026-11-29-compile-cache.md.
 */
import { existsSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'
import { cachedDataVersionTag } from 'node:v8'

/**
 * Reads the compile cache of the build, in this process, its threads and its workers, where it was made by this Node, on
 * such a processor, with these flags. Nowhere else is anything read or written, and nothing is said: the cache saves
 * time and changes nothing. `NODE_COMPILE_CACHE` wins, and `NODE_DISABLE_COMPILE_CACHE` keeps its meaning.
 */
export function useCompileCache(environment: NodeJS.ProcessEnv): void {
  if (environment['NODE_COMPILE_CACHE'] !== undefined) return
  // Built code is a few files in one folder; the source tree has none of this name.
  const directory = fileURLToPath(new URL('./compile-cache', import.meta.url))
  if (!existsSync(`${directory}/${nameOfFit()}`)) return
  const { directory: used } = enableCompileCache({ directory, portable: true })
  if (used === undefined) return
  environment['NODE_COMPILE_CACHE'] = directory
  environment['NODE_COMPILE_CACHE_PORTABLE'] = '1'
}

/** As Node names the folder of a portable cache for the process that asks. */
function nameOfFit(): string {
  const tag = cachedDataVersionTag().toString(16).padStart(8, '0')
  return `${process.version}-${process.arch}-${tag}`
}
