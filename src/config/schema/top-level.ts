/** The sections of a config file. */

/** Sections that are read. */
export const SECTIONS: readonly string[] = [
  'model_list',
  'credential_list',
  'general_settings',
  'litellm_settings',
  'router_settings',
  'environment_variables',
  'include',
]

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
