/** Runs a client program as on a machine that has never seen it: fresh home, cleared environment, bounded in time. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface ClientRun {
  /** Null when the client was killed because its time was over. */
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Where the client is to find the gateway, and with which virtual key. */
export interface ClientTarget {
  /** Without `/v1`. */
  readonly baseUrl: string
  readonly apiKey: string
}

export interface ClientCommand {
  readonly program: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly timeoutMs: number
  /** Puts files into the home before the client starts. */
  readonly prepareHome?: (home: string) => Promise<void>
  /** Reads what the client left in its home, before that is removed. */
  readonly inspectHome?: (home: string) => Promise<void>
}

/** The client works in an empty folder; it and the home are removed afterwards. */
export async function runClient(command: ClientCommand): Promise<ClientRun> {
  const home = await mkdtemp(join(tmpdir(), 'sluice-client-home-'))
  const work = await mkdtemp(join(tmpdir(), 'sluice-client-work-'))
  try {
    await command.prepareHome?.(home)
    const run = await runIn(home, work, command)
    await command.inspectHome?.(home)
    return run
  } finally {
    await rm(home, { recursive: true, force: true })
    await rm(work, { recursive: true, force: true })
  }
}

async function runIn(home: string, work: string, command: ClientCommand): Promise<ClientRun> {
  const child = spawn(command.program, command.args, {
    cwd: work,
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: home, LANG: 'C.UTF-8', TERM: 'dumb', ...command.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: command.timeoutMs,
    killSignal: 'SIGKILL',
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  await once(child, 'close')
  return { exitCode: child.exitCode, stdout, stderr }
}
