/** Watches a stream of OpenAI Responses events: named, and ended by the whole response. */
import type { GatewayError } from '../../errors/gateway-error.ts'
import { readAnswerMembers } from '../answer-members.ts'
import { deltaBytes } from '../delta-bytes.ts'
import { FrameTap } from '../frame-tap.ts'
import { objectOf, parseJson, textOf } from '../json-value.ts'
import { leadingEventName, readEvent } from '../sse.ts'
import type { Usage } from '../usage.ts'
import { writeResponsesStreamError } from '../write-error.ts'
import { readResponse, responseFailure } from './read-response.ts'

export class ResponsesStreamTap extends FrameTap {
  finished = false
  usage: Usage | undefined = undefined

  protected override readFrame(frame: string): boolean {
    const name = leadingEventName(frame)
    if (name.endsWith('.delta')) {
      this.contentSeen = true
      this.outputBytes += deltaBytes(frame, 'delta')
    } else {
      this.#readNamed(name === '' ? nameInData(frame) : name, frame)
    }
    return true
  }

  protected override errorEvent(error: GatewayError): Buffer {
    return writeResponsesStreamError(error, 'failed')
  }

  #readNamed(name: string, frame: string): void {
    switch (name) {
      case '':
      // The preamble echoes the request.
      case 'response.created':
      case 'response.queued':
      case 'response.in_progress':
        return
      case 'response.completed':
      case 'response.incomplete':
      case 'response.failed':
        return this.#readLast(name, frame)
      case 'error':
        return this.#readError(frame)
      default:
        this.contentSeen = true
        if (name.endsWith('.delta')) {
          this.outputBytes += deltaBytes(frame, 'delta')
        }
    }
  }

  #readLast(name: string, frame: string): void {
    const data = readEvent(frame).data ?? ''
    const response = readAnswerMembers(Buffer.from(data))?.object('response')
    if (response === undefined) {
      return
    }
    this.finished = true
    const facts = readResponse(response)
    this.usage = facts.usage
    this.outputBytesTold = this.outputBytes
    this.responseModel = facts.responseModel
    this.finishReason = facts.finishReason
    if (name === 'response.failed') {
      this.streamError = facts.failure ?? {
        type: undefined,
        message: 'The provider failed without a message.',
        status: 500,
      }
    } else {
      this.contentSeen = true
    }
  }

  /** The facts stand at the top of the data, or in its member `error`. */
  #readError(frame: string): void {
    const data = objectOf(parseJson(readEvent(frame).data ?? ''))
    const nested = objectOf(data?.['error'])
    // The type of the event itself says nothing.
    const flat = data === undefined ? {} : { ...data, type: undefined }
    this.streamError = responseFailure(nested ?? flat)
  }
}

/** For hosts that leave the `event:` line out. */
function nameInData(frame: string): string {
  const { event, data } = readEvent(frame)
  return event === '' && data !== undefined ? (textOf(objectOf(parseJson(data))?.['type']) ?? '') : event
}
