/**
 * Brings the work tree into a state in which Sluice can run: installed dependencies that match the lock file, and a
 * build that matches the sources. Does nothing, and says nothing, when both are there.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

const BUILD_STAMP = '.built-from'

const BUILD_FILES = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'rolldown.config.mjs',
  'bin/node-flags.js',
  'scripts/fill-compile-cache.mjs',
]

/** @param {string} text */
export function say(text) {
  process.stdout.write(`${text}\n`)
}

/**
 * Runs a program to its end.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ quiet?: boolean, env?: Record<string, string | undefined> }} [options] quiet keeps its output back unless
 *   it fails.
 * @returns {boolean} true when it exited with 0.
 */
export function run(program, args, options = {}) {
  const result = spawnSync(program, args, {
    cwd: root,
    env: { ...process.env, ...options.env },
    stdio: options.quiet === true ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  if (result.error !== undefined) process.stderr.write(`${program}: ${result.error.message}\n`)
  else if (result.status !== 0 && options.quiet === true) {
    process.stderr.write(`${result.stdout}${result.stderr}`)
  }
  return result.status === 0
}

/**
 * Runs a program that a dependency brings, by the name of its command.
 * @param {string} name
 * @param {readonly string[]} args
 * @param {{ quiet?: boolean, env?: Record<string, string | undefined> }} [options]
 * @returns {boolean} true when it exited with 0.
 */
export function runTool(name, args, options) {
  return run(join(root, 'node_modules', '.bin', name), args, options)
}

/**
 * @param {string} file
 * @returns {Record<string, { version?: string, integrity?: string, optional?: boolean }>}
 */
function lockedPackages(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : {}
}

/**
 * npm writes what it installed into a hidden lock file; it must name every package of the lock file. Optional ones
 * for other platforms are missing from it.
 */
function dependenciesMatchLock() {
  const installed = lockedPackages(join(root, 'node_modules', '.package-lock.json'))
  return Object.entries(lockedPackages(join(root, 'package-lock.json'))).every(([path, wanted]) => {
    if (path === '') return true
    const found = installed[path]
    if (found === undefined) return wanted.optional === true
    return found.version === wanted.version && found.integrity === wanted.integrity
  })
}

/** Installs the dependencies, those for building included, unless they are there. */
export function ensureDependencies() {
  if (dependenciesMatchLock()) return
  say('Installing dependencies')
  const install = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  if (!run('npm', install, { quiet: true })) {
    say('npm ci failed: see above. Sluice needs its npm packages once; afterwards it starts offline.')
    process.exit(1)
  }
}

/**
 * @param {string} path relative to `src`
 * @returns {boolean} whether the file is part of the product, not of its tests.
 */
function isBuilt(path) {
  return !path.endsWith('.test.ts') && !path.split('/').includes('fixtures')
}

/** @returns {string[]} the product's files below `src`, relative to it, in a stable order. */
function sourceFiles() {
  const source = join(root, 'src')
  return readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(source, join(entry.parentPath, entry.name)))
    .filter(isBuilt)
    .toSorted()
}

/** @returns {string} a digest of everything that the build depends on. */
function sourceDigest() {
  const hash = createHash('sha256').update(process.version)
  for (const file of BUILD_FILES) {
    hash.update(readFileSync(join(root, file)))
  }
  for (const file of sourceFiles()) {
    hash.update(`\0${file}\0`).update(readFileSync(join(root, 'src', file)))
  }
  return hash.digest('hex')
}

function builtFrom() {
  const stamp = join(root, 'dist', BUILD_STAMP)
  return existsSync(stamp) ? readFileSync(stamp, 'utf8') : undefined
}

/**
 * Without it Sluice starts a little later, and works: a machine on which it cannot be made is told, not refused.
 * @param {string} built folder of the new build
 */
function fillCompileCache(built) {
  const script = join(root, 'scripts', 'fill-compile-cache.mjs')
  if (!run(process.execPath, [script, built])) say('Built without a compile cache: see above.')
}

/**
 * Builds `dist/` unless it was built from the present sources. The new build takes the old one's place only when it
 * is whole. A running Sluice keeps the files that it has loaded.
 * @returns {boolean} false when the sources cannot be put together; the report is then on the terminal.
 */
export function ensureBuild() {
  const digest = sourceDigest()
  if (builtFrom() === digest) return true
  say('Building')
  const staging = mkdtempSync(join(root, 'dist.partial-'))
  try {
    const bundle = ['-c', 'rolldown.config.mjs', '--dir', staging]
    if (!runTool('rolldown', bundle, { quiet: true })) return false
    fillCompileCache(staging)
    writeFileSync(join(staging, BUILD_STAMP), digest)
    rmSync(join(root, 'dist'), { recursive: true, force: true })
    renameSync(staging, join(root, 'dist'))
    return true
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
}
