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

--- The server must have the text before the answer is complete, and Neovim sends it with a delay.
local function sync()
  t.client():request_sync('textDocument/codeAction', {
    textDocument = { uri = vim.uri_from_bufnr(t.buffer) },
    range = { start = { line = 0, character = 0 }, ['end'] = { line = 0, character = 0 } },
    context = { diagnostics = {}, triggerKind = 1 },
  }, 5000, t.buffer)
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

t.check('typing inside on other lines comes together with the answer', function()
  vim.api.nvim_buf_set_lines(t.buffer, 0, -1, false, before)
  t.answer('```python\n' .. table.concat(vim.list_slice(before, 5, 8), '\n') .. '\n    return abs(result)\n```\n')
  t.forget()
  t.hold()
  t.choose('simplify', 5, 9)
  n_first(2)
  vim.api.nvim_buf_set_lines(t.buffer, 5, 6, false, { '    result = 1  # mine' })
  local typed = t.lines()
  sync()
  t.release()
  t.wait('the edit', function()
    return not vim.deep_equal(typed, t.lines())
  end)
  t.equal(t.with(typed, 9, 9, { '    return abs(result)' }), t.lines(), 'lines')
  t.progress_of('end')
end)

t.check('typing in the same lines keeps what was typed and applies nothing', function()
  vim.api.nvim_buf_set_lines(t.buffer, 0, -1, false, before)
  t.answer('```python\ndef total(numbers):\n    return sum(numbers)\n```\n')
  t.forget()
  t.hold()
  t.choose('simplify', 5, 9)
  n_first(3)
  vim.api.nvim_buf_set_lines(t.buffer, 5, 6, false, { '    result = 1  # mine' })
  local typed = t.lines()
  sync()
  t.release()
  t.progress_of('end')
  t.equal(typed, t.lines(), 'lines')
end)

t.check('the answer that could not be applied is shown as a patch', function()
  t.wait('the patch as a document', function()
    for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
      local text = table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), '\n')
      if buffer ~= t.buffer and text:find('+    return sum(numbers)', 1, true) then
        return true
      end
    end
  end)
end)

t.check('the code action at its place applies it', function()
  for _, window in ipairs(vim.api.nvim_list_wins()) do
    if vim.api.nvim_win_get_buf(window) == t.buffer then
      vim.api.nvim_set_current_win(window)
    end
  end
  vim.api.nvim_set_current_buf(t.buffer)
  vim.api.nvim_win_set_cursor(0, { 6, 0 })
  vim.lsp.buf.code_action({
    apply = true,
    filter = function(candidate)
      return candidate.title == 'Arawn: Apply all'
    end,
  })
  local expected = t.with(before, 5, 9, { 'def total(numbers):', '    return sum(numbers)' })
  t.wait('the edit', function()
    return vim.deep_equal(expected, t.lines())
  end)
end)
