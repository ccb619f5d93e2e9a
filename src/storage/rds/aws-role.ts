/** Keys of AWS for this process: its own, or those of the role that Kubernetes has given to its service account. */
import { readFile } from 'node:fs/promises'
import type { AwsKeys } from './rds-token.ts'

export type AwsEnvironment = Readonly<Record<string, string | undefined>>

const TIMEOUT_MS = 5_000

/** Why there are no keys, and what to do. No key or token is in it. */
export class AwsRoleError extends Error {
  override readonly name = 'AwsRoleError'
}

/**
 * The ways of AWS' SDKs that pods have, in their order: keys in the environment, the role of a service account (IRSA),
 * EKS Pod Identity.
 *
 * @throws AwsRoleError when there is none, or it is refused.
 */
export async function awsKeys(environment: AwsEnvironment, region: string): Promise<AwsKeys> {
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN: token } = environment
  if (id && secret) return { accessKeyId: id, secretAccessKey: secret, sessionToken: token || undefined }
  const { AWS_ROLE_ARN: role, AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile } = environment
  if (role && tokenFile) return await keysOfRole(role, tokenFile, environment, region)
  const identity = environment['AWS_CONTAINER_CREDENTIALS_FULL_URI']
  if (identity) return await keysOfPod(identity, environment['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'])
  throw new AwsRoleError(
    'IAM_TOKEN_DB_AUTH needs an AWS role: a service account with eks.amazonaws.com/role-arn or an EKS Pod Identity, or ' +
      'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
  )
}

async function keysOfRole(
  role: string,
  tokenFile: string,
  environment: AwsEnvironment,
  region: string,
): Promise<AwsKeys> {
  const url = environment['AWS_ENDPOINT_URL_STS'] || `https://sts.${region}.amazonaws.com`
  const body = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: role,
    RoleSessionName: environment['AWS_ROLE_SESSION_NAME'] || 'sluice',
    WebIdentityToken: (await readFile(tokenFile, 'utf8')).trim(),
  }).toString()
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const text = await ask('AWS STS', url, { method: 'POST', headers, body })
  const member = (name: string): string | undefined =>
    new RegExp(`<${name}>([^<]+)</${name}>`).exec(text)?.[1]
  return complete('AWS STS', member('AccessKeyId'), member('SecretAccessKey'), member('SessionToken'))
}

async function keysOfPod(url: string, tokenFile: string | undefined): Promise<AwsKeys> {
  const authorization = tokenFile ? (await readFile(tokenFile, 'utf8')).trim() : undefined
  const headers = authorization === undefined ? {} : { authorization }
  const answer: unknown = JSON.parse(await ask('EKS Pod Identity', url, { method: 'GET', headers }))
  const member = (name: string): string | undefined => {
    const value: unknown =
      typeof answer === 'object' && answer !== null ? Reflect.get(answer, name) : undefined
    return typeof value === 'string' ? value : undefined
  }
  return complete('EKS Pod Identity', member('AccessKeyId'), member('SecretAccessKey'), member('Token'))
}

function complete(source: string, id?: string, secret?: string, token?: string): AwsKeys {
  if (id !== undefined && secret !== undefined) {
    return { accessKeyId: id, secretAccessKey: secret, sessionToken: token }
  }
  throw new AwsRoleError(`${source} has answered without keys.`)
}

interface Question {
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

async function ask(source: string, url: string, question: Question): Promise<string> {
  try {
    const { request } = await import('undici')
    const answer = await request(url, { ...question, signal: AbortSignal.timeout(TIMEOUT_MS) })
    const text = await answer.body.text()
    if (answer.statusCode === 200) return text
    const code = /<Code>(\w+)<\/Code>/.exec(text)?.[1]
    throw new AwsRoleError(`${source} refuses the role: ${code ?? `HTTP ${answer.statusCode}`}.`)
  } catch (error) {
    if (error instanceof AwsRoleError) throw error
    throw new AwsRoleError(
      `${source} does not answer: ${error instanceof Error ? error.message : String(error)}.`,
      {
        cause: error,
      },
    )
  }
}
