/** The image, built from the Dockerfile step by step where there is no container engine, and containers of it. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const BUILDER = fileURLToPath(new URL('build-image-process.ts', import.meta.url))

export interface Image {
  /** Its files. */
  readonly root: string
  readonly workdir: string
  readonly env: Readonly<Record<string, string>>
  /** `uid:gid` */
  readonly user: string
  readonly entrypoint: readonly string[]
}

/**
 * Whether an image can be built and run here: by root, on Linux. Where it cannot, its tests are skipped, and standard
 * error says so.
 * @throws Error in CI, where nothing may be skipped.
 */
export function canRunImages(): boolean {
  if (process.platform === 'linux' && process.getuid?.() === 0) return true
  const reason = 'the image can only be built and run by root on Linux'
  if (process.env['CI'] !== undefined) throw new Error(reason)
  process.stderr.write(`\nSKIPPED: ${reason}\n`)
  return false
}

/** Builds the image, unless it was built from the same files before. @throws Error with what the build printed. */
export async function buildImage(): Promise<Image> {
  const folder = join(ROOT, '.cache', 'image')
  const stamp = join(folder, 'digest')
  const digest = contextDigest()
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== digest) {
    await promisify(execFile)('unshare', ['--mount', process.execPath, BUILDER, folder])
    writeFileSync(stamp, digest)
  }
  const described = JSON.parse(readFileSync(join(folder, 'image.json'), 'utf8')) as Omit<Image, 'root'>
  return { ...described, root: join(folder, 'root') }
}

function contextDigest(): string {
  const hash = createHash('sha256').update(process.version)
  const sources = ['src/**/*', 'bin/*', 'scripts/*', 'package*.json', 'tsconfig*.json', 'rolldown.config.mjs']
  const builders = ['deploy/Dockerfile', 'test/chart/{dockerfile,build-image-process}.ts']
  const files = globSync([...sources, ...builders], {
    cwd: ROOT,
    withFileTypes: true,
  })
  const paths = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name))
  for (const path of paths.filter((one) => !one.endsWith('.test.ts')).toSorted()) {
    hash.update(`\0${path}\0`).update(readFileSync(path))
  }
  return hash.digest('hex')
}

export interface Mount {
  readonly source: string
  readonly path: string
  readonly readOnly: boolean
}

export interface ContainerOptions {
  readonly args?: readonly string[]
  /** In place of the image's entry point. */
  readonly command?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly mounts?: readonly Mount[]
}

/**
 * Mounts what a container runtime does, the root read-only, and becomes the program, without rights and as the first
 * process of its own process table.
 */
const RUN = `
root=$1; shift
mount --bind "$root" "$root"
while [ "$1" != -- ]; do
  if [ -d "$1" ]; then mkdir -p "$root$2"; else mkdir -p "$root\${2%/*}"; [ -e "$root$2" ] || : > "$root$2"; fi
  mount --bind "$1" "$root$2"
  [ "$3" = rw ] || mount -o remount,bind,ro "$root$2"
  shift 3
done
shift
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -o remount,bind,ro "$root"
exec env -i "$@"
`

/** A container of the image. Its file system is read-only, but for the mounts that are not. */
export class Container {
  /** What it has printed so far. */
  output = ''
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>
  readonly #process: ChildProcess

  constructor(image: Image, options: ContainerOptions) {
    const [uid = '', gid = ''] = image.user.split(':')
    const mounts = (options.mounts ?? []).flatMap((one) => [one.source, one.path, one.readOnly ? 'ro' : 'rw'])
    const env = { PATH: '/usr/local/bin:/usr/bin:/bin', ...image.env, ...options.env }
    const program = [...(options.command ?? image.entrypoint), ...(options.args ?? [])]
    const isolation = ['--mount', '--pid', '--fork', '--kill-child=SIGKILL', '--propagation', 'private']
    const within = ['--root', image.root, '--wd', image.workdir, '--setuid', uid, '--setgid', gid]
    // The container ends with the test, however that ends.
    const runtime = ['--pdeathsig', 'SIGKILL', 'unshare', ...isolation, 'sh', '-ec', RUN, 'sh']
    const files = [image.root, ...mounts, '--']
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`)
    const unprivileged = [
      '/usr/bin/setpriv',
      '--no-new-privs',
      '/usr/bin/unshare',
      ...within,
      '--',
      ...program,
    ]
    this.#process = spawn('setpriv', [...runtime, ...files, ...variables, ...unprivileged], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.output += text))
    }
    this.ended = once(this.#process, 'close').then(
      ([code, signal]) => (code ?? signal) as number | NodeJS.Signals,
    )
  }

  get hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null
  }

  /** To its first process, as a container runtime does. */
  kill(signal: NodeJS.Signals): void {
    const { pid } = this.#process
    if (pid === undefined || this.hasEnded) return
    const [first] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
    if (first !== undefined && first !== '') process.kill(Number(first), signal)
  }
}
