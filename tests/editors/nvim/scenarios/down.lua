-- No backend answers, and none in a cloud was listed: one sentence, and what to do next.
local t = require('support')
t.attach()
local before = t.lines()

t.check('one notification says what is wrong and what to do', function()
  t.choose('simplify', 5, 9)
  t.wait('a notification', function()
    return #t.notifications > 0
  end)
  t.progress_of('end')
  t.equal(1, #t.notifications, 'notifications')
  local message = t.notifications[1].message
  t.truthy(message:find('Cannot connect to Ollama at http://127.0.0.1:', 1, true), message)
  t.truthy(message:find('ollama serve', 1, true), message)
  t.equal(vim.log.levels.ERROR, t.notifications[1].level, 'level')
end)

t.check('the text is as it was', function()
  t.equal(before, t.lines(), 'lines')
  t.equal(0, #t.events('request'), 'requests')
end)
