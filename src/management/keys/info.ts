/** `GET /key/info`: one key; the caller's own without `key`. */
import { z } from 'zod'
import { findBudgets, findKey } from '../../storage/queries/principals-keys.ts'
import { parseInput, type ManagementRequest, type ManagementRoute } from '../route.ts'
import type { ManagementServices } from '../services.ts'
import { loadCaller, maySeeKey } from './caller.ts'
import { keyHashOf, keyNotFound } from './find-key.ts'
import { keyOnWire } from './key-row.ts'

const infoQuery = z.object({ key: z.string().max(512).optional() })

export function keyInfoRoute(services: ManagementServices): ManagementRoute {
  return { method: 'GET', path: '/key/info', handle: async (request) => await keyInfo(services, request) }
}

async function keyInfo({ database }: ManagementServices, { principal, query }: ManagementRequest) {
  const { key: asked } = parseInput(infoQuery, query)
  const keyHash = asked === undefined || asked === '' ? principal.facts.keyHash : keyHashOf(asked)
  const key = await findKey(database.sql, keyHash)
  if (key === undefined || !maySeeKey(await loadCaller(database.sql, principal), key)) throw keyNotFound()
  const [budget] = key.budget_id === null ? [] : await findBudgets(database.sql, [key.budget_id])
  return { key: asked === undefined || asked === '' ? keyHash : asked, info: keyOnWire(key, budget) }
}
