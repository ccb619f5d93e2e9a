/**
 * `npm test`: every check of this repository, each stage by name, and one closing line that counts them.
 *
 * With arguments (`npm test -- src/config`) only the tests that they select are run. A stage that fails counts as
 * one failure; with CI set, so does each skipped test, for there everything has to be run.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { TEST_PACKAGES, ensureDebianPackages } from './debian-packages.mjs'
import { ensureBuild, ensureDependencies, root, run, runTool, say } from './prepare.mjs'

const REPORT = join(root, '.cache', 'vitest.json')

/** @typedef {{ name: string, ciOnly?: boolean, isTest?: boolean, check: () => boolean }} Stage */
/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/** @type {readonly Stage[]} */
const STAGES = [
  { name: 'format', check: () => runTool('oxfmt', ['--check']) },
  { name: 'lint', check: () => runTool('oxlint', ['--type-aware', '--deny-warnings']) },
  { name: 'types', check: () => runTool('tsc', ['-p', 'tsconfig.json']) },
  { name: 'unused', check: () => runTool('knip', []) },
  { name: 'build', check: ensureBuild },
]

/** Runs after the tests. */
/** @type {readonly Stage[]} */
const LAST_STAGES = [
  {
    name: 'benchmark, short form',
    ciOnly: true,
    check: () => run(process.execPath, [join(root, 'scripts', 'bench.mjs'), '--quick', '--only', 'sluice']),
  },
  {
    name: 'cost of a call, beside a fixed relay and in instructions',
    ciOnly: true,
    isTest: true,
    check: () => run(process.execPath, [join(root, 'scripts', 'regression.mjs')]),
  },
]

/**
 * @param {readonly Stage[]} stages
 * @returns {{ passed: number, failed: number }} how many failed, and how many of those that are tests passed.
 */
function runStages(stages) {
  const counts = { passed: 0, failed: 0 }
  for (const stage of stages) {
    if (stage.ciOnly === true && process.env['CI'] === undefined) continue
    say(`── ${stage.name}`)
    const startedAt = Date.now()
    const isGood = stage.check()
    const seconds = ((Date.now() - startedAt) / 1000).toFixed(1)
    say(`${isGood ? 'ok' : 'FAILED'}: ${stage.name} (${seconds} s)`)
    if (!isGood) counts.failed += 1
    else if (stage.isTest === true) counts.passed += 1
  }
  return counts
}

/** @returns {Counts | undefined} undefined when vitest wrote no report. */
function readCounts() {
  try {
    const report = JSON.parse(readFileSync(REPORT, 'utf8'))
    /** @type {{ status: string, assertionResults: { status: string }[] }[]} */
    const files = report.testResults
    const brokenFiles = files.filter(
      (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
    )
    return {
      passed: report.numPassedTests,
      failed: report.numFailedTests + brokenFiles.length,
      skipped: report.numPendingTests + report.numTodoTests,
    }
  } catch {
    return undefined
  }
}

/**
 * @param {readonly string[]} args
 * @returns {Counts}
 */
function runTests(args) {
  say('── tests')
  mkdirSync(join(root, '.cache'), { recursive: true })
  rmSync(REPORT, { force: true })
  const isGood = runTool('vitest', [
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${REPORT}`,
    ...args,
  ])
  const counts = readCounts()
  if (counts === undefined) {
    say('FAILED: the test runner wrote no report')
    return { passed: 0, failed: 1, skipped: 0 }
  }
  // An error outside of a test (an unhandled rejection, say) fails the run but no test in the report.
  return isGood || counts.failed > 0 ? counts : { ...counts, failed: 1 }
}

/**
 * Prints the closing line and sets the exit code.
 * @param {Counts} counts
 */
function close({ passed, failed, skipped }) {
  const skipsFail = process.env['CI'] !== undefined
  if (skipsFail && skipped > 0) say(`${skipped} skipped tests count as failed, because CI is set`)
  const failures = failed + (skipsFail ? skipped : 0)
  const note = skipsFail || skipped === 0 ? '' : `, ${skipped} skipped`
  process.exitCode = failures === 0 && passed > 0 ? 0 : 1
  say(`${passed} passed, ${failures} failed${note}`)
}

const args = process.argv.slice(2)
ensureDependencies()
if (!ensureDebianPackages(TEST_PACKAGES)) {
  close({ passed: 0, failed: 1, skipped: 0 })
} else if (args.length > 0) {
  close(ensureBuild() ? runTests(args) : { passed: 0, failed: 1, skipped: 0 })
} else {
  const first = runStages(STAGES)
  const tests = runTests([])
  const last = runStages(LAST_STAGES)
  close({
    passed: first.passed + tests.passed + last.passed,
    failed: first.failed + tests.failed + last.failed,
    skipped: tests.skipped,
  })
}
