/** Measures sections in a network of their own, whose kernel keeps little of what nobody has read yet. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SectionResult } from './result.ts'

/** Bytes that the kernel holds of a connection: least, at first, most. Over loopback it would be megabytes. */
const BUFFERS = '4096 16384 65536'

const PREPARE = `ip link set lo up &&
  echo ${BUFFERS} > /proc/sys/net/ipv4/tcp_wmem && echo ${BUFFERS} > /proc/sys/net/ipv4/tcp_rmem && exec "$@"`

/**
 * Runs the benchmark once more, inside of such a network.
 *
 * @param argv of `bench/main.ts`.
 * @param directory an empty one, for what it has found.
 * @throws Error when there can be no such network: it takes root and Linux.
 */
export async function measureInSmallBuffers(
  argv: readonly string[],
  directory: string,
): Promise<readonly SectionResult[]> {
  const found = join(directory, 'sections.json')
  const program = [process.execPath, join(import.meta.dirname, 'main.ts'), ...argv, '--into', found]
  const child = spawn('unshare', ['--net', 'sh', '-c', PREPARE, 'sh', ...program], { stdio: 'inherit' })
  const [status]: unknown[] = await once(child, 'exit')
  if (status !== 0)
    throw new Error('no network of its own with small buffers: that takes root, unshare and ip')
  // Written by the same program, from the same interface.
  return JSON.parse(readFileSync(found, 'utf8')) as SectionResult[]
}
