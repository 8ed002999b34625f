-- The first backend is down; the second one answers, and the user can see so.
local t = require('support')
t.attach()
local before = t.lines()
t.answer('```python\ndef total(numbers):\n    return sum(numbers)\n```\n')

t.check('the second backend answers when the first is down', function()
  t.choose('simplify', 5, 9)
  t.wait('the edit', function()
    return not vim.deep_equal(before, t.lines())
  end)
  t.equal('    return sum(numbers)', t.lines()[6], 'line 6')
  t.equal(1, #t.events('request'), 'requests')
end)

t.check('the progress names the backend that answered and the one that did not', function()
  local message = t.progress_of('end').message or ''
  t.truthy(message:find('second'), 'the end does not name `second`: ' .. message)
  t.truthy(message:find('first'), 'the end does not name `first`: ' .. message)
end)

t.check('the result of a waiting run names them too', function()
  local argument = {
    action = 'simplify',
    wait = true,
    textDocument = { uri = vim.uri_from_bufnr(t.buffer) },
    range = { start = { line = 0, character = 0 }, ['end'] = { line = 1, character = 25 } },
  }
  t.answer('```python\ndef area(width, height):\n    return height * width\n```\n')
  local response = t.client():request_sync(
    'workspace/executeCommand',
    { command = 'arawn.run', arguments = { argument } },
    15000,
    t.buffer
  )
  local result = t.truthy(response and response.result, 'no result: ' .. vim.inspect(response))
  t.equal('applied', result.status, 'status')
  t.equal('second', result.backend, 'backend')
  t.equal('first', result.fell_back[1].backend, 'fell back from')
  t.equal('    return height * width', t.lines()[2], 'line 2')
end)
