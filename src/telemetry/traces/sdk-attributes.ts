/** Attributes as the OpenTelemetry SDK's serializers take them. */
import type { Attributes, HrTime } from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import type { AttributeSink } from './sinks.ts'

/** What all spans, or all log records, of a process have in common. */
export interface Origin {
  readonly resource: Resource
  readonly instrumentationScope: { readonly name: string; readonly version?: string }
}

export class SdkAttributes implements AttributeSink {
  #attributes: Attributes = {}

  text(name: string, value: string | undefined): void {
    if (value !== undefined) this.#attributes[name] = value
  }

  number(name: string, value: number | undefined): void {
    if (value !== undefined) this.#attributes[name] = value
  }

  flag(name: string, value: boolean | undefined): void {
    if (value !== undefined) this.#attributes[name] = value
  }

  texts(name: string, values: readonly string[] | undefined): void {
    if (values !== undefined) this.#attributes[name] = [...values]
  }

  shared<Of extends object>(of: Of, write: (sink: AttributeSink, of: Of) => void): void {
    write(this, of)
  }

  /** Those since the last time. */
  protected takeAttributes(): Attributes {
    const attributes = this.#attributes
    this.#attributes = {}
    return attributes
  }
}

/** Seconds and nanoseconds, to the microsecond: finer is not measured. */
export function toHrTime(ms: number): HrTime {
  const microseconds = Math.round(ms * 1000)
  const seconds = Math.floor(microseconds / 1_000_000)
  return [seconds, (microseconds - seconds * 1_000_000) * 1000]
}
