-- Edits that wait for the user: the editor's settings ask for all of them, and `:ArawnProposals` decides.
local t = require('support')
t.attach()
local before = t.lines()

--- What `vim.ui.select` was asked, and the answers it gives in turn.
local asked, answers = {}, {}
vim.ui.select = function(items, options, on_choice)
  local labels = vim.tbl_map(options.format_item, items)
  table.insert(asked, { prompt = options.prompt, labels = labels })
  local wanted = table.remove(answers, 1)
  for index, label in ipairs(labels) do
    if wanted and label:find(wanted, 1, true) then
      return on_choice(items[index], index)
    end
  end
  on_choice(nil)
end

local function to_the_file()
  for _, window in ipairs(vim.api.nvim_list_wins()) do
    if vim.api.nvim_win_get_buf(window) == t.buffer then
      return vim.api.nvim_set_current_win(window)
    end
  end
  vim.api.nvim_set_current_buf(t.buffer)
end

--- Opens the menu, answers its questions, and waits until they were asked.
local function menu(...)
  asked, answers = {}, { ... }
  local n = math.max(#answers, 1)
  vim.cmd('ArawnProposals')
  t.wait('the menu', function()
    return #asked >= n
  end)
end

local function propose(first, last, answer)
  to_the_file()
  t.forget()
  t.answer(answer)
  t.choose('simplify', first, last)
  t.progress_of('end')
end

t.check(':ArawnProposals says so when nothing waits', function()
  vim.cmd('ArawnProposals')
  t.wait('the notification', function()
    return #t.notifications > 0
  end)
  t.equal('Arawn: no edit is waiting for you', t.notifications[1].message, 'message')
end)

t.check('with preview "always" an edit waits, and its lines stay', function()
  propose(5, 9, '```python\ndef total(numbers):\n    return sum(numbers)\n```\n')
  t.equal(before, t.lines(), 'lines')
end)

t.check(':ArawnProposals goes to the lines and offers what can be done', function()
  to_the_file()
  vim.api.nvim_win_set_cursor(0, { 1, 0 })
  menu()
  t.equal(t.buffer, vim.api.nvim_get_current_buf(), 'buffer')
  t.truthy(vim.api.nvim_win_get_cursor(0)[1] >= 5, 'the cursor is not at the hunk')
  t.truthy(asked[1].prompt:find('shapes.py', 1, true), asked[1].prompt)
  t.equal('Apply all', asked[1].labels[1], 'first choice')
  t.truthy(vim.list_contains(asked[1].labels, 'Discard'), 'cannot be discarded')
  t.equal(before, t.lines(), 'lines')
end)

t.check('applying it is one undo step', function()
  menu('Apply all')
  local expected = t.with(before, 5, 9, { 'def total(numbers):', '    return sum(numbers)' })
  t.wait('the edit', function()
    return vim.deep_equal(expected, t.lines())
  end)
  to_the_file()
  vim.cmd('silent undo')
  t.equal(before, t.lines(), 'lines')
end)

t.check('of two the user is asked which, the newest first, and a discarded one is gone', function()
  propose(1, 2, '```python\ndef area(w, h):\n    return w * h\n```\n')
  to_the_file()
  menu('Simplify', 'Discard')
  t.equal(2, #asked[1].labels, 'proposals')
  t.truthy(vim.api.nvim_win_get_cursor(0)[1] <= 2, 'the newest is not the first')
  to_the_file()
  menu()
  t.truthy(vim.list_contains(asked[1].labels, 'Apply all'), 'not the one that is left: ' .. vim.inspect(asked))
  t.equal(before, t.lines(), 'lines')
end)
