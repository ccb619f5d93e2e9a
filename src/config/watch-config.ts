/**
 * Watches a config file and all that it includes. Directories are watched, not files: editors put a new file in the
 * place of the old one, and Kubernetes swaps a symbolic link beside it. Where the system tells nothing (network
 * file systems, links to elsewhere, no watches left) the content is compared every few seconds.
 */
import { type FSWatcher, watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ConfigError } from './config-issue.ts'
import type { Environment } from './environment.ts'
import { type LoadedConfig, loadConfig } from './load-config.ts'
import { fingerprintOf } from './read-files.ts'

export interface WatchOptions {
  /** What is in use now. Without it the content at the time of the call counts as in use. */
  readonly inUse?: LoadedConfig
  /** How often contents are compared without a hint of the system. Default 5 s. */
  readonly pollIntervalMs?: number
  /** Quiet time after a hint, so that a file that is still being written is not read. Default 100 ms. */
  readonly settleMs?: number
}

export interface ConfigWatch {
  /** Compares now. Resolves when the comparison, and the reload if there was one, is done. */
  check(): Promise<void>
  close(): void
}

/**
 * @param onChange gets each valid new config. Content that is the same as before is not reported.
 * @param onRefused gets the reason when the new content is not valid; what was in use stays so.
 */
export function watchConfig(
  path: string,
  environment: Environment,
  onChange: (loaded: LoadedConfig) => void,
  onRefused: (error: ConfigError) => void,
  options: WatchOptions = {},
): ConfigWatch {
  const watcher = new ConfigWatcher({ path, environment, onChange, onRefused }, options)
  watcher.start()
  return watcher
}

interface Subject {
  readonly path: string
  readonly environment: Environment
  readonly onChange: (loaded: LoadedConfig) => void
  readonly onRefused: (error: ConfigError) => void
}

class ConfigWatcher implements ConfigWatch {
  readonly #subject: Subject
  readonly #settleMs: number
  readonly #pollIntervalMs: number
  readonly #directories = new Map<string, FSWatcher>()
  #files: readonly string[]
  #fingerprint: string
  #settling: NodeJS.Timeout | undefined
  #polling: NodeJS.Timeout | undefined
  #checking: Promise<void> = Promise.resolve()
  #closed = false

  constructor(subject: Subject, options: WatchOptions) {
    this.#subject = subject
    this.#settleMs = options.settleMs ?? 100
    this.#pollIntervalMs = options.pollIntervalMs ?? 5_000
    const { files, fingerprint } = options.inUse ?? readOutcome(subject)
    this.#files = files
    this.#fingerprint = fingerprint
  }

  start(): void {
    this.#watchDirectories()
    this.#polling = setInterval(() => void this.check(), this.#pollIntervalMs)
    this.#polling.unref()
  }

  check(): Promise<void> {
    // One after the other: two reloads must not overtake each other.
    const compare = async () => await this.#compare()
    this.#checking = this.#checking.then(compare, compare)
    return this.#checking
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#settling)
    clearInterval(this.#polling)
    for (const watcher of this.#directories.values()) watcher.close()
    this.#directories.clear()
  }

  #watchDirectories(): void {
    const wanted = new Set(this.#files.map((file) => dirname(file)))
    for (const [directory, watcher] of this.#directories) {
      if (wanted.has(directory)) continue
      watcher.close()
      this.#directories.delete(directory)
    }
    for (const directory of wanted) if (!this.#directories.has(directory)) this.#watchDirectory(directory)
  }

  #watchDirectory(directory: string): void {
    try {
      const watcher = watch(directory, { persistent: false }, () => this.#hint())
      // A directory that goes away, or a system without watches left: the comparison by time remains.
      watcher.on('error', () => {
        watcher.close()
        this.#directories.delete(directory)
      })
      this.#directories.set(directory, watcher)
    } catch {
      this.#directories.delete(directory)
    }
  }

  #hint(): void {
    clearTimeout(this.#settling)
    this.#settling = setTimeout(() => void this.check(), this.#settleMs)
    this.#settling.unref()
  }

  async #compare(): Promise<void> {
    if (this.#closed) return
    const contents = await Promise.all(
      this.#files.map(async (file) => [file, await readOrNothing(file)] as const),
    )
    if (this.#closed) return
    this.#watchDirectories()
    if (fingerprintOf(new Map(contents)) === this.#fingerprint) return
    const outcome = readOutcome(this.#subject)
    this.#files = outcome.files
    this.#fingerprint = outcome.fingerprint
    this.#watchDirectories()
    if (outcome instanceof ConfigError) this.#subject.onRefused(outcome)
    else this.#subject.onChange(outcome)
  }
}

function readOutcome(subject: Subject): LoadedConfig | ConfigError {
  try {
    return loadConfig(subject.path, subject.environment)
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
}

async function readOrNothing(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file)
  } catch {
    return undefined
  }
}
