/**
 * What is shipped: the program and the packages that it loads, in a few files. Most of a start is the search for
 * modules and their compilation, and their comments would stay in memory: docs/decisions/2026-11-29-bundle.md.
 */
import { defineConfig } from 'rolldown'

/**
 * V8 holds a source text with one character beyond Latin-1 as two bytes a character, all of it.
 * @type {import('rolldown').Plugin}
 */
const latin1 = {
  name: 'latin1',
  generateBundle(_options, bundle) {
    for (const chunk of Object.values(bundle)) if (chunk.type === 'chunk') chunk.code = inLatin1(chunk.code)
  },
}

/**
 * An import of one of Node's modules by name reads all that the module offers, and so loads what a start does not need:
 * of `node:http` the undici inside Node, of `node:util` its comparison of texts and the process's output streams.
 * @type {import('rolldown').Plugin}
 */
const nodeModules = {
  name: 'node-modules',
  generateBundle(_options, bundle) {
    for (const chunk of Object.values(bundle)) {
      if (chunk.type === 'chunk') chunk.code = chunk.code.replaceAll(NODE_IMPORT, taken)
    }
  },
}

/** As rolldown writes it: a line of its own. */
const NODE_IMPORT = /^import (?:\* as )?(\w[\w$]*)?(?:, )?(\{[^}]*\})? from ("node:[^"]+");$/gm

/**
 * @param {string} _line
 * @param {string | undefined} whole name for the module
 * @param {string | undefined} named `{ name, name as other }`
 * @param {string} module
 */
function taken(_line, whole, named, module) {
  const names = [whole, named?.replaceAll(' as ', ': ')].filter((one) => one !== undefined)
  return names.map((one) => `const ${one} = process.getBuiltinModule(${module});`).join(' ')
}

/** @param {string} code */
function inLatin1(code) {
  if (/\\[^\0-\xff]|String\.raw`[^`]*[^\0-\xff]/.test(code))
    throw new Error('a character beyond Latin-1 stands where its escape would mean another text')
  return code.replaceAll(/[^\0-\xff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

export default defineConfig({
  input: {
    main: 'src/main.ts',
    'pglite-worker': 'src/storage/embedded/pglite-worker.ts',
  },
  platform: 'node',
  external: [
    // Finds its WebAssembly beside its own files.
    '@electric-sql/pglite',
    // Which `pg` would take if they were there.
    'pg-native',
    'pg-cloudflare',
  ],
  plugins: [latin1, nodeModules],
  // Node's globals ask a function for their value each time that they are read, of which there are dozens in a call.
  transform: {
    inject: { Buffer: ['node:buffer', 'Buffer'], performance: ['node:perf_hooks', 'performance'] },
  },
  // Names stay as they are: they stand in stack traces and profiles.
  output: { format: 'esm', sourcemap: true, comments: false },
})
