/** What a start loads. */
import { rolldown, type OutputChunk } from 'rolldown'
import { expect, test } from 'vitest'
import config from '../../rolldown.config.mjs'

test('a start loads neither undici nor Redis’ client, which most gateways do not need', async () => {
  const bundle = await rolldown({ ...config, logLevel: 'silent' })
  const { output } = await bundle.generate({ format: 'esm' })
  const chunks = new Map(output.filter((one) => one.type === 'chunk').map((chunk) => [chunk.fileName, chunk]))
  const serve = [...chunks.values()].find((chunk) => chunk.facadeModuleId?.endsWith('/src/cli/serve.ts'))
  const packages = new Set(loadedWith(serve, chunks).flatMap((chunk) => chunk.moduleIds.map(packageOf)))
  expect(packages).toContain('fastify')
  expect(packages).not.toContain('undici')
  expect(packages).not.toContain('ioredis')
})

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
