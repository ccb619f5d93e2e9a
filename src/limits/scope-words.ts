/** What the kinds of scopes are called towards clients. */
import type { ScopeKind } from '../record/scope.ts'

/** In messages about budgets. */
export const SCOPE_TITLES: Readonly<Record<ScopeKind, string>> = {
  key: 'Key',
  user: 'User',
  team: 'Team',
  team_member: 'Team member',
  organization: 'Organization',
  organization_member: 'Organization member',
  end_user: 'End user',
  tag: 'Tag',
  key_model: 'Model of key',
  user_model: 'Model of user',
  team_model: 'Model of team',
  team_member_model: 'Model of team member',
  organization_model: 'Model of organization',
  organization_member_model: 'Model of organization member',
  end_user_model: 'Model of end user',
  tag_model: 'Model of tag',
  key_window: 'Key',
  team_window: 'Team',
  deployment: 'Deployment',
  provider: 'Provider',
  proxy: 'Proxy',
}

/** LiteLLM's words, in messages about rates and in header names. */
export const DESCRIPTORS: Readonly<Record<ScopeKind, string>> = {
  key: 'api_key',
  user: 'user',
  team: 'team',
  team_member: 'team_member',
  organization: 'organization',
  organization_member: 'organization_member',
  end_user: 'end_user',
  tag: 'tag',
  key_model: 'model_per_key',
  user_model: 'model_per_user',
  team_model: 'model_per_team',
  team_member_model: 'model_per_team_member',
  organization_model: 'model_per_organization',
  organization_member_model: 'model_per_organization_member',
  end_user_model: 'model_per_end_user',
  tag_model: 'model_per_tag',
  key_window: 'api_key',
  team_window: 'team',
  deployment: 'deployment',
  provider: 'provider',
  proxy: 'proxy',
}
