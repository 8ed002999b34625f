-- A job cancelled midway: the upstream socket closes, the buffer stays.
local t = require('support')
t.attach()
local before = t.lines()
t.answer('```python\ndef total(numbers):\n    return sum(numbers)\n```\n')

local function cancelled(name, n, cancel)
  t.check(name, function()
    t.forget()
    t.hold()
    t.choose('simplify', 5, 9)
    t.wait('the first piece', function()
      return #t.events('first') == n
    end)
    local start = vim.uv.gettimeofday()
    local seconds, micros = vim.uv.gettimeofday()
    start = seconds + micros / 1e6
    cancel()
    t.wait('the upstream to see the end', function()
      return #t.events('closed') == n
    end, 5000)
    local took = (t.events('closed')[n].time - start) * 1000
    t.note(('upstream socket closed after %.0f ms'):format(took))
    -- Far above what the server needs: other work on the machine must not fail this test.
    t.truthy(took < 1000, ('closing took %.0f ms'):format(took))
    t.progress_of('end')
    t.release()
    t.equal(before, t.lines(), 'lines')
    t.equal({}, t.notifications, 'notifications')
  end)
end

cancelled(':ArawnCancel closes the upstream socket', 1, function()
  vim.cmd('ArawnCancel')
end)

cancelled("the editor's own progress cancel closes it too", 2, function()
  local client = t.client()
  -- The first piece can be there before the editor has seen the progress begin.
  local token = t.wait('pending progress', function()
    return (next(client.progress.pending or {}))
  end)
  client:notify('window/workDoneProgress/cancel', { token = token })
end)

t.check('the next action works as if nothing had been', function()
  t.choose('simplify', 5, 9)
  t.wait('the edit', function()
    return not vim.deep_equal(before, t.lines())
  end)
  t.equal('    return sum(numbers)', t.lines()[6], 'line 6')
end)
