/** Relays in JavaScript that are fixed, as targets: the yardsticks that Sluice is a multiple of. */
import { join } from 'node:path'
import { NODE_FLAGS } from '../bin/node-flags.js'
import { plainCall } from './reverse-proxies.ts'
import { freePort, startProcess, stopProcess, waitUntilReady } from './server-process.ts'
import type { RunningTarget, Target, TargetContext } from './target.ts'

/** What the parts that most gateways in JavaScript are made of cost by themselves. */
export const reference: Target = {
  name: 'reference',
  title: 'node:http and undici, nothing else',
  settings: 'a relay that looks at nothing (`bench/reference-relay.ts`)',
  start: (context) => startRelay('reference-relay.ts', context),
}

/** What the runtime itself costs. */
export const socketRelay: Target = {
  name: 'sockets',
  title: 'Bare sockets of Node, nothing else',
  settings: 'no HTTP but the ends of messages: the floor of the runtime (`bench/socket-relay.ts`)',
  start: (context) => startRelay('socket-relay.ts', context),
}

async function startRelay(program: string, context: TargetContext): Promise<RunningTarget> {
  const port = await freePort()
  const startedAtMs = performance.now()
  const child = startProcess(
    process.execPath,
    [...NODE_FLAGS, join(import.meta.dirname, program), String(port), String(context.providerPort)],
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
