/** Addresses and credentials of providers. */
import { describe, expect, test } from 'vitest'
import { Secret } from '../config/secret.ts'
import { credentialHeaders, endpointPath, findProvider, providerNames } from './provider.ts'

describe('endpointPath', () => {
  test.for([
    ['https://host/v1', '/v1/chat/completions'],
    ['https://host/v1/', '/v1/chat/completions'],
    ['https://host', '/chat/completions'],
    ['https://host/deep/openai/v1', '/deep/openai/v1/chat/completions'],
  ] as const)('OpenAI at %s is called at %s', ([base, path]) => {
    expect(endpointPath('openai', new URL(base), 'openai-chat')).toBe(path)
  })

  test.for([
    ['https://host', '/v1/messages'],
    ['https://host/', '/v1/messages'],
    ['https://host/v1', '/v1/messages'],
    ['https://host/v1/messages', '/v1/messages'],
    ['https://host/proxy/anthropic', '/proxy/anthropic/v1/messages'],
  ] as const)('Anthropic at %s is called at %s', ([base, path]) => {
    expect(endpointPath('anthropic', new URL(base), 'anthropic-messages')).toBe(path)
    expect(endpointPath('anthropic', new URL(base), 'anthropic-count-tokens')).toBe(`${path}/count_tokens`)
  })

  test('a dialect of the other family has no path', () => {
    expect(endpointPath('openai', new URL('https://host/v1'), 'anthropic-messages')).toBeUndefined()
    expect(endpointPath('anthropic', new URL('https://host'), 'openai-chat')).toBeUndefined()
  })
})

describe('credentialHeaders', () => {
  const key = new Secret('sk-secret')
  const of = (name: string, variable?: string): string[] => {
    const provider = findProvider(name)
    if (provider === undefined) throw new Error(`no provider ${name}`)
    return credentialHeaders(provider, key, variable)
  }

  test('OpenAI and its like get a bearer', () => {
    expect(of('openai')).toEqual(['authorization', 'Bearer sk-secret'])
    expect(of('groq')).toEqual(['authorization', 'Bearer sk-secret'])
  })

  test('Anthropic gets x-api-key, and a bearer for a key out of ANTHROPIC_AUTH_TOKEN', () => {
    expect(of('anthropic')).toEqual(['x-api-key', 'sk-secret'])
    expect(of('anthropic', 'ANTHROPIC_API_KEY')).toEqual(['x-api-key', 'sk-secret'])
    expect(of('anthropic', 'ANTHROPIC_AUTH_TOKEN')).toEqual(['authorization', 'Bearer sk-secret'])
  })
})

test('every provider is found by its name, and has a base URL that can be called or none', () => {
  for (const name of providerNames()) {
    const base = findProvider(name)?.defaultApiBase
    expect(base === undefined || URL.canParse(base)).toBe(true)
  }
  expect(findProvider('none')).toBeUndefined()
})
