-- What is no part of the selection: tests in a new file, findings as diagnostics.
local t = require('support')
t.attach()
local before = t.lines()
local folder = vim.fn.fnamemodify(vim.api.nvim_buf_get_name(t.buffer), ':h')
local tests = folder .. '/test_shapes.py'

t.check('a review puts its findings at the lines they quote', function()
  t.answer('- error: `' .. vim.trim(before[6]) .. '` - The first finding.\n- info: `nothing like it` - No place.\n')
  require('arawn').run('review', { selection = { first = 1, last = #before } })
  local found = t.wait('the finding', function()
    local found = vim.diagnostic.get(t.buffer)
    return #found > 0 and found
  end)
  t.equal(1, #found, 'diagnostics')
  t.equal(5, found[1].lnum, 'line')
  t.equal('arawn', found[1].source, 'source')
  t.equal('The first finding.', found[1].message, 'message')
end)

t.check('a finding offers its fix', function()
  local params = vim.lsp.util.make_given_range_params({ 6, 6 }, { 6, 6 }, t.buffer, t.client().offset_encoding)
  params.range['end'] = params.range.start
  params.context = { diagnostics = vim.lsp.diagnostic.from(vim.diagnostic.get(t.buffer)), triggerKind = 1 }
  local response = t.client():request_sync('textDocument/codeAction', params, 5000, t.buffer)
  t.equal('Arawn: Fix: The first finding.', (response.result[1] or {}).title, 'title')
end)

t.check('a finding goes when its line is edited', function()
  vim.api.nvim_buf_set_text(t.buffer, 5, 0, 5, 0, { '  ' })
  t.wait('no findings', function()
    return #vim.diagnostic.get(t.buffer) == 0
  end)
  vim.cmd('silent undo')
end)

t.check('tests go into a new file that is opened', function()
  t.answer('```python\ndef test_it():\n    assert True\n```\n')
  require('arawn').run('test', { selection = { first = 1, last = #before } })
  t.wait('the file', function()
    local buffer = vim.fn.bufnr(tests)
    return buffer > 0 and vim.api.nvim_buf_get_lines(buffer, 0, 1, false)[1] == 'def test_it():'
  end)
  t.equal(before, t.lines(), 'the document')
end)

t.check('tests that are there get more at their end', function()
  local buffer = vim.fn.bufnr(tests)
  t.answer('```python\ndef test_more():\n    assert True\n```\n')
  vim.wait(200)
  require('arawn').run('test', { bufnr = t.buffer, selection = { first = 1, last = #before } })
  t.wait('the second test', function()
    return #vim.api.nvim_buf_get_lines(buffer, 0, -1, false) > 3
  end)
  t.equal(
    { 'def test_it():', '    assert True', '', 'def test_more():', '    assert True' },
    vim.api.nvim_buf_get_lines(buffer, 0, -1, false),
    'the tests'
  )
end)
