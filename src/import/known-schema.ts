/**
 * What is known of LiteLLM's database: the tables that are read, the columns without which they mean nothing, and those
 * that have come since. From its published migrations, the first of which is `20250326162113_baseline`.
 */

/** Migrations begin with the day they were made on. Databases with younger ones are refused unless they are named. */
export const NEWEST_KNOWN_DAY = '20260831'

/** Name of LiteLLM's first migration, for messages. */
export const OLDEST_MIGRATION = '20250326162113_baseline'

export interface KnownTable {
  /** Absent in the oldest databases that are read. */
  readonly optional?: boolean
  /** Columns that every database has, with their types as PostgreSQL names them. */
  readonly required: Readonly<Record<string, string>>
  /** Columns that came later, or that are not read. */
  readonly others: readonly string[]
}

const words = (text: string): readonly string[] => text.trim().split(/\s+/)

const TIME = 'timestamp without time zone'
const AUDIT = words('created_at created_by updated_at updated_by')
const LIMITS = {
  max_budget: 'double precision',
  budget_duration: 'text',
  budget_reset_at: TIME,
  tpm_limit: 'bigint',
  rpm_limit: 'bigint',
  max_parallel_requests: 'integer',
} as const

export const KNOWN_TABLES: Readonly<Record<string, KnownTable>> = {
  LiteLLM_BudgetTable: {
    required: { budget_id: 'text', soft_budget: 'double precision', ...LIMITS },
    others: [...AUDIT, 'model_max_budget', 'allowed_models'],
  },
  LiteLLM_OrganizationTable: {
    required: {
      organization_id: 'text',
      organization_alias: 'text',
      budget_id: 'text',
      spend: 'double precision',
    },
    others: [...AUDIT, ...words('metadata models model_spend object_permission_id')],
  },
  LiteLLM_UserTable: {
    required: {
      user_id: 'text',
      user_role: 'text',
      spend: 'double precision',
      models: 'text[]',
      created_at: TIME,
      ...LIMITS,
    },
    others:
      words(`user_alias team_id sso_user_id organization_id object_permission_id password teams user_email metadata
      allowed_cache_controls policies model_spend model_max_budget updated_at`),
  },
  LiteLLM_TeamTable: {
    required: {
      team_id: 'text',
      members_with_roles: 'jsonb',
      spend: 'double precision',
      models: 'text[]',
      blocked: 'boolean',
      ...LIMITS,
    },
    others:
      words(`team_alias organization_id object_permission_id admins members metadata soft_budget created_at updated_at
      model_spend model_max_budget router_settings team_member_permissions access_group_ids policies
      default_team_member_models budget_limits model_id allow_team_guardrail_config`),
  },
  LiteLLM_TeamMembership: {
    required: { user_id: 'text', team_id: 'text', spend: 'double precision', budget_id: 'text' },
    others: words('total_spend created_at metadata model_spend'),
  },
  LiteLLM_VerificationToken: {
    required: {
      token: 'text',
      key_name: 'text',
      key_alias: 'text',
      spend: 'double precision',
      expires: TIME,
      models: 'text[]',
      blocked: 'boolean',
      user_id: 'text',
      team_id: 'text',
      budget_id: 'text',
      created_at: TIME,
      ...LIMITS,
    },
    others: [
      ...AUDIT,
      ...words(`soft_budget_cooldown aliases config router_settings agent_id project_id permissions metadata
        allowed_cache_controls allowed_routes policies access_group_ids model_spend model_max_budget organization_id
        object_permission_id last_active rotation_count auto_rotate rotation_interval last_rotation_at key_rotation_at
        budget_limits budget_fallbacks key_type settings_updated_at`),
    ],
  },
  LiteLLM_EndUserTable: {
    required: { user_id: 'text', spend: 'double precision', budget_id: 'text', blocked: 'boolean' },
    others: words('alias allowed_model_region default_model object_permission_id'),
  },
  LiteLLM_TagTable: {
    optional: true,
    required: { tag_name: 'text', spend: 'double precision', budget_id: 'text' },
    others: words('description models model_info created_at created_by updated_at'),
  },
  LiteLLM_ModelTable: { required: { id: 'integer', aliases: 'jsonb' }, others: AUDIT },
  LiteLLM_ProxyModelTable: {
    required: { model_id: 'text', model_name: 'text', litellm_params: 'jsonb', model_info: 'jsonb' },
    others: [...AUDIT, 'blocked'],
  },
  LiteLLM_CredentialsTable: {
    required: {
      credential_id: 'text',
      credential_name: 'text',
      credential_values: 'jsonb',
      credential_info: 'jsonb',
    },
    others: AUDIT,
  },
  LiteLLM_OrganizationMembership: {
    required: { user_id: 'text', organization_id: 'text', user_role: 'text' },
    others: words('spend budget_id created_at updated_at'),
  },
  LiteLLM_ProjectTable: {
    optional: true,
    required: { project_id: 'text', models: 'text[]', blocked: 'boolean' },
    others: [
      ...AUDIT,
      ...words(`project_alias description team_id budget_id metadata spend model_spend model_rpm_limit model_tpm_limit
        object_permission_id`),
    ],
  },
  LiteLLM_AccessGroupTable: {
    optional: true,
    required: { access_group_id: 'text' },
    others: [
      ...AUDIT,
      ...words(`access_group_name description access_model_names access_model_ids access_mcp_server_ids access_agent_ids
        assigned_team_ids assigned_key_ids`),
    ],
  },
  LiteLLM_ObjectPermissionTable: {
    optional: true,
    required: { object_permission_id: 'text' },
    others:
      words(`mcp_servers mcp_access_groups mcp_tool_permissions mcp_toolsets blocked_tools vector_stores agents
      agent_access_groups models search_tools mcp_tool_search_enabled`),
  },
  LiteLLM_SpendLogs: {
    required: {
      request_id: 'text',
      call_type: 'text',
      api_key: 'text',
      spend: 'double precision',
      prompt_tokens: 'integer',
      completion_tokens: 'integer',
      startTime: TIME,
      endTime: TIME,
      model: 'text',
      metadata: 'jsonb',
    },
    others:
      words(`total_tokens completionStartTime request_duration_ms model_id model_group custom_llm_provider api_base
      user cache_hit cache_key request_tags team_id organization_id end_user requester_ip_address messages response
      session_id status mcp_namespaced_tool_name agent_id proxy_server_request litellm_call_id cache_read_input_tokens
      created_at updated_at billing_agent_id`),
  },
}

/** Columns that give another meaning to what is read. A database that has one is refused by it. */
export const CHANGES_MEANING: Readonly<Record<string, string>> = {
  spend_at_last_reset: '`spend` is no longer what counts in the open budget window',
}

/** Tables that have no place here. Each that holds rows is named in the report. */
export const NOT_TAKEN: readonly { readonly table: string; readonly reason: string }[] = [
  {
    table: 'LiteLLM_Config',
    reason: 'settings stand in the config file: compare those made in the dashboard with it',
  },
  {
    table: 'LiteLLM_DeprecatedVerificationToken',
    reason: 'rotated keys in their time of grace stop working: hand out the new ones before',
  },
  {
    table: 'LiteLLM_JWTKeyMapping',
    reason: 'signing in by JWT is not there yet',
  },
  { table: 'LiteLLM_SSOConfig', reason: 'single sign-on is not there yet' },
  { table: 'LiteLLM_InvitationLink', reason: 'invitations are not there yet' },
  {
    table: 'LiteLLM_DeletedVerificationToken',
    reason: 'deleted keys stay in the old database',
  },
  {
    table: 'LiteLLM_DeletedTeamTable',
    reason: 'deleted teams stay in the old database',
  },
  { table: 'LiteLLM_AuditLog', reason: 'the audit log stays in the old database' },
  {
    table: 'LiteLLM_ErrorLogs',
    reason: 'old errors stay in the old database',
  },
  { table: 'LiteLLM_MCPServerTable', reason: 'MCP servers are not there yet' },
  { table: 'LiteLLM_AgentsTable', reason: 'agents are not there yet' },
  { table: 'LiteLLM_GuardrailsTable', reason: 'guardrails are not there yet' },
  { table: 'LiteLLM_PolicyTable', reason: 'policies are not there yet' },
  { table: 'LiteLLM_PromptTable', reason: 'stored prompts are not there yet' },
  { table: 'LiteLLM_ManagedFileTable', reason: 'files keep their ids in the old gateway only' },
  { table: 'LiteLLM_ManagedObjectTable', reason: 'batches keep their ids in the old gateway only' },
  { table: 'LiteLLM_ManagedVectorStoresTable', reason: 'vector stores are not there yet' },
  { table: 'LiteLLM_SearchToolsTable', reason: 'search tools are not there yet' },
]
