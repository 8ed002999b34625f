-- The main job: select, choose a code action, get the edit there and nowhere else, undo it in one step.
local t = require('support')
t.attach()
local before = t.lines()
local after = t.with(before, 5, 9, { 'def total(numbers):', '    return sum(numbers)' })
t.answer('Here it is:\n\n```python\ndef total(numbers):\n    return sum(numbers)\n```\n')

t.check('the menu offers arawn\'s actions for a selection', function()
  local params = vim.lsp.util.make_given_range_params({ 5, 0 }, { 9, 16 }, t.buffer, t.client().offset_encoding)
  params.context = { diagnostics = {}, triggerKind = 1 }
  local response = t.client():request_sync('textDocument/codeAction', params, 5000, t.buffer)
  local titles = vim.tbl_map(function(action)
    return action.title
  end, response.result)
  t.truthy(#titles >= 4, 'few actions: ' .. vim.inspect(titles))
  for _, title in ipairs(titles) do
    t.truthy(vim.startswith(title, 'Arawn: '), 'a title without its name: ' .. title)
  end
end)

t.check('the chosen action changes the selected lines and only these', function()
  t.choose('simplify', 5, 9)
  t.wait('the edit', function()
    return not vim.deep_equal(before, t.lines())
  end)
  t.equal(after, t.lines(), 'lines')
end)

t.check('progress is seen from begin to end, and names the backend', function()
  t.progress_of('begin')
  local last = t.progress_of('end')
  t.truthy((last.message or ''):find('second'), 'the end does not name the backend: ' .. vim.inspect(last))
end)

t.check('one request went out, with the selected text and the language', function()
  t.equal(1, #t.events('request'), 'requests')
  local prompt = t.prompt(t.events('request')[1])
  t.truthy(prompt:find('result = result + number', 1, true), 'the selection is not in the prompt')
  t.truthy(prompt:lower():find('python', 1, true), 'the language is not in the prompt')
end)

t.check('one undo takes it back', function()
  t.equal(1, vim.fn.undotree().seq_last, 'undo steps')
  vim.cmd('silent undo')
  t.equal(before, t.lines(), 'lines')
end)

t.check('characters after astral ones are replaced exactly', function()
  t.answer('```python\ntext = f"{crab} {name}"\n```\n')
  -- Real keys: to the word `text`, then visual mode to the end of the line.
  t.types('13G0ft')
  vim.api.nvim_win_set_cursor(0, { 13, (t.lines()[13]:find('text', 1, true)) - 1 })
  t.types('v$h<Plug>(arawn-simplify)')
  t.wait('the edit', function()
    return not vim.deep_equal(before, t.lines())
  end)
  t.equal(t.with(before, 13, 13, { '    crab = "🦀🦀"; text = f"{crab} {name}"' }), t.lines(), 'lines')
  vim.cmd('silent undo')
end)

t.check('nothing was said to the user but progress', function()
  t.equal({}, t.notifications, 'notifications')
end)
