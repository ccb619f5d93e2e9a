/**
 * The Lua script by which processes count limits together in Redis: it takes up settlements, and then admits a call
 * over all its scopes or refuses it, in one step. Redis's own clock decides.
 *
 * Keys of one namespace lie in one slot of a cluster, by their hash tag:
 *
 * - `…holders`: hash, process → epoch milliseconds until which it counts as alive.
 * - `…requests:<scope>`, `…tokens:<scope>`: hash, the rolling minute of `MinuteWindow`: `at` its newest second, `sum`,
 *   and a bucket a second.
 * - `…parallel:<scope>`: hash, process → calls under way.
 * - `…budget:<account>`: hash, process → picodollars reserved, and `s` the picodollars settled, which only
 *   `HINCRBY` adds up. Comparisons are made in doubles: beyond 9,007 dollars they are exact to a fraction of 1e-15.
 */
import type { RedisScript } from '../redis/redis.ts'
import { LIVE_SECONDS } from './minute-window.ts'

/** A process that is silent for so long is taken for dead: what it held is free. */
export const HOLDER_TTL_MS = 10_000

/** Where in a call's message `KEYS` its key stands, counted from one. */
type KeyIndex = number

/** `p`: calls under way, `r`: reserved, `c`: settled cost, `t`: tokens, counted in a second, and the difference. */
export type ScriptChange =
  | readonly [KeyIndex, 'p' | 'r' | 'c', string]
  | readonly [KeyIndex, 't', string, number]

export interface ScriptAsk {
  readonly q?: readonly [KeyIndex, number]
  readonly t?: readonly [KeyIndex, number]
  readonly p?: readonly [KeyIndex, number]
  readonly b?: readonly [KeyIndex, max: string, spent: string]
}

/** The message, as JSON. `KEYS[1]` is the key of the holders. */
export interface ScriptMessage {
  /** Epoch milliseconds instead of Redis's own, for tests. */
  readonly now?: number
  readonly holder: string
  /** A holder that is no more: its leases stand under this one's name again. */
  readonly gone?: string
  /** A message that comes later than this, in Redis's time, is void; zero when that time is not known yet. */
  readonly deadline: number
  readonly changes: readonly ScriptChange[]
  readonly tokens: number
  readonly cost: string
  readonly asks: readonly ScriptAsk[]
}

export const LIMIT_SCRIPT: RedisScript = {
  name: 'limits',
  lua: `
local LIVE, TTL, KEEP = ${LIVE_SECONDS}, ${HOLDER_TTL_MS}, 86400000
local message = cjson.decode(ARGV[1])
local now = message.now
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local second = math.floor(now / 1000)
local holder = message.holder
if message.deadline > 0 and now > message.deadline then return cjson.encode({ late = true, now = now }) end

if message.gone then redis.call('HDEL', KEYS[1], message.gone) end
local alive_until = tonumber(redis.call('HGET', KEYS[1], holder) or 0)
local fresh = alive_until <= now
if alive_until - now < TTL * 3 / 4 then
  redis.call('HSET', KEYS[1], holder, now + TTL)
  redis.call('PEXPIRE', KEYS[1], KEEP)
end

local alive
local function is_alive(name)
  if not alive then
    alive = {}
    local all = redis.call('HGETALL', KEYS[1])
    for i = 1, #all, 2 do
      if tonumber(all[i + 1]) > now then alive[all[i]] = true else redis.call('HDEL', KEYS[1], all[i]) end
    end
  end
  return alive[name]
end

local function held(key)
  local sum, settled = 0, nil
  local all = redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    if all[i] == 's' then settled = all[i + 1]
    elseif is_alive(all[i]) then sum = sum + tonumber(all[i + 1])
    else redis.call('HDEL', key, all[i]) end
  end
  return sum, settled
end

local function lease(key, amount)
  if tonumber(redis.call('HINCRBY', key, holder, amount)) <= 0 then redis.call('HDEL', key, holder) end
  redis.call('PEXPIRE', key, KEEP)
end

local function roll(key)
  local head = redis.call('HMGET', key, 'at', 'sum')
  if not head[1] then return 0, second end
  local at, sum = tonumber(head[1]), tonumber(head[2])
  local passed = second - at
  if passed >= LIVE or passed <= -LIVE then
    redis.call('DEL', key)
    return 0, second
  end
  if passed <= 0 then return sum, at end
  local gone = {}
  for s = at + 1, second do gone[#gone + 1] = s % LIVE end
  for _, count in ipairs(redis.call('HMGET', key, unpack(gone))) do sum = sum - (tonumber(count or 0)) end
  redis.call('HDEL', key, unpack(gone))
  redis.call('HSET', key, 'at', second, 'sum', sum)
  return sum, second
end

local function add(key, sum, at, count)
  redis.call('HINCRBY', key, at % LIVE, count)
  redis.call('HSET', key, 'at', at, 'sum', sum + count)
  redis.call('PEXPIRE', key, 2 * LIVE * 1000)
  return sum + count
end

local function correct(key, counted, difference)
  local sum, at = roll(key)
  if difference > 0 then
    add(key, sum, at, difference)
  elseif counted <= at and counted > at - LIVE then
    local there = tonumber(redis.call('HGET', key, counted % LIVE) or 0)
    local less = math.min(there, -difference)
    if less > 0 then
      redis.call('HINCRBY', key, counted % LIVE, -less)
      redis.call('HSET', key, 'sum', sum - less)
    end
  end
end

local function free_in(key, sum, at, limit)
  local seconds = {}
  for s = at - LIVE + 1, at do seconds[#seconds + 1] = s % LIVE end
  for i, count in ipairs(redis.call('HMGET', key, unpack(seconds))) do
    sum = sum - tonumber(count or 0)
    if sum < limit then return (at + i) * 1000 - now end
  end
  return LIVE * 1000
end

for _, change in ipairs(message.changes) do
  local key, kind = KEYS[change[1]], change[2]
  if kind == 't' then correct(key, tonumber(change[3]), change[4])
  elseif kind ~= 'c' then lease(key, change[3])
  else
    -- A count that would pass what Redis can hold stays where it is: it is over every budget.
    redis.pcall('HINCRBY', key, 's', change[3])
    redis.call('PEXPIRE', key, KEEP)
  end
end

local function refused(index, limit, used, reserved, wait)
  return cjson.encode({
    ask = index - 1, limit = limit, used = used, reserved = reserved, wait = wait, now = now, fresh = fresh
  })
end

local function whole(number) return string.format('%.0f', number) end

local windows = {}
for index, ask in ipairs(message.asks) do
  if ask.b then
    local key = KEYS[ask.b[1]]
    local reserved, settled = held(key)
    if not settled or tonumber(settled) < tonumber(ask.b[3]) then
      settled = ask.b[3]
      redis.call('HSET', key, 's', settled)
      redis.call('PEXPIRE', key, KEEP)
    end
    if tonumber(settled) + reserved >= tonumber(ask.b[2]) then
      return refused(index, 'budget', settled, whole(reserved), 0)
    end
  end
  local window = {}
  windows[index] = window
  for _, kind in ipairs({ 'q', 't' }) do
    if ask[kind] then
      local key, limit = KEYS[ask[kind][1]], ask[kind][2]
      local sum, at = roll(key)
      if sum >= limit then
        return refused(index, kind == 'q' and 'requests' or 'tokens', whole(sum), '0', free_in(key, sum, at, limit))
      end
      window[kind] = { sum, at }
    end
  end
  if ask.p then
    local calls = held(KEYS[ask.p[1]])
    if calls >= ask.p[2] then return refused(index, 'parallel', whole(calls), '0', 0) end
    window.p = calls
  end
end

local uses = {}
for index, ask in ipairs(message.asks) do
  local window, use = windows[index], { 0, 0, 0, false }
  if ask.q then use[1] = add(KEYS[ask.q[1]], window.q[1], window.q[2], 1) end
  if ask.t then use[2] = add(KEYS[ask.t[1]], window.t[1], window.t[2], message.tokens) end
  if ask.p then
    lease(KEYS[ask.p[1]], 1)
    use[3] = window.p + 1
  end
  if ask.b then
    lease(KEYS[ask.b[1]], message.cost)
    use[4] = redis.call('HGET', KEYS[ask.b[1]], 's')
  end
  uses[index] = use
end
return cjson.encode({ second = second, uses = uses, now = now, fresh = fresh })
`,
}
