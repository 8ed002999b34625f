--- Applies the server's edits: never on a text newer than the one they were made for, and each as
--- one undo step of its own.

local M = {}

--- A buffer of the edit that has changed since, if there is one.
---@param edit lsp.WorkspaceEdit
---@return integer? bufnr
local function changed_since(edit)
  for _, change in ipairs(edit.documentChanges or {}) do
    local document = change.textDocument
    if document and type(document.version) == 'number' then
      local bufnr = vim.uri_to_bufnr(document.uri)
      if (vim.lsp.util.buf_versions[bufnr] or 0) > document.version then
        return bufnr
      end
    end
  end
end

---@param edit lsp.WorkspaceEdit
---@return integer[]
local function buffers_of(edit)
  local uris = vim.tbl_keys(edit.changes or {})
  for _, change in ipairs(edit.documentChanges or {}) do
    if change.textDocument then
      table.insert(uris, change.textDocument.uri)
    end
  end
  return vim.tbl_map(vim.uri_to_bufnr, uris)
end

--- Ends the undo step that is open; without it an edit that arrives in insert mode is undone
--- together with what the user typed.
---@param buffers integer[]
local function break_undo(buffers)
  for _, bufnr in ipairs(buffers) do
    if vim.api.nvim_buf_is_loaded(bufnr) then
      vim.api.nvim_buf_call(bufnr, function()
        vim.go.undolevels = vim.go.undolevels
      end)
    end
  end
end

--- `workspace/applyEdit`. Neovim's own handler prints "newer than edits", applies nothing and tells
--- the server that it did; the server must hear the truth to try again on the newer text.
---@param params lsp.ApplyWorkspaceEditParams
---@param context lsp.HandlerContext
---@return lsp.ApplyWorkspaceEditResult
function M.apply(params, context)
  local client = vim.lsp.get_client_by_id(context.client_id)
  if not client then
    return { applied = false, failureReason = 'the client has shut down' }
  end
  local stale = changed_since(params.edit)
  if stale then
    return { applied = false, failureReason = vim.fn.bufname(stale) .. ' has changed' }
  end
  local buffers = buffers_of(params.edit)
  for _, bufnr in ipairs(buffers) do
    if vim.api.nvim_buf_is_loaded(bufnr) and not vim.bo[bufnr].modifiable then
      return { applied = false, failureReason = vim.fn.bufname(bufnr) .. ' is not modifiable' }
    end
  end
  break_undo(buffers)
  local ok, err = pcall(vim.lsp.util.apply_workspace_edit, params.edit, client.offset_encoding)
  break_undo(buffers)
  if not ok then
    return { applied = false, failureReason = tostring(err) }
  end
  return { applied = true }
end

return M
