/** Checks documents against types of npm packages: the compiler refuses unknown fields as well as wrong types. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const COMPILER_OPTIONS = {
  noEmit: true,
  strict: true,
  skipLibCheck: true,
  allowImportingTsExtensions: true,
  module: 'esnext',
  moduleResolution: 'bundler',
  target: 'es2024',
  types: [],
}

const COMPILER = join(import.meta.dirname, '../node_modules/.bin/tsc')

/**
 * @param typesFolder has `node_modules` with the packages that the source imports.
 * @param source TypeScript: literals with the types that they should have.
 * @returns what the compiler finds wrong, a line each; empty when all is well.
 */
export async function typeFaultsOf(typesFolder: string, source: string): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-types-'))
  try {
    await symlink(join(typesFolder, 'node_modules'), join(folder, 'node_modules'))
    await writeFile(join(folder, 'documents.ts'), source)
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: COMPILER_OPTIONS }))
    return await compile(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function compile(project: string): Promise<readonly string[]> {
  try {
    await promisify(execFile)(COMPILER, ['-p', project])
    return []
  } catch (error) {
    const { stdout = '' } = error as { readonly stdout?: string }
    if (stdout === '') throw error
    return stdout.split('\n').filter((line) => line !== '')
  }
}
