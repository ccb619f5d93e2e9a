/** Texts for people, made of names that users choose. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Alert } from './alert.ts'
import { slackBody } from './slack-text.ts'

function alertOf(title: string, value: string): Alert {
  return { type: 'budget_alerts', level: 'high', atMs: 0, title, facts: [['Spend', value]] }
}

function textOf(title: string, value: string): string {
  const body = JSON.parse(slackBody([alertOf(title, value)], 'host-1')) as { text: string }
  return body.text
}

test('a message is plain lines that need no links', () => {
  expect(textOf('Budget crossed: key app', '10 USD').split('\n')).toEqual([
    'ALERT: Budget crossed: key app',
    'Spend: 10 USD',
    'Time: 1970-01-01T00:00:00.000Z (budget_alerts, host-1)',
  ])
})

test('no name forges a link, a mention or a line', () => {
  expect(textOf('key <!channel> & <https://evil.example|click>', 'a\nALERT: b @all')).toBe(
    'ALERT: key &lt;!channel&gt; &amp; &lt;https://evil.example|click&gt;\nSpend: a ALERT: b @\u200ball\n' +
      'Time: 1970-01-01T00:00:00.000Z (budget_alerts, host-1)',
  )
})

test('whatever a name holds, the message has its three lines and nothing that Slack reads', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (title, value) => {
      const text = textOf(title, value)
      expect(text.split(/[\n\r\u2028\u2029]/)).toHaveLength(3)
      expect(text).not.toMatch(/[<>]|(^|\W)@\w/)
    }),
  )
})

test('several alerts are one message', () => {
  const body = JSON.parse(slackBody([alertOf('one', '1'), alertOf('two', '2')], 'host-1')) as { text: string }
  expect(body.text.split('\n\n')).toHaveLength(2)
})
