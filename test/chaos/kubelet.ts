/** Probes the pods, and tells the load balancer which of them are ready. */
import { setTimeout as delay } from 'node:timers/promises'
import type { LoadBalancer } from './load-balancer.ts'
import type { Pod } from './pod.ts'

const PROBE_EVERY_MS = 100

export class Kubelet {
  readonly #pods: readonly Pod[]
  readonly #balancer: LoadBalancer
  readonly #stop = new AbortController()
  #probing: Promise<void> = Promise.resolve()

  constructor(pods: readonly Pod[], balancer: LoadBalancer) {
    this.#pods = pods
    this.#balancer = balancer
  }

  start(): void {
    this.#probing = this.#probe()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#probing
  }

  async #probe(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const ready = await Promise.all(
        this.#pods.map(async (pod) => ((await pod.isReady()) ? [pod.port] : [])),
      )
      if (this.#stop.signal.aborted) return
      this.#balancer.route(ready.flat())
      await delay(PROBE_EVERY_MS, undefined, { signal: this.#stop.signal }).catch(() => {})
    }
  }
}
