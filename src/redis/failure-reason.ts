/** Why a command or a connection failed, in words that hold no argument of a command. */
import { ReplyError } from 'ioredis'

export interface FailureReason {
  readonly text: string
  /** True when the server answered and works: it refused this command. */
  readonly isFromServer: boolean
  /** True when the server answered that it does not serve now. */
  readonly leavesNoService: boolean
  /** The first word of the server's answer, such as `WRONGPASS`; the error's code otherwise. */
  readonly errorClass: string
}

export function reasonOf(error: unknown): FailureReason {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0])
  if (!(error instanceof Error)) return { ...LOCAL, text: String(error), errorClass: 'Error' }
  if (!(error instanceof ReplyError)) {
    return { ...LOCAL, text: withAdvice(error.message), errorClass: codeOf(error) }
  }
  const [first = ''] = error.message.split(' ', 1)
  const errorClass = /^[A-Z]+$/.test(first) ? first : 'ReplyError'
  // An old server repeats the arguments of a command that it does not know: they may hold the password.
  const text = error.message.replace(/, with args beginning with:.*$/s, '')
  const leavesNoService = LEAVES_NO_SERVICE.has(errorClass)
  return { text: withAdvice(text), isFromServer: !leavesNoService, leavesNoService, errorClass }
}

const LOCAL = { isFromServer: false, leavesNoService: false } as const

/** Answers that mean: not now, not this server. */
const LEAVES_NO_SERVICE: ReadonlySet<string> = new Set([
  'CLUSTERDOWN',
  'LOADING',
  'MASTERDOWN',
  'READONLY',
  'NOAUTH',
  'WRONGPASS',
])

function withAdvice(text: string): string {
  if (/^(WRONGPASS|NOAUTH|ERR AUTH|ERR invalid password)/.test(text)) return `it refuses the login (${text})`
  if (/certificate|self.signed|SSL|TLS/i.test(text)) {
    return `${text} (name the authority with ssl_ca_certs, or set ssl_cert_reqs to none)`
  }
  return text
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.constructor.name
}
