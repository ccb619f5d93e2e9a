import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DIALECTS } from '../dialects/index.ts'
import type { Deployment } from '../routing/deployment.ts'
import { lineForProvider, modelOfLine, readOutputLine, type LineTarget } from './batch-line.ts'

const DEPLOYMENT: Deployment = {
  facts: {
    modelId: 'gpt-1',
    modelGroup: 'gpt',
    litellmModel: 'openai/gpt-5.5',
    upstreamModel: 'gpt-5.5',
    provider: 'openai',
    apiBase: 'https://api.openai.com/v1',
  },
  family: 'openai',
  origin: 'https://api.openai.com',
  paths: {},
  headers: [],
  upstreamModelJson: '"gpt-5.5"',
  defaults: [['temperature', '0.5']],
  price: undefined,
  weight: 1,
  timeoutMs: 1_000,
  streamTimeoutMs: undefined,
  accessGroups: [],
  scopes: [],
}
const TARGET: LineTarget = { deployment: DEPLOYMENT, accepts: (model) => model === 'gpt' }

function sent(line: string, target = TARGET): string {
  return Buffer.concat(lineForProvider(Buffer.from(line), 7, target)).toString()
}

describe('an input line', () => {
  test('gets the provider’s model and the deployment’s defaults, and stays as it is otherwise', () => {
    const line =
      '{"custom_id": "é" ,"url":"/v1/chat/completions","body" : {"temperature": 1,"model":"gpt","messages":[ ]} }\r\n'
    expect(sent(line)).toBe(line.replace('"gpt"', '"gpt-5.5"'))
    expect(sent('{"url":"/v1/chat/completions","body":{"model":"gpt"}}')).toBe(
      '{"url":"/v1/chat/completions","body":{"model":"gpt-5.5","temperature":0.5}}',
    )
    expect(sent(' \n')).toBe(' \n')
  })

  test.each([
    ['{"url":"/v1/chat/completions","body":{"model":"other"}}', /line 7: body\.model: 'other'/],
    ['{"url":"/v1/moderations","body":{"model":"gpt"}}', /line 7: url: expected one of/],
    ['{"url":"/v1/chat/completions","body":[]}', /line 7: body: expected an object/],
    ['{"url":"/v1/chat/completions","body":{}}', /line 7: model: expected/],
    ['{"url":"/v1/chat/completions","body":{"model":"gpt","model":"other"}}', /line 7: .*twice/],
    ['{"url":"/v1/chat/completions","body":{"model":"gpt"},"body":{"model":"other"}}', /line 7: .*twice/],
    ['not json', /line 7/],
  ])('%s is refused with its number', (line, message) => {
    expect(() => sent(line)).toThrow(message)
  })

  test('means the same to the provider, whatever else it holds', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue(), (members, messages) => {
        const body = { messages, model: 'gpt', temperature: 1 }
        const line = { ...members, url: '/v1/chat/completions', body }
        const text = sent(JSON.stringify(line))
        expect(JSON.parse(text)).toEqual(
          JSON.parse(JSON.stringify({ ...line, body: { ...body, model: 'gpt-5.5' } })),
        )
      }),
    )
  })

  test('tells its model, if it is one', () => {
    expect(modelOfLine(Buffer.from('{"url":"/v1/x","body":{"model":"gpt"}}'))).toBe('gpt')
    for (const line of [
      '',
      '{}',
      '{"url":1,"body":{"model":"gpt"}}',
      '{"url":"/v1/x","body":{"model":1}}',
      '[',
    ]) {
      expect(modelOfLine(Buffer.from(line))).toBeUndefined()
    }
  })
})

describe('an output line', () => {
  const read = (line: unknown, dialect = DIALECTS['openai-chat']) =>
    readOutputLine(Buffer.from(typeof line === 'string' ? line : JSON.stringify(line)), dialect)

  test('tells the usage by its dialect', () => {
    const chat = {
      response: {
        status_code: 200,
        body: {
          choices: [],
          usage: { prompt_tokens: 10, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 4 } },
        },
      },
    }
    expect(read(chat)).toMatchObject({
      kind: 'answered',
      usage: { inputTokens: 6, cacheReadTokens: 4, outputTokens: 5 },
    })
    const embedding = {
      response: { status_code: 200, body: { data: [], usage: { prompt_tokens: 3, total_tokens: 3 } } },
    }
    expect(read(embedding, DIALECTS['openai-embeddings'])).toMatchObject({
      kind: 'answered',
      usage: { inputTokens: 3, outputTokens: 0 },
    })
  })

  test.each([
    ['\n', 'blank'],
    [{ response: null, error: { code: 'batch_expired' } }, 'failed'],
    [{ response: { status_code: 429, body: { error: {} } } }, 'failed'],
    [{ response: { status_code: 200 } }, 'unreadable'],
    [{ response: { status_code: 200, body: { error: { message: 'no' } } } }, 'unreadable'],
    ['{"response":', 'unreadable'],
  ])('%j is %s, and costs nothing', (line, kind) => {
    expect(read(line)).toEqual({ kind })
  })
})
