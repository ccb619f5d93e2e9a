/** What the configuration limits: deployments, providers, and the gateway as a whole. */
import type { Scope } from '../record/scope.ts'

export interface GatewayScopes {
  /** By the deployment's id. */
  readonly deployments: ReadonlyMap<string, Scope>
  readonly providers: ReadonlyMap<string, Scope>
  readonly proxy: Scope | undefined
}

export const NO_GATEWAY_SCOPES: GatewayScopes = {
  deployments: new Map(),
  providers: new Map(),
  proxy: undefined,
}

/** All that calls to one deployment are counted for, and that is not their caller's. */
export function scopesOfDeployment(
  { deployments, providers, proxy }: GatewayScopes,
  modelId: string,
  provider: string,
): readonly Scope[] {
  const scopes = [deployments.get(modelId), providers.get(provider), proxy]
  return scopes.filter((scope) => scope !== undefined)
}
