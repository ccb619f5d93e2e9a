/** The password of a database that knows this process by its AWS role: another one every few minutes. */
import { awsKeys, AwsRoleError, type AwsEnvironment } from './aws-role.ts'
import { rdsToken } from './rds-token.ts'

/** A token opens connections for a quarter of an hour; those that are open stay so. */
const RENEW_AFTER_MS = 600_000

/**
 * @param url of the database: host, port and user are signed.
 * @returns what gives the password; it throws AwsRoleError.
 */
export function rdsPassword(
  url: string,
  environment: AwsEnvironment,
  clock: () => number,
): () => Promise<string> {
  let token: Promise<string> | undefined
  let madeAtMs = 0
  return async () => {
    if (token === undefined || clock() - madeAtMs > RENEW_AFTER_MS) {
      madeAtMs = clock()
      const making = makeToken(url, environment, madeAtMs)
      token = making
      // The next connection tries anew.
      making.catch(() => {
        if (token === making) token = undefined
      })
    }
    return await token
  }
}

async function makeToken(url: string, environment: AwsEnvironment, nowMs: number): Promise<string> {
  const { hostname: host, port, username } = new URL(url)
  const region =
    environment['AWS_REGION'] ||
    environment['AWS_DEFAULT_REGION'] ||
    environment['AWS_REGION_NAME'] ||
    /\.([a-z0-9-]+)\.rds\.amazonaws\.com/.exec(host)?.[1]
  if (region === undefined)
    throw new AwsRoleError('IAM_TOKEN_DB_AUTH needs the region of the database: set AWS_REGION.')
  const login = { host, port: Number(port || 5432), user: decodeURIComponent(username), region }
  return rdsToken(login, await awsKeys(environment, region), nowMs)
}
