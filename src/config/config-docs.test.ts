/** Holds the configuration page to the schemas. */
import { expect, test } from 'vitest'
import { renderConfigDocs } from './config-docs.ts'

test('docs/configuration.md says what the schemas say', async () => {
  await expect(renderConfigDocs()).toMatchFileSnapshot('../../docs/configuration.md')
})
