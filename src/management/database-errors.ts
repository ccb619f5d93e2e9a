/** What the database refuses, in the words of the management API. */
import { GatewayError } from '../errors/gateway-error.ts'
import { DatabaseUnreachableError } from '../storage/postgresql.ts'
import type { ManagementRoute } from './route.ts'

/** Unique constraints, the wire field that each guards, and what to say. LiteLLM answers 400 for those of keys and teams. */
const TAKEN: Readonly<
  Record<string, { readonly param: string; readonly what: string; readonly status: number }>
> = {
  sluice_virtual_key_pkey: { param: 'key', what: 'A key with this value', status: 400 },
  sluice_virtual_key_key_alias_key: { param: 'key_alias', what: 'A key with this alias', status: 400 },
  sluice_user_pkey: { param: 'user_id', what: 'A user with this id', status: 409 },
  sluice_user_email: { param: 'user_email', what: 'A user with this e-mail address', status: 409 },
  sluice_user_sso_user_id_key: {
    param: 'sso_user_id',
    what: 'A user with this single sign-on id',
    status: 409,
  },
  sluice_organization_pkey: { param: 'organization_id', what: 'An organization with this id', status: 400 },
  sluice_budget_pkey: { param: 'budget_id', what: 'A budget with this id', status: 400 },
  sluice_tag_pkey: { param: 'name', what: 'A tag with this name', status: 400 },
  sluice_team_pkey: { param: 'team_id', what: 'A team with this id', status: 400 },
}

/** The same route, whose database errors are errors of the API. */
export function withDatabaseErrors(route: ManagementRoute): ManagementRoute {
  return {
    ...route,
    handle: async (request) => {
      try {
        return await route.handle(request)
      } catch (error) {
        throw asGatewayError(error)
      }
    },
  }
}

function asGatewayError(error: unknown): unknown {
  if (error instanceof DatabaseUnreachableError) {
    return new GatewayError('identity_unavailable', 'The database does not answer. Try again shortly.', {
      cause: error,
      retryAfterSeconds: 1,
    })
  }
  const taken = TAKEN[violatedConstraint(error)]
  if (taken === undefined) return error
  return new GatewayError('conflict', `${taken.what} already exists.`, {
    param: taken.param,
    status: taken.status,
    cause: error,
  })
}

function violatedConstraint(error: unknown): string {
  if (!(error instanceof Error) || !('constraint' in error)) return ''
  return typeof error.constraint === 'string' ? error.constraint : ''
}
