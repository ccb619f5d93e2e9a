/** Calls as objects in a bucket, one JSON each, as LiteLLM lays them out: the callbacks `s3` and `s3_v2`. */
import { signedHeaders, type AwsCredentials } from './aws-signature.ts'
import { heldCalls, type Exporter } from './exporter.ts'
import type { OutgoingRequest } from './send-request.ts'
import { standardPayload, type SettledCall } from './settled-call.ts'

export interface S3Settings {
  readonly name: string
  readonly wants: Exporter['wants']
  readonly bucket: string
  readonly region: string
  /** Of a compatible store, which is addressed by path; absent for AWS. */
  readonly endpoint: string | undefined
  /** Before each key; empty, or without a slash at its ends. */
  readonly prefix: string
  /** A folder for each team. */
  readonly useTeamPrefix: boolean
  readonly credentials: AwsCredentials
}

export function s3(settings: S3Settings): Exporter {
  return {
    name: settings.name,
    wants: settings.wants,
    mostCalls: 200,
    newBatch: heldCalls((calls, nowMs) => calls.map((call) => putObject(settings, call, nowMs))),
  }
}

function putObject(settings: S3Settings, call: SettledCall, nowMs: number): OutgoingRequest {
  const { bucket, region, endpoint, credentials } = settings
  const base =
    endpoint === undefined ? `https://${bucket}.s3.${region}.amazonaws.com` : `${endpoint}/${bucket}`
  const url = new URL(`${base}/${objectKey(settings, call).split('/').map(encodeSegment).join('/')}`)
  const body = JSON.stringify(standardPayload(call))
  const request = { method: 'PUT', url, headers: { 'content-type': 'application/json' }, body }
  return {
    method: 'PUT',
    url: url.href,
    headers: signedHeaders(request, credentials, region, 's3', nowMs),
    body,
  }
}

/** `prefix/team/2026-01-31/time-07-05-09-123000_call.json` */
function objectKey({ prefix, useTeamPrefix }: S3Settings, { start }: SettledCall): string {
  const [day = '', time = ''] = new Date(start.arrivedAtMs).toISOString().split('T')
  const team = useTeamPrefix ? (start.caller.teamAlias ?? start.caller.teamId) : undefined
  const name = `time-${time.replaceAll(':', '-').replace('.', '-').replace('Z', '000')}_${start.callId}.json`
  return [prefix, team === undefined ? '' : asFolder(team), day, asFolder(name)]
    .filter((part) => part !== '')
    .join('/')
}

/** What clients and users have named stays where it is put: it makes no folders, and leaves none. */
function asFolder(name: string): string {
  return name.replaceAll(/[/\\]/g, '_').replace(/^\.+$/, '_')
}

/** S3 wants what RFC 3986 reserves encoded, which `encodeURIComponent` leaves in part. */
function encodeSegment(segment: string): string {
  return encodeURIComponent(segment).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
