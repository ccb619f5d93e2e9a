/** What a team's LiteLLM database holds: everybody who matters, with budgets, limits and spend that floats cannot add up. */
import { createHash } from 'node:crypto'
import type { LitellmDatabase } from './litellm-database.ts'

/** The raw keys that people hold: only their hashes are in the database. */
export const KEYS = {
  ada: 'sk-ada-of-the-old-gateway',
  blocked: 'sk-blocked-in-the-old-gateway',
  expired: 'sk-expired-in-the-old-gateway',
  spent: 'sk-spent-in-the-old-gateway',
  team: 'sk-team-of-the-old-gateway',
  narrow: 'sk-narrow-in-the-old-gateway',
} as const

export function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}

/** Far enough ahead that no test sees it pass. */
export const RESETS_AT = '2099-01-01T00:00:00.000'

/** Columns that a database after the first migration does not have are left out. */
export async function fillSample(
  database: LitellmDatabase,
  age: 'oldest' | 'newest' = 'newest',
): Promise<void> {
  const later = (fields: Record<string, unknown>): Record<string, unknown> => (age === 'oldest' ? {} : fields)
  const audit = { created_by: 'default_user_id', updated_by: 'default_user_id' }
  await database.insert('LiteLLM_BudgetTable', [
    { budget_id: 'b-org', max_budget: 500, budget_duration: '30d', budget_reset_at: RESETS_AT, ...audit },
    { budget_id: 'b-member', max_budget: 0.5, tpm_limit: 1000, ...audit },
    { budget_id: 'b-customer', max_budget: 3, budget_duration: '7d', budget_reset_at: RESETS_AT, ...audit },
    { budget_id: 'b-tag', max_budget: 11.25, ...audit },
  ])
  await database.insert('LiteLLM_OrganizationTable', [
    {
      organization_id: 'org-1',
      organization_alias: 'Research',
      budget_id: 'b-org',
      models: [],
      spend: 70.1 + 0.2,
      ...audit,
    },
  ])
  await database.insert('LiteLLM_UserTable', [
    {
      user_id: 'ada',
      user_email: 'Ada@example.com',
      user_role: 'internal_user',
      max_budget: 20,
      spend: 0.1 + 0.2,
      budget_duration: '30d',
      budget_reset_at: RESETS_AT,
      models: ['gpt'],
      metadata: { floor: 3 },
      password: 'scrypt:…',
    },
    { user_id: 'grace', user_email: 'grace@example.com', user_role: 'proxy_admin', spend: 1e-7 },
    {
      user_id: 'lin',
      user_email: 'lin@example.com',
      user_role: 'org_admin',
      organization_id: 'org-1',
      spend: 0,
    },
    { user_id: 'twin', user_email: 'ada@EXAMPLE.com', user_role: null, created_at: '2099-01-01' },
    { user_id: 'litellm-proxy-budget', spend: 123.456789, max_budget: 1000 },
  ])
  await database.insert('LiteLLM_OrganizationMembership', [
    { user_id: 'lin', organization_id: 'org-1', user_role: 'org_admin', spend: 1.5, budget_id: 'b-member' },
    { user_id: 'ada', organization_id: 'org-1', user_role: null },
  ])
  await database.insert('LiteLLM_ModelTable', [
    { id: 7, aliases: { fast: 'gpt' }, created_by: 'grace', updated_by: 'grace' },
  ])
  await database.insert('LiteLLM_TeamTable', [
    {
      team_id: 'team-1',
      team_alias: 'Compilers',
      organization_id: 'org-1',
      models: ['gpt', 'claude'],
      max_budget: 50,
      spend: 12.345678901234,
      budget_duration: '1mo',
      budget_reset_at: RESETS_AT,
      model_id: 7,
      rpm_limit: 100,
      members_with_roles: [
        { user_id: 'ada', role: 'user' },
        { user_id: 'grace', role: 'admin' },
        { user_id: 'nobody-yet', role: 'user' },
        { user_id: null, user_email: 'lin@example.com', role: 'user' },
      ],
      ...later({ team_member_permissions: ['/key/generate', '/key/info'], soft_budget: 40 }),
    },
    { team_id: 'team-old', team_alias: 'Old', admins: ['grace'], members: ['grace', 'ada'], blocked: true },
  ])
  await database.insert('LiteLLM_TeamMembership', [
    {
      user_id: 'ada',
      team_id: 'team-1',
      spend: 0.25,
      budget_id: 'b-member',
      ...later({ total_spend: 4.75 }),
    },
    { user_id: 'left', team_id: 'team-1', spend: 2 },
    { user_id: 'ada', team_id: 'team-gone', spend: 1 },
  ])
  const token = (key: string): Record<string, unknown> => ({
    token: hashOf(key),
    key_name: `sk-...${key.slice(-4)}`,
  })
  await database.insert('LiteLLM_VerificationToken', [
    {
      ...token(KEYS.ada),
      key_alias: 'ada-laptop',
      user_id: 'ada',
      spend: 1.1 + 2.2,
      max_budget: 10,
      models: [],
      budget_duration: '30d',
      budget_reset_at: RESETS_AT,
      metadata: { tags: ['prod'] },
      tpm_limit: 100_000,
      aliases: { mine: 'gpt' },
      permissions: { get_spend_routes: true },
      ...later({ allowed_routes: [], rotation_count: 2, object_permission_id: 'op-1' }),
    },
    { ...token(KEYS.blocked), key_alias: 'blocked', user_id: 'ada', blocked: true },
    { ...token(KEYS.expired), user_id: 'ada', expires: '2025-12-31T23:59:59.000' },
    { ...token(KEYS.spent), key_alias: 'spent', user_id: 'grace', max_budget: 0.3, spend: 0.1 + 0.2 },
    {
      ...token(KEYS.team),
      key_alias: 'team',
      user_id: 'ada',
      team_id: 'team-1',
      spend: 0.125,
      models: ['all-team-models'],
    },
    {
      ...token(KEYS.narrow),
      key_alias: 'ada-laptop',
      user_id: 'grace',
      models: ['claude'],
      created_at: '2099-01-01',
    },
    { ...token('sk-session'), user_id: 'grace', team_id: 'litellm-dashboard' },
    { ...token('sk-teamless'), key_alias: 'teamless', team_id: 'team-gone' },
    { token: 'sk-never-hashed', key_name: 'sk-...shed' },
  ])
  await database.insert('LiteLLM_EndUserTable', [
    { user_id: 'customer-1', alias: 'Shop', spend: 2.000000000001, budget_id: 'b-customer' },
    { user_id: 'customer-2', blocked: true },
  ])
  if (age === 'oldest') return
  await database.insert('LiteLLM_TagTable', [
    { tag_name: 'prod', description: 'production', spend: 9.99, budget_id: 'b-tag' },
  ])
  await database.insert('LiteLLM_ObjectPermissionTable', [
    { object_permission_id: 'op-1', mcp_servers: ['wiki'] },
  ])
}
