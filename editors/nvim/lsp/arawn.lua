-- How Neovim starts and talks to the arawn language server. `vim.lsp.enable('arawn')` uses it.
-- Change parts of it with `vim.lsp.config('arawn', { ... })`.

---@type vim.lsp.Config
return {
  cmd = { 'arawn', 'lsp' },
  -- No `filetypes`: arawn helps in every file that has one.
  root_markers = { '.arawn', '.git' },
  root_dir = function(bufnr, on_dir)
    require('arawn').root_dir(bufnr, on_dir)
  end,
  workspace_required = false,
  -- The server follows the text while the model works; Neovim would tell it 150 ms late.
  flags = { debounce_text_changes = 0 },
  capabilities = {
    -- Neovim understands versioned edits, but does not say so.
    workspace = { workspaceEdit = { documentChanges = true } },
  },
  handlers = {
    -- One notification a message, with its level; the default handler would print errors and
    -- information in two different ways and ask for Enter.
    ['window/showMessage'] = function(_, params)
      require('arawn').show_message(params)
      return params
    end,
    ['workspace/applyEdit'] = function(_, params, context)
      return require('arawn.edit').apply(params, context)
    end,
  },
  commands = {
    -- Menu entries pass through here, so that those that need an instruction can ask for it.
    ['arawn.run'] = function(command, context)
      require('arawn').run_command(command, context)
    end,
  },
}
