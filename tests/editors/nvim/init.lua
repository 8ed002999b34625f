-- Neovim as a user of the plugin sets it up: the plugin on the runtimepath, one line to enable it.
vim.opt.runtimepath:prepend(vim.env.ARAWN_PLUGIN)
package.path = vim.env.ARAWN_TEST .. '/?.lua;' .. package.path
vim.o.swapfile = false
vim.o.shortmess = vim.o.shortmess .. 'I'
vim.lsp.config('arawn', { cmd = { vim.env.ARAWN_BIN, 'lsp' } })
if vim.env.ARAWN_SCENARIO == 'proposals' then
  local section = { edits = { preview = 'always' } }
  vim.lsp.config('arawn', { settings = { arawn = section }, init_options = section })
end
if not vim.list_contains({ 'bare', 'plugin' }, vim.env.ARAWN_SCENARIO) then
  vim.lsp.enable('arawn')
end

vim.api.nvim_create_autocmd('VimEnter', {
  callback = vim.schedule_wrap(function()
    require('support').run(vim.env.ARAWN_SCENARIO)
  end),
})
