--- `:checkhealth arawn`

local M = {}

--- Runs the program and waits for it.
---@param command string[]
---@return vim.SystemCompleted?
local function output_of(command)
  local ok, process = pcall(vim.system, command, { text = true, timeout = 20000 })
  return ok and process:wait() or nil
end

local function check_editor()
  if vim.fn.has('nvim-0.11') == 1 then
    vim.health.ok('Neovim ' .. tostring(vim.version()))
  else
    vim.health.error('Neovim 0.11 or newer is needed')
  end
end

---@return string? program
local function check_program()
  local config = vim.lsp.config.arawn
  if not config then
    vim.health.error('`lsp/arawn.lua` is not on the runtimepath', { 'Add `editors/nvim` of arawn to the runtimepath' })
    return nil
  end
  if type(config.cmd) ~= 'table' then
    vim.health.info('`cmd` is a function; the program is not checked')
    return nil
  end
  local program = config.cmd[1]
  local version = output_of({ program, '--version' })
  if not version or version.code ~= 0 then
    vim.health.error(
      ('`%s` cannot be run'):format(program),
      { "Install arawn, or name its path: vim.lsp.config('arawn', { cmd = { '/path/to/arawn', 'lsp' } })" }
    )
    return nil
  end
  vim.health.ok(('%s (%s)'):format(vim.trim(version.stdout), vim.fn.exepath(program)))
  return program
end

local function check_server()
  if not vim.lsp.is_enabled('arawn') then
    vim.health.warn('not enabled', { "Add vim.lsp.enable('arawn') to your init.lua" })
    return
  end
  local clients = vim.lsp.get_clients({ name = 'arawn' })
  for _, client in ipairs(clients) do
    vim.health.ok(
      ('running in %d buffer(s), workspace %s'):format(
        vim.tbl_count(client.attached_buffers),
        client.root_dir or '(none)'
      )
    )
  end
  if #clients == 0 then
    vim.health.info('enabled; starts with the first file that has a name and a filetype')
  end
end

---@param program string
local function check_doctor(program)
  local doctor = output_of({ program, 'doctor', '--json' })
  if not doctor then
    return
  end
  local ok, findings = pcall(vim.json.decode, doctor.stdout, { luanil = { object = true } })
  if not ok then
    vim.health.error(('`%s doctor` said nothing that can be read'):format(program), { vim.trim(doctor.stderr) })
    return
  end
  for _, finding in ipairs(findings) do
    local text = ('%s: %s'):format(finding.area, finding.message)
    if finding.level == 'ok' then
      vim.health.ok(text)
    else
      local report = finding.level == 'warning' and vim.health.warn or vim.health.error
      report(text, finding.hint and { finding.hint } or nil)
    end
  end
end

function M.check()
  vim.health.start('arawn')
  check_editor()
  local program = check_program()
  check_server()
  if program then
    vim.health.start('arawn doctor')
    check_doctor(program)
  end
end

return M
