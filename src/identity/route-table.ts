/**
 * Every route that the gateway serves, who may call it, and the groups that a key's `allowed_routes` may name. What is
 * not in this table is refused to everyone.
 */
import { ROLES, type Role } from './principal.ts'

/** Names that may stand in `allowed_routes` for many routes. */
export const ROUTE_GROUPS = [
  'openai_routes',
  'anthropic_routes',
  'llm_api_routes',
  'info_routes',
  'key_management_routes',
  'management_routes',
  'spend_tracking_routes',
  'public_routes',
] as const
export type RouteGroup = (typeof ROUTE_GROUPS)[number]

export interface RouteEntry {
  /** `GET` stands for `HEAD` too. */
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** A segment `:name` stands for any one segment. */
  readonly path: string
  readonly groups: readonly RouteGroup[]
  /** `public` needs no key. */
  readonly access: 'public' | readonly Role[]
}

const EVERYONE = ROLES
const ADMIN = ['proxy_admin'] as const
const ADMIN_READ = ['proxy_admin', 'proxy_admin_viewer'] as const
const KEY_WRITERS = ['proxy_admin', 'internal_user'] as const

function routes(
  access: RouteEntry['access'],
  groups: readonly RouteGroup[],
  method: RouteEntry['method'],
  paths: readonly string[],
): readonly RouteEntry[] {
  return paths.map((path) => ({ method, path, groups, access }))
}

const OPENAI = ['openai_routes', 'llm_api_routes'] as const
const ANTHROPIC = ['anthropic_routes', 'llm_api_routes'] as const

/** Every path under which files and batches are served. */
function filePaths(...paths: readonly string[]): readonly string[] {
  return paths.flatMap((path) => [path, `/v1${path}`, `/:provider/v1${path}`])
}

export const ROUTE_TABLE: readonly RouteEntry[] = [
  ...routes('public', ['public_routes'], 'GET', [
    '/',
    '/api/hello',
    '/health/liveliness',
    '/health/liveness',
    '/health/readiness',
  ]),
  ...routes(EVERYONE, OPENAI, 'POST', [
    '/chat/completions',
    '/v1/chat/completions',
    '/openai/deployments/:model/chat/completions',
    '/engines/:model/chat/completions',
    '/completions',
    '/v1/completions',
    '/openai/deployments/:model/completions',
    '/engines/:model/completions',
    '/embeddings',
    '/v1/embeddings',
    '/openai/deployments/:model/embeddings',
    '/engines/:model/embeddings',
    '/responses',
    '/v1/responses',
    '/openai/v1/responses',
  ]),
  ...routes(EVERYONE, OPENAI, 'GET', [
    '/models',
    '/v1/models',
    '/models/:id',
    '/v1/models/:id',
    // Clients that would like a WebSocket: they are told to use POST.
    '/responses',
    '/v1/responses',
    '/openai/v1/responses',
  ]),
  ...routes(EVERYONE, OPENAI, 'POST', filePaths('/files', '/batches', '/batches/:batch_id/cancel')),
  ...routes(
    EVERYONE,
    OPENAI,
    'GET',
    filePaths('/files', '/files/:file_id', '/files/:file_id/content', '/batches', '/batches/:batch_id'),
  ),
  ...routes(EVERYONE, OPENAI, 'DELETE', filePaths('/files/:file_id')),
  ...routes(EVERYONE, ANTHROPIC, 'POST', [
    '/messages',
    '/v1/messages',
    '/anthropic/v1/messages',
    '/messages/count_tokens',
    '/v1/messages/count_tokens',
    '/anthropic/v1/messages/count_tokens',
  ]),
  ...routes(EVERYONE, ANTHROPIC, 'GET', ['/anthropic/v1/models', '/anthropic/v1/models/:id']),
  ...routes(EVERYONE, ['info_routes'], 'GET', [
    '/model/info',
    '/v1/model/info',
    '/model_group/info',
    '/health',
    '/health/backlog',
  ]),
  ...routes(EVERYONE, ['info_routes', 'key_management_routes', 'management_routes'], 'GET', [
    '/key/info',
    '/key/list',
  ]),
  ...routes(EVERYONE, ['info_routes', 'management_routes'], 'GET', [
    '/user/info',
    '/team/info',
    '/team/list',
  ]),
  ...routes(ADMIN_READ, ['management_routes'], 'GET', ['/user/list']),
  ...routes(KEY_WRITERS, ['key_management_routes', 'management_routes'], 'POST', [
    '/key/generate',
    '/key/update',
    '/key/delete',
    '/key/block',
    '/key/unblock',
    '/key/:key/reset_spend',
  ]),
  ...routes(EVERYONE, ['management_routes'], 'POST', ['/user/update']),
  // Administrators of a team change its members: the handler asks for that.
  ...routes(KEY_WRITERS, ['management_routes'], 'POST', [
    '/team/member_add',
    '/team/member_update',
    '/team/member_delete',
    '/team/:team_id/member/:user_id/reset_spend',
  ]),
  ...routes(ADMIN, ['management_routes'], 'POST', [
    '/user/new',
    '/user/delete',
    '/team/new',
    '/team/update',
    '/team/delete',
    '/team/block',
    '/team/unblock',
    '/organization/new',
    '/organization/member_add',
    '/customer/new',
    '/customer/update',
    '/customer/delete',
    '/customer/block',
    '/customer/unblock',
    '/end_user/new',
    '/end_user/update',
    '/end_user/delete',
    '/end_user/block',
    '/end_user/unblock',
    '/budget/new',
    '/budget/update',
    '/budget/delete',
    '/tag/new',
    '/tag/update',
    '/tag/delete',
    '/global/spend/reset',
  ]),
  ...routes(ADMIN, ['management_routes'], 'PATCH', ['/organization/update', '/organization/member_update']),
  ...routes(ADMIN, ['management_routes'], 'DELETE', ['/organization/delete', '/organization/member_delete']),
  ...routes(ADMIN_READ, ['management_routes'], 'GET', [
    '/customer/info',
    '/customer/list',
    '/end_user/info',
    '/end_user/list',
    '/budget/list',
    '/budget/settings',
    '/tag/list',
  ]),
  ...routes(ADMIN_READ, ['management_routes'], 'POST', ['/budget/info', '/tag/info']),
  ...routes(EVERYONE, ['info_routes', 'management_routes'], 'GET', [
    '/organization/info',
    '/organization/list',
  ]),
  ...routes(EVERYONE, ['info_routes', 'management_routes'], 'POST', ['/organization/info']),
  ...routes(EVERYONE, ['spend_tracking_routes'], 'GET', [
    '/spend/logs',
    '/spend/logs/v2',
    '/spend/logs/ui',
    '/spend/logs/ui/:request_id',
    '/spend/keys',
    '/spend/users',
    '/user/daily/activity',
  ]),
  ...routes(ADMIN_READ, ['management_routes'], 'GET', ['/cache/ping']),
  ...routes(ADMIN, ['management_routes'], 'POST', ['/cache/delete', '/cache/flushall']),
  ...routes(ADMIN_READ, [], 'GET', ['/metrics', '/metrics/']),
  ...routes(ADMIN, [], 'GET', ['/health/drain', '/health/services']),
]
