/** The fixed relay (`reference-relay.ts`) as a target: what Sluice is a multiple of. */
import { join } from 'node:path'
import { plainCall } from './reverse-proxies.ts'
import { NODE_FLAGS } from '../bin/node-flags.js'
import { freePort, startProcess, stopProcess, waitUntilReady } from './server-process.ts'
import type { RunningTarget, Target, TargetContext } from './target.ts'

export const reference: Target = {
  name: 'reference',
  title: 'node:http and undici, nothing else',
  settings: 'bench/reference-relay.ts',
  start: startReference,
}

async function startReference(context: TargetContext): Promise<RunningTarget> {
  const port = await freePort()
  const program = join(import.meta.dirname, 'reference-relay.ts')
  const startedAtMs = performance.now()
  const child = startProcess(
    process.execPath,
    [...NODE_FLAGS, program, String(port), String(context.providerPort)],
    { core: 'server', env: { NODE_ENV: 'production' } },
  )
  await waitUntilReady(child, port, '/health')
  return {
    pid: child.pid,
    port,
    startToReadyMs: performance.now() - startedAtMs,
    call: plainCall,
    [Symbol.asyncDispose]: () => stopProcess(child),
  }
}
