import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { letHeapGrow } from './heap-growth.ts'

const MEGABYTE = 1_048_576

test.each([
  { database: 'postgresql', megabytes: 614, grows: true },
  { database: 'postgresql', megabytes: 307, grows: false },
  { database: 'embedded', megabytes: 4_096, grows: false },
] as const)(
  'with $database and at most $megabytes MB the heap may grow further: $grows',
  ({ database, megabytes, grows }) => {
    const setFlags = vi.fn<(flags: string) => void>()
    letHeapGrow(database, megabytes * MEGABYTE, setFlags)
    expect(setFlags).toHaveBeenCalledTimes(grows ? 1 : 0)
  },
)

test('V8 then lets a heap that hardly grows grow to four times what is in use', () => {
  const module = JSON.stringify(join(import.meta.dirname, 'heap-growth.ts'))
  const program = `
    import { letHeapGrow } from ${module}
    letHeapGrow('postgresql', Infinity)
    const inUse = Array.from({ length: 500_000 }, (_, number) => ({ number }))
    for (let times = 0; times < 12; times += 1) {
      gc()
      await new Promise((resolve) => setTimeout(resolve, 80))
    }
    if (inUse.length === 0) throw new Error('nothing is in use')`
  const flags = ['--expose-gc', '--trace-gc-verbose', '--input-type=module', '--eval', program]
  const { stdout } = spawnSync(process.execPath, flags, { encoding: 'utf8' })
  const factors = [...stdout.matchAll(/\[HeapController\] factor (\d\.\d)/g)].map(([, factor]) => factor)
  expect(factors.at(-1)).toBe('4.0')
})
