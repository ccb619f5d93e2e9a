/** The part of VMPodScrape that charts write, as a type: no package has one. Names from the operator's API reference. */

interface SecretKey {
  readonly name: string
  readonly key: string
  readonly optional?: boolean
}

interface RelabelConfig {
  readonly action?: string
  readonly sourceLabels?: readonly string[]
  readonly targetLabel?: string
  readonly regex?: string | readonly string[]
  readonly replacement?: string
  readonly separator?: string
}

interface PodMetricsEndpoint {
  readonly port?: string
  readonly path?: string
  readonly scheme?: 'http' | 'https'
  readonly interval?: string
  readonly scrapeTimeout?: string
  readonly authorization?: { readonly type?: string; readonly credentials?: SecretKey }
  readonly bearerTokenSecret?: SecretKey
  readonly relabelConfigs?: readonly RelabelConfig[]
  readonly metricRelabelConfigs?: readonly RelabelConfig[]
}

export interface IVMPodScrape {
  readonly apiVersion: 'operator.victoriametrics.com/v1beta1'
  readonly kind: 'VMPodScrape'
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly spec: {
    readonly podMetricsEndpoints: readonly PodMetricsEndpoint[]
    readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> }
    readonly namespaceSelector?: { readonly any?: boolean; readonly matchNames?: readonly string[] }
  }
}
