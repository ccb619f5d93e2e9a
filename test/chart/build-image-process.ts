/**
 * Builds the image's file system without a container engine: walks the Dockerfile's stages, each in a root of its own.
 * Run as root in a mount namespace of its own: `unshare --mount node build-image-process.ts OUT`. The place of the
 * Node image is taken by this machine with the running Node, laid under what a stage writes; the place of the base
 * image by the few libraries that it has.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseDockerfile, type Instruction, type Stage } from './dockerfile.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const OUT = resolve(process.argv[2] ?? '')

interface BuiltStage {
  readonly root: string
  workdir: string
  readonly env: Record<string, string>
  user: string
  entrypoint: readonly string[]
}

function run(program: string, ...programArguments: string[]): void {
  execFileSync(program, programArguments, { stdio: ['ignore', 'ignore', 'inherit'] })
}

function within(stage: BuiltStage, path: string): string {
  return join(stage.root, resolve(stage.workdir, path))
}

/** This machine, with the running Node in front of its own; nothing is written to it. */
function machineRoot(scratch: string): string {
  const [upper, work, root] = ['upper', 'work', 'root'].map((name) => join(scratch, name))
  if (upper === undefined || work === undefined || root === undefined) throw new Error('unreachable')
  for (const folder of [upper, work, root]) mkdirSync(folder, { recursive: true })
  run('mount', '-t', 'overlay', 'overlay', '-o', `lowerdir=/,upperdir=${upper},workdir=${work}`, root)
  for (const folder of ['proc', 'dev']) run('mount', '--rbind', `/${folder}`, join(root, folder))
  cpSync(process.execPath, join(root, 'usr/local/bin/node'))
  return root
}

/** What the base image has: the C and C++ libraries, certificates, and a user without rights. */
function baseRoot(root: string): string {
  for (const folder of ['etc/ssl/certs', 'proc', 'dev', 'tmp', 'var/lib'])
    mkdirSync(join(root, folder), { recursive: true })
  const libraries = execFileSync('ldd', [process.execPath], { encoding: 'utf8' }).matchAll(/(\/\S+\.so\S*)/g)
  for (const [file] of libraries) {
    // The Dockerfile has to bring this one: the real base image does not have it.
    if (file.includes('libatomic')) continue
    mkdirSync(join(root, dirname(file)), { recursive: true })
    run('cp', '-L', file, join(root, file))
  }
  cpSync('/etc/ssl/certs/ca-certificates.crt', join(root, 'etc/ssl/certs/ca-certificates.crt'))
  writeFileSync(join(root, 'etc/passwd'), 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n')
  writeFileSync(join(root, 'etc/nsswitch.conf'), 'hosts: files dns\n')
  return root
}

function carryOut(instruction: Instruction, stage: BuiltStage, built: ReadonlyMap<string, BuiltStage>): void {
  const { name, text } = instruction
  if (name === 'WORKDIR') {
    stage.workdir = resolve(stage.workdir, text)
    mkdirSync(within(stage, '.'), { recursive: true })
  } else if (name === 'RUN') runInside(stage, text)
  else if (name === 'COPY') copy(text, stage, built)
  else if (name === 'ENV') {
    for (const [, key = '', value = ''] of text.matchAll(/(\w+)=(\S+)/g)) stage.env[key] = value
  } else if (name === 'USER') stage.user = text
  else if (name === 'ENTRYPOINT') stage.entrypoint = JSON.parse(text) as string[]
}

function runInside(stage: BuiltStage, command: string): void {
  execFileSync('chroot', [stage.root, 'sh', '-ec', `cd ${stage.workdir} && ${command}`], {
    // What it prints is for people, like its errors.
    stdio: ['ignore', 2, 2],
    env: { ...process.env, PATH: '/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin' },
  })
}

function copy(text: string, stage: BuiltStage, built: ReadonlyMap<string, BuiltStage>): void {
  const words = text.split(/\s+/)
  const option = (name: string): string | undefined =>
    words.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3)
  const paths = words.filter((word) => !word.startsWith('--'))
  const target = within(stage, paths.at(-1) ?? '')
  const from = option('from')
  const source = from === undefined ? ROOT : built.get(from)?.root
  if (source === undefined) throw new Error(`COPY ${text}: there is no stage ${from}`)
  for (const path of paths.slice(0, -1))
    copyPath(join(source, path), target, paths.at(-1)?.endsWith('/') === true)
  const owner = option('chown')
  if (owner !== undefined) run('chown', '-R', owner, target)
}

/** As Docker does: of a folder its content, a file into a folder or to a name. */
function copyPath(source: string, target: string, isFolder: boolean): void {
  mkdirSync(isFolder ? target : dirname(target), { recursive: true })
  const isSourceFolder = execFileSync('stat', ['-c', '%F', source], { encoding: 'utf8' }).startsWith(
    'directory',
  )
  if (isSourceFolder) {
    mkdirSync(target, { recursive: true })
    run('cp', '-a', '--no-preserve=ownership', `${source}/.`, target)
  } else run('cp', '-a', '--no-preserve=ownership', source, target)
}

function build(
  stage: Stage,
  images: ReadonlyMap<string, string>,
  index: number,
  scratch: string,
): BuiltStage {
  const folder = join(scratch, String(index))
  mkdirSync(folder)
  const isBase = stage.image === images.get('BASE_IMAGE')
  if (!isBase && stage.image !== images.get('NODE_IMAGE'))
    throw new Error(`nothing stands for ${stage.image}`)
  const root = isBase ? baseRoot(folder) : machineRoot(folder)
  return { root, workdir: '/', env: {}, user: '0:0', entrypoint: [] }
}

const { stages, args } = parseDockerfile(readFileSync(join(ROOT, 'deploy/Dockerfile'), 'utf8'))
const scratch = mkdtempSync(join(tmpdir(), 'sluice-image-'))
try {
  // A file system of its own, for overlays cannot be laid over each other.
  run('mount', '-t', 'tmpfs', 'sluice-image', scratch)
  const built = new Map<string, BuiltStage>()
  let last: BuiltStage | undefined
  for (const [index, stage] of stages.entries()) {
    last = build(stage, args, index, scratch)
    for (const instruction of stage.instructions) carryOut(instruction, last, built)
    if (stage.name !== undefined) built.set(stage.name, last)
  }
  if (last === undefined) throw new Error('the Dockerfile has no stage')
  const staging = `${OUT}.partial`
  rmSync(staging, { recursive: true, force: true })
  mkdirSync(staging, { recursive: true })
  run('cp', '-a', last.root, join(staging, 'root'))
  const { workdir, env, user, entrypoint } = last
  writeFileSync(join(staging, 'image.json'), JSON.stringify({ workdir, env, user, entrypoint }))
  rmSync(OUT, { recursive: true, force: true })
  renameSync(staging, OUT)
} finally {
  run('umount', '--lazy', '--recursive', scratch)
  rmSync(scratch, { recursive: true, force: true })
}
