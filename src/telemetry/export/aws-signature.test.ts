/** Signatures are those of AWS's own example. */
import { expect, test } from 'vitest'
import { signedHeaders } from './aws-signature.ts'

const CREDENTIALS = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  sessionToken: undefined,
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, "Example: PUT Object"
test('the example of a PUT has the signature that its page tells', () => {
  const request = {
    method: 'PUT',
    url: new URL('https://examplebucket.s3.amazonaws.com/test%24file.text'),
    headers: { date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
    body: 'Welcome to Amazon S3.',
  }
  const headers = signedHeaders(request, CREDENTIALS, 'us-east-1', 's3', Date.UTC(2013, 4, 24))
  expect(headers['authorization']).toBe(
    'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, ' +
      'SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class, ' +
      'Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  )
})

test('a session token is sent, and signed', () => {
  const request = { method: 'PUT', url: new URL('https://b.s3.amazonaws.com/k'), headers: {}, body: '' }
  const headers = signedHeaders(request, { ...CREDENTIALS, sessionToken: 'token' }, 'eu-west-1', 's3', 0)
  expect(headers['x-amz-security-token']).toBe('token')
  expect(headers['authorization']).toContain('x-amz-date;x-amz-security-token,')
})
