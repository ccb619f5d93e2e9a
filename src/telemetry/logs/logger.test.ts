/** The log: events, levels, and what happens when the process or the reader ends. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { createRedactor } from '../redaction.ts'
import type { LogDestination } from './line-buffer.ts'
import { parseLogLevel, type LogLevel } from './log-level.ts'
import { createLogger } from './logger.ts'

/** Keeps what is written. */
class Memory implements LogDestination {
  readonly writes: string[] = []

  write(text: string): void {
    this.writes.push(text)
  }

  lines(): Record<string, unknown>[] {
    const lines = this.writes.join('').split('\n').slice(0, -1)
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  }
}

async function logged(
  level: LogLevel,
  secrets: string[],
  use: (log: ReturnType<typeof createLogger>) => void,
) {
  const memory = new Memory()
  const log = createLogger(level, createRedactor(secrets), memory)
  use(log)
  await log.close()
  return memory
}

test('an event is a JSON object with level, time, msg and its fields', async () => {
  const memory = await logged('info', [], (log) =>
    log.child({ room: 'config' }).info('reloaded', { models: 3 }),
  )
  expect(memory.lines()).toEqual([
    {
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      msg: 'reloaded',
      room: 'config',
      models: 3,
    },
  ])
})

test('events below the level are not written', async () => {
  const memory = await logged('warn', [], (log) => {
    log.debug('a')
    log.info('b')
    log.warn('c')
    log.error('d')
    expect(log.isEnabled('info')).toBe(false)
    expect(log.isEnabled('error')).toBe(true)
  })
  expect(memory.lines().map((line) => line['msg'])).toEqual(['c', 'd'])
})

test('a secret is redacted in message, fields, and the stack and cause of an error', async () => {
  const canary = 'canary-secret-value'
  const memory = await logged('info', [canary], (log) => {
    const err = new Error(`no ${canary}`, { cause: new Error(`postgres://u:${canary}@db/x`) })
    log.error(`failed ${canary}`, { err, [canary]: { nested: [canary] }, url: 'https://h/?key=Zm9vYmFy' })
  })
  const text = memory.writes.join('')
  expect(text).not.toContain(canary)
  expect(text).not.toContain('Zm9vYmFy')
  expect(memory.lines()).toMatchObject([{ level: 'error', msg: 'failed [redacted]' }])
})

test('a secret that takes part in an escape sequence leaves a line of JSON', async () => {
  const memory = await logged('info', ['nsecret-value'], (log) => log.info('line\nsecret-value'))
  expect(memory.lines()).toHaveLength(1)
  expect(memory.writes.join('')).not.toContain('nsecret-value')
})

test('lines of one turn are written in one piece', async () => {
  const memory = await logged('info', [], (log) => {
    for (let index = 0; index < 100; index += 1) log.writeLine(`{"index":${index}}\n`)
    log.info('done')
  })
  expect(memory.writes).toHaveLength(1)
  expect(memory.lines()).toHaveLength(101)
})

test('64 KB are written without waiting for the turn to end', async () => {
  const memory = new Memory()
  const log = createLogger('info', createRedactor(), memory)
  for (let index = 0; index < 200; index += 1) log.writeLine(`{"text":"${'x'.repeat(1_000)}"}\n`)
  expect(memory.writes).toHaveLength(3)
  await log.close()
  expect(memory.lines()).toHaveLength(200)
})

test('closing does not wait for a destination that never answers', async () => {
  const log = createLogger('info', createRedactor(), { write() {}, flush() {} })
  log.info('x')
  await log.close()
})

test.each([
  ['DEBUG', 'debug'],
  ['Info', 'info'],
  ['WARNING', 'warn'],
  ['CRITICAL', 'error'],
  ['loud', undefined],
  [undefined, undefined],
])('LITELLM_LOG=%s is the level %s', (value, level) => {
  expect(parseLogLevel(value)).toBe(level)
})

const LOGGER = fileURLToPath(new URL('logger.ts', import.meta.url))
const REDACTION = fileURLToPath(new URL('../redaction.ts', import.meta.url))

/** A process that logs to its standard output as the gateway does. */
function logging(script: string): ChildProcess {
  const source =
    `import { createLogger } from ${JSON.stringify(LOGGER)};` +
    `import { createRedactor } from ${JSON.stringify(REDACTION)};` +
    `const log = createLogger('info', createRedactor());${script}`
  return spawn(process.execPath, ['--input-type=module-typescript', '--eval', source], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

async function outputOf(child: ChildProcess): Promise<string> {
  let text = ''
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()))
  await once(child, 'close')
  return text
}

test.each([
  ['ends by itself', ''],
  ['exits in the same turn', 'process.exit(0)'],
  ['dies of an exception', 'throw new Error("unexpected")'],
])('no line is lost when the process %s', async (_, ending) => {
  const child = logging(`for (let i = 0; i < 5000; i += 1) log.info('line', { i });${ending}`)
  const output = await outputOf(child)
  expect(output.split('\n')).toHaveLength(5_001)
})

test('a reader that goes away ends the log, not the process', async () => {
  const child = logging(`
    const timer = setInterval(() => log.info('line', { text: 'x'.repeat(10000) }), 1)
    process.once('SIGUSR2', () => { clearInterval(timer); process.exitCode = 7 })
  `)
  const { stdout } = child
  if (stdout === null) throw new Error('expected a pipe')
  await once(stdout, 'data')
  stdout.destroy()
  await once(stdout, 'close')
  child.kill('SIGUSR2')
  const [code] = (await once(child, 'exit')) as [number | null]
  expect(code).toBe(7)
})
