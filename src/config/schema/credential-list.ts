/** `credential_list`: credentials that several deployments share by name. */
import * as z from 'zod'
import { anything, inForce, mapOf, mapWith, nameText, secretText, text, textList } from '../setting.ts'

/** Values that deployments take over where they have none of their own. */
export const credentialValuesSchema = mapWith({
  api_key: inForce(secretText().optional(), 'Key at the provider.'),
  api_base: inForce(text().optional(), 'Base URL of the provider.'),
  api_version: inForce(text().optional(), 'Version of the provider’s API.'),
  organization: inForce(
    z.union([text(), textList()], { error: 'text or a list of texts' }).optional(),
    'OpenAI organization.',
  ),
  extra_headers: inForce(mapOf(secretText(), 'a map of texts').optional(), 'Headers sent with every call.'),
})

export const credentialSchema = mapWith({
  credential_name: inForce(nameText(), 'Name that `litellm_credential_name` refers to.'),
  credential_values: inForce(
    credentialValuesSchema,
    'What deployments take over where they have none of their own.',
  ),
  credential_info: inForce(mapOf(anything(), 'a map').optional(), 'Description.'),
})

export type Credential = z.output<typeof credentialSchema>
