--- What the scenarios share: checks, waiting for a condition, and the scripted upstream's files.

local M = { notifications = {}, progress = {} }

local function write(text)
  io.stdout:write(text .. '\n')
  io.stdout:flush()
end

vim.notify = function(message, level)
  table.insert(M.notifications, { message = message, level = level })
end

vim.api.nvim_create_autocmd('LspProgress', {
  callback = function(event)
    table.insert(M.progress, event.data.params.value)
  end,
})

--- Waits until `condition` holds and hands over its value; fails after `ms`.
function M.wait(what, condition, ms)
  local value
  local held = vim.wait(ms or 10000, function()
    value = condition()
    return value
  end, 5)
  if not held then
    error('waited in vain for ' .. what, 2)
  end
  return value
end

function M.check(name, test)
  local ok, err = xpcall(test, function(message)
    return debug.traceback(message, 2)
  end)
  write((ok and 'ok - ' or 'not ok - ') .. name)
  if not ok then
    write('  ' .. tostring(err):gsub('\n', '\n  '))
    write('  notifications: ' .. vim.inspect(M.notifications):gsub('\n', '\n  '))
    write('  progress: ' .. vim.inspect(M.progress):gsub('\n', '\n  '))
    write('  buffer:\n  ' .. M.text():gsub('\n', '\n  '))
  end
end

function M.note(text)
  write('# ' .. text)
end

--- Runs a scenario and leaves Neovim, whatever happened.
function M.run(scenario)
  local ok, err = xpcall(dofile, debug.traceback, vim.env.ARAWN_TEST .. '/scenarios/' .. scenario .. '.lua')
  if ok then
    write('# end')
  else
    write('not ok - ' .. scenario .. ' runs\n  ' .. tostring(err):gsub('\n', '\n  '))
  end
  vim.cmd('qall!')
end

function M.equal(expected, actual, what)
  if not vim.deep_equal(expected, actual) then
    error(('%s: expected %s, got %s'):format(what or 'value', vim.inspect(expected), vim.inspect(actual)), 2)
  end
end

function M.truthy(value, what)
  if not value then
    error(what, 2)
  end
  return value
end

--- The lines of the buffer the scenario works on, wherever the cursor went.
function M.lines()
  return vim.api.nvim_buf_get_lines(M.buffer, 0, -1, false)
end

function M.text()
  return table.concat(M.lines(), '\n')
end

--- The lines with some of them replaced.
function M.with(lines, first, last, replacement)
  local result = vim.list_slice(lines, 1, first - 1)
  vim.list_extend(result, replacement)
  return vim.list_extend(result, vim.list_slice(lines, last + 1))
end

function M.client()
  return vim.lsp.get_clients({ name = 'arawn', bufnr = M.buffer })[1]
end

function M.attach()
  M.buffer = vim.api.nvim_get_current_buf()
  M.wait('the server', function()
    local client = M.client()
    return client and client.initialized
  end)
end

local folder = vim.env.ARAWN_UPSTREAM

local function put(name, text)
  local file = assert(io.open(folder .. '/' .. name, 'w'))
  file:write(text)
  file:close()
end

--- Sets what the model answers next.
function M.answer(text)
  put('answer.txt', text)
end

function M.hold()
  put('hold', '')
end

function M.release()
  os.remove(folder .. '/hold')
end

--- The upstream's log: all events of a kind.
function M.events(kind)
  local found = {}
  for line in io.lines(folder .. '/log') do
    local ok, event = pcall(vim.json.decode, line)
    if ok and event.event == kind then
      table.insert(found, event)
    end
  end
  return found
end

--- The text of everything a request sent.
function M.prompt(event)
  local texts = {}
  for _, message in ipairs(event.body.messages) do
    table.insert(texts, message.content)
  end
  return table.concat(texts, '\n')
end

--- Chooses an action in the code-action menu, as a user of `gra` does.
function M.choose(action, first, last)
  local last_column = #vim.api.nvim_buf_get_lines(M.buffer, last - 1, last, false)[1] - 1
  vim.lsp.buf.code_action({
    range = { start = { first, 0 }, ['end'] = { last, last_column } },
    apply = true,
    filter = function(candidate)
      local command = candidate.command
      return type(command) == 'table' and command.command == 'arawn.run' and command.arguments[1].action == action
    end,
  })
end

--- Waits for the next progress report of that kind.
function M.progress_of(kind, ms)
  return M.wait('progress ' .. kind, function()
    for _, value in ipairs(M.progress) do
      if value.kind == kind then
        return value
      end
    end
  end, ms)
end

--- Forgets what was seen so far.
function M.forget()
  M.notifications, M.progress = {}, {}
end

function M.types(keys)
  vim.api.nvim_feedkeys(vim.keycode(keys), 'xt', false)
end

return M
