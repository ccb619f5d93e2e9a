/** The control of the event loop's lag: the same gauge in a process that does nothing, on the core of the gateway. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { onCore, stopProcess } from './server-process.ts'
import type { EventLoopLag } from './sluice-targets.ts'

const PROGRAM = join(import.meta.dirname, 'idle-lag-process.ts')

/** Stopped by disposing of it. */
export interface IdleGauge extends AsyncDisposable {
  /** How late the idle process was since it was last asked. */
  readonly read: () => Promise<EventLoopLag>
}

export async function startIdleGauge(): Promise<IdleGauge> {
  const [command, ...argv] = onCore('server', [process.execPath, PROGRAM])
  const child = spawn(command, argv, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })
  const read = async (): Promise<EventLoopLag> => {
    const line = once(lines, 'line')
    child.stdin.write('\n')
    // Written by idle-lag-process.ts, which is typed by the same interface.
    return JSON.parse(String((await line)[0])) as EventLoopLag
  }
  // The first answer says that it has started.
  await read()
  return { read, [Symbol.asyncDispose]: () => stopProcess(child) }
}
