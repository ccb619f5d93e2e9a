/** The provider that all relays of a run share, and the row that measures it without any relay. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { plainCall } from './reverse-proxies.ts'
import { isPinned, stopProcess } from './server-process.ts'
import type { RunningTarget, Target, TargetContext } from './target.ts'

export interface Provider {
  readonly pid: number
  readonly port: number
  readonly stop: () => Promise<void>
}

export async function startProvider(): Promise<Provider> {
  const argv = [process.execPath, join(import.meta.dirname, 'provider-process.ts')]
  const [program = process.execPath, ...rest] = isPinned ? ['taskset', '-c', '1', ...argv] : argv
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })
  const [line]: unknown[] = await once(lines, 'line')
  const { pid } = child
  if (pid === undefined) throw new Error('the provider of the benchmark did not start')
  return { pid, port: Number(line), stop: () => stopProcess(child) }
}

export const providerDirect: Target = {
  name: 'provider',
  title: 'The provider, direct',
  start: startDirect,
}

/** Runs already: there is nothing to start or stop. */
function startDirect(context: TargetContext): Promise<RunningTarget> {
  return Promise.resolve({
    pid: context.providerPid,
    port: context.providerPort,
    startToReadyMs: Number.NaN,
    call: plainCall,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  })
}
