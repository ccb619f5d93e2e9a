/** The weighted pick, and what it looks at. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { AttemptFacts } from '../record/call-record.ts'
import type { Deployment } from './deployment.ts'
import { DeploymentPool, poolOf } from './deployment-pool.ts'

/** A pool looks at these members only. */
function deployment(weight: number, more: Partial<Deployment> = {}): Deployment {
  return { facts: {}, paths: {}, scopes: [], price: undefined, weight, ...more } as Deployment
}

function failed(at: Deployment): AttemptFacts {
  return { deployment: at.facts } as AttemptFacts
}

const anyRandom = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

/** 0, 1/n, 2/n, … */
function evenly(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index / count)
}

describe('a pick', () => {
  test('each deployment gets the share of its weight', () => {
    const [small, large] = [deployment(1), deployment(3)]
    const pool = new DeploymentPool([small, large])
    const picks = evenly(400).map((random) => pool.pick([], random))
    expect(picks.filter((pick) => pick === small)).toHaveLength(100)
    expect(picks.filter((pick) => pick === large)).toHaveLength(300)
  })

  test('the share of one that failed goes to the others by their weights', () => {
    const [down, small, large] = [deployment(4), deployment(1), deployment(3)]
    const pool = new DeploymentPool([small, down, large])
    const picks = evenly(800).map((random) => pool.pick([failed(down)], random))
    expect(picks.filter((pick) => pick === small)).toHaveLength(200)
    expect(picks.filter((pick) => pick === large)).toHaveLength(600)
  })

  test('one that failed is taken again only when all have failed', () => {
    const all = [deployment(1), deployment(1_000), deployment(1)]
    const pool = new DeploymentPool(all)
    fc.assert(
      fc.property(anyRandom, fc.nat(2), (random, left) => {
        const others = all.filter((_, index) => index !== left)
        expect(pool.pick(others.map(failed), random)).toBe(all[left])
        expect(all).toContain(pool.pick(all.map(failed), random))
      }),
    )
  })

  test('an only deployment is taken again, and none of none', () => {
    const only = deployment(1)
    expect(new DeploymentPool([only]).pick([failed(only)], 0.5)).toBe(only)
    expect(new DeploymentPool([only]).without(only).pick([], 0.5)).toBeUndefined()
  })

  test('one of two thousand looks at no weight and at no limit: they are added up once', () => {
    let looks = 0
    const watched = (member: keyof Deployment) => ({
      get: (): unknown => {
        looks += 1
        return { weight: 1, scopes: [], paths: { 'openai-chat': '/' } }[member as string]
      },
    })
    const all = Array.from({ length: 2_000 }, () =>
      Object.defineProperties(deployment(1), {
        weight: watched('weight'),
        scopes: watched('scopes'),
        paths: watched('paths'),
      }),
    )
    const group = { name: 'large', deployments: all }
    expect(poolOf(group, 'openai-chat').deployments.length).toBe(2_000)
    const once = looks
    for (const random of evenly(100)) {
      const pool = poolOf(group, 'openai-chat')
      expect(pool.pick([], random)).toBeDefined()
    }
    expect(looks).toBe(once)
  })
})

test('a pool has the deployments of a group that speak the dialect', () => {
  const both = deployment(1, { paths: { 'openai-chat': '/', 'openai-responses': '/' } })
  const chat = deployment(1, { paths: { 'openai-chat': '/' } })
  const group = { name: 'gpt', deployments: [both, chat] }
  expect(poolOf(group, 'openai-chat').deployments).toEqual([both, chat])
  expect(poolOf(group, 'openai-responses').deployments).toEqual([both])
  expect(poolOf(group, 'anthropic-messages').deployments).toEqual([])
})
