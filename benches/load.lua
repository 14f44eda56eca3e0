-- DELETE of items that exist, each once: first item 0 of every server, then item 1 of every server, …
-- so that objects take turns. When all are gone the run ends, whatever time is left.
--
-- Arguments: project, servers, items, tokens, the number of the first server and, if the tokens are not to be
-- made up, a file with one a line.

local ffi = require("ffi")
ffi.cdef("typedef struct { long seconds; long nanoseconds; } moment; int clock_gettime(int clock, moment *now);")

local project, servers, items, tokens, first
local heads, tails = {}, {}
local sent, began = 0, 0
local only

-- wrk waits for the end of its time even when nothing is left to ask; what it took is measured here.
elapsed = 0

local function microseconds()
  local now = ffi.new("moment[1]")
  ffi.C.clock_gettime(1, now)
  return tonumber(now[0].seconds) * 1000000 + tonumber(now[0].nanoseconds) / 1000
end

local function id(number)
  return string.format("%08x-0000-4000-8000-000000000000", number)
end

function setup(thread)
  only = thread
end

function init(args)
  project, servers, items = args[1], tonumber(args[2]), tonumber(args[3])
  tokens, first = tonumber(args[4]), tonumber(args[5])
  for server = 0, servers - 1 do
    heads[server] = "DELETE /v2.1/" .. project .. "/servers/" .. id(first + server) .. "/metadata/key"
  end
  local given = args[6] and io.lines(args[6])
  for token = 1, tokens do
    local text = given and given() or "gAAAAABn" .. string.rep("0", 175 - #tostring(token)) .. token
    tails[token - 1] = " HTTP/1.1\r\nHost: " .. wrk.headers["Host"] .. "\r\nX-Auth-Token: " .. text
      .. "\r\nAccept: application/json\r\nUser-Agent: wrk\r\n\r\n"
  end
end

function request()
  local item = math.floor(sent / servers)
  if sent == 0 then began = microseconds() end
  if item >= items and elapsed == 0 then
    elapsed = microseconds() - began
    wrk.thread:stop()
  end
  local text = heads[sent % servers] .. item .. tails[sent % tokens]
  sent = sent + 1
  return text
end

function done(summary, latency, requests)
  local took = only:get("elapsed")
  if took == 0 then took = summary.duration end
  io.write(string.format(
    '{"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "most": %d, "refused": %d, "broken": %d}\n',
    summary.requests, took, latency:percentile(50), latency:percentile(99), latency.max,
    summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  ))
end
