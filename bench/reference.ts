/** Relays in JavaScript that are fixed, as targets: the yardsticks that Sluice is a multiple of. */
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { NODE_FLAGS } from '../bin/node-flags.js'
import { modelOf } from './duties/key.ts'
import { plainCall } from './reverse-proxies.ts'
import { freePort, profileFlags, startProcess, stopProcess, waitUntilReady } from './server-process.ts'
import type { RunningTarget, Target, TargetContext } from './target.ts'

const DUTIES_KEY = 'sk-bench-duties'

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

/** What the job itself costs: all that is promised for a call, and nothing that is general. */
export const dutiesRelay: Target = {
  name: 'duties',
  title: 'Bare sockets with the duties of a gateway',
  settings:
    'key, budget, journal, call log in PostgreSQL, counters and a log line a call, each in the shortest way ' +
    '(`bench/duties/duties-relay.ts`)',
  start: (context) => startDuties(context),
}

/** As the form of Sluice with Redis. */
export const dutiesWithRedis: Target = {
  name: 'duties-redis',
  title: 'Bare sockets with the duties of a gateway, with Redis admission',
  settings:
    'as the row without Redis, and requests, tokens and the budget counted in Redis as well: a script call a turn',
  start: (context) => startDuties(context, context.redisUrl),
}

/** What the relays need of a run. */
type Surroundings = Pick<TargetContext, 'providerPort' | 'directory' | 'databaseUrl'> &
  Partial<Pick<TargetContext, 'profileDirectory'>> & {
    /** A program that runs the runtime, and its arguments. */
    readonly under?: readonly [string, ...string[]]
  }

/** As Sluice does, it writes its journal and its log (`duties.log`) into the directory of the run. */
export async function startDuties(context: Surroundings, redisUrl?: string): Promise<RunningTarget> {
  const name = redisUrl === undefined ? 'duties' : 'duties-redis'
  const journal = mkdtempSync(join(context.directory, `${name}-`))
  return await startRelay('duties/duties-relay.ts', context, {
    parameters: [journal, DUTIES_KEY],
    environment: {
      DATABASE_URL: await context.databaseUrl(name),
      ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
    },
    logFile: join(context.directory, `${name}.log`),
    call: (answer) => ({
      path: '/v1/chat/completions',
      headers: { authorization: `Bearer ${DUTIES_KEY}` },
      model: modelOf(answer),
    }),
  })
}

interface RelayOptions {
  /** Behind the two ports. */
  readonly parameters: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly logFile: string
  readonly call: RunningTarget['call']
}

/** @param program a file of this folder. */
export async function startRelay(
  program: string,
  context: Surroundings,
  options?: RelayOptions,
): Promise<RunningTarget> {
  const port = await freePort()
  const startedAtMs = performance.now()
  const parameters = [String(port), String(context.providerPort), ...(options?.parameters ?? [])]
  const [command, ...before]: readonly [string, ...string[]] =
    context.under === undefined ? [process.execPath] : [...context.under, process.execPath]
  const child = startProcess(
    command,
    [
      ...before,
      ...NODE_FLAGS,
      ...profileFlags(context.profileDirectory),
      join(import.meta.dirname, program),
      ...parameters,
    ],
    {
      core: 'server',
      env: { NODE_ENV: 'production', ...options?.environment },
      ...(options === undefined ? {} : { logFile: options.logFile }),
    },
  )
  await waitUntilReady(child, port, '/health')
  return {
    pid: child.pid,
    port,
    startToReadyMs: performance.now() - startedAtMs,
    call: options?.call ?? plainCall,
    [Symbol.asyncDispose]: () => stopProcess(child),
  }
}
