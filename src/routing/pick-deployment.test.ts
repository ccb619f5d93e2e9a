/** The weighted pick. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { AttemptFacts } from '../record/call-record.ts'
import type { Deployment } from './deployment.ts'
import { pickDeployment } from './pick-deployment.ts'

/** The pick looks at facts' identity and at the weight only. */
function deployment(weight: number): Deployment {
  return { facts: {}, weight } as Deployment
}

function failed(at: Deployment): AttemptFacts {
  return { deployment: at.facts } as AttemptFacts
}

describe('pickDeployment', () => {
  test('each deployment gets the share of its weight', () => {
    const [small, large] = [deployment(1), deployment(3)]
    const picks = Array.from({ length: 400 }, (_, index) => pickDeployment([small, large], [], index / 400))
    expect(picks.filter((pick) => pick === small)).toHaveLength(100)
    expect(picks.filter((pick) => pick === large)).toHaveLength(300)
  })

  test('one that failed is taken again only when all have failed', () => {
    const all = [deployment(1), deployment(1_000), deployment(1)]
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.nat(2),
        (random, left) => {
          const others = all.filter((_, index) => index !== left)
          expect(pickDeployment(all, others.map(failed), random)).toBe(all[left])
          expect(all).toContain(pickDeployment(all, all.map(failed), random))
        },
      ),
    )
  })

  test('an only deployment is taken again, and none of none', () => {
    const only = deployment(1)
    expect(pickDeployment([only], [failed(only)], 0.5)).toBe(only)
    expect(pickDeployment([], [], 0.5)).toBeUndefined()
  })
})
