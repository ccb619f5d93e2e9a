/** The sections of a config file. */
import type * as z from 'zod'
import { anything, inForce } from '../setting.ts'

/** Sections that are read. */
export const SECTIONS: Readonly<Record<string, z.ZodType>> = {
  model_list: inForce(anything(), 'The deployments.'),
  credential_list: inForce(anything(), 'Credentials that deployments share.'),
  general_settings: inForce(anything(), 'The server.'),
  litellm_settings: inForce(anything(), 'Callbacks, metrics, defaults.'),
  router_settings: inForce(anything(), 'Retries, time-outs, aliases.'),
  environment_variables: inForce(anything(), 'Exported into the environment before references are resolved.'),
  include: inForce(anything(), 'Further files, as paths relative to this one.'),
}

/** Sections of LiteLLM that are read over: a warning names each that is set. */
export const SECTIONS_NOT_IN_FORCE: readonly string[] = [
  'agent_list',
  'assistant_settings',
  'callback_settings',
  'files_settings',
  'finetune_settings',
  'guardrails',
  'mcp_servers',
  'mcp_tools',
  'policies',
  'policy_attachments',
  'prompts',
  'search_tools',
  'vector_store_registry',
  'worker_registry',
]
