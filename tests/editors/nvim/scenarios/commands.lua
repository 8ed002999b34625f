-- The plugin's commands, with the real server.
local t = require('support')
t.attach()
local before = t.lines()

t.check(':Arawn edit with a range and an instruction', function()
  t.answer('```python\ndef area(w, h):\n    return w * h\n```\n')
  vim.cmd('1,2Arawn edit shorter names please')
  t.wait('the edit', function()
    return not vim.deep_equal(before, t.lines())
  end)
  t.equal(t.with(before, 1, 2, { 'def area(w, h):', '    return w * h' }), t.lines(), 'lines')
  t.truthy(t.prompt(t.events('request')[1]):find('shorter names please', 1, true), 'the instruction was not sent')
  vim.cmd('silent undo')
end)

t.check(':Arawn edit without an instruction asks for one', function()
  local asked
  vim.ui.input = function(options, on_answer)
    asked = options.prompt
    on_answer('use letters')
  end
  vim.cmd('1,2Arawn edit')
  t.truthy(asked, 'was not asked')
  t.wait('the edit', function()
    return not vim.deep_equal(before, t.lines())
  end)
  t.truthy(t.prompt(t.events('request')[2]):find('use letters', 1, true), 'the instruction was not sent')
  vim.cmd('silent undo')
end)

t.check(':Arawn explain opens the answer as a document', function()
  t.answer('It multiplies width by height.\n')
  vim.cmd('1,2Arawn explain')
  local text = t.wait('the document', function()
    for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
      local text = table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), '\n')
      if buffer ~= t.buffer and text:find('It multiplies width by height.', 1, true) then
        return text
      end
    end
  end)
  t.truthy(text, 'no document')
  t.equal(1, #vim.lsp.get_clients({ name = 'arawn' }), 'servers')
  t.equal(before, t.lines(), 'lines')
end)

t.check('an unknown action is one notification', function()
  t.forget()
  vim.api.nvim_set_current_buf(t.buffer)
  vim.cmd('1,2Arawn frobnicate')
  t.wait('a notification', function()
    return #t.notifications > 0
  end)
  t.equal(1, #t.notifications, 'notifications')
  t.truthy(t.notifications[1].message:find('frobnicate', 1, true), t.notifications[1].message)
end)

t.check(':Arawn completes the names of actions', function()
  local names = vim.fn.getcompletion('Arawn ', 'cmdline')
  for _, name in ipairs({ 'explain', 'fix', 'refactor', 'simplify', 'document', 'edit' }) do
    t.truthy(vim.list_contains(names, name), name .. ' is not offered')
  end
  t.equal({ 'explain' }, vim.fn.getcompletion('Arawn exp', 'cmdline'), 'completion')
end)

t.check(':ArawnLastRequest opens what was sent', function()
  vim.cmd('ArawnLastRequest')
  t.wait('the document', function()
    for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
      local text = table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), '\n')
      if buffer ~= t.buffer and text:find('"messages"', 1, true) and text:find('def area', 1, true) then
        return true
      end
    end
  end)
end)

t.check(':ArawnStatus and :ArawnBackend answer', function()
  vim.api.nvim_set_current_buf(t.buffer)
  t.forget()
  vim.cmd('ArawnBackend second')
  vim.cmd('ArawnStatus')
  t.wait('a notification', function()
    for _, notification in ipairs(t.notifications) do
      if notification.message:find('second', 1, true) then
        return true
      end
    end
  end)
end)

t.check(':checkhealth arawn finds the program', function()
  vim.cmd('silent checkhealth arawn')
  local text = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n')
  t.truthy(text:find('arawn %d+%.%d+'), text)
  t.truthy(not text:find('ERROR'), text)
end)
