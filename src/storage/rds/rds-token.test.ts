import { expect, test } from 'vitest'
import { rdsToken } from './rds-token.ts'

const LOGIN = {
  host: 'db.abc.eu-west-1.rds.amazonaws.com',
  port: 5432,
  user: 'gate way(1)',
  region: 'eu-west-1',
}
const KEYS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }
const AT_MS = Date.parse('2026-11-29T12:00:00Z')

/** The signatures that AWS' own signer for RDS makes of the same. */
test.each([
  [undefined, 'd2a6b1873c56f800b50899049467cce8d3b4670b11b4f36c2fdc20ebef29338d'],
  ['session/token+with=marks', '96c7cd79d847faf65fbb40622f95bc1c70e091c6d3008d4ada7245cc0fbec0c7'],
])('a token is signed as AWS signs it (session token: %s)', (sessionToken, signature) => {
  const token = rdsToken(LOGIN, { ...KEYS, sessionToken }, AT_MS)
  expect(token).toMatch(
    /^db\.abc\.eu-west-1\.rds\.amazonaws\.com:5432\/\?Action=connect&DBUser=gate%20way%281%29&/,
  )
  expect(new URL(`https://${token}`).searchParams.get('X-Amz-Signature')).toBe(signature)
})
