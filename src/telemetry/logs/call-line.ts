/**
 * The log line of a call: one JSON object, put together from parts that are made once per caller and per deployment.
 * The docs list its fields.
 */
import { completionTokens, promptTokens, type Usage } from '../../dialects/usage.ts'
import { toDecimal } from '../../money/picodollars.ts'
import { isOwnCallId } from '../../record/call-id.ts'
import {
  isSuccess,
  type CallEnd,
  type CallerFacts,
  type CallStart,
  type ClientKey,
  type DeploymentFacts,
} from '../../record/call-record.ts'
import { millisecondsText } from '../../record/milliseconds-text.ts'
import { firstContentMs, overheadMs, providerMs, queueMs, totalMs } from '../call-timings.ts'
import { failureStatus } from '../failure-status.ts'
import type { Redactor } from '../redaction.ts'
import { CourseParts } from './course-parts.ts'
import { jsonText, madeAnew } from './json-text.ts'
import type { LogLevel } from './log-level.ts'

const LONGEST_ERROR_MESSAGE = 2_000

/** The level of a call's line: `error` for a failure of provider or gateway, `warn` for a refusal or a missing price. */
export function callLevel(end: CallEnd): LogLevel {
  if (!isSuccess(end.ending)) return end.ending === 'refused' && end.httpStatus < 500 ? 'warn' : 'error'
  return !end.priced && end.usage !== undefined ? 'warn' : 'info'
}

/** What a client's lines have in common, redacted by what the redactor knew then. */
interface ClientPart {
  readonly generation: number
  readonly text: string
}

export class CallLineWriter {
  readonly #redactor: Redactor
  readonly #callers = new WeakMap<CallerFacts, string>()
  readonly #clients = new WeakMap<ClientKey, ClientPart>()
  readonly #deployments = new WeakMap<DeploymentFacts, string>()
  readonly #courses = new CourseParts()
  #lastSecond = Number.NaN
  #lastSecondText = ''
  #lastReason = { reason: '', generation: -1, text: '' }

  constructor(redactor: Redactor) {
    this.#redactor = redactor
  }

  /** The line of a settled call, with its line feed. */
  line(level: LogLevel, start: CallStart, end: CallEnd): string {
    const course = this.#courses.of(level, start, end)
    const firstContent = start.stream ? firstContentMs(end) : undefined
    const cost = toDecimal(end.cost)
    return (
      `${course.beforeTime}${this.#timeText(end.endedAtMs)}${course.beforeId}${this.#callId(start.callId)}` +
      `${course.afterId}${this.#clientPart(start)},${this.#deploymentPart(end.deployment)}` +
      `${course.beforeUsage}${usagePart(end.usage)}${course.beforeCost}${cost},"cost":"${cost}${course.afterCost}` +
      `${end.cache?.hit ?? null},"duration_ms":${textOfMs(totalMs(start, end))},"provider_ms":${textOfMs(providerMs(end))}` +
      `,"ttft_ms":${textOfMs(firstContent)},"overhead_ms":${textOfMs(overheadMs(start, end))}` +
      `,"queue_ms":${textOfMs(queueMs(start, end))},"finish_reason":${this.#finishReason(end.finishReason)}` +
      `${tracePart(start)}${this.#errorPart(end)}}\n`
    )
  }

  #callId(callId: string): string {
    return isOwnCallId(callId) ? `"${callId}"` : this.#safeText(callId)
  }

  /** Providers have a handful of words for it, and a model mostly the same one. */
  #finishReason(reason: string | undefined): string {
    if (reason === undefined) return 'null'
    const { generation } = this.#redactor
    if (this.#lastReason.reason !== reason || this.#lastReason.generation !== generation)
      this.#lastReason = { reason, generation, text: this.#safeText(reason) }
    return this.#lastReason.text
  }

  #clientPart(start: CallStart): string {
    const { client } = start
    const { generation } = this.#redactor
    const known = client === undefined ? undefined : this.#clients.get(client)
    if (known?.generation === generation) return known.text
    const text = madeAnew(
      `${this.#callerPart(start.caller)},"end_user":${this.#safeText(start.endUser)},` +
        `"session_id":${this.#safeText(start.sessionId)},"requester_ip":${this.#safeText(start.requesterIp)},` +
        `"model":${this.#safeText(start.requestedModel)}`,
    )
    if (client !== undefined) this.#clients.set(client, { generation, text })
    return text
  }

  #callerPart(caller: CallerFacts): string {
    let part = this.#callers.get(caller)
    if (part === undefined) {
      part =
        `"key_hash":${jsonText(caller.keyHash === '' ? undefined : caller.keyHash.slice(0, 8))},"key_alias":${this.#safeText(caller.keyAlias)},` +
        `"user_id":${this.#safeText(caller.userId)},"team_id":${this.#safeText(caller.teamId)},` +
        `"team_alias":${this.#safeText(caller.teamAlias)}`
      this.#callers.set(caller, part)
    }
    return part
  }

  #deploymentPart(deployment: DeploymentFacts | undefined): string {
    if (deployment === undefined) return NO_DEPLOYMENT
    let part = this.#deployments.get(deployment)
    if (part === undefined) {
      part = madeAnew(
        `"model_group":${this.#safeText(deployment.modelGroup)},"deployment":${this.#safeText(deployment.modelId)},` +
          `"provider":${this.#safeText(deployment.provider)},"upstream_model":${this.#safeText(deployment.upstreamModel)}`,
      )
      this.#deployments.set(deployment, part)
    }
    return part
  }

  #errorPart(end: CallEnd): string {
    if (end.error === undefined) return ''
    const { errorClass, message, provider } = end.error
    return (
      `,"error_class":${jsonText(errorClass)},"error_status":${failureStatus(end)},"error_provider":${jsonText(provider)},` +
      `"error_message":${jsonText(this.#redactor.redact(message), LONGEST_ERROR_MESSAGE)}`
    )
  }

  /** A text that somebody else chose, redacted, as JSON. */
  #safeText(value: string | undefined): string {
    return value === undefined ? 'null' : jsonText(this.#redactor.redact(value))
  }

  /** ISO 8601 in UTC. The text of the second is kept: many calls end in the same one. */
  #timeText(timeMs: number): string {
    const second = Math.floor(timeMs / 1000)
    if (second !== this.#lastSecond) {
      this.#lastSecond = second
      this.#lastSecondText = new Date(second * 1000).toISOString().slice(0, -'000Z'.length)
    }
    return `${this.#lastSecondText}${String(Math.floor(timeMs) - second * 1000).padStart(3, '0')}Z`
  }
}

const NO_DEPLOYMENT = '"model_group":null,"deployment":null,"provider":null,"upstream_model":null'

function usagePart(usage: Usage | undefined): string {
  if (usage === undefined) return '"prompt_tokens":null,"completion_tokens":null'
  return (
    `"prompt_tokens":${promptTokens(usage)},"completion_tokens":${completionTokens(usage)},` +
    `"input_tokens":${usage.inputTokens},${inputPart(usage)},"output_tokens":${usage.outputTokens}${outputPart(usage)}`
  )
}

const PLAIN_INPUT =
  '"input_audio_tokens":0,"cache_read_tokens":0,"cache_write_5m_tokens":0,"cache_write_1h_tokens":0'

/** Most calls have plain input only. */
function inputPart(usage: Usage): string {
  const { inputAudioTokens, cacheReadTokens, cacheWrite5mTokens, cacheWrite1hTokens } = usage
  if (inputAudioTokens + cacheReadTokens + cacheWrite5mTokens + cacheWrite1hTokens === 0) return PLAIN_INPUT
  return (
    `"input_audio_tokens":${inputAudioTokens},"cache_read_tokens":${cacheReadTokens},` +
    `"cache_write_5m_tokens":${cacheWrite5mTokens},"cache_write_1h_tokens":${cacheWrite1hTokens}`
  )
}

const PLAIN_OUTPUT = ',"reasoning_tokens":0,"output_audio_tokens":0'

function outputPart({ reasoningTokens, outputAudioTokens }: Usage): string {
  if (reasoningTokens + outputAudioTokens === 0) return PLAIN_OUTPUT
  return `,"reasoning_tokens":${reasoningTokens},"output_audio_tokens":${outputAudioTokens}`
}

function tracePart({ trace }: CallStart): string {
  return trace === undefined ? '' : `,"trace_id":"${trace.traceId}","span_id":"${trace.spanId}"`
}

function textOfMs(ms: number | undefined): string {
  return ms === undefined ? 'null' : millisecondsText(ms)
}
