/** From crossed lines to the alerts that tell of them, for people and for programs. */
import { toDecimal, toDollars, type Picodollars } from '../money/picodollars.ts'
import type { CallerFacts } from '../record/call-record.ts'
import type { Scope, ScopeKind } from '../record/scope.ts'
import type { AlertClaim } from '../storage/queries/alert-claims.ts'
import type { Alert, WebhookEvent } from './alert.ts'
import type { BudgetLine } from './budget-lines.ts'
import { claimName } from './claims.ts'

const DAY_MS = 86_400_000

/** A claim outlives its window, so that a process whose clock is behind cannot send once more. */
const AFTER_WINDOW_MS = DAY_MS

/** Budgets without a window are told of again after this time, if they are still used up and a process starts. */
const WITHOUT_WINDOW_MS = 400 * DAY_MS

/** What a scope is called in a sentence. */
const WORDS: Readonly<Record<ScopeKind, string>> = {
  key: 'key',
  user: 'user',
  team: 'team',
  team_member: 'team member',
  organization: 'organization',
  organization_member: 'organization member',
  end_user: 'customer',
  tag: 'tag',
  key_model: 'model of a key',
  user_model: 'model of a user',
  team_model: 'model of a team',
  team_member_model: 'model of a team member',
  organization_model: 'model of an organization',
  organization_member_model: 'model of an organization member',
  end_user_model: 'model of a customer',
  tag_model: 'model of a tag',
  key_window: 'key',
  team_window: 'team',
  deployment: 'deployment',
  provider: 'provider',
  proxy: 'proxy',
}

/** `event_group` of the webhook. */
const GROUPS: Readonly<Record<ScopeKind, string>> = {
  key: 'key',
  user: 'internal_user',
  team: 'team',
  team_member: 'team_member',
  organization: 'organization',
  organization_member: 'organization_member',
  end_user: 'customer',
  tag: 'tag',
  key_model: 'key',
  user_model: 'internal_user',
  team_model: 'team',
  team_member_model: 'team_member',
  organization_model: 'organization',
  organization_member_model: 'organization_member',
  end_user_model: 'customer',
  tag_model: 'tag',
  key_window: 'key',
  team_window: 'team',
  deployment: 'deployment',
  provider: 'provider',
  proxy: 'proxy',
}

/** The claim on telling that a scope has crossed a line in its open window. A budget that was changed has new lines. */
export function lineClaim(scope: Scope, line: BudgetLine, atMs: number): AlertClaim {
  return {
    claim: claimName(
      'budget',
      scope.kind,
      scope.id,
      scope.budgetWindow,
      `${line.event} ${line.percent} ${line.at}`,
    ),
    expiresAtMs:
      scope.resetsAtMs === undefined
        ? atMs + WITHOUT_WINDOW_MS
        : Math.max(scope.resetsAtMs, atMs) + AFTER_WINDOW_MS,
  }
}

export function budgetAlert(
  scope: Scope,
  line: BudgetLine,
  caller: CallerFacts | undefined,
  atMs: number,
): Alert {
  const what = whatHappened(line)
  const title = `${what}: ${WORDS[scope.kind]} ${scope.label}`
  return {
    type: 'budget_alerts',
    level: line.event === 'budget_crossed' ? 'high' : 'medium',
    atMs,
    title,
    facts: [
      ['Spend', `${toDecimal(scope.spent)} USD`],
      ...amount('Budget', scope.maxBudget),
      ...amount('Soft budget', scope.softBudget),
      ...(scope.resetsAtMs === undefined
        ? []
        : [['Begins anew', new Date(scope.resetsAtMs).toISOString()] as const]),
    ],
    event: {
      ...scopeMembers(scope, caller),
      spend: toDollars(scope.spent),
      max_budget: scope.maxBudget === undefined ? null : toDollars(scope.maxBudget),
      soft_budget: scope.softBudget === undefined ? null : toDollars(scope.softBudget),
      event: line.event,
      event_message: `${title}. Spend ${toDecimal(scope.spent)} USD, line ${toDecimal(line.at)} USD.`,
    },
  }
}

function whatHappened(line: BudgetLine): string {
  if (line.event === 'soft_budget_crossed') return 'Soft budget crossed'
  return line.event === 'budget_crossed' ? 'Budget crossed' : `${line.percent} % of the budget crossed`
}

function amount(name: string, value: Picodollars | undefined): readonly (readonly [string, string])[] {
  return value === undefined ? [] : [[name, `${toDecimal(value)} USD`]]
}

type ScopeMembers = Omit<WebhookEvent, 'spend' | 'max_budget' | 'soft_budget' | 'event' | 'event_message'>

/** Nothing but what belongs to the scope itself: a team's alert does not name the key whose call crossed the line. */
function scopeMembers(scope: Scope, caller: CallerFacts | undefined): ScopeMembers {
  const group = GROUPS[scope.kind]
  const id = scope.ownerId ?? scope.id
  const isKey = group === 'key'
  const isTeam = group === 'team'
  const isMember = group === 'team_member'
  const isUser = group === 'internal_user'
  const inOrganization = group === 'organization_member'
  const ofUser = isKey || isUser || isMember || inOrganization
  const ofTeam = isKey || isTeam || isMember
  return {
    token: isKey ? id : null,
    key_alias: isKey ? (caller?.keyAlias ?? null) : null,
    customer_id: group === 'customer' ? id : null,
    user_id: isUser ? id : ofUser ? (caller?.userId ?? null) : null,
    user_email: ofUser ? (caller?.userEmail ?? null) : null,
    team_id: isTeam ? id : isMember ? firstPart(id) : ofTeam ? (caller?.teamId ?? null) : null,
    team_alias: ofTeam ? (caller?.teamAlias ?? null) : null,
    organization_id:
      group === 'organization' ? id : inOrganization ? firstPart(id) : (caller?.organizationId ?? null),
    projected_exceeded_date: null,
    projected_spend: null,
    event_group: group,
    entity_type: scope.kind,
    entity_id: scope.id,
  }
}

/** `teamId::userId` and `organizationId::userId` begin with the id of what the user is a member of. */
function firstPart(id: string): string {
  return id.split('::', 1)[0] ?? id
}

/** A call of a customer was paid: for those who bill by the webhook. `spend` is the call's own. */
export function spendTracked(
  customerId: string,
  cost: Picodollars,
  caller: CallerFacts,
  atMs: number,
): Alert {
  const title = `Spend of customer ${customerId}`
  return {
    type: 'budget_alerts',
    level: 'low',
    atMs,
    title,
    facts: [['Spend', `${toDecimal(cost)} USD`]],
    event: {
      spend: toDollars(cost),
      max_budget: null,
      soft_budget: null,
      token: caller.keyHash,
      customer_id: customerId,
      user_id: caller.userId ?? null,
      team_id: caller.teamId ?? null,
      team_alias: caller.teamAlias ?? null,
      organization_id: caller.organizationId ?? null,
      user_email: caller.userEmail ?? null,
      key_alias: caller.keyAlias ?? null,
      projected_exceeded_date: null,
      projected_spend: null,
      event: 'spend_tracked',
      event_group: 'customer',
      entity_type: 'end_user',
      entity_id: customerId,
      event_message: `${title}: ${toDecimal(cost)} USD.`,
    },
  }
}
