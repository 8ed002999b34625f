--- arawn for Neovim: sends what you selected to the arawn language server.
---
--- The server does the work; here are the commands, the question for an instruction, and one
--- notification for each thing that went wrong.

local range = require('arawn.range')

local M = {}

local CANCELLED = -32800

--- Actions that mean nothing without an instruction.
local NEEDS_INPUT = {
  ask = 'Ask about the selection: ',
  edit = 'Edit the selection (empty: the `ai:` comment): ',
  translate = 'Translate the selection into: ',
}

--- Known before the server is asked.
local BUILT_IN = {
  'ask',
  'commit',
  'complete',
  'document',
  'edit',
  'explain',
  'fix',
  'refactor',
  'review',
  'simplify',
  'test',
  'translate',
}

---@param message string
---@param level integer?
local function notify(message, level)
  -- The server puts its name in front of what it says; not every notifier shows a title.
  if not message:find('^[Aa]rawn') then
    message = 'Arawn: ' .. message
  end
  vim.notify(message, level or vim.log.levels.INFO, { title = 'arawn' })
end

--- Optional: starts the server for every file, with parts of the LSP config replaced.
--- The same as `vim.lsp.config('arawn', opts)` and `vim.lsp.enable('arawn')`.
---@param opts vim.lsp.Config?
function M.setup(opts)
  if opts and next(opts) then
    vim.lsp.config('arawn', opts)
  end
  vim.lsp.enable('arawn')
end

--- Decides whether a buffer gets the server, and in which workspace.
---@param bufnr integer
---@param on_dir fun(root: string?)
function M.root_dir(bufnr, on_dir)
  local name = vim.api.nvim_buf_get_name(bufnr)
  -- Buffers without a name would all share one URI, and an edit could land in the wrong one.
  if vim.bo[bufnr].buftype ~= '' or vim.bo[bufnr].binary or name == '' then
    return
  end
  -- `scheme://` buffers of other plugins (archives, commits) are not the user's text.
  if name:match('^%a[%w+.-]+://') then
    return
  end
  local root = vim.fs.root(bufnr, { '.arawn', '.git' })
  if not root then
    -- A file of no project, an answer of ours among them, needs no server of its own.
    local running = vim.lsp.get_clients({ name = 'arawn' })[1]
    root = running and running.root_dir
  end
  on_dir(root)
end

--- The server of a buffer, or a notification that says what to do.
---@param bufnr integer
---@return vim.lsp.Client?
local function client_of(bufnr)
  local client = vim.lsp.get_clients({ name = 'arawn', bufnr = bufnr })[1]
  if client then
    return client
  end
  local config = vim.lsp.config.arawn
  local program = config and type(config.cmd) == 'table' and config.cmd[1]
  if program and vim.fn.executable(program) == 0 then
    notify(('`%s` is not on the PATH; install it, then :edit the file again'):format(program), vim.log.levels.ERROR)
  elseif not vim.lsp.is_enabled('arawn') then
    notify("not enabled; add vim.lsp.enable('arawn') to your init.lua", vim.log.levels.ERROR)
  else
    notify('not running in this buffer; it needs a file with a name and a filetype', vim.log.levels.ERROR)
  end
end

---@return vim.lsp.Client?
local function any_client()
  return vim.lsp.get_clients({ name = 'arawn', bufnr = 0 })[1]
    or vim.lsp.get_clients({ name = 'arawn' })[1]
    or client_of(0)
end

---@param client vim.lsp.Client
---@param command string
---@param argument table?
---@param bufnr integer
---@param on_result fun(result: any)?
local function execute(client, command, argument, bufnr, on_result)
  local params = { command = command, arguments = { argument or vim.empty_dict() } }
  client:request('workspace/executeCommand', params, function(err, result)
    if err and err.code ~= CANCELLED then
      notify(err.message, vim.log.levels.ERROR)
    elseif not err and on_result then
      on_result(result)
    end
  end, bufnr)
end

--- Asks for the instruction of an action, if it needs one and has none.
---@param action string
---@param input string?
---@param go fun(input: string?)
local function with_input(action, input, go)
  local prompt = NEEDS_INPUT[action]
  if input or not prompt then
    return go(input)
  end
  vim.ui.input({ prompt = prompt }, function(answer)
    if answer == nil or (answer == '' and action ~= 'edit') then
      return
    end
    go(answer ~= '' and answer or nil)
  end)
end

---@class arawn.RunOpts
---@field bufnr integer?
---@field selection arawn.Selection? default: the visual selection, else the current line
---@field input string? the instruction
---@field backend string? this backend alone
---@field model string?

--- Runs an action.
---@param action string
---@param opts arawn.RunOpts?
function M.run(action, opts)
  opts = opts or {}
  local bufnr = opts.bufnr or vim.api.nvim_get_current_buf()
  local client = client_of(bufnr)
  if not client then
    return
  end
  local selection = opts.selection or range.here(bufnr)
  -- Taken now: the question for input may outlive the selection, but not the text it was made on.
  local argument = {
    action = action,
    textDocument = { uri = vim.uri_from_bufnr(bufnr), version = vim.lsp.util.buf_versions[bufnr] },
    range = range.to_lsp(bufnr, selection, client.offset_encoding),
    backend = opts.backend,
    model = opts.model,
  }
  if action == 'fix' then
    argument.diagnostics = range.diagnostics(bufnr, selection, client.offset_encoding)
  end
  with_input(action, opts.input, function(input)
    argument.input = input
    execute(client, 'arawn.run', argument, bufnr)
  end)
end

--- Leaves visual mode, as an operator would.
local function leave_visual_mode()
  if vim.api.nvim_get_mode().mode:match('^[vV\22]') then
    vim.api.nvim_feedkeys(vim.keycode('<Esc>'), 'nx', false)
  end
end

--- Runs an action on what is selected, else on the current line (`complete`: at the cursor).
---@param action string
function M.run_here(action)
  local bufnr = vim.api.nvim_get_current_buf()
  local is_visual = vim.api.nvim_get_mode().mode:match('^[vV\22]') ~= nil
  local selection = (action == 'complete' and not is_visual) and range.cursor() or range.here(bufnr)
  leave_visual_mode()
  M.run(action, { bufnr = bufnr, selection = selection })
end

--- Shows arawn's own code actions for the selection, the Ex range, or the current line.
---@param selection arawn.Selection?
function M.menu(selection)
  local bufnr = vim.api.nvim_get_current_buf()
  local client = client_of(bufnr)
  if not client then
    return
  end
  selection = selection or range.here(bufnr)
  leave_visual_mode()
  local last_line = vim.api.nvim_buf_get_lines(bufnr, selection.last - 1, selection.last, false)[1] or ''
  local last_byte = math.max((selection.last_byte or #last_line) - 1, 0)
  vim.lsp.buf.code_action({
    -- Marks of |vim.lsp.buf.code_action()| include their last character.
    range = {
      start = { selection.first, selection.first_byte or 0 },
      ['end'] = { selection.last, last_byte },
    },
    filter = function(action)
      local command = action.command
      return (type(command) == 'table' and command.command or command) == 'arawn.run'
    end,
  })
end

--- `:Arawn [action] [instruction]`.
---@param arguments table as |nvim_create_user_command()| hands it over
function M.command(arguments)
  local bufnr = vim.api.nvim_get_current_buf()
  local action, input = arguments.args:match('^(%S+)%s*(.-)%s*$')
  local selection = range.of_command(bufnr, arguments)
  if not action then
    return M.menu(selection)
  end
  if action == 'complete' and arguments.range == 0 then
    selection = range.cursor()
  end
  M.run(action, { bufnr = bufnr, selection = selection, input = input ~= '' and input or nil })
end

--- Completes the action's name: what the server offers for the whole file, the user's own included.
---@param lead string
---@param line string
---@param cursor integer
---@return string[]
function M.complete_action(lead, line, cursor)
  local before = line:sub(1, cursor):gsub('^.-Arawn%s+', '')
  if before:find('%s') then
    return {}
  end
  local names = {}
  for _, name in ipairs(BUILT_IN) do
    names[name] = true
  end
  for _, action in ipairs(M.offered()) do
    names[action] = true
  end
  return vim
    .iter(vim.spairs(names))
    :map(function(name)
      return name
    end)
    :filter(function(name)
      return vim.startswith(name, lead)
    end)
    :totable()
end

--- The actions that the server offers for the whole of the current buffer.
---@return string[]
function M.offered()
  local bufnr = vim.api.nvim_get_current_buf()
  local client = vim.lsp.get_clients({ name = 'arawn', bufnr = bufnr })[1]
  if not client then
    return {}
  end
  local selection = range.lines(1, vim.api.nvim_buf_line_count(bufnr))
  local response = client:request_sync('textDocument/codeAction', {
    textDocument = { uri = vim.uri_from_bufnr(bufnr) },
    range = range.to_lsp(bufnr, selection, client.offset_encoding),
    context = { diagnostics = {}, triggerKind = 1 },
  }, 300, bufnr)
  local found = {}
  for _, action in ipairs(response and response.result or {}) do
    local arguments = type(action.command) == 'table' and action.command.arguments or {}
    if arguments[1] and arguments[1].action then
      table.insert(found, arguments[1].action)
    end
  end
  return found
end

--- The client's side of `arawn.run`, chosen in a menu.
---@param command lsp.Command
---@param context lsp.HandlerContext
function M.run_command(command, context)
  local client = vim.lsp.get_client_by_id(context.client_id)
  local argument = command.arguments and command.arguments[1]
  if not client or type(argument) ~= 'table' then
    return
  end
  with_input(argument.action, argument.input, function(input)
    argument.input = input
    execute(client, 'arawn.run', argument, context.bufnr)
  end)
end

--- Stops every running job.
function M.cancel()
  local client = any_client()
  if client then
    execute(client, 'arawn.cancel', nil, 0)
  end
end

--- Lets the user apply, see or discard the edits that wait for them.
function M.proposals()
  local client = any_client()
  if not client then
    return
  end
  execute(client, 'arawn.proposal', { ['do'] = 'list' }, 0, function(result)
    local waiting = vim.tbl_filter(function(proposal)
      return type(proposal) == 'table'
    end, type(result) == 'table' and result or {})
    if #waiting == 0 then
      return notify('no edit is waiting for you')
    end
    require('arawn.proposals').choose(waiting, client.offset_encoding, function(argument)
      execute(client, 'arawn.proposal', argument, 0)
    end)
  end)
end

--- Chooses the backend for this session; without a name the server asks.
---@param name string?
function M.backend(name)
  local client = any_client()
  if client then
    execute(client, 'arawn.backend', { backend = name }, 0)
  end
end

--- Lets the server say who is asked, what runs, and who answered last.
function M.status()
  local client = any_client()
  if client then
    execute(client, 'arawn.status', nil, 0)
  end
end

--- Opens the exact bytes of the last request that went to a model.
function M.last_request()
  local client = any_client()
  if client then
    execute(client, 'arawn.lastRequest', nil, 0)
  end
end

--- `window/showMessage`: one notification.
---@param params lsp.ShowMessageParams
function M.show_message(params)
  local levels = { vim.log.levels.ERROR, vim.log.levels.WARN, vim.log.levels.INFO, vim.log.levels.DEBUG }
  notify(params.message, levels[params.type])
end

--- Shows a job's progress in the command line, without a trace in `:messages` until it ends.
--- Switched off by `vim.g.arawn_progress = false`.
---@param data { client_id: integer, params: lsp.ProgressParams }
function M.show_progress(data)
  local client = vim.lsp.get_client_by_id(data.client_id)
  if not client or client.name ~= 'arawn' or vim.g.arawn_progress == false then
    return
  end
  -- Writing there would erase what the user is typing.
  if vim.api.nvim_get_mode().mode:match('^[cr]') then
    return
  end
  local value = data.params.value
  local has_message = type(value.message) == 'string' and value.message ~= ''
  -- The last message is a sentence of its own, and names the action.
  local parts = { not (value.kind == 'end' and has_message) and value.title or nil }
  table.insert(parts, has_message and value.message or nil)
  -- A line that does not fit would ask for Enter.
  local text = table.concat(parts, ' '):gsub('%s+', ' ')
  text = text:find('^[Aa]rawn') and text or ('Arawn: ' .. text)
  text = vim.fn.strcharpart(text, 0, math.max(vim.o.columns - 14, 10))
  vim.api.nvim_echo({ { text } }, value.kind == 'end', {})
end

return M
