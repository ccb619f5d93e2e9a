/** By what name a scope, and its open budget window, are counted in every process. */
import type { Scope } from '../record/scope.ts'

interface ScopeNames {
  readonly scope: string
  window: string
  account: string
}

/** One object a scope, so that a call joins no texts. */
const known = new WeakMap<Scope, ScopeNames>()

export function scopeName(scope: Scope): string {
  return namesOf(scope).scope
}

/** The name of a scope's open budget window. */
export function accountOf(scope: Scope): string {
  const names = namesOf(scope)
  const { budgetWindow } = scope
  if (names.window !== budgetWindow) {
    names.window = budgetWindow
    names.account = accountName(names.scope, budgetWindow)
  }
  return names.account
}

function namesOf(scope: Scope): ScopeNames {
  let names = known.get(scope)
  if (names === undefined) {
    const name = `${scope.kind}:${scope.id}`
    const { budgetWindow } = scope
    names = { scope: name, window: budgetWindow, account: accountName(name, budgetWindow) }
    known.set(scope, names)
  }
  return names
}

function accountName(scope: string, window: string): string {
  return `${scope}@${window}`
}
