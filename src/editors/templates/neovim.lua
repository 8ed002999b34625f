-- arawn, an AI assistant over LSP: select code and press `gra`. Written by `arawn setup neovim`.
if vim.fn.has('nvim-0.11') == 1 then
  vim.lsp.config('arawn', {
    cmd = { '@ARAWN@', 'lsp' },
    root_markers = { '.arawn', '.git' },
    -- The server follows your typing while the model works; Neovim's default tells it 150 ms late.
    flags = { debounce_text_changes = 0 },
    -- Neovim understands versioned edits, but does not say so.
    capabilities = { workspace = { workspaceEdit = { documentChanges = true } } },
  })
  vim.lsp.enable('arawn')
end
