--- Turns what the user selected into LSP ranges in the server's own encoding.

local M = {}

---@class arawn.Selection
---@field first integer first line, 1-based
---@field last integer last line, 1-based
---@field first_byte integer? start column in bytes, 0-based; nil for whole lines
---@field last_byte integer? end column in bytes, 0-based, exclusive

---@param bufnr integer
---@param row integer 0-based
---@return string
local function line_at(bufnr, row)
  return vim.api.nvim_buf_get_lines(bufnr, row, row + 1, false)[1] or ''
end

---@param bufnr integer
---@param row integer 0-based
---@param byte integer 0-based
---@param encoding string
---@return lsp.Position
local function position(bufnr, row, byte, encoding)
  local line = line_at(bufnr, row)
  return { line = row, character = vim.str_utfindex(line, encoding, math.min(byte, #line), false) }
end

--- The byte after the character that starts at or covers `byte`.
---@param line string
---@param byte integer 0-based
---@return integer
local function after_character(line, byte)
  if byte >= #line then
    return #line
  end
  return byte + vim.str_utf_end(line, byte + 1) + 1
end

--- Whole lines, without the last line's break.
---@param first integer 1-based
---@param last integer 1-based
---@return arawn.Selection
function M.lines(first, last)
  return { first = first, last = last }
end

--- Between two marks of a visual mode: exact for characters, whole lines for lines and blocks.
---@param bufnr integer
---@param mode string `v`, `V` or CTRL-V
---@param from integer[] as of |getpos()|
---@param to integer[]
---@return arawn.Selection
function M.between(bufnr, mode, from, to)
  if from[2] > to[2] or (from[2] == to[2] and from[3] > to[3]) then
    from, to = to, from
  end
  if mode ~= 'v' then
    return M.lines(from[2], to[2])
  end
  local line = line_at(bufnr, to[2] - 1)
  local last_byte = vim.o.selection == 'exclusive' and to[3] - 1
    or after_character(line, math.min(to[3] - 1, #line))
  return { first = from[2], last = to[2], first_byte = from[3] - 1, last_byte = last_byte }
end

--- What is selected right now in visual mode, else the current line.
---@param bufnr integer
---@return arawn.Selection
function M.here(bufnr)
  local mode = vim.api.nvim_get_mode().mode:sub(1, 1)
  if mode == 'v' or mode == 'V' or mode == '\22' then
    return M.between(bufnr, mode, vim.fn.getpos('v'), vim.fn.getpos('.'))
  end
  local row = vim.api.nvim_win_get_cursor(0)[1]
  return M.lines(row, row)
end

--- The range of an Ex command. `:'<,'>` on a selection of characters means these characters.
---@param bufnr integer
---@param arguments { range: integer, line1: integer, line2: integer }
---@return arawn.Selection
function M.of_command(bufnr, arguments)
  local from, to = vim.fn.getpos("'<"), vim.fn.getpos("'>")
  local is_selection = arguments.range == 2
    and vim.fn.visualmode() == 'v'
    and from[2] == arguments.line1
    and to[2] == arguments.line2
  if is_selection then
    return M.between(bufnr, 'v', from, to)
  end
  return M.lines(arguments.line1, arguments.line2)
end

--- Where the cursor stands, as an empty selection.
---@return arawn.Selection
function M.cursor()
  local row, byte = unpack(vim.api.nvim_win_get_cursor(0))
  return { first = row, last = row, first_byte = byte, last_byte = byte }
end

---@param bufnr integer
---@param selection arawn.Selection
---@param encoding string
---@return lsp.Range
function M.to_lsp(bufnr, selection, encoding)
  local last_row = selection.last - 1
  local last_byte = selection.last_byte or #line_at(bufnr, last_row)
  return {
    start = position(bufnr, selection.first - 1, selection.first_byte or 0, encoding),
    ['end'] = position(bufnr, last_row, last_byte, encoding),
  }
end

--- The diagnostics of every source that touch the lines of the selection.
---@param bufnr integer
---@param selection arawn.Selection
---@param encoding string
---@return lsp.Diagnostic[]
function M.diagnostics(bufnr, selection, encoding)
  local found = {}
  for _, diagnostic in ipairs(vim.diagnostic.get(bufnr)) do
    local last = diagnostic.end_lnum or diagnostic.lnum
    if diagnostic.lnum < selection.last and last >= selection.first - 1 then
      table.insert(found, {
        range = {
          start = position(bufnr, diagnostic.lnum, diagnostic.col, encoding),
          ['end'] = position(bufnr, last, diagnostic.end_col or diagnostic.col, encoding),
        },
        severity = diagnostic.severity,
        source = diagnostic.source,
        code = diagnostic.code,
        message = diagnostic.message,
      })
    end
  end
  return found
end

return M
