/** The messages of OTLP that are exported: https://github.com/open-telemetry/opentelemetry-proto */
import type { MessageTable } from './protobuf.ts'

const VALUE: MessageTable = {
  1: { name: 'stringValue', kind: 'text' },
  2: { name: 'boolValue', kind: 'varint' },
  3: { name: 'intValue', kind: 'varint' },
  4: { name: 'doubleValue', kind: 'double' },
  5: {
    name: 'arrayValue',
    kind: { 1: { name: 'values', kind: { 1: { name: 'stringValue', kind: 'text' } }, repeated: true } },
  },
}
const ATTRIBUTE: MessageTable = { 1: { name: 'key', kind: 'text' }, 2: { name: 'value', kind: VALUE } }
const RESOURCE: MessageTable = { 1: { name: 'attributes', kind: ATTRIBUTE, repeated: true } }
const SCOPE: MessageTable = { 1: { name: 'name', kind: 'text' }, 2: { name: 'version', kind: 'text' } }

const EVENT: MessageTable = {
  1: { name: 'timeUnixNano', kind: 'fixed64' },
  2: { name: 'name', kind: 'text' },
  3: { name: 'attributes', kind: ATTRIBUTE, repeated: true },
}

const SPAN: MessageTable = {
  1: { name: 'traceId', kind: 'hex' },
  2: { name: 'spanId', kind: 'hex' },
  3: { name: 'traceState', kind: 'text' },
  4: { name: 'parentSpanId', kind: 'hex' },
  5: { name: 'name', kind: 'text' },
  6: { name: 'kind', kind: 'varint' },
  7: { name: 'startTimeUnixNano', kind: 'fixed64' },
  8: { name: 'endTimeUnixNano', kind: 'fixed64' },
  9: { name: 'attributes', kind: ATTRIBUTE, repeated: true },
  11: { name: 'events', kind: EVENT, repeated: true },
  15: { name: 'status', kind: { 2: { name: 'message', kind: 'text' }, 3: { name: 'code', kind: 'varint' } } },
  16: { name: 'flags', kind: 'hex' },
}

const LOG_RECORD: MessageTable = {
  1: { name: 'timeUnixNano', kind: 'fixed64' },
  2: { name: 'severityNumber', kind: 'varint' },
  3: { name: 'severityText', kind: 'text' },
  5: { name: 'body', kind: VALUE },
  6: { name: 'attributes', kind: ATTRIBUTE, repeated: true },
  8: { name: 'flags', kind: 'hex' },
  9: { name: 'traceId', kind: 'hex' },
  10: { name: 'spanId', kind: 'hex' },
  11: { name: 'observedTimeUnixNano', kind: 'fixed64' },
  12: { name: 'eventName', kind: 'text' },
}

const HISTOGRAM_POINT: MessageTable = {
  4: { name: 'count', kind: 'fixed64' },
  5: { name: 'sum', kind: 'double' },
  6: { name: 'bucketCounts', kind: 'packedFixed64' },
  7: { name: 'explicitBounds', kind: 'packedDouble' },
  9: { name: 'attributes', kind: ATTRIBUTE, repeated: true },
}
const NUMBER_POINT: MessageTable = {
  4: { name: 'asDouble', kind: 'double' },
  6: { name: 'asInt', kind: 'fixed64' },
  7: { name: 'attributes', kind: ATTRIBUTE, repeated: true },
}

const METRIC: MessageTable = {
  1: { name: 'name', kind: 'text' },
  3: { name: 'unit', kind: 'text' },
  7: {
    name: 'sum',
    kind: {
      1: { name: 'dataPoints', kind: NUMBER_POINT, repeated: true },
      2: { name: 'aggregationTemporality', kind: 'varint' },
    },
  },
  9: {
    name: 'histogram',
    kind: {
      1: { name: 'dataPoints', kind: HISTOGRAM_POINT, repeated: true },
      2: { name: 'aggregationTemporality', kind: 'varint' },
    },
  },
}

export const TRACES: MessageTable = {
  1: {
    name: 'resourceSpans',
    repeated: true,
    kind: {
      1: { name: 'resource', kind: RESOURCE },
      2: {
        name: 'scopeSpans',
        repeated: true,
        kind: { 1: { name: 'scope', kind: SCOPE }, 2: { name: 'spans', kind: SPAN, repeated: true } },
      },
    },
  },
}

export const LOGS: MessageTable = {
  1: {
    name: 'resourceLogs',
    repeated: true,
    kind: {
      1: { name: 'resource', kind: RESOURCE },
      2: {
        name: 'scopeLogs',
        repeated: true,
        kind: {
          1: { name: 'scope', kind: SCOPE },
          2: { name: 'logRecords', kind: LOG_RECORD, repeated: true },
        },
      },
    },
  },
}

export const METRICS: MessageTable = {
  1: {
    name: 'resourceMetrics',
    repeated: true,
    kind: {
      1: { name: 'resource', kind: RESOURCE },
      2: {
        name: 'scopeMetrics',
        repeated: true,
        kind: { 1: { name: 'scope', kind: SCOPE }, 2: { name: 'metrics', kind: METRIC, repeated: true } },
      },
    },
  },
}
