/** The plain relays that Sluice is measured against: nginx and HAProxy, one worker each, keep-alive on both sides. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, startProcess, stopProcess, waitUntilReady } from './server-process.ts'
import type { AnswerKind, RunningTarget, Target, TargetCall, TargetContext } from './target.ts'

export const nginx: Target = {
  name: 'nginx',
  title: 'nginx, 1 worker, unbuffered',
  start: (context) =>
    startProxy(context, 'nginx', nginxConfiguration, (file) => ['-e', '/dev/null', '-c', file]),
}

export const haproxy: Target = {
  name: 'haproxy',
  title: 'HAProxy, 1 thread',
  start: (context) => startProxy(context, 'haproxy', haproxyConfiguration, (file) => ['-db', '-f', file]),
}

/** Relays keep the path, and the provider tells by it which answer is wanted. */
export function plainCall(answer: AnswerKind): TargetCall {
  return { path: `/${answer}/v1/chat/completions`, headers: {}, model: 'bench-model' }
}

async function startProxy(
  context: TargetContext,
  program: 'nginx' | 'haproxy',
  configuration: (context: TargetContext, port: number) => string,
  argumentsFor: (file: string) => readonly string[],
): Promise<RunningTarget> {
  const port = await freePort()
  const file = join(context.directory, `${program}.conf`)
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
    [Symbol.asyncDispose]: () => stopProcess(child),
  }
}

function nginxConfiguration(context: TargetContext, port: number): string {
  return `
daemon off;
master_process off;
worker_processes 1;
worker_rlimit_nofile 16384;
error_log /dev/null;
pid ${context.directory}/nginx.pid;
events { worker_connections 8192; }
http {
  access_log off;
  client_body_temp_path ${context.directory}/nginx-body;
  proxy_temp_path ${context.directory}/nginx-proxy;
  fastcgi_temp_path ${context.directory}/nginx-fastcgi;
  uwsgi_temp_path ${context.directory}/nginx-uwsgi;
  scgi_temp_path ${context.directory}/nginx-scgi;
  keepalive_requests 100000000;
  client_body_buffer_size 4m;
  client_max_body_size 64m;
  upstream provider {
    server 127.0.0.1:${context.providerPort};
    keepalive 4096;
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location = /health { return 200; }
    location / {
      proxy_pass http://provider;
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
