/** Checks dashboards against Grafana's own types, panel by panel. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bringNpmPackages, cacheFolder } from '../bring-npm-package.ts'
import { typeFaultsOf } from '../type-faults.ts'

const PACKAGE = '@grafana/grafana-foundation-sdk'
const VERSION = '0.0.21'

/** Where the options of each kind of panel are, and those of its fields. */
const KINDS: Readonly<Record<string, { readonly options: string; readonly fields?: string }>> = {
  stat: { options: 'stat' },
  timeseries: { options: 'timeseries', fields: 'common.GraphFieldConfig' },
  bargauge: { options: 'bargauge' },
  table: { options: 'table', fields: 'Partial<common.TableFieldOptions>' },
  heatmap: { options: 'heatmap' },
  'state-timeline': { options: 'statetimeline', fields: 'statetimeline.FieldConfig' },
}

interface PanelModel {
  readonly type: string
  readonly options: unknown
  readonly targets: unknown
  readonly fieldConfig: { readonly defaults: { readonly custom?: unknown } }
}

/** @param dashboards JSON. @returns what is wrong, a line each. */
export async function dashboardFaults(dashboards: readonly string[]): Promise<readonly string[]> {
  const folder = join(cacheFolder('grafana-types'), `${VERSION}-1`)
  await bringNpmPackages(folder, [`${PACKAGE}@${VERSION}`], async (staging) => {
    await Promise.resolve(asPlainTypes(join(staging, 'node_modules', PACKAGE, 'dist')))
  })
  const imports = ['common', 'dashboard', 'prometheus', ...Object.values(KINDS).map(({ options }) => options)]
  const source = [
    ...imports.map((name) => `import type * as ${name} from '${PACKAGE}/${name}'`),
    ...dashboards.map(literals),
  ]
  return await typeFaultsOf(folder, source.join('\n'))
}

/** JSON has the values of enums as texts, and no methods: types that say so. */
function asPlainTypes(folder: string): void {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  for (const name of files.filter((file) => file.endsWith('.d.ts'))) {
    const path = join(folder, name)
    const text = readFileSync(path, 'utf8')
      .replaceAll(/^ +_implements\w+Variant\(\): void;\n/gm, '')
      .replaceAll(/export declare enum (\w+) \{([^}]*)\}/g, (_, enumName: string, body: string) => {
        const members = [...body.matchAll(/(\w+) = ("[^"]*"|-?\d+)/g)].map(([, key, value]) => ({
          key,
          value,
        }))
        const types = members.map(({ key, value }) => `type ${key} = ${value};`).join(' ')
        const union = members.map(({ value }) => value).join(' | ')
        return `export declare namespace ${enumName} { ${types} }\nexport type ${enumName} = ${union};`
      })
    writeFileSync(path, text)
  }
}

function literals(json: string, index: number): string {
  const { panels } = JSON.parse(json) as { readonly panels: readonly PanelModel[] }
  const lines = panels.flatMap(({ type, options, targets, fieldConfig }, panel) => {
    if (type === 'row') return []
    const kind = KINDS[type]
    if (kind === undefined)
      throw new Error(`there is no type for panels of the kind ${type}: add where it is`)
    const name = `d${index}p${panel}`
    const { custom } = fieldConfig.defaults
    return [
      `export const ${name}options: ${kind.options}.Options = ${JSON.stringify(options)}`,
      `export const ${name}targets: prometheus.Dataquery[] = ${JSON.stringify(targets)}`,
      ...(custom === undefined
        ? []
        : [`export const ${name}custom: ${kind.fields ?? 'never'} = ${JSON.stringify(custom)}`]),
    ]
  })
  return [`export const d${index}: dashboard.Dashboard = ${json}`, ...lines].join('\n')
}
