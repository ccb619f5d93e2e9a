import fc from 'fast-check'
import { expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { MASTER_PRINCIPAL } from './build-principal.ts'
import { areModelsWithin, authorizeModel, mayUseModel } from './model-rights.ts'
import { visibleModels } from './models-for.ts'
import type { ModelList, Principal } from './principal.ts'

function caller(lists: Partial<Record<ModelList['kind'], readonly string[]>>, teamId?: string): Principal {
  return {
    ...MASTER_PRINCIPAL,
    kind: 'virtual_key',
    facts: { ...MASTER_PRINCIPAL.facts, teamId },
    modelLists: (['key', 'team', 'user'] as const).flatMap((kind) =>
      lists[kind] === undefined ? [] : [{ kind, models: lists[kind] }],
    ),
  }
}

test.each([
  [{}, 'gpt-4o', true],
  [{ key: [] }, 'gpt-4o', true],
  [{ key: ['gpt-4o'] }, 'gpt-4o', true],
  [{ key: ['gpt-4o'] }, 'o1', false],
  [{ key: ['*'] }, 'o1', true],
  [{ key: ['all-proxy-models'] }, 'o1', true],
  [{ key: ['openai/*'] }, 'openai/o1', true],
  [{ key: ['openai/*'] }, 'anthropic/claude', false],
  [{ key: ['openai/gpt-*'] }, 'openai/o1', false],
  [{ key: ['beta'] }, 'in-beta-group', true],
  [{ key: ['no-default-models'] }, 'gpt-4o', false],
  [{ key: ['gpt-4o'], team: ['o1'] }, 'gpt-4o', false],
  [{ key: [], team: ['o1'] }, 'gpt-4o', false],
  [{ key: ['o1'], team: ['o1', 'gpt-4o'] }, 'o1', true],
  [{ user: ['no-default-models'] }, 'gpt-4o', false],
  [{ key: ['all-team-models'] }, 'gpt-4o', false],
] as const)('lists %o: %s is allowed: %s', (lists, model, allowed) => {
  const groups = model === 'in-beta-group' ? ['beta'] : []
  expect(mayUseModel(caller(lists), model, model, groups)).toBe(allowed)
})

test('all-team-models defers to the team', () => {
  expect(mayUseModel(caller({ key: ['all-team-models'], team: ['o1'] }, 't'), 'o1', 'o1', [])).toBe(true)
  expect(mayUseModel(caller({ key: ['all-team-models'], team: ['o1'] }, 't'), 'gpt-4o', 'gpt-4o', [])).toBe(
    false,
  )
})

test('a refusal names whose list it is, and the list', () => {
  try {
    authorizeModel(caller({ key: ['a'], team: ['b'] }), 'a', 'a', [])
    expect.unreachable()
  } catch (error) {
    expect(error).toBeInstanceOf(GatewayError)
    expect(error).toMatchObject({ code: 'team_model_access_denied', status: 403, param: 'model' })
    expect(String(error)).toContain('models=[b]')
  }
})

test('the name or the group behind an alias of the configuration may be in the list', () => {
  expect(mayUseModel(caller({ key: ['fast'] }), 'fast', 'gpt-4o-mini', [])).toBe(true)
  expect(mayUseModel(caller({ key: ['gpt-4o-mini'] }), 'fast', 'gpt-4o-mini', [])).toBe(true)
})

test('an alias that the key defines itself opens nothing: what it stands for must be allowed', () => {
  const principal: Principal = {
    ...caller({ key: ['cheap'] }),
    modelAliases: new Map([['cheap', 'expensive']]),
    ownAliases: new Set(['cheap']),
  }
  expect(mayUseModel(principal, 'cheap', 'expensive', [])).toBe(false)
  expect(
    mayUseModel(
      { ...principal, modelLists: [{ kind: 'key', models: ['expensive'] }] },
      'cheap',
      'expensive',
      [],
    ),
  ).toBe(true)
})

const model = fc.constantFrom(
  'gpt-4o',
  'o1',
  'openai/o1',
  'openai/gpt-5',
  'anthropic/claude',
  'openai/gpt-*-x',
)
const rule = fc.oneof(
  model,
  fc.constantFrom(
    '*',
    'openai/*',
    'openai/gpt-*',
    'all-proxy-models',
    'no-default-models',
    'all-team-models',
    'beta',
  ),
)

test('models that count as within others allow nothing that the others refuse', () => {
  fc.assert(
    fc.property(
      fc.array(rule, { maxLength: 4 }),
      fc.array(rule, { maxLength: 4 }),
      model,
      fc.constantFrom([], ['beta']),
      (narrower, wider, asked, groups) => {
        fc.pre(areModelsWithin(narrower, wider))
        if (mayUseModel(caller({ key: narrower }), asked, asked, groups)) {
          expect(mayUseModel(caller({ key: wider }), asked, asked, groups)).toBe(true)
        }
      },
    ),
    { numRuns: 1_000 },
  )
})

test('a caller is shown what it may call, in the order of the configuration', () => {
  const offered = [
    { name: 'gpt-4o', accessGroups: [] },
    { name: 'o1', accessGroups: ['beta'] },
    { name: 'openai/*', accessGroups: [] },
  ]
  expect(visibleModels(caller({}), offered)).toEqual(['gpt-4o', 'o1', 'openai/*'])
  expect(visibleModels(caller({ key: ['o1', 'gone'] }), offered)).toEqual(['o1'])
  expect(visibleModels(caller({ key: ['beta'] }), offered)).toEqual(['o1'])
  expect(visibleModels(caller({ key: ['openai/gpt-5'] }), offered)).toEqual(['openai/gpt-5'])
  expect(
    visibleModels(caller({ key: ['openai/gpt-5', 'openai/*'], team: ['openai/gpt-5'] }), offered),
  ).toEqual(['openai/gpt-5'])
})
