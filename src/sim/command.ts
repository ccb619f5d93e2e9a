/** `sluice sim`: a simulator as a process of its own. */
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { startSimulator } from './simulator.ts'

const HELP = `sluice sim: a simulated provider of the OpenAI and Anthropic APIs

  --port P           the port to serve; 0, the default, takes a free one
  --host H           the address to listen on (127.0.0.1)
  --models A,B       what GET /v1/models lists; calls may name any model
  --credential C     accept this credential only; may be given several times
  --meter-file FILE  append each ended call to FILE as a JSON line

What an answer is like is told by the call itself: docs/simulator.md
`

/**
 * Serves until SIGTERM or SIGINT. Prints one JSON line, `{"url":"http://127.0.0.1:40123"}`, when it is ready.
 * @param argv arguments after `sim`: `--port P` (0, the default, takes a free one), `--host H`, `--meter-file FILE`,
 * `--models a,b`, `--credential C` (repeatable: accept only these), `--help`.
 * @throws TypeError on an argument that does not exist, RangeError on a port that is none.
 */
export async function runSimulator(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      port: { type: 'string', default: '0' },
      host: { type: 'string', default: '127.0.0.1' },
      'meter-file': { type: 'string' },
      models: { type: 'string' },
      credential: { type: 'string', multiple: true },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const simulator = await startSimulator({
    port: parsePort(values.port),
    host: values.host,
    ...(values['meter-file'] === undefined ? {} : { meterFile: values['meter-file'] }),
    ...(values.models === undefined ? {} : { models: values.models.split(',') }),
    ...(values.credential === undefined ? {} : { credentials: values.credential }),
  })
  const stopped = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
  process.stdout.write(`${JSON.stringify({ url: simulator.url })}\n`)
  await stopped
  await simulator.close()
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (port <= 65_535) return port
  throw new RangeError(`--port ${text}: expected a number from 0 to 65535`)
}
