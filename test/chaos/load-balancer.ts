/** nginx before the pods, as a Service of Kubernetes: it picks a pod by chance, and does nothing clever. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../free-port.ts'

/** Until old workers have ended their calls. */
const STOP_TIMEOUT_MS = 5_000
const READY_TIMEOUT_MS = 10_000

export class LoadBalancer implements AsyncDisposable {
  readonly url: string
  readonly #directory: string
  readonly #port: number
  #ports: readonly number[]
  #process: ChildProcess | undefined

  private constructor(port: number, ports: readonly number[]) {
    this.#directory = mkdtempSync(join(tmpdir(), 'sluice-chaos-nginx-'))
    this.#port = port
    this.#ports = ports
    this.url = `http://127.0.0.1:${port}`
  }

  /** @param ports of the pods that take calls from the beginning. */
  static async start(ports: readonly number[]): Promise<LoadBalancer> {
    const balancer = new LoadBalancer(await freePort(), ports)
    await balancer.#start()
    return balancer
  }

  /** The pods that get new calls from now on. Calls under way stay with the pod that they are on. */
  route(ports: readonly number[]): void {
    if (ports.length === this.#ports.length && ports.every((port) => this.#ports.includes(port))) return
    this.#ports = ports
    this.#writeConfiguration()
    this.#process?.kill('SIGHUP')
  }

  /** The kinds of errors that nginx has met, with how often. */
  errors(): readonly string[] {
    const lines = readFileSync(join(this.#directory, 'error.log'), 'utf8')
      .split('\n')
      .filter((line) => line.includes('[error]') || line.includes('[crit]'))
      .map((line) => line.replace(/^.*?\*\d+ /, '').replace(/, client:.*?(upstream: "[^"]*").*$/, ', $1'))
    const kinds = Map.groupBy(lines, (line) => line)
    return [...kinds].map(([kind, group]) => `nginx, ${group.length} times: ${kind}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#process
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
      await exited
      clearTimeout(timer)
    }
    rmSync(this.#directory, { recursive: true, force: true })
  }

  async #start(): Promise<void> {
    this.#writeConfiguration()
    const argv = ['-e', join(this.#directory, 'error.log'), '-c', join(this.#directory, 'nginx.conf')]
    const child = spawn('/usr/sbin/nginx', argv, { stdio: 'ignore' })
    this.#process = child
    const end = (): void => void child.kill('SIGTERM')
    process.once('exit', end)
    child.once('exit', () => process.off('exit', end))
    const giveUpAtMs = Date.now() + READY_TIMEOUT_MS
    while (!(await this.#answers())) {
      if (child.exitCode !== null || Date.now() > giveUpAtMs) {
        throw new Error(`nginx did not start:\n${readFileSync(join(this.#directory, 'error.log'), 'utf8')}`)
      }
      await delay(10)
    }
  }

  async #answers(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const asked = request(`${this.url}/balancer`, { agent: false }, (answer) => {
      answer.resume()
      resolve(answer.statusCode === 200)
    })
    asked.on('error', () => resolve(false)).end()
    return await promise
  }

  #writeConfiguration(): void {
    writeFileSync(
      join(this.#directory, 'nginx.conf'),
      configuration(this.#directory, this.#port, this.#ports),
    )
  }
}

/**
 * No health checks, no second try (`proxy_next_upstream off`, `max_fails=0`): a failure of a pod is seen by its client,
 * and cannot be hidden here. Which pods get calls is said from outside, as by a kubelet's probes.
 */
function configuration(directory: string, port: number, ports: readonly number[]): string {
  const servers = ports.map((pod) => `server 127.0.0.1:${pod} max_fails=0;`)
  return `
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
worker_rlimit_nofile 16384;
pid ${directory}/nginx.pid;
events { worker_connections 8192; }
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  client_body_buffer_size 1m;
  client_max_body_size 64m;
  upstream sluice {
    random;
    ${servers.length === 0 ? 'server 127.0.0.1:9 down;' : servers.join('\n    ')}
    keepalive 512;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location = /balancer { return 200; }
    location / {
      proxy_pass http://sluice;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_read_timeout 300s;
      proxy_next_upstream off;
    }
  }
}
`
}
