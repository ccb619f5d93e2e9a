/** A team's wrapper around LiteLLM's chart, moved to ours by the two changes that it takes. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CHART, type Helm } from './helm.ts'

const TEAM_CHART = fileURLToPath(new URL('fixtures/team-chart', import.meta.url))

export interface TeamChart extends Disposable {
  readonly folder: string
}

/** A copy whose dependency and image tag are ours, and nothing else; the dependency is brought. */
export async function moveTeamChart(helm: Helm): Promise<TeamChart> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-team-chart-'))
  cpSync(TEAM_CHART, folder, { recursive: true })
  edit(join(folder, 'Chart.yaml'), [
    ['name: litellm-helm', 'name: sluice\n    alias: litellm-helm'],
    ['version: "1.87.1"', 'version: "0.1.0"'],
    ['oci://ghcr.io/berriai', `file://${CHART}`],
  ])
  edit(join(folder, 'values.yaml'), [['tag: "1.87.1"', 'tag: "0.1.0"']])
  await helm.run(['dependency', 'update', folder])
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) }
}

function edit(file: string, changes: readonly (readonly [string, string])[]): void {
  let text = readFileSync(file, 'utf8')
  for (const [before, after] of changes) {
    if (!text.includes(before)) throw new Error(`${file} has no ${before}`)
    text = text.replace(before, after)
  }
  writeFileSync(file, text)
}
