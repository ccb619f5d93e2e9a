/** What a start loads. */
import { rolldown, type OutputChunk } from 'rolldown'
import { expect, test } from 'vitest'
import config from '../../rolldown.config.mjs'

test('a start loads neither undici, Redis’ client nor the simulator, which most gateways do not need', async () => {
  const files = await filesOfStart()
  const packages = new Set(files.flatMap((chunk) => chunk.moduleIds.map(packageOf)))
  expect(packages).toContain('fastify')
  expect(packages).not.toContain('undici')
  expect(packages).not.toContain('ioredis')
  // Who serves a configuration of their own has no use for it.
  expect(files.flatMap((chunk) => chunk.moduleIds).filter((id) => id.includes('/src/sim/'))).toEqual([])
})

test('no file of a start imports a module of Node by name, which loads all that the module can load', async () => {
  const files = await filesOfStart()
  expect(files.flatMap((chunk) => chunk.imports)).toContain('node:http')
  expect(files.flatMap(({ code }) => code.match(/^.*\bfrom\s*["']node:.*$/gm) ?? [])).toEqual([])
})

/** What is loaded before a gateway serves. */
async function filesOfStart(): Promise<OutputChunk[]> {
  const bundle = await rolldown({ ...config, logLevel: 'silent' })
  const { output } = await bundle.generate({ format: 'esm' })
  const chunks = new Map(output.filter((one) => one.type === 'chunk').map((chunk) => [chunk.fileName, chunk]))
  const serve = [...chunks.values()].find((chunk) => chunk.facadeModuleId?.endsWith('/src/cli/serve.ts'))
  return loadedWith(serve, chunks)
}

/** The chunk, and what it imports, at any remove; not what it loads later. */
function loadedWith(first: OutputChunk | undefined, chunks: ReadonlyMap<string, OutputChunk>): OutputChunk[] {
  const loaded = new Set(first === undefined ? [] : [first])
  for (const { imports } of loaded) {
    for (const name of imports) {
      const chunk = chunks.get(name)
      if (chunk !== undefined) loaded.add(chunk)
    }
  }
  return [...loaded]
}

function packageOf(moduleId: string): string | undefined {
  return /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(moduleId)?.[1]
}
