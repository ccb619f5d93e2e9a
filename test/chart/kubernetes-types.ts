/**
 * Checks manifests against the types of Kubernetes and of custom resources: each is written down as a typed literal, so
 * that the compiler refuses unknown fields as well as wrong types.
 */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bringNpmPackages, cacheFolder } from '../bring-npm-package.ts'
import { typeFaultsOf } from '../type-faults.ts'
import type { Manifest } from './helm.ts'

const PACKAGES = [
  'kubernetes-models@5.1.0',
  '@kubernetes-models/external-secrets@2.0.0',
  '@kubernetes-models/gateway-api@2.0.0',
  '@kubernetes-models/keda@2.0.0',
  '@kubernetes-models/prometheus-operator@6.0.0',
]

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Where the type of a kind is: `apiVersion/kind`, and the module that has it as `I<kind>`. */
const MODULES: ReadonlyMap<string, string> = new Map([
  ...['ConfigMap', 'Secret', 'Service', 'ServiceAccount', 'Pod'].map(
    (kind) => [`v1/${kind}`, `kubernetes-models/v1/${kind}`] as const,
  ),
  ...[
    'apps/v1/Deployment',
    'apps/v1/StatefulSet',
    'batch/v1/Job',
    'autoscaling/v2/HorizontalPodAutoscaler',
    'policy/v1/PodDisruptionBudget',
    'networking.k8s.io/v1/Ingress',
    'networking.k8s.io/v1/NetworkPolicy',
  ].map((kind) => [kind, `kubernetes-models/${kind}`] as const),
  [
    'gateway.networking.k8s.io/v1/HTTPRoute',
    '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/HTTPRoute',
  ],
  ['keda.sh/v1alpha1/ScaledObject', '@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject'],
  ...['SecretStore', 'ExternalSecret'].flatMap((kind) =>
    ['v1', 'v1beta1'].map((version) => {
      const name = `external-secrets.io/${version}/${kind}`
      return [name, `@kubernetes-models/external-secrets/${name}`] as const
    }),
  ),
  ...['ServiceMonitor', 'PodMonitor', 'PrometheusRule'].map((kind) => {
    const name = `monitoring.coreos.com/v1/${kind}`
    return [name, `@kubernetes-models/prometheus-operator/${name}`] as const
  }),
  ['operator.victoriametrics.com/v1beta1/VMPodScrape', join(ROOT, 'test/chart/vm-pod-scrape.ts')],
  ...['VMServiceScrape', 'VMRule'].map(
    (kind) =>
      [
        `operator.victoriametrics.com/v1beta1/${kind}`,
        join(ROOT, 'test/observability/vm-resources.ts'),
      ] as const,
  ),
])

/**
 * @returns what the compiler finds wrong, a line each; empty when all is well.
 * @throws Error at a kind without a type: it would pass unseen.
 */
export async function typeFaults(manifests: readonly Manifest[]): Promise<readonly string[]> {
  const types = join(cacheFolder('kubernetes-types'), '1')
  await bringNpmPackages(types, PACKAGES)
  return await typeFaultsOf(types, manifests.map(literal).join('\n'))
}

function literal(manifest: Manifest, index: number): string {
  const name = `${manifest.apiVersion}/${manifest.kind}`
  const module = MODULES.get(name)
  if (module === undefined) throw new Error(`there is no type for ${name}: add where it is`)
  // Imported in each line, for kinds come more than once.
  const type = `import(${JSON.stringify(module)}).I${manifest.kind}`
  return `export const m${index}: ${type} = ${JSON.stringify(manifest)}`
}
