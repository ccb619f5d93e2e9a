/** The lines of batch files: what an input line calls, the same for the provider, and the usage in an output line. */
import { DIALECTS, scanMembers, spliceMembers } from '../dialects/index.ts'
import type { Dialect, MemberEdit } from '../dialects/dialect.ts'
import type { JsonMembers } from '../dialects/json-members.ts'
import type { Usage } from '../dialects/usage.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Deployment } from '../routing/deployment.ts'

/** What batches may call, by the path in their lines. */
const DIALECT_OF_ENDPOINT: ReadonlyMap<string, Dialect> = new Map([
  ['/v1/chat/completions', DIALECTS['openai-chat']],
  ['/v1/completions', DIALECTS['openai-completions']],
  ['/v1/embeddings', DIALECTS['openai-embeddings']],
  ['/v1/responses', DIALECTS['openai-responses']],
])

/** @throws GatewayError `bad_request` for an endpoint whose usage the gateway cannot account for. */
export function dialectOfEndpoint(endpoint: string, param: string): Dialect {
  const dialect = DIALECT_OF_ENDPOINT.get(endpoint)
  if (dialect !== undefined) return dialect
  const known = [...DIALECT_OF_ENDPOINT.keys()].join(', ')
  throw new GatewayError(
    'bad_request',
    `${param}: expected one of ${known}, found '${endpoint.slice(0, 100)}'.`,
    {
      param,
    },
  )
}

/** The model that an input line names; undefined when the text is no input line of a batch. */
export function modelOfLine(line: Buffer): string | undefined {
  try {
    const members = scanMembers(line)
    if (typeof members.value('url') !== 'string') return undefined
    const model = bodyOf(members)?.value('model')
    return typeof model === 'string' ? model : undefined
  } catch {
    return undefined
  }
}

export interface LineTarget {
  readonly deployment: Deployment
  /** Whether a line that names this model may go there. */
  accepts(model: string): boolean
}

/**
 * An input line as the provider is to get it: with the provider's name of the model, and the defaults of the
 * deployment. All other bytes are the client's own.
 *
 * @param number counted from 1, for messages.
 * @throws GatewayError `bad_request` that names the line and the member at fault.
 */
export function lineForProvider(line: Buffer, number: number, target: LineTarget): Buffer[] {
  if (isBlank(line)) return [line]
  try {
    const members = scanMembers(line)
    const url = members.value('url')
    const dialect = dialectOfEndpoint(typeof url === 'string' ? url : '', 'url')
    const member = members.get('body')
    const body = bodyOf(members)
    if (member === undefined || body === undefined) throw lineError('body: expected an object')
    const facts = dialect.readRequest(body, undefined)
    if (!target.accepts(facts.model)) {
      throw lineError(
        `body.model: '${facts.model.slice(0, 100)}' is not the model of the lines before. A batch calls one model`,
      )
    }
    const edits = [...dialect.upstreamEdits(body, facts), ...editsFor(body, target.deployment)]
    return [
      line.subarray(0, member.valueStart),
      ...spliceMembers(body, edits),
      line.subarray(member.valueEnd),
    ]
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    throw new GatewayError('bad_request', `file, line ${number}: ${error.message}`, {
      param: 'file',
      cause: error,
    })
  }
}

function lineError(message: string): GatewayError {
  return new GatewayError('bad_request', `${message}.`)
}

function editsFor(body: JsonMembers, { upstreamModelJson, defaults }: Deployment): MemberEdit[] {
  const missing = defaults.filter(([name]) => body.get(name) === undefined)
  return [
    { name: 'model', value: upstreamModelJson },
    ...missing.map(([name, json]) => ({ name, value: json })),
  ]
}

/** What an output line tells. */
export type LineOutcome =
  | { readonly kind: 'answered'; readonly usage: Usage | undefined }
  /** The provider did not serve this request, and bills nothing for it. */
  | { readonly kind: 'failed' }
  | { readonly kind: 'blank' }
  | { readonly kind: 'unreadable' }

export function readOutputLine(line: Buffer, dialect: Dialect): LineOutcome {
  if (isBlank(line)) return { kind: 'blank' }
  try {
    const response = objectMember(scanMembers(line), 'response')
    if (response === undefined) return { kind: 'failed' }
    const status = response.value('status_code')
    if (typeof status === 'number' && status >= 300) return { kind: 'failed' }
    const body = response.get('body')
    if (body === undefined) return { kind: 'unreadable' }
    const answer = dialect.readAnswer(response.body.subarray(body.valueStart, body.valueEnd))
    return answer.isError ? { kind: 'unreadable' } : { kind: 'answered', usage: answer.usage }
  } catch {
    return { kind: 'unreadable' }
  }
}

function bodyOf(members: JsonMembers): JsonMembers | undefined {
  return objectMember(members, 'body')
}

function objectMember(members: JsonMembers, name: string): JsonMembers | undefined {
  const member = members.get(name)
  if (member === undefined || members.body[member.valueStart] !== OPEN_BRACE) return undefined
  return scanMembers(members.body.subarray(member.valueStart, member.valueEnd))
}

const OPEN_BRACE = 0x7b

function isBlank(line: Buffer): boolean {
  return line.length < 64 && line.toString('latin1').trim() === ''
}
