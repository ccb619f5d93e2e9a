/**
 * The Lua script by which processes count limits together in Redis: it takes up settlements, and then admits calls one
 * after the other, each over all its scopes, or refuses it, in one step. Redis's own clock decides.
 *
 * Keys of one namespace lie in one slot of a cluster, by their hash tag:
 *
 * - `…holders`: hash, process → epoch milliseconds until which it counts as alive.
 * - `…rate:<scope>`: hash, the rolling minutes (`MinuteWindow`) of requests and tokens: `at` their newest second, `q`
 *   and `t` their sums, `q0` … `q60` and `t0` … `t60` a bucket a second.
 * - `…parallel:<scope>`: hash, process → calls under way.
 * - `…budget:<account>`: hash, process → picodollars reserved, and `s` the picodollars settled, which only
 *   `HINCRBY` adds up. Comparisons are made in doubles: beyond 9,007 dollars they are exact to a fraction of 1e-15.
 *
 * A key that some process may have calls of in advance is marked (fields `adv`, `by`, `others`): who is refused there
 * is told when that is over, and nothing more is admitted in advance of it for a second (`near`).
 *
 * A command costs more than what it does, so a key is read once for all calls of a message, and what they add to it is
 * written together.
 */
import type { RedisScript } from '../redis/redis.ts'
import { LIVE_SECONDS } from './minute-window.ts'

/** A process that is silent for so long is taken for dead: what it held is free. */
export const HOLDER_TTL_MS = 10_000

/**
 * Calls in advance are taken up or given back in this time after the message that asked for them was sent: `LIFE_MS` of
 * `redis-advances.ts`, a tick, the way to Redis, and a process that is late.
 */
const ADVANCE_MS = 200
/** A limit has room for so many calls before any is admitted in advance; at most one part in so many is one advance. */
const FAR = 512
const SHARE = 16
/** After a refusal that advances may have caused, none is granted for so long. */
const NEAR_MS = 1_000

export const LIMIT_SCRIPT: RedisScript = {
  name: 'limits',
  lua: `
local LIVE, TTL, KEEP = ${LIVE_SECONDS}, ${HOLDER_TTL_MS}, 86400000
local EXACT = 9007199254740992
local MARKS = { adv = true, by = true, others = true, near = true }
local call = redis.call
local message = cjson.decode(ARGV[1])
local now = message.now
if not now then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
if message.deadline > 0 and now > message.deadline then return cjson.encode({ late = true, now = now }) end
local second = math.floor(now / 1000)
local holder = message.holder
-- A key in constant use is kept by whoever comes in this second of a minute.
local refresh = second % 60 == 0

if message.gone then call('HDEL', KEYS[1], message.gone) end
local alive_until = tonumber(call('HGET', KEYS[1], holder) or 0)
local fresh = alive_until <= now
if alive_until - now < TTL * 3 / 4 then
  call('HSET', KEYS[1], holder, now + TTL)
  call('PEXPIRE', KEYS[1], KEEP)
end

local alive
local function is_alive(name)
  if name == holder then return true end
  if not alive then
    alive = {}
    local all = call('HGETALL', KEYS[1])
    for i = 1, #all, 2 do
      if tonumber(all[i + 1]) > now then alive[all[i]] = true else call('HDEL', KEYS[1], all[i]) end
    end
  end
  return alive[name]
end

-- The key that was read last, for the words about one that is not ours.
local last_read

-- What calls hold of a key, and what of it is settled: what this message adds is added here, too.
local holdings = {}
local function held(key)
  last_read = key
  local found = holdings[key]
  if found then return found end
  local sum, settled, is_new = 0, nil, true
  local all = call('HGETALL', key)
  for i = 1, #all, 2 do
    if all[i] == 's' then settled, is_new = all[i + 1], false
    elseif MARKS[all[i]] then is_new = false
    elseif is_alive(all[i]) then sum, is_new = sum + tonumber(all[i + 1]), false
    else call('HDEL', key, all[i]) end
  end
  found = { sum = sum, settled = settled, is_new = is_new, more = 0 }
  holdings[key] = found
  return found
end

local function add(key, field, amount, is_new)
  local sum = call('HINCRBY', key, field, amount)
  if sum < 0 then call('HDEL', key, field) end
  if is_new or refresh then call('PEXPIRE', key, KEEP) end
  return sum == tonumber(amount)
end

-- What calls of this message hold is written together, as long as doubles add it up exactly.
local function hold(key, found, amount)
  local number = tonumber(amount)
  found.sum = found.sum + number
  if found.more + number < EXACT then
    found.more, found.is_changed = found.more + number, true
  else
    add(key, holder, amount, found.is_new)
    found.is_new = false
  end
end

-- Windows as they are after what has been counted so far; those that changed are written before they are read by others.
local windows = {}
local function window(key)
  last_read = key
  local w = windows[key]
  if w then return w end
  local bucket = second % LIVE
  local head = call('HMGET', key, 'at', 'q', 't', 'q' .. bucket, 't' .. bucket)
  local at = tonumber(head[1])
  local passed = at and second - at
  if not at or passed >= LIVE or passed <= -LIVE then
    if at then call('DEL', key) end
    w = { at = second, q = 0, t = 0, qb = 0, tb = 0, is_new = true }
  elseif passed <= 0 then
    w = { at = at, q = tonumber(head[2]), t = tonumber(head[3]) }
    if passed < 0 then head = call('HMGET', key, 'at', 'q', 't', 'q' .. at % LIVE, 't' .. at % LIVE) end
    w.qb, w.tb = tonumber(head[4] or 0), tonumber(head[5] or 0)
  else
    local gone = {}
    for s = at + 1, second do
      gone[#gone + 1] = 'q' .. s % LIVE
      gone[#gone + 1] = 't' .. s % LIVE
    end
    w = { at = second, q = tonumber(head[2]), t = tonumber(head[3]), qb = 0, tb = 0 }
    for i, count in ipairs(call('HMGET', key, unpack(gone))) do
      if i % 2 == 1 then w.q = w.q - (count or 0) else w.t = w.t - (count or 0) end
    end
    call('HSET', key, 'at', second, 'q', w.q, 't', w.t)
    call('HDEL', key, unpack(gone))
    call('PEXPIRE', key, 2 * LIVE * 1000)
  end
  w.older, w.free_in = {}, {}
  windows[key] = w
  return w
end

local function write(key, w)
  if not w.is_changed then return end
  local bucket = w.at % LIVE
  call('HSET', key, 'at', w.at, 'q', w.q, 't', w.t, 'q' .. bucket, w.qb, 't' .. bucket, w.tb)
  for older, tokens in pairs(w.older) do call('HSET', key, older, tokens) end
  w.older = {}
  if w.is_new then call('PEXPIRE', key, 2 * LIVE * 1000) end
  w.is_changed, w.is_new = false, false
end

local function count(w, requests, tokens)
  w.q, w.t, w.qb, w.tb = w.q + requests, w.t + tokens, w.qb + requests, w.tb + tokens
  w.is_changed, w.free_in = true, {}
end

-- Of requests (q) or tokens (t).
local function correct(key, kind, counted, difference)
  local w = window(key)
  if difference < 0 and counted ~= w.at then
    if counted > w.at or counted <= w.at - LIVE then return end
    local bucket = kind .. counted % LIVE
    local there = w.older[bucket] or tonumber(call('HGET', key, bucket) or 0)
    local less = math.min(there, -difference)
    if less > 0 then
      w.older[bucket], w[kind], w.is_changed = there - less, w[kind] - less, true
    end
  elseif kind == 't' then
    count(w, 0, math.max(difference, -w.tb))
  else
    count(w, math.max(difference, -w.qb), 0)
  end
end

-- The same for all calls that are refused in a row.
local function free_in(key, kind, w, limit)
  local known = w.free_in[kind .. limit]
  if known then return known end
  write(key, w)
  local buckets, sum, wait = {}, w[kind], LIVE * 1000
  for s = w.at - LIVE + 1, w.at do buckets[#buckets + 1] = kind .. s % LIVE end
  for i, gone in ipairs(call('HMGET', key, unpack(buckets))) do
    sum = sum - (gone or 0)
    if sum < limit then
      wait = (w.at + i) * 1000 - now
      break
    end
  end
  w.free_in[kind .. limit] = wait
  return wait
end

local function words(failure)
  return type(failure) == 'table' and failure.err or tostring(failure)
end

-- Whether a key is the reason, which holds what is not ours or what Redis cannot count further: others go on.
local function is_of_key(failure)
  local text = words(failure)
  return string.find(text, 'WRONGTYPE', 1, true) or string.find(text, 'overflow', 1, true)
    or string.find(text, 'not an integer', 1, true)
end

local function change_key(kind, key, amount, difference)
  if kind == 't' or kind == 'q' then return correct(key, kind, amount, difference) end
  if add(key, kind == 'c' and 's' or holder, amount) then call('PEXPIRE', key, KEEP) end
end

-- A cost that would pass what Redis can count to is left out: the sum is over every budget.
for _, change in ipairs(message.changes) do
  local ok, failure = pcall(change_key, change[1], KEYS[change[2]], change[3], change[4])
  if not ok and not is_of_key(failure) then error(failure) end
end

local function whole(number) return string.format('%.0f', number) end

local function refused(index, limit, used, reserved, wait)
  return { ask = index - 1, limit = limit, used = used, reserved = reserved, wait = wait }
end

-- What refuses the call, if anything does.
local function refusal(asks)
  for index, ask in ipairs(asks) do
    if ask[6] > 0 then
      local key = KEYS[ask[6]]
      local found = held(key)
      if not found.settled or tonumber(found.settled) < tonumber(ask[8]) then
        found.settled = ask[8]
        call('HSET', key, 's', ask[8])
        if found.is_new then call('PEXPIRE', key, KEEP) end
        found.is_new = false
      end
      if tonumber(found.settled) + found.sum >= tonumber(ask[7]) then
        return refused(index, 'budget', found.settled, whole(found.sum), 0)
      end
    end
    if ask[1] > 0 then
      local key = KEYS[ask[1]]
      local w = window(key)
      if ask[2] >= 0 and w.q >= ask[2] then
        return refused(index, 'requests', whole(w.q), '0', free_in(key, 'q', w, ask[2]))
      end
      if ask[3] >= 0 and w.t >= ask[3] then
        return refused(index, 'tokens', whole(w.t), '0', free_in(key, 't', w, ask[3]))
      end
    end
    if ask[4] > 0 then
      local calls = held(KEYS[ask[4]]).sum
      if calls >= ask[5] then return refused(index, 'parallel', whole(calls), '0', 0) end
    end
  end
end

-- So many calls. Returns what is used after the first of them.
local function admitted(asks, calls, tokens, cost)
  local uses, more = {}, calls - 1
  for index, ask in ipairs(asks) do
    local use = { 0, 0, 0, false }
    if ask[1] > 0 then
      local w = window(KEYS[ask[1]])
      count(w, ask[2] >= 0 and calls or 0, ask[3] >= 0 and tokens * calls or 0)
      if ask[2] >= 0 then use[1] = w.q - more end
      if ask[3] >= 0 then use[2] = w.t - tokens * more end
    end
    if ask[4] > 0 then
      local found = held(KEYS[ask[4]])
      hold(KEYS[ask[4]], found, calls)
      use[3] = found.sum - more
    end
    if ask[6] > 0 then
      local found = held(KEYS[ask[6]])
      hold(KEYS[ask[6]], found, more == 0 and cost or whole(cost * calls))
      use[4] = found.settled
    end
    uses[index] = use
  end
  return uses
end

-- The key of what an ask limits.
local function key_of(ask, limit)
  return KEYS[limit == 'budget' and ask[6] or limit == 'parallel' and ask[4] or ask[1]]
end

-- How long other processes may have calls of a key in advance: what refuses a call may be those.
local waits = {}
local function in_advance(key)
  if waits[key] ~= nil then return waits[key] end
  waits[key] = false
  local mark = call('HMGET', key, 'adv', 'by', 'others')
  local ends = tonumber((mark[2] == holder and mark[3] or mark[1]) or 0)
  -- A clock that was set back says nothing.
  if ends > now and ends <= now + ${ADVANCE_MS} then
    call('HSET', key, 'near', now + ${NEAR_MS})
    waits[key] = ends - now
  end
  return waits[key]
end

local function room(asks, tokens, cost)
  local least = math.huge
  for _, ask in ipairs(asks) do
    if ask[1] > 0 then
      local w = window(KEYS[ask[1]])
      if ask[2] >= 0 then least = math.min(least, ask[2] - w.q) end
      if ask[3] >= 0 then least = math.min(least, tokens > 0 and (ask[3] - w.t) / tokens or 0) end
    end
    if ask[4] > 0 then least = math.min(least, ask[5] - held(KEYS[ask[4]]).sum) end
    if ask[6] > 0 then
      local found = held(KEYS[ask[6]])
      least = math.min(least, cost > 0 and (ask[7] - found.settled - found.sum) / cost or 0)
    end
  end
  return least
end

-- Calls like one, in advance: none where a limit is near, or was lately.
local function advanced(asks, tokens, cost, wanted)
  if refusal(asks) then return end
  local free = room(asks, tokens, cost)
  local calls = math.floor(math.min(wanted, free / ${SHARE}))
  if free < ${FAR} or calls * cost >= EXACT then return end
  local keys = {}
  for _, ask in ipairs(asks) do
    for _, place in ipairs({ ask[1], ask[4], ask[6] }) do
      if place > 0 then keys[#keys + 1] = KEYS[place] end
    end
  end
  for _, key in ipairs(keys) do
    local near = tonumber(call('HGET', key, 'near') or 0)
    if near > now and near <= now + ${NEAR_MS} then return end
  end
  for _, key in ipairs(keys) do
    local mark = call('HMGET', key, 'adv', 'by', 'others')
    local others = mark[2] == holder and mark[3] or mark[1]
    call('HSET', key, 'adv', now + ${ADVANCE_MS}, 'by', holder, 'others', others or 0)
  end
  return { calls, admitted(asks, calls, tokens, cost) }
end

local answers = {}
for index, each in ipairs(message.calls) do
  -- It reads all keys of the call: one that is not ours fails this call alone, before anything of it is counted.
  local asks = message.kinds[each[1]]
  local ok, found = pcall(refusal, asks)
  local wait = ok and found and found.ask >= (each[4] or 0) and in_advance(key_of(asks[found.ask + 1], found.limit))
  if wait then answers[index] = { later = wait, ask = found.ask }
  elseif ok then answers[index] = found or admitted(asks, 1, each[2], each[3])
  elseif is_of_key(found) then answers[index] = { failure = words(found) .. ' (' .. last_read .. ')' }
  else error(found) end
end
local advances = {}
for index, each in ipairs(message.advances or {}) do
  local ok, found = pcall(advanced, message.kinds[each[1]], each[2], tonumber(each[3]), each[4])
  if not ok and not is_of_key(found) then error(found) end
  advances[index] = ok and found or { 0 }
end
for key, w in pairs(windows) do write(key, w) end
for key, found in pairs(holdings) do
  if found.is_changed then add(key, holder, whole(found.more), found.is_new) end
end
return cjson.encode({ second = second, answers = answers, advances = advances, now = now, fresh = fresh })
`,
}
