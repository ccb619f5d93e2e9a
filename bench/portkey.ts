/** The published TypeScript gateway that Sluice is measured beside: Portkey's npm package, as a relay and no more. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, startProcess, stopProcess, waitUntilReady } from './server-process.ts'
import type { RunningTarget, Target, TargetContext } from './target.ts'

const PACKAGE = '@portkey-ai/gateway'
const VERSION = '1.15.2'
/** With a newer one, which its range allows, the package answers every stream with 500. */
const NODE_SERVER_VERSION = '1.13.8'

export const portkey: Target = {
  name: 'portkey',
  title: `Portkey gateway ${VERSION}`,
  settings: 'npm package, as a relay and no more; no cache, no logs',
  start: startPortkey,
}

async function startPortkey(context: TargetContext): Promise<RunningTarget> {
  const folder = bringPortkey(context.cacheDirectory)
  const port = await freePort()
  const startedAtMs = performance.now()
  const child = startProcess(
    process.execPath,
    [join(folder, 'node_modules', PACKAGE, 'build', 'start-server.js'), `--port=${port}`, '--headless'],
    { core: 'server', logFile: join(context.directory, 'portkey.log'), env: { NODE_ENV: 'production' } },
  )
  await waitUntilReady(child, port, '/')
  return {
    pid: child.pid,
    port,
    startToReadyMs: performance.now() - startedAtMs,
    call: (answer) => ({
      path: '/v1/chat/completions',
      headers: {
        authorization: 'Bearer sk-bench',
        'x-portkey-provider': 'openai',
        'x-portkey-custom-host': `http://127.0.0.1:${context.providerPort}/${answer}/v1`,
      },
      model: 'bench-model',
    }),
    [Symbol.asyncDispose]: () => stopProcess(child),
  }
}

/** Installs the package once; the finished folder appears in one step. */
function bringPortkey(cacheDirectory: string): string {
  const folder = join(cacheDirectory, `portkey-${VERSION}`)
  if (existsSync(folder)) return folder
  const staging = `${folder}.partial-${process.pid}`
  mkdirSync(staging, { recursive: true })
  const manifest = {
    private: true,
    dependencies: { [PACKAGE]: VERSION, '@hono/node-server': NODE_SERVER_VERSION },
    overrides: { '@hono/node-server': NODE_SERVER_VERSION },
  }
  writeFileSync(join(staging, 'package.json'), JSON.stringify(manifest))
  execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: staging,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  rmSync(folder, { recursive: true, force: true })
  renameSync(staging, folder)
  return folder
}
