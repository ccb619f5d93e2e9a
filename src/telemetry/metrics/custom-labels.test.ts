/** Labels of the configuration's own. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CALLER, startOf } from '../../../test/telemetry/sample-calls.ts'
import { CustomLabels, matchesTag } from './custom-labels.ts'

describe('metadata labels', () => {
  test('a member of metadata is a label, with points as underscores', () => {
    const labels = new CustomLabels(['metadata.project', 'metadata.cost.center-id'], [])
    expect(labels.names).toEqual(['metadata_project', 'metadata_cost_center_id'])
    const start = startOf({ requestMetadata: { project: 'apollo', cost: { 'center-id': '7' } } })
    expect(labels.valuesOf(start)).toEqual(['apollo', '7'])
  })

  test('what is kept with the call wins over key and team, and these over the request', () => {
    const labels = new CustomLabels(['metadata.team'], [])
    const request = { requestMetadata: { team: 'request' } }
    const key = { ...request, caller: { ...CALLER, metadata: { team: 'key' } } }
    expect(labels.valuesOf(startOf(request))).toEqual(['request'])
    expect(labels.valuesOf(startOf(key))).toEqual(['key'])
    expect(labels.valuesOf(startOf({ ...key, spendLogsMetadata: { team: 'kept' } }))).toEqual(['kept'])
  })

  test('what is missing, or no text, is None', () => {
    const labels = new CustomLabels(['metadata.a', 'metadata.b', 'metadata.toString', 'metadata.c.d'], [])
    expect(labels.valuesOf(startOf({ requestMetadata: { b: 1, c: 'text' } }))).toEqual(
      Array.from({ length: 4 }, () => 'None'),
    )
  })

  test('two settings that give the same label are one label', () => {
    expect(new CustomLabels(['metadata.a-b', 'metadata.a_b'], ['x', 'x']).names).toEqual([
      'metadata_a_b',
      'tag_x',
    ])
  })
})

describe('tag labels', () => {
  test('tell whether a call has the tag; the user agent counts as two tags', () => {
    const labels = new CustomLabels([], ['production', 'User-Agent: claude-cli/*', 'User-Agent: claude-cli'])
    expect(labels.names).toEqual([
      'tag_production',
      'tag_User_Agent__claude_cli__',
      'tag_User_Agent__claude_cli',
    ])
    const start = startOf({ tags: ['production'], userAgent: 'claude-cli/2.0 (external)' })
    expect(labels.valuesOf(start)).toEqual(['true', 'true', 'true'])
    expect(labels.valuesOf(startOf({ tags: [], userAgent: undefined }))).toEqual(['false', 'false', 'false'])
  })

  test('a pattern matches what a regular expression of the same meaning matches', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', '*', '.'), maxLength: 8 })
    const plain = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 12 })
    fc.assert(
      fc.property(word, plain, (pattern, tag) => {
        const source = pattern.replaceAll('.', '\\.').replaceAll('*', '[^]*')
        expect(matchesTag(pattern, tag)).toBe(new RegExp(`^${source}$`).test(tag))
      }),
    )
  })
})

test('a caller that is not known has none of the values', () => {
  expect(new CustomLabels(['metadata.a'], ['t']).absent()).toEqual(['None', 'false'])
})
