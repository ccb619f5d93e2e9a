/**
 * What of a process's memory is in use: asked by the inspector, after a full collection. The resident set also holds
 * garbage and what the allocator has not given back, which come and go by tens of megabytes.
 */
import { z } from 'zod'

const answerSchema = z.object({
  id: z.number().optional(),
  result: z.object({ result: z.object({ value: z.unknown() }).optional() }).optional(),
})
const targetsSchema = z.tuple([z.object({ webSocketDebuggerUrl: z.string() })])

const inUseSchema = z.object({ bytes: z.number(), codeBytes: z.number() })

/** What of a process's memory is in use. */
type InUse = z.infer<typeof inUseSchema>

/**
 * Of `process.memoryUsage()`: objects, and what stands outside of the heap, with all buffers. Beside it what V8 has
 * compiled: it grows for hours where calls of a kind are rare, and stops.
 */
const IN_USE = `(() => {
  const { heapUsed, external } = process.memoryUsage()
  const spaces = process.getBuiltinModule('v8').getHeapSpaceStatistics()
  const code = spaces.filter(({ space_name }) => /code|trusted/.test(space_name))
  return {
    bytes: heapUsed + external,
    codeBytes: code.reduce((sum, { space_used_size }) => sum + space_used_size, 0),
  }
})()`

/** The first collection finds what the second one frees: objects with finalizers, and buffers. */
const COLLECTIONS = 3

/**
 * @param port of the inspector (`--inspect`).
 * @throws Error when the process is gone, or answers something else.
 */
export async function inUse(port: number): Promise<InUse> {
  const targets = targetsSchema.parse(await (await fetch(`http://127.0.0.1:${port}/json/list`)).json())
  const socket = new WebSocket(targets[0].webSocketDebuggerUrl)
  const waiters = new Map<number, PromiseWithResolvers<unknown>>()
  let lastId = 0
  const ask = (method: string, params: object = {}): Promise<unknown> => {
    const waiter = Promise.withResolvers<unknown>()
    waiters.set((lastId += 1), waiter)
    socket.send(JSON.stringify({ id: lastId, method, params }))
    return waiter.promise
  }
  socket.addEventListener('message', ({ data }) => {
    const { id, result } = answerSchema.parse(JSON.parse(String(data)))
    if (id !== undefined) waiters.get(id)?.resolve(result?.result?.value)
  })
  const opened = Promise.withResolvers<void>()
  socket.addEventListener('open', () => opened.resolve())
  socket.addEventListener('close', () => {
    const error = new Error('the inspector has closed its connection')
    opened.reject(error)
    for (const waiter of waiters.values()) waiter.reject(error)
  })
  await opened.promise
  for (let count = 0; count < COLLECTIONS; count += 1) await ask('HeapProfiler.collectGarbage')
  const found = inUseSchema.parse(await ask('Runtime.evaluate', { expression: IN_USE, returnByValue: true }))
  socket.close()
  return found
}
