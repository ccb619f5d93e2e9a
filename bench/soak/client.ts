/** One call of the soak, from its request to its end, whichever that is. */
import { Agent, request, type ClientRequest, type IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { requestBody } from '../request-source.ts'
import type { SoakCall } from './plan.ts'

const PATHS = {
  'openai-chat': '/v1/chat/completions',
  'openai-responses': '/v1/responses',
  'anthropic-messages': '/v1/messages',
} as const

/** What stands in the last event of a stream. */
const LAST_EVENTS = {
  'openai-chat': '[DONE]',
  'openai-responses': 'response.completed',
  'anthropic-messages': 'message_stop',
} as const

const SLOW_READ_MS = 20
const TAIL_BYTES = 4_096
/** Of an answer that was not what it should be. */
const TOLD_CHARACTERS = 300

const agent = new Agent({ keepAlive: true })

export type SoakEnd = { readonly kind: 'whole' | 'left' } | { readonly kind: 'broken'; readonly why: string }

const WHOLE: SoakEnd = { kind: 'whole' }
const LEFT: SoakEnd = { kind: 'left' }

/** Never rejects. */
export function playSoakCall(call: SoakCall, url: string, key: string): Promise<SoakEnd> {
  const { promise, resolve } = Promise.withResolvers<SoakEnd>()
  const isAnthropic = call.dialect === 'anthropic-messages'
  const body = requestBody({
    dialect: call.dialect,
    stream: call.stream,
    bodyBytes: call.bodyBytes,
    model: isAnthropic ? 'claude' : 'gpt',
    lastWords: ` [[sim ${call.sim}]]`,
  })
  const outgoing = request(url + PATHS[call.dialect], {
    method: 'POST',
    agent,
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    },
  })
  outgoing.on('error', (error) => resolve(broken(`no answer: ${error.message}`)))
  outgoing.on('response', (response) => void readAnswer(call, outgoing, response).then(resolve))
  outgoing.end(body)
  if (call.client === 'leaves') void leaveSoon(outgoing, resolve)
  return promise
}

async function leaveSoon(outgoing: ClientRequest, resolve: (end: SoakEnd) => void): Promise<void> {
  await delay(50 + Math.random() * 500)
  resolve(LEFT)
  outgoing.destroy()
}

async function readAnswer(
  call: SoakCall,
  outgoing: ClientRequest,
  response: IncomingMessage,
): Promise<SoakEnd> {
  let tail = ''
  try {
    for await (const piece of response as AsyncIterable<Buffer>) {
      tail = (tail + piece.toString('latin1')).slice(-TAIL_BYTES)
      if (call.client === 'slow') await delay(SLOW_READ_MS)
    }
  } catch (error) {
    outgoing.destroy()
    return broken(`cut within the answer: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (response.statusCode !== 200) return broken(`${response.statusCode}: ${tail.slice(0, TOLD_CHARACTERS)}`)
  if (!response.complete) return broken('the answer is not complete')
  return call.stream && !tail.includes(LAST_EVENTS[call.dialect])
    ? broken(`a stream that ends with: ${tail.slice(-TOLD_CHARACTERS)}`)
    : WHOLE
}

function broken(why: string): SoakEnd {
  return { kind: 'broken', why }
}
