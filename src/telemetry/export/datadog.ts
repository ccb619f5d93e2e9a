/** Calls as log events of Datadog: the callback `datadog`. https://docs.datadoghq.com/api/latest/logs/#send-logs */
import { gzipSync } from 'node:zlib'
import { isSuccess } from '../../record/call-record.ts'
import { heldCalls, type Exporter } from './exporter.ts'
import { standardPayload, type SettledCall } from './settled-call.ts'

export interface DatadogSettings {
  readonly wants: Exporter['wants']
  /** The intake, or an agent's. */
  readonly url: string
  /** Absent where an agent has it. */
  readonly apiKey: string | undefined
  readonly source: string
  readonly service: string
  readonly hostname: string
  /** `env:prod,version:1.2` */
  readonly tags: string
}

export function datadog(settings: DatadogSettings): Exporter {
  const headers = {
    'content-type': 'application/json',
    'content-encoding': 'gzip',
    ...(settings.apiKey === undefined ? {} : { 'dd-api-key': settings.apiKey }),
  }
  return {
    name: 'datadog',
    wants: settings.wants,
    // The intake takes 1,000 events and 5 MB at most.
    mostCalls: 250,
    newBatch: heldCalls((calls) => {
      const body = gzipSync(JSON.stringify(calls.map((call) => event(settings, call))))
      return [{ method: 'POST', url: settings.url, headers, body }]
    }),
  }
}

function event({ source, service, hostname, tags }: DatadogSettings, call: SettledCall): unknown {
  const { teamAlias, teamId } = call.start.caller
  const team = teamAlias ?? teamId
  return {
    ddsource: source,
    ddtags: team === undefined ? tags : `${tags},team:${team}`,
    hostname,
    service,
    status: isSuccess(call.end.ending) ? 'info' : 'error',
    message: JSON.stringify(standardPayload(call)),
  }
}
