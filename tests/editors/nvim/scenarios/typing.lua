-- The user goes on typing while the model works.
local t = require('support')
t.attach()
local before = t.lines()
t.answer('```python\ndef total(numbers):\n    return sum(numbers)\n```\n')

local function n_first(n)
  t.wait('the first piece', function()
    return #t.events('first') == n
  end)
end

t.check('typing above and below moves the edit along', function()
  t.hold()
  t.choose('simplify', 5, 9)
  n_first(1)
  vim.api.nvim_buf_set_lines(t.buffer, 0, 0, false, { '"""Shapes."""', '' })
  vim.api.nvim_buf_set_lines(t.buffer, -1, -1, false, { '# the end 🦀' })
  local typed = t.lines()
  t.release()
  t.wait('the edit', function()
    return not vim.deep_equal(typed, t.lines())
  end)
  t.equal(t.with(typed, 7, 11, { 'def total(numbers):', '    return sum(numbers)' }), t.lines(), 'lines')
end)

t.check('typing inside keeps what was typed and applies nothing', function()
  vim.api.nvim_buf_set_lines(t.buffer, 0, -1, false, before)
  t.forget()
  t.hold()
  t.choose('simplify', 5, 9)
  n_first(2)
  vim.api.nvim_buf_set_lines(t.buffer, 5, 6, false, { '    result = 1  # mine' })
  local typed = t.lines()
  -- The server must have the text before the answer is complete, and Neovim sends it with a delay.
  t.client():request_sync('textDocument/codeAction', {
    textDocument = { uri = vim.uri_from_bufnr(t.buffer) },
    range = { start = { line = 0, character = 0 }, ['end'] = { line = 0, character = 0 } },
    context = { diagnostics = {}, triggerKind = 1 },
  }, 5000, t.buffer)
  t.release()
  t.progress_of('end')
  t.equal(typed, t.lines(), 'lines')
end)

t.check('the answer that could not be applied is shown', function()
  t.wait('the answer as a document', function()
    for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
      local text = table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), '\n')
      if buffer ~= t.buffer and text:find('return sum(numbers)', 1, true) then
        return true
      end
    end
  end)
end)
