/** The provider that all relays of a run share, and the row that measures it without any relay. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { plainCall } from './reverse-proxies.ts'
import { onCore, stopProcess } from './server-process.ts'
import type { RunningTarget, Target, TargetContext } from './target.ts'

export interface Provider {
  readonly pid: number
  readonly port: number
  readonly tlsPort: number
  readonly certificateFile: string
  readonly stop: () => Promise<void>
}

const portsSchema = z.object({ port: z.number(), tlsPort: z.number() })

/** @param directory takes the provider's key and its certificate. */
export async function startProvider(directory: string): Promise<Provider> {
  const [keyFile, certificateFile] = makeCertificate(directory)
  const program = join(import.meta.dirname, 'provider-process.ts')
  const [command, ...argv] = onCore('load', [process.execPath, program, keyFile, certificateFile])
  const child = spawn(command, argv, { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })
  const [line]: unknown[] = await once(lines, 'line')
  const { pid } = child
  if (pid === undefined) throw new Error('the provider of the benchmark did not start')
  const ports = portsSchema.parse(JSON.parse(String(line)))
  return { pid, ...ports, certificateFile, stop: () => stopProcess(child) }
}

/** Signed by itself, for a day. */
function makeCertificate(directory: string): [keyFile: string, certificateFile: string] {
  const keyFile = join(directory, 'provider.key')
  const certificateFile = join(directory, 'provider.pem')
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile]
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const argv = ['req', '-x509', ...key, '-out', certificateFile, '-days', '1', ...names]
  execFileSync('openssl', argv, { stdio: 'ignore' })
  return [keyFile, certificateFile]
}

export const providerDirect: Target = {
  name: 'provider',
  title: 'The provider, direct',
  settings: 'no relay',
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
