-- For wrk: posts what stands in a file, line after line: an Authorization header, a tab, and a body of JSON.
-- At the end it tells, as one line of JSON, how many were answered, how many not with success, and how long it took.

local requests = {}
local number = 0

function init(arguments)
  for line in io.lines(arguments[1]) do
    local authorization, body = line:match("^([^\t]*)\t(.*)$")
    local headers = { ["Authorization"] = authorization, ["Content-Type"] = "application/json" }
    requests[#requests + 1] = wrk.format("POST", nil, headers, body)
  end
end

function request()
  number = number % #requests + 1
  return requests[number]
end

function done(summary, latency, _)
  local errors = summary.errors
  local failures = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('\n{"answers":%d,"failures":%d,"seconds":%f,"p50_ms":%f,"p99_ms":%f}\n',
    summary.requests, failures, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
