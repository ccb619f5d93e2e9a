/** Bifrost, a gateway written in Go. Its program is in no package registry, so it is measured where one is at hand. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, startProcess, stopProcess, waitUntilReady } from './server-process.ts'
import { ANSWER_KINDS, type RunningTarget, type Target, type TargetContext } from './target.ts'

const PROGRAM_VARIABLE = 'BIFROST_PROGRAM'

export const bifrost: Target = {
  name: 'bifrost',
  title: 'Bifrost',
  settings: 'configured by file, without stores and logs, GOMAXPROCS=1',
  start: startBifrost,
}

async function startBifrost(context: TargetContext): Promise<RunningTarget> {
  const program = process.env[PROGRAM_VARIABLE]
  if (program === undefined) {
    throw new Error(
      `its npm package holds no program: it downloads one from a host of its own, which was not reached when this was ` +
        `written; ${PROGRAM_VARIABLE} names a bifrost-http that is there`,
    )
  }
  const port = await freePort()
  const directory = join(context.directory, 'bifrost')
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, 'config.json'), configuration(context.providerPort))
  const startedAtMs = performance.now()
  const child = startProcess(
    program,
    ['-host', '127.0.0.1', '-port', String(port), '-app-dir', directory, '-log-level', 'error'],
    { core: 'server', env: { GOMAXPROCS: '1' }, logFile: join(context.directory, 'bifrost.log') },
  )
  await waitUntilReady(child, port, '/health')
  return {
    pid: child.pid,
    port,
    startToReadyMs: performance.now() - startedAtMs,
    call: (answer) => ({ path: '/v1/chat/completions', headers: {}, model: `bench-${answer}/bench-model` }),
    [Symbol.asyncDispose]: () => stopProcess(child),
  }
}

/** One provider of OpenAI's kind for each answer. */
function configuration(providerPort: number): string {
  const providers = ANSWER_KINDS.map((answer) => [
    `bench-${answer}`,
    {
      keys: [{ name: answer, value: 'sk-bench-provider', models: ['*'], weight: 1 }],
      network_config: { base_url: `http://127.0.0.1:${providerPort}/${answer}` },
      custom_provider_config: { base_provider_type: 'openai' },
    },
  ])
  return JSON.stringify({
    client: { drop_excess_requests: false, enable_logging: false },
    providers: Object.fromEntries(providers),
    config_store: { enabled: false },
    logs_store: { enabled: false },
  })
}
