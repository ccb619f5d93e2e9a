/** What the chart's documents are: valid, of the right types, and named as people expect. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { bringHelm, CHART, withValuesFile, type Helm, type Manifest, type Values } from './helm.ts'
import { typeFaults } from './kubernetes-types.ts'
import { all, at, containerOf, only, workload } from './look.ts'
import { EVERYTHING, KEDA } from './variants.ts'

let helm: Helm

beforeAll(async () => {
  helm = await bringHelm(4)
}, 180_000)

const render = async (values: Values = {}): Promise<readonly Manifest[]> => await helm.render(values)

describe('documents', () => {
  test('all that can be rendered fits the types of Kubernetes and of the custom resources', async () => {
    const variants = [
      EVERYTHING,
      KEDA,
      { journal: { persistence: { enabled: true } } },
      { pdb: { enabled: true } },
    ]
    const rendered = await Promise.all(variants.map((values) => render(values)))
    expect(await typeFaults(rendered.flat())).toEqual([])
  })

  test('an unknown field, a wrong type, and a kind without a type are found', async () => {
    const [service] = all(await render(), 'Service')
    if (service === undefined) throw new Error('no Service')
    const misspelt = { ...service, spec: { ...(service['spec'] as object), sessionAfinity: 'None' } }
    const mistyped = { ...service, spec: { ports: [{ port: '4000' }] } }
    expect((await typeFaults([misspelt])).join()).toContain('sessionAfinity')
    expect((await typeFaults([mistyped])).join()).toContain('TS2322')
    await expect(typeFaults([{ ...service, kind: 'Gateway' }])).rejects.toThrow('no type for v1/Gateway')
  })

  test('the chart passes Helm’s linter with each of its example values, and can be packaged', async () => {
    const folder = join(CHART, 'ci')
    const files = readdirSync(folder)
    expect(files.length).toBeGreaterThan(2)
    for (const major of [3, 4] as const) {
      const program = await bringHelm(major)
      for (const file of files) await program.run(['lint', '--strict', CHART, '--values', join(folder, file)])
    }
    await withValuesFile({}, async (file) => {
      const packed = await helm.run(['package', CHART, '--destination', join(file, '..')])
      expect(packed).toContain('sluice-0.1.0.tgz')
    })
  })

  test('names follow the release, and everything carries the same labels', async () => {
    const named = await helm.render({}, { release: 'edge' })
    expect(workload(named).metadata.name).toBe('edge-litellm')
    const full = await render({
      fullnameOverride: 'gateway',
      nameOverride: 'ai',
      commonLabels: { team: 'ai' },
    })
    expect(workload(full).metadata.name).toBe('gateway')
    for (const one of full) expect(one.metadata['labels']).toMatchObject({ team: 'ai' })
  })
})

describe('the image', () => {
  const repository = 'registry.example.com/litellm/sluice'

  test('has its name from one place', async () => {
    const rendered = await render({ image: { repository } })
    const parts = [workload(rendered), only(rendered, 'Job')].map((one) => containerOf(one)['image'])
    const check = at(only(rendered, 'Pod', 'litellm-test-connection'), 'spec.containers.0.image')
    expect([...parts, check]).toEqual(Array(3).fill(`${repository}:0.1.0`))
    const digest = `sha256:${'0'.repeat(64)}`
    const pinned = workload(await render({ image: { repository, digest } }))
    expect(containerOf(pinned)['image']).toBe(`${repository}@${digest}`)
  })

  test('of no registry is warned of', async () => {
    expect(await helm.notes({})).toContain('runs only where sluice:0.1.0 is loaded on the nodes')
    expect(await helm.notes({ image: { repository } })).not.toContain('loaded on the nodes')
  })
})

test('program, image, chart and example have one version', () => {
  const versionIn = (file: string, pattern: RegExp): string | undefined =>
    pattern.exec(readFileSync(join(CHART, '../..', file), 'utf8'))?.[1]
  const version = versionIn('package.json', /"version": "(.*)"/)
  const found = [
    versionIn('charts/sluice/Chart.yaml', /^version: (.*)$/m),
    versionIn('charts/sluice/Chart.yaml', /^appVersion: '(.*)'$/m),
    versionIn('deploy/Dockerfile', /^ARG VERSION=(.*)$/m),
    versionIn('deploy/wrapper-chart/Chart.yaml', /alias: litellm-helm\n +version: (.*)$/m),
    versionIn('deploy/compose/compose.yaml', /image: sluice:(.*)$/m),
  ]
  expect(found).toEqual(Array(5).fill(version))
})

interface ChartFile {
  readonly annotations: Readonly<Record<string, string>>
}

interface Image {
  readonly registry: string
  readonly repository: string
  readonly tag: string
}

interface ValuesFile {
  readonly redis: { readonly image: Image }
  readonly postgresql: { readonly image: Image }
}

test('images that Artifact Hub shows are those that the values name', () => {
  const chart = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8')) as ChartFile
  const values = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as ValuesFile
  const shown = parse(chart.annotations['artifacthub.io/images'] ?? '') as { name: string; image: string }[]
  const servers = [values.redis, values.postgresql].map(
    ({ image }) => `${image.registry}/${image.repository}:${image.tag}`,
  )
  expect(shown.map((one) => one.image)).toEqual(servers)
})
