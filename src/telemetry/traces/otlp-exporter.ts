/** Exports calls by OTLP: traces, and where asked for, metrics and log records. */
import type { Exporter } from '../export/exporter.ts'
import { GRPC_CONTENT_TYPE, GrpcSender } from './grpc-send.ts'
import { OtlpBatch, type LoadingEncoding } from './otlp-batch.ts'
import type { OtlpEncoding, OtlpEncodingSettings } from './otlp-encoding.ts'

export interface OtlpExporterSettings extends OtlpEncodingSettings {
  readonly name: string
  readonly wants: Exporter['wants']
}

const MOST_CALLS = 1_000

/** The SDK is loaded in the background; calls that settle before it is there wait in their batch. */
export function otlpExporter(settings: OtlpExporterSettings): Exporter {
  const { name, wants, metrics, logs, contentInSpans, contentInLogs } = settings
  const encoding = loadEncoding(settings)
  const takesAll = metrics !== undefined || logs !== undefined
  const grpc = new GrpcSender()
  return {
    name,
    wants,
    mostCalls: MOST_CALLS,
    gatherMs: settings.gatherMs,
    holdsContent: contentInSpans || contentInLogs,
    takes: ({ start }) => takesAll || start.trace?.sampled === true,
    newBatch: () => new OtlpBatch(encoding),
    ...(metrics === undefined
      ? {}
      : {
          periodic: {
            everyMs: settings.metricsIntervalMs,
            messages: async () => (await encoding.whenLoaded).metricMessages(),
          },
        }),
    send: (message, signal) =>
      message.headers['content-type'] === GRPC_CONTENT_TYPE ? grpc.send(message, signal) : undefined,
    close: () => grpc.close(),
  }
}

function loadEncoding(settings: OtlpEncodingSettings): LoadingEncoding {
  const encoding: LoadingEncoding = { whenLoaded: load(settings), loaded: undefined }
  encoding.whenLoaded.then(
    (loaded) => {
      encoding.loaded = loaded
    },
    // Told to whoever asks it for messages: until then nobody listens.
    () => undefined,
  )
  return encoding
}

async function load(settings: OtlpEncodingSettings): Promise<OtlpEncoding> {
  const { OtlpEncoding } = await import('./otlp-encoding.ts')
  return new OtlpEncoding(settings)
}
