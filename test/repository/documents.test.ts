/** Holds the documents to the tree: links lead somewhere, and the rooms that are told of are the rooms there are. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

const DOCUMENTS = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
  'deploy/README.md',
]

test.each(DOCUMENTS)('every link of %s to a file of this repository leads to one', (document) => {
  const text = readFileSync(join(ROOT, document), 'utf8')
  const links = [...text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map((match) => match[1]!)
  const broken = links.filter(
    (link) => !link.includes('://') && !existsSync(join(ROOT, dirname(document), link)),
  )
  expect(broken).toEqual([])
})

test('ARCHITECTURE.md names exactly the rooms that stand in src', () => {
  const text = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8')
  const section = /## Rooms\n+```\nsrc\/\n([^]*?)\nbench\//.exec(text)![1]!
  const told = [...section.matchAll(/^ {2}(\w+)\/ /gm)].map((match) => match[1]!)
  const there = readdirSync(join(ROOT, 'src'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
  expect(told.toSorted()).toEqual(there.toSorted())
})
