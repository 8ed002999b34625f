-- A client without the plugin: only the built-in LSP client and the server.
local t = require('support')
vim.opt.runtimepath:remove(vim.env.ARAWN_PLUGIN)
vim.lsp.start({ name = 'arawn', cmd = { vim.env.ARAWN_BIN, 'lsp' }, root_dir = vim.fn.getcwd() })
t.attach()
local before = t.lines()

t.check('every command of the server is listed, none of them twice', function()
  local commands = t.client().server_capabilities.executeCommandProvider.commands
  for _, name in ipairs({ 'arawn.run', 'arawn.cancel', 'arawn.proposal', 'arawn.backend', 'arawn.status', 'arawn.lastRequest' }) do
    t.truthy(vim.list_contains(commands, name), name .. ' is not listed')
  end
end)

t.check('a code action edits without the plugin', function()
  t.answer('```python\ndef total(numbers):\n    return sum(numbers)\n```\n')
  t.choose('simplify', 5, 9)
  t.wait('the edit', function()
    return not vim.deep_equal(before, t.lines())
  end)
  t.equal(t.with(before, 5, 9, { 'def total(numbers):', '    return sum(numbers)' }), t.lines(), 'lines')
end)

t.check('no action on an empty range without a diagnostic', function()
  local params = vim.lsp.util.make_given_range_params({ 1, 0 }, { 1, 0 }, t.buffer, 'utf-8')
  params.range['end'] = params.range.start
  params.context = { diagnostics = {}, triggerKind = 1 }
  local response = t.client():request_sync('textDocument/codeAction', params, 5000, t.buffer)
  t.equal(0, #(response.result or {}), 'actions')
end)
