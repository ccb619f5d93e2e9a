/** Brings the servers and tools that tests and benchmarks need, as Debian packages, where they are missing. */
import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { run, say } from './prepare.mjs'

/** @typedef {{ name: string, isInstalled: () => boolean }} DebianPackage */

/** @param {string} program */
function isOnPath(program) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  return folders.some((folder) => existsSync(join(folder, program)))
}

/** Debian keeps the server programs of each PostgreSQL version outside of PATH. */
function hasPostgresql() {
  const versions = '/usr/lib/postgresql'
  return (
    isOnPath('postgres') ||
    (existsSync(versions) &&
      readdirSync(versions).some((version) => existsSync(join(versions, version, 'bin', 'postgres'))))
  )
}

const postgresql = { name: 'postgresql', isInstalled: hasPostgresql }
const nginx = { name: 'nginx-light', isInstalled: () => isOnPath('nginx') }
const haproxy = { name: 'haproxy', isInstalled: () => isOnPath('haproxy') }
/** Scrapes, and its promtool checks metrics and alert rules. */
const prometheus = { name: 'prometheus', isInstalled: () => isOnPath('promtool') && isOnPath('prometheus') }
/** With vmagent and vmalert. */
const victoriaMetrics = {
  name: 'victoria-metrics',
  isInstalled: () => ['victoria-metrics', 'vmagent', 'vmalert'].every(isOnPath),
}

const redis = { name: 'redis-server', isInstalled: () => isOnPath('redis-server') }

/** What the tests of the chart and of the image need: Helm comes in an archive. */
const unzip = { name: 'unzip', isInstalled: () => isOnPath('unzip') }
const make = { name: 'make', isInstalled: () => isOnPath('make') }
const binutils = { name: 'binutils', isInstalled: () => isOnPath('strip') }

/** Counts the instructions of a call, and the memory that it touches. */
const valgrind = { name: 'valgrind', isInstalled: () => isOnPath('valgrind') && isOnPath('vgdb') }

/** @type {readonly DebianPackage[]} */
export const SERVER_PACKAGES = [postgresql, redis, nginx, haproxy]
/** @type {readonly DebianPackage[]} */
export const BENCH_PACKAGES = [...SERVER_PACKAGES, valgrind]
/** @type {readonly DebianPackage[]} */
export const TEST_PACKAGES = [...SERVER_PACKAGES, prometheus, victoriaMetrics, unzip, make, binutils]

/**
 * Installs what is missing, when run as root on a Debian.
 * @param {readonly DebianPackage[]} wanted
 * @returns {boolean} false when something is still missing; what, and what to do, is then on the terminal.
 */
export function ensureDebianPackages(wanted) {
  const missing = wanted.filter((debianPackage) => !debianPackage.isInstalled())
  if (missing.length === 0) return true
  const names = missing.map((debianPackage) => debianPackage.name)
  const install = ['install', '-y', '-q', '--no-install-recommends', ...names]
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    say(`Missing: ${names.join(', ')}. As root on Debian: apt-get ${install.join(' ')}`)
    return false
  }
  say(`Installing ${names.join(', ')} with apt-get`)
  // Run level 1 keeps the packages' services from being started: the tests start their own on free ports.
  const options = { quiet: true, env: { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' } }
  if (!run('apt-get', ['update', '-q'], options) || !run('apt-get', install, options)) return false
  const stillMissing = missing.filter((debianPackage) => !debianPackage.isInstalled())
  if (stillMissing.length > 0) say(`Still missing after apt-get: ${names.join(', ')}`)
  return stillMissing.length === 0
}
