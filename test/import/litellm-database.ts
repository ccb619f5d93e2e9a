/**
 * Databases as LiteLLM makes them, from the facts of its published schema: the tables that an import reads, as old as the
 * first of its migrations or as young as the newest that is known.
 */
import pg from 'pg'

/** `oldest`: after the first migration. `pushed`: the newest, made without migrations, so that no history tells of them. */
export type SchemaAge = 'oldest' | 'newest' | 'pushed'

interface Table {
  readonly key: string
  /** `name type`, those of the first migration and those that came later. */
  readonly first?: string
  readonly later?: string
}

const AUDIT = `created_at timestamp(3) default current_timestamp, created_by text,
  updated_at timestamp(3) default current_timestamp, updated_by text`
const LIMITS = `max_budget double precision, max_parallel_requests integer, tpm_limit bigint, rpm_limit bigint,
  budget_duration text, budget_reset_at timestamp(3)`
const MODEL_SPEND = `model_spend jsonb not null default '{}', model_max_budget jsonb not null default '{}'`

const TABLES: Readonly<Record<string, Table>> = {
  LiteLLM_BudgetTable: {
    key: 'budget_id',
    first: `budget_id text, soft_budget double precision, model_max_budget jsonb, ${LIMITS}, ${AUDIT}`,
    later: `allowed_models text[] default array[]::text[]`,
  },
  LiteLLM_CredentialsTable: {
    key: 'credential_id',
    first: `credential_id text, credential_name text unique, credential_values jsonb not null, credential_info jsonb, ${AUDIT}`,
  },
  LiteLLM_ProxyModelTable: {
    key: 'model_id',
    first: `model_id text, model_name text not null, litellm_params jsonb not null, model_info jsonb, ${AUDIT}`,
    later: `blocked boolean not null default false`,
  },
  LiteLLM_OrganizationTable: {
    key: 'organization_id',
    first: `organization_id text, organization_alias text not null, budget_id text not null,
      metadata jsonb not null default '{}', models text[], spend double precision not null default 0,
      model_spend jsonb not null default '{}', ${AUDIT}`,
    later: `object_permission_id text`,
  },
  LiteLLM_ModelTable: { key: 'id', first: `id integer, aliases jsonb, ${AUDIT}` },
  LiteLLM_TeamTable: {
    key: 'team_id',
    first: `team_id text, team_alias text, organization_id text, admins text[], members text[],
      members_with_roles jsonb not null default '{}', metadata jsonb not null default '{}',
      spend double precision not null default 0, models text[], blocked boolean not null default false, model_id integer,
      created_at timestamp(3) default current_timestamp, updated_at timestamp(3) default current_timestamp,
      ${LIMITS}, ${MODEL_SPEND}`,
    later: `team_member_permissions text[] default array[]::text[], soft_budget double precision, object_permission_id text,
      router_settings jsonb default '{}', policies text[] default array[]::text[],
      access_group_ids text[] default array[]::text[], budget_limits jsonb,
      default_team_member_models text[] default array[]::text[],
      allow_team_guardrail_config boolean not null default false`,
  },
  LiteLLM_UserTable: {
    key: 'user_id',
    first: `user_id text, user_alias text, team_id text, sso_user_id text unique, organization_id text, password text,
      teams text[] default array[]::text[], user_role text, spend double precision not null default 0, user_email text,
      models text[], metadata jsonb not null default '{}', allowed_cache_controls text[] default array[]::text[],
      created_at timestamp(3) default current_timestamp, updated_at timestamp(3) default current_timestamp,
      ${LIMITS}, ${MODEL_SPEND}`,
    later: `object_permission_id text, policies text[] default array[]::text[]`,
  },
  LiteLLM_VerificationToken: {
    key: 'token',
    first: `token text, key_name text, key_alias text, soft_budget_cooldown boolean not null default false,
      spend double precision not null default 0, expires timestamp(3), models text[], aliases jsonb not null default '{}',
      config jsonb not null default '{}', user_id text, team_id text, permissions jsonb not null default '{}',
      metadata jsonb not null default '{}', blocked boolean, allowed_cache_controls text[] default array[]::text[],
      budget_id text, organization_id text, ${LIMITS}, ${MODEL_SPEND}, ${AUDIT}`,
    later: `allowed_routes text[] default array[]::text[], object_permission_id text, rotation_count integer default 0,
      auto_rotate boolean default false, rotation_interval text, last_rotation_at timestamp(3),
      key_rotation_at timestamp(3), project_id text, agent_id text, router_settings jsonb default '{}',
      policies text[] default array[]::text[], access_group_ids text[] default array[]::text[],
      last_active timestamp(3), budget_limits jsonb, budget_fallbacks jsonb not null default '{}', key_type text`,
  },
  LiteLLM_EndUserTable: {
    key: 'user_id',
    first: `user_id text, alias text, spend double precision not null default 0, allowed_model_region text,
      default_model text, budget_id text, blocked boolean not null default false`,
    later: `object_permission_id text`,
  },
  LiteLLM_TeamMembership: {
    key: 'user_id, team_id',
    first: `user_id text, team_id text, spend double precision not null default 0, budget_id text`,
    later: `total_spend double precision not null default 0`,
  },
  LiteLLM_OrganizationMembership: {
    key: 'user_id, organization_id',
    first: `user_id text, organization_id text, user_role text, spend double precision default 0, budget_id text`,
  },
  LiteLLM_Config: { key: 'param_name', first: `param_name text, param_value jsonb` },
  LiteLLM_SpendLogs: {
    key: 'request_id',
    first: `request_id text, call_type text not null, api_key text not null default '',
      spend double precision not null default 0, total_tokens integer not null default 0,
      prompt_tokens integer not null default 0, completion_tokens integer not null default 0,
      "startTime" timestamp(3) not null, "endTime" timestamp(3) not null, "completionStartTime" timestamp(3),
      model text not null default '', model_id text default '', model_group text default '',
      custom_llm_provider text default '', api_base text default '', "user" text default '',
      metadata jsonb default '{}', cache_hit text default '', cache_key text default '',
      request_tags jsonb default '[]', team_id text, end_user text, requester_ip_address text,
      messages jsonb default '{}', response jsonb default '{}'`,
    later: `session_id text, status text, organization_id text, agent_id text, mcp_namespaced_tool_name text,
      proxy_server_request jsonb default '{}', request_duration_ms integer`,
  },
  LiteLLM_TagTable: {
    key: 'tag_name',
    later: `tag_name text, description text, models text[], model_info jsonb,
      spend double precision not null default 0, budget_id text, created_at timestamp(3) default current_timestamp,
      created_by text, updated_at timestamp(3) default current_timestamp`,
  },
  LiteLLM_ProjectTable: {
    key: 'project_id',
    later: `project_id text, project_alias text, team_id text, budget_id text, models text[],
      spend double precision not null default 0, blocked boolean not null default false, ${AUDIT}`,
  },
  LiteLLM_AccessGroupTable: {
    key: 'access_group_id',
    later: `access_group_id text, access_group_name text not null, access_model_names text[], ${AUDIT}`,
  },
  LiteLLM_ObjectPermissionTable: {
    key: 'object_permission_id',
    later: `object_permission_id text, mcp_servers text[], vector_stores text[]`,
  },
}

const MIGRATIONS: Readonly<Record<Exclude<SchemaAge, 'pushed'>, readonly string[]>> = {
  oldest: ['20250326162113_baseline'],
  newest: ['20250326162113_baseline', '20260224201417_spend_logs_request_duration', '20260828000000_newest'],
}

export class LitellmDatabase {
  readonly url: string
  readonly #client: pg.Client

  private constructor(url: string) {
    this.url = url
    this.#client = new pg.Client({ connectionString: url })
  }

  /** Makes the tables in an empty database. */
  static async create(url: string, age: SchemaAge = 'newest'): Promise<LitellmDatabase> {
    const database = new LitellmDatabase(url)
    await database.#client.connect()
    // LiteLLM's times have no zone: what the session's is must not matter.
    await database.run(`set timezone to 'Asia/Kolkata'`)
    for (const [name, { key, first, later }] of Object.entries(TABLES)) {
      const columns = [first, age === 'oldest' ? undefined : later].filter((part) => part !== undefined)
      if (columns.length > 0 && (age !== 'oldest' || first !== undefined)) {
        await database.run(`create table "${name}" (${columns.join(', ')}, primary key (${key}))`)
      }
    }
    if (age !== 'pushed') await database.#writeHistory(MIGRATIONS[age])
    return database
  }

  async #writeHistory(names: readonly string[]): Promise<void> {
    await this.run(`create table _prisma_migrations (
      id varchar(36) primary key, checksum varchar(64) not null, finished_at timestamptz,
      migration_name varchar(255) not null, rolled_back_at timestamptz, started_at timestamptz not null default now()
    )`)
    for (const name of names) await this.addMigration(name)
  }

  async addMigration(name: string): Promise<void> {
    await this.run(
      `insert into _prisma_migrations (id, checksum, finished_at, migration_name) values ($1, '', now(), $2)`,
      [name.slice(0, 36), name],
    )
  }

  /** Inserts rows; columns that a row does not name get their defaults. */
  async insert(table: string, rows: readonly Readonly<Record<string, unknown>>[]): Promise<void> {
    for (const row of rows) {
      const names = Object.keys(row).map((name) => `"${name}"`)
      const json = JSON.stringify(row)
      await this.run(
        `insert into "${table}" (${names.join(', ')})
         select ${names.join(', ')} from jsonb_populate_record(null::"${table}", $1::jsonb)`,
        [json],
      )
    }
  }

  async run(statement: string, values: readonly unknown[] = []): Promise<readonly Record<string, unknown>[]> {
    const { rows } = await this.#client.query<Record<string, unknown>>(statement, [...values])
    return rows
  }

  async close(): Promise<void> {
    await this.#client.end()
  }
}
