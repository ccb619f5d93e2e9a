/** Runs one load against a running target in the load generator's own process. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { BenchDialect, FiguresOf, LoadJob, LoadRequest } from './load-job.ts'
import { onCore } from './server-process.ts'
import type { AnswerKind, RunningTarget } from './target.ts'

const LOAD_PROCESS = join(import.meta.dirname, 'load-process.ts')
/** Longer than any load; a target that stops answering ends the load by this. */
const TIMEOUT_MS = 120_000

/** @throws Error when the load generator fails or hangs. */
export async function runLoad<Job extends LoadJob>(job: Job): Promise<FiguresOf<Job>> {
  const [program, ...rest] = onCore('load', [process.execPath, LOAD_PROCESS, JSON.stringify(job)])
  const { stdout } = await promisify(execFile)(program, rest, { timeout: TIMEOUT_MS })
  // Written by load-process.ts, which answers a job with figures of the same kind.
  return JSON.parse(stdout) as FiguresOf<Job>
}

export function loadRequest(
  target: RunningTarget,
  answer: AnswerKind,
  bodyBytes: number,
  dialect: BenchDialect = 'openai-chat',
): LoadRequest {
  const { path, headers, model } = target.call(answer, dialect)
  return {
    host: '127.0.0.1',
    port: target.port,
    path,
    headers,
    model,
    dialect,
    stream: answer !== 'whole' && answer !== 'long',
    bodyBytes,
    keys: target.keys,
    ...(target.isEachNew === true ? { isEachNew: true } : {}),
  }
}
