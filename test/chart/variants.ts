/** Values that switch on what can be switched on, so that the types see each template. */
import type { Values } from './helm.ts'

export const EVERYTHING: Values = {
  replicaCount: 3,
  numWorkers: 2,
  commonLabels: { team: 'ai' },
  imagePullSecrets: [{ name: 'registry' }],
  serviceAccount: { create: true, annotations: { 'eks.amazonaws.com/role-arn': 'arn' } },
  deploymentLabels: { tier: 'edge' },
  deploymentAnnotations: { 'reloader.stakater.com/auto': 'true' },
  podAnnotations: { release: '{{ .Release.Name }}' },
  podLabels: { zone: 'a' },
  resources: { requests: { cpu: 1 }, limits: { memory: '1Gi' } },
  tolerations: [{ key: 'a', operator: 'Exists' }],
  affinity: { podAntiAffinity: {} },
  priorityClassName: 'high',
  volumes: [{ name: 'extra', emptyDir: {} }],
  volumeMounts: [{ name: 'extra', mountPath: '/extra' }],
  extraContainers: [{ name: '{{ .Release.Name }}-sidecar', image: 'busybox' }],
  extraInitContainers: [{ name: 'init', image: 'busybox' }],
  extraResources: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: '{{ .Release.Name }}-more' } }],
  environmentSecrets: ['more'],
  envVars: { ONE: 1 },
  extraEnvVars: [{ name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
  logLevel: 'DEBUG',
  ingress: {
    enabled: true,
    labels: { a: 'b' },
    annotations: { 'alb.ingress.kubernetes.io/group.order': 10 },
    tls: [{ hosts: ['api.example.local'] }],
  },
  httpRoute: { enabled: true, parentRefs: [{ name: 'public' }], hostnames: ['ai.example.com'] },
  networkPolicy: { enabled: true, from: [{ podSelector: {} }], egress: [{ to: [{ podSelector: {} }] }] },
  redis: { enabled: true, architecture: 'replication', master: { persistence: { enabled: true } } },
  postgresql: { primary: { resources: { limits: { memory: '1Gi' } } } },
  autoscaling: {
    enabled: true,
    targetMemoryUtilizationPercentage: 80,
    targetRequestsPerSecond: 100,
    targetTokensPerSecond: '5k',
    behavior: { scaleDown: { stabilizationWindowSeconds: 300 } },
  },
  pdb: { enabled: true, annotations: { a: 'b' } },
  metricsServer: { enabled: true },
  serviceMonitor: { enabled: true, authSecret: { enabled: true }, relabelings: [{ targetLabel: 'a' }] },
  vmPodScrape: { enabled: true, authSecret: { enabled: true, name: 'reader', key: 'key' } },
}

export const KEDA: Values = {
  keda: {
    enabled: true,
    fallback: { failureThreshold: 3, replicas: 4 },
    triggers: [{ type: 'cpu', metricType: 'Utilization', metadata: { value: '60' } }],
    behavior: { scaleDown: { stabilizationWindowSeconds: 60 } },
    prometheus: { serverAddress: 'http://prometheus:9090', requestsPerSecond: 50, tokensPerSecond: 1000 },
  },
}
