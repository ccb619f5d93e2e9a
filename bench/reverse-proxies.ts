/** The plain relays that Sluice is measured against: nginx and HAProxy, one worker each, keep-alive on both sides. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BenchDialect } from './load-job.ts'
import { freePort, startProcess, stopProcess, waitUntilReady } from './server-process.ts'
import type { AnswerKind, RunningTarget, Target, TargetCall, TargetContext } from './target.ts'

export const nginx: Target = nginxTo('provider', 'nginx', 'nginx, 1 worker, unbuffered')

export const nginxOverTls: Target = nginxTo('provider over TLS', 'nginx-tls', 'nginx, provider over TLS')

export const haproxy: Target = {
  name: 'haproxy',
  title: 'HAProxy, 1 thread',
  settings: '1 thread, connections to the provider reused',
  start: (context) => startProxy(context, 'haproxy', haproxyConfiguration, (file) => ['-db', '-f', file]),
}

function nginxTo(upstream: Upstream, name: string, title: string): Target {
  return {
    name,
    title,
    settings: '1 worker, no buffering, 4,096 connections to the provider kept alive',
    start: (context) =>
      startProxy(
        context,
        'nginx',
        (_, port) => nginxConfiguration(context, port, upstream),
        (file) => ['-e', '/dev/null', '-c', file],
      ),
  }
}

type Upstream = 'provider' | 'provider over TLS'

const PATHS: Readonly<Record<BenchDialect, string>> = {
  'openai-chat': '/v1/chat/completions',
  'openai-responses': '/v1/responses',
  'anthropic-messages': '/v1/messages',
}

/** Relays keep the path, and the provider tells by it which answer is wanted. */
export function plainCall(answer: AnswerKind, dialect: BenchDialect): TargetCall {
  return { path: `/${answer}${PATHS[dialect]}`, headers: {}, model: 'bench-model' }
}

/** What the program says of itself. */
function versionOf(program: 'nginx' | 'haproxy'): string {
  const output = execFileSync('sh', ['-c', `/usr/sbin/${program} -v 2>&1`], { encoding: 'utf8' })
  return /\d+\.\d+\.\d+/.exec(output)?.[0] ?? 'unknown'
}

async function startProxy(
  context: TargetContext,
  program: 'nginx' | 'haproxy',
  configuration: (context: TargetContext, port: number) => string,
  argumentsFor: (file: string) => readonly string[],
): Promise<RunningTarget> {
  const port = await freePort()
  const file = join(context.directory, `${program}-${port}.conf`)
  writeFileSync(file, configuration(context, port))
  const startedAtMs = performance.now()
  const logFile = join(context.directory, `${program}.log`)
  const child = startProcess(`/usr/sbin/${program}`, argumentsFor(file), { core: 'server', logFile })
  await waitUntilReady(child, port, '/health')
  return {
    pid: child.pid,
    port,
    startToReadyMs: performance.now() - startedAtMs,
    call: plainCall,
    note: `version ${versionOf(program)}`,
    [Symbol.asyncDispose]: () => stopProcess(child),
  }
}

function nginxConfiguration(context: TargetContext, port: number, upstream: Upstream): string {
  const [providerPort, protocol] =
    upstream === 'provider' ? [context.providerPort, 'http'] : [context.providerTlsPort, 'https']
  return `
daemon off;
master_process off;
worker_processes 1;
worker_rlimit_nofile 16384;
error_log /dev/null;
pid ${context.directory}/nginx-${port}.pid;
events { worker_connections 16000; }
http {
  access_log off;
  client_body_temp_path ${context.directory}/nginx-body-${port};
  proxy_temp_path ${context.directory}/nginx-proxy-${port};
  fastcgi_temp_path ${context.directory}/nginx-fastcgi-${port};
  uwsgi_temp_path ${context.directory}/nginx-uwsgi-${port};
  scgi_temp_path ${context.directory}/nginx-scgi-${port};
  keepalive_requests 100000000;
  client_body_buffer_size 4m;
  client_max_body_size 64m;
  upstream provider {
    server 127.0.0.1:${providerPort};
    keepalive 4096;
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location = /health { return 200; }
    location / {
      proxy_pass ${protocol}://provider;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`
}

function haproxyConfiguration(context: TargetContext, port: number): string {
  return `
global
  nbthread 1
  maxconn 8192
defaults
  mode http
  maxconn 8192
  option http-no-delay
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend clients
  bind 127.0.0.1:${port} backlog 4096
  monitor-uri /health
  default_backend providers
backend providers
  http-reuse always
  server provider 127.0.0.1:${context.providerPort}
`
}
