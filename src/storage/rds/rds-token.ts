/**
 * A password for RDS that lives a quarter of an hour: a signed request, as text.
 * https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.Connecting.html
 */
import { createHash, createHmac } from 'node:crypto'

export interface RdsLogin {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly region: string
}

export interface AwsKeys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string | undefined
}

const LIFETIME_SECONDS = 900

export function rdsToken({ host, port, user, region }: RdsLogin, keys: AwsKeys, nowMs: number): string {
  const time = new Date(nowMs).toISOString().replace(/[-:]|\.\d{3}/g, '')
  const scope = `${time.slice(0, 8)}/${region}/rds-db/aws4_request`
  const place = `${host}:${port}`
  const query = [
    ['Action', 'connect'],
    ['DBUser', user],
    ['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'],
    ['X-Amz-Credential', `${keys.accessKeyId}/${scope}`],
    ['X-Amz-Date', time],
    ['X-Amz-Expires', String(LIFETIME_SECONDS)],
    ...(keys.sessionToken === undefined ? [] : [['X-Amz-Security-Token', keys.sessionToken]]),
    ['X-Amz-SignedHeaders', 'host'],
  ]
    .map(([name = '', value = '']) => `${name}=${encoded(value)}`)
    .join('&')
  const canonical = ['GET', '/', query, `host:${place}`, '', 'host', sha256('')].join('\n')
  const text = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n')
  let key: Buffer = Buffer.from(`AWS4${keys.secretAccessKey}`)
  for (const part of scope.split('/')) key = hmac(key, part)
  return `${place}/?${query}&X-Amz-Signature=${hmac(key, text).toString('hex')}`
}

/** As AWS wants it: everything but letters, digits and `-_.~`. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
