/** The parts of VMServiceScrape and VMRule that are written here, as types: no package has them. Names from the operator's API reference. */

interface Metadata {
  readonly name: string
  readonly namespace?: string
  readonly labels?: Readonly<Record<string, string>>
}

interface SecretKey {
  readonly name: string
  readonly key: string
}

export interface IVMServiceScrape {
  readonly apiVersion: 'operator.victoriametrics.com/v1beta1'
  readonly kind: 'VMServiceScrape'
  readonly metadata: Metadata
  readonly spec: {
    readonly selector: {
      readonly matchLabels?: Readonly<Record<string, string>>
      readonly matchExpressions?: readonly {
        readonly key: string
        readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'
        readonly values?: readonly string[]
      }[]
    }
    readonly endpoints: readonly {
      readonly port: string
      readonly path?: string
      readonly interval?: string
      readonly scrapeTimeout?: string
      readonly bearerTokenSecret?: SecretKey
    }[]
  }
}

export interface IVMRule {
  readonly apiVersion: 'operator.victoriametrics.com/v1beta1'
  readonly kind: 'VMRule'
  readonly metadata: Metadata
  readonly spec: {
    readonly groups: readonly {
      readonly name: string
      readonly interval?: string
      readonly rules: readonly {
        readonly alert: string
        readonly expr: string
        readonly for?: string
        readonly labels?: Readonly<Record<string, string>>
        readonly annotations?: Readonly<Record<string, string>>
      }[]
    }[]
  }
}
