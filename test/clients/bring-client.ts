/**
 * Brings real client programs for tests: each is downloaded once as an npm package of an exact version, without its
 * install scripts, into a cache that outlives the work tree.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { bringNpmPackages, cacheFolder } from '../bring-npm-package.ts'

interface ClientPackage {
  readonly name: string
  readonly version: string
  /** The program's file, in the folder that holds `node_modules`. */
  readonly program: string
}

const PLATFORM = `${process.platform}-${process.arch}`

const CLIENTS = {
  /** The package `claude-code` itself holds but a stub; the program stands in the package of the platform. */
  'claude-code': {
    name: `@anthropic-ai/claude-code-${PLATFORM}`,
    version: '2.1.330',
    program: `node_modules/@anthropic-ai/claude-code-${PLATFORM}/claude`,
  },
  codex: { name: '@openai/codex', version: '0.169.0', program: 'node_modules/@openai/codex/bin/codex.js' },
} as const satisfies Record<string, ClientPackage>

export type ClientName = keyof typeof CLIENTS

/**
 * The path of the client's program. The first call for a version downloads some 400 MB; tests that call it need a
 * time-out to match.
 * @throws Error when the package cannot be installed or does not hold the program.
 */
export async function bringClient(name: ClientName): Promise<string> {
  const client = CLIENTS[name]
  const folder = join(cacheFolder('clients'), `${name}-${client.version}-${PLATFORM}`)
  await bringNpmPackages(folder, [`${client.name}@${client.version}`])
  const program = join(folder, client.program)
  if (!existsSync(program))
    throw new Error(`${client.name}@${client.version} does not hold ${client.program}`)
  return program
}

/**
 * Whether tests of the client can run. Where it cannot be had they are skipped, and standard error says so.
 * @throws Error in CI, where nothing may be skipped.
 */
export async function isClientHere(name: ClientName): Promise<boolean> {
  try {
    await bringClient(name)
    return true
  } catch (error) {
    if (process.env['CI'] !== undefined) throw error
    process.stderr.write(`\nSKIPPED: the tests of ${name}, which cannot be brought: ${String(error)}\n`)
    return false
  }
}
