/** Exports calls by OTLP: traces, and where asked for, metrics and log records. */
import type { Exporter } from '../export/exporter.ts'
import { GRPC_CONTENT_TYPE, GrpcSender } from './grpc-send.ts'
import type { OtlpEncoding, OtlpEncodingSettings } from './otlp-encoding.ts'

export interface OtlpExporterSettings extends OtlpEncodingSettings {
  readonly name: string
  readonly wants: Exporter['wants']
}

/** Calls of a batch; it is written and sent in parts. */
const MOST_CALLS = 400

/** The SDK is loaded in the background; calls that settle before it is there wait in the queue. */
export function otlpExporter(settings: OtlpExporterSettings): Exporter {
  const { name, wants, metrics, logs, contentInSpans, contentInLogs } = settings
  const encoding = loadEncoding(settings)
  // Told to whoever asks it for messages: until then nobody listens.
  encoding.catch(() => undefined)
  const takesAll = metrics !== undefined || logs !== undefined
  const grpc = new GrpcSender()
  return {
    name,
    wants,
    mostCalls: MOST_CALLS,
    gatherMs: settings.gatherMs,
    holdsContent: contentInSpans || contentInLogs,
    takes: ({ start }) => takesAll || start.trace?.sampled === true,
    messages: async (calls) => (await encoding).messages(calls),
    ...(metrics === undefined
      ? {}
      : {
          periodic: {
            everyMs: settings.metricsIntervalMs,
            messages: async () => (await encoding).metricMessages(),
          },
        }),
    send: (message, signal) =>
      message.headers['content-type'] === GRPC_CONTENT_TYPE ? grpc.send(message, signal) : undefined,
    close: () => grpc.close(),
  }
}

async function loadEncoding(settings: OtlpEncodingSettings): Promise<OtlpEncoding> {
  const { OtlpEncoding } = await import('./otlp-encoding.ts')
  return new OtlpEncoding(settings)
}
