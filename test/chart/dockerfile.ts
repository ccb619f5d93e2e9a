/** Reads a Dockerfile into stages, as far as ours goes: an instruction that it does not know is an error. */

export interface Instruction {
  readonly name: 'WORKDIR' | 'COPY' | 'RUN' | 'ENV' | 'USER' | 'ENTRYPOINT' | 'OTHER'
  readonly text: string
}

export interface Stage {
  readonly name: string | undefined
  /** The image's name with the arguments filled in. */
  readonly image: string
  readonly instructions: readonly Instruction[]
}

export interface Dockerfile {
  readonly stages: readonly Stage[]
  /** Arguments before the first stage, with their defaults. */
  readonly args: ReadonlyMap<string, string>
}

/** Instructions that describe an image and do not change its files. */
const DESCRIPTIONS: ReadonlySet<string> = new Set(['ARG', 'LABEL', 'EXPOSE', 'VOLUME', 'HEALTHCHECK'])
const EFFECTIVE: ReadonlySet<string> = new Set(['WORKDIR', 'COPY', 'RUN', 'ENV', 'USER', 'ENTRYPOINT'])

/** @throws Error at an instruction that a build of ours never had. */
export function parseDockerfile(source: string): Dockerfile {
  const args = new Map<string, string>()
  const stages: { name: string | undefined; image: string; instructions: Instruction[] }[] = []
  for (const line of logicalLines(source)) {
    const [name = '', text = ''] = line.split(/\s+([^]*)/)
    const stage = stages.at(-1)
    if (name === 'FROM') stages.push({ ...parseFrom(text, args), instructions: [] })
    else if (stage === undefined && name === 'ARG') {
      const [key = '', value = ''] = text.split('=')
      args.set(key, value)
    } else if (stage !== undefined && (EFFECTIVE.has(name) || DESCRIPTIONS.has(name))) {
      stage.instructions.push({ name: isEffective(name) ? name : 'OTHER', text })
    } else throw new Error(`the instruction ${line} is not known here`)
  }
  return { stages, args }
}

function isEffective(name: string): name is Exclude<Instruction['name'], 'OTHER'> {
  return EFFECTIVE.has(name)
}

function parseFrom(
  text: string,
  args: ReadonlyMap<string, string>,
): { name: string | undefined; image: string } {
  const match = /^(?:--platform=\S+\s+)?(\S+)(?:\s+AS\s+(\S+))?$/.exec(text)
  if (match === null) throw new Error(`FROM ${text} is not understood`)
  const image = (match[1] ?? '').replaceAll(/\$\{(\w+)\}/g, (_, key: string) => {
    const value = args.get(key)
    if (value === undefined) throw new Error(`FROM ${text} uses the argument ${key}, which has no default`)
    return value
  })
  return { image, name: match[2] }
}

/** Lines without comments, those that end in a backslash joined with the next. */
function logicalLines(source: string): string[] {
  return source
    .split('\n')
    .filter((line) => !/^\s*(#|$)/.test(line))
    .join('\n')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
}
