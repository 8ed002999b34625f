-- User commands and <Plug> maps. Nothing else is loaded before the first use.

if vim.g.loaded_arawn then
  return
end
vim.g.loaded_arawn = true

if vim.fn.has('nvim-0.11') == 0 then
  vim.notify('arawn needs Neovim 0.11 or newer', vim.log.levels.WARN)
  return
end

local command = vim.api.nvim_create_user_command

command('Arawn', function(arguments)
  require('arawn').command(arguments)
end, {
  nargs = '*',
  range = true,
  desc = 'Run an arawn action on the range; without an action, show the menu',
  complete = function(...)
    return require('arawn').complete_action(...)
  end,
})

command('ArawnCancel', function()
  require('arawn').cancel()
end, { desc = 'Stop what arawn is doing' })

command('ArawnProposals', function()
  require('arawn').proposals()
end, { desc = 'Apply, see or discard the edits that wait for you' })

command('ArawnBackend', function(arguments)
  require('arawn').backend(arguments.args ~= '' and arguments.args or nil)
end, { nargs = '?', desc = 'Choose the backend for this session; without a name, ask' })

command('ArawnStatus', function()
  require('arawn').status()
end, { desc = 'Show which backend answers and what is running' })

command('ArawnLastRequest', function()
  require('arawn').last_request()
end, { desc = 'Show the exact bytes of the last request to a model' })

-- <Plug>(arawn-menu), <Plug>(arawn-explain), ...: in visual mode exactly the selection, in normal
-- mode the current line.
local actions = {
  'explain',
  'fix',
  'refactor',
  'simplify',
  'document',
  'test',
  'review',
  'translate',
  'edit',
  'complete',
  'ask',
  'commit',
}
for _, action in ipairs(actions) do
  vim.keymap.set({ 'n', 'x' }, ('<Plug>(arawn-%s)'):format(action), function()
    require('arawn').run_here(action)
  end, { desc = 'arawn: ' .. action })
end
vim.keymap.set({ 'n', 'x' }, '<Plug>(arawn-menu)', function()
  require('arawn').menu()
end, { desc = 'arawn: choose an action' })
vim.keymap.set('n', '<Plug>(arawn-cancel)', function()
  require('arawn').cancel()
end, { desc = 'arawn: stop' })
vim.keymap.set('n', '<Plug>(arawn-proposals)', function()
  require('arawn').proposals()
end, { desc = 'arawn: the edits that wait for you' })

-- Neovim draws no progress of its own unless the status line asks for it; an assistant that works
-- for ten seconds without a sign looks dead.
vim.api.nvim_create_autocmd('LspProgress', {
  group = vim.api.nvim_create_augroup('arawn', {}),
  desc = 'Show what arawn is doing',
  callback = function(event)
    require('arawn').show_progress(event.data)
  end,
})
