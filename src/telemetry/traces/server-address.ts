/** Host and port of a provider, as traces and metrics tell them. */
import type { DeploymentFacts } from '../../record/call-record.ts'

export interface ServerAddress {
  readonly host: string
  readonly port: number
}

/** Undefined when the base URL is none. */
export function serverAddress({ apiBase }: DeploymentFacts): ServerAddress | undefined {
  const url = URL.parse(apiBase)
  if (url === null || url.hostname === '') return undefined
  const known = url.protocol === 'http:' ? 80 : 443
  return { host: url.hostname, port: url.port === '' ? known : Number(url.port) }
}
