/** A strict reader of the Prometheus text format, for tests: whatever a scraper would reject throws here. */

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface ReadFamily {
  readonly type: string
  readonly help: string
  readonly samples: Sample[]
}

const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: [''],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
}

/** Reads a page. @throws Error for what is not the format: unknown lines, samples out of place, a series given twice. */
export function readExposition(page: string): Map<string, ReadFamily> {
  if (!page.endsWith('\n')) throw new Error('expected a line feed at the end')
  const families = new Map<string, ReadFamily>()
  const seen = new Set<string>()
  let current = ''
  for (const line of page.slice(0, -1).split('\n')) {
    const help = /^# HELP (\S+) (.+)$/.exec(line)
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line)
    if (help !== null) {
      current = help[1]!
      if (families.has(current)) throw new Error(`family given twice: ${current}`)
      families.set(current, { type: '', help: help[2]!, samples: [] })
    } else if (type !== null) {
      if (type[1] !== current) throw new Error(`TYPE out of place: ${line}`)
      families.set(current, { ...families.get(current)!, type: type[2]! })
    } else {
      const sample = readSample(line)
      const family = families.get(current)
      if (
        family === undefined ||
        !SUFFIXES[family.type]!.some((suffix) => sample.name === current + suffix)
      ) {
        throw new Error(`sample out of place: ${line}`)
      }
      const identity = JSON.stringify([
        sample.name,
        ...Object.entries(sample.labels)
          .map(String)
          .toSorted((a, b) => (a < b ? -1 : 1)),
      ])
      if (seen.has(identity)) throw new Error(`series given twice: ${line}`)
      seen.add(identity)
      family.samples.push(sample)
    }
  }
  return families
}

function readSample(line: string): Sample {
  const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? ([+-]?(?:Inf|\d[\d.e+-]*)|NaN)$/s.exec(line)
  if (match === null) throw new Error(`not a sample: ${JSON.stringify(line)}`)
  return {
    name: match[1]!,
    labels: readLabels(match[2] ?? ''),
    value: Number(match[3]!.replace('Inf', 'Infinity')),
  }
}

function readLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  const pair = /([a-zA-Z_]\w*)="((?:[^"\\]|\\["\\n])*)"(?:,|$)/y
  while (pair.lastIndex < text.length) {
    const match = pair.exec(text)
    if (match === null) throw new Error(`not labels: ${JSON.stringify(text)}`)
    labels[match[1]!] = match[2]!.replace(/\\(.)/g, (_, escaped: string) =>
      escaped === 'n' ? '\n' : escaped,
    )
  }
  return labels
}

/** The value of the one sample with these labels. @throws Error when there is none, or more than one. */
export function valueOf(
  families: ReadonlyMap<string, ReadFamily>,
  sampleName: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const found = samplesOf(families, sampleName, labels)
  if (found.length !== 1) throw new Error(`expected one ${sampleName}, found ${found.length}`)
  return found[0]!.value
}

/** All samples of a name whose labels include these. */
export function samplesOf(
  families: ReadonlyMap<string, ReadFamily>,
  sampleName: string,
  labels: Readonly<Record<string, string>> = {},
): Sample[] {
  const all = [...families.values()].flatMap((family) => family.samples)
  return all.filter(
    (sample) =>
      sample.name === sampleName &&
      Object.entries(labels).every(([name, value]) => sample.labels[name] === value),
  )
}
