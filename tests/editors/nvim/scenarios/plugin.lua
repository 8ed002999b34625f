-- The plugin against a server inside Neovim: what it sends for which selection, in every encoding.
local t = require('support')

local encoding = 'utf-8'
local executed, answer = {}, nil

local function in_process(dispatchers)
  local closing = false
  local server = {}
  function server.request(method, params, callback)
    if method == 'initialize' then
      callback(nil, {
        capabilities = {
          positionEncoding = encoding,
          textDocumentSync = 2,
          executeCommandProvider = { commands = { 'arawn.run', 'arawn.cancel' } },
        },
      })
    elseif method == 'workspace/executeCommand' then
      table.insert(executed, params)
      callback(answer and answer.err, answer and answer.result)
    else
      callback(nil, nil)
    end
    return true, 1
  end
  function server.notify(method)
    if method == 'exit' then
      dispatchers.on_exit(0, 0)
    end
  end
  function server.is_closing()
    return closing
  end
  function server.terminate()
    closing = true
  end
  return server
end

local function start(wanted)
  encoding = wanted
  vim.lsp.config('arawn', { cmd = in_process })
  vim.lsp.enable('arawn')
  t.attach()
end

local function stop()
  vim.lsp.enable('arawn', false)
  t.wait('the server to end', function()
    return #vim.lsp.get_clients({ name = 'arawn' }) == 0
  end)
end

local function sent()
  local params = table.remove(executed)
  t.truthy(params and #executed == 0, 'not exactly one command was sent')
  return params.arguments[1], params.command
end

local function range(first_line, first_character, last_line, last_character)
  return {
    start = { line = first_line, character = first_character },
    ['end'] = { line = last_line, character = last_character },
  }
end

-- Line 13 is `    crab = "🦀🦀"; text = crab + name`; `text` starts after the two crabs.
local columns = { ['utf-8'] = { 23, 27 }, ['utf-16'] = { 19, 23 }, ['utf-32'] = { 17, 21 } }
for _, wanted in ipairs({ 'utf-8', 'utf-16', 'utf-32' }) do
  t.check('a selection of characters is exact in ' .. wanted, function()
    start(wanted)
    vim.api.nvim_win_set_cursor(0, { 13, 23 })
    t.types('ve<Plug>(arawn-explain)')
    local argument, command = sent()
    t.equal('arawn.run', command, 'command')
    t.equal('explain', argument.action, 'action')
    t.equal(range(12, columns[wanted][1], 12, columns[wanted][2]), argument.range, 'range')
    t.equal(vim.uri_from_bufnr(t.buffer), argument.textDocument.uri, 'uri')
    t.equal('n', vim.api.nvim_get_mode().mode, 'mode')
    stop()
  end)
end

start('utf-16')
t.check('a selection that ends on an astral character includes it whole', function()
  vim.api.nvim_win_set_cursor(0, { 13, 12 })
  t.types('vl<Plug>(arawn-explain)')
  t.equal(range(12, 12, 12, 16), sent().range, 'range')
end)

t.check('a backward selection is the same as a forward one', function()
  vim.api.nvim_win_set_cursor(0, { 2, 10 })
  t.types('vb<Plug>(arawn-explain)')
  t.equal(range(1, 4, 1, 11), sent().range, 'range')
end)

t.check('selected lines are whole lines without the last break', function()
  t.types('5GV4j<Plug>(arawn-simplify)')
  t.equal(range(4, 0, 8, 17), sent().range, 'range')
end)

t.check('a typed command on a selection of characters keeps to them', function()
  vim.api.nvim_win_set_cursor(0, { 2, 11 })
  t.types('ve<Esc>')
  vim.cmd("'<,'>Arawn explain")
  t.equal(range(1, 11, 1, 16), sent().range, 'range')
end)

t.check('a command without a range means the current line, and complete the cursor', function()
  vim.api.nvim_win_set_cursor(0, { 2, 11 })
  vim.cmd('Arawn explain')
  t.equal(range(1, 0, 1, 25), sent().range, 'range')
  vim.cmd('Arawn complete')
  t.equal(range(1, 11, 1, 11), sent().range, 'range')
end)

t.check('fix sends the diagnostics of the lines, in the server\'s encoding', function()
  local namespace = vim.api.nvim_create_namespace('test')
  vim.diagnostic.set(namespace, t.buffer, {
    { lnum = 12, col = 23, end_lnum = 12, end_col = 27, message = 'bad name', severity = 1, source = 'lint' },
    { lnum = 0, col = 0, message = 'elsewhere', severity = 1 },
  })
  vim.cmd('13Arawn fix')
  local diagnostics = sent().diagnostics
  t.equal(1, #diagnostics, 'diagnostics')
  t.equal(range(12, 19, 12, 23), diagnostics[1].range, 'range')
  t.equal('bad name', diagnostics[1].message, 'message')
  vim.diagnostic.reset(namespace)
end)

t.check('a question that is not answered sends nothing', function()
  vim.ui.input = function(_, on_answer)
    on_answer(nil)
  end
  vim.cmd('Arawn ask')
  vim.cmd('Arawn edit')
  t.equal({}, executed, 'commands')
end)

t.check('a menu entry that needs an instruction asks for it', function()
  vim.ui.input = function(_, on_answer)
    on_answer('why?')
  end
  local command = { title = 'Arawn: Ask', command = 'arawn.run', arguments = { { action = 'ask' } } }
  t.client():exec_cmd(command, { bufnr = t.buffer })
  t.equal('why?', sent().input, 'input')
end)

t.check('an error is one notification, a cancelled request none', function()
  t.forget()
  answer = { err = { code = -32602, message = 'unknown action' } }
  vim.cmd('Arawn nosuch')
  executed = {}
  t.equal(1, #t.notifications, 'notifications')
  t.equal('Arawn: unknown action', t.notifications[1].message, 'message')
  answer = { err = { code = -32800, message = 'cancelled' } }
  vim.cmd('Arawn explain')
  executed = {}
  t.equal(1, #t.notifications, 'notifications')
  answer = nil
end)

local function apply(version, new_text)
  return t.client().handlers['workspace/applyEdit'](nil, {
    label = 'arawn',
    edit = {
      documentChanges = {
        {
          textDocument = { uri = vim.uri_from_bufnr(t.buffer), version = version },
          edits = { { range = range(0, 0, 0, 3), newText = new_text } },
        },
      },
    },
  }, { client_id = t.client().id, method = 'workspace/applyEdit' })
end

t.check('an edit for an older text is refused, and the server is told', function()
  local version = vim.lsp.util.buf_versions[t.buffer]
  vim.api.nvim_buf_set_lines(t.buffer, 0, 0, false, { '# typed' })
  local typed = t.lines()
  t.equal(false, apply(version, 'XXX').applied, 'applied')
  t.equal(typed, t.lines(), 'lines')
  vim.cmd('silent undo')
end)

t.check('an edit for the current text is one undo step', function()
  local before = t.lines()
  local steps = vim.fn.undotree().seq_cur
  t.equal(true, apply(vim.lsp.util.buf_versions[t.buffer], 'DEF').applied, 'applied')
  t.equal('DEF area(width, height):', t.lines()[1], 'line 1')
  t.truthy(vim.fn.undotree().seq_cur > steps, 'no undo step')
  vim.cmd('silent undo')
  t.equal(before, t.lines(), 'lines')
end)

t.check('buffers that are nobody\'s file get no server', function()
  for _, make in ipairs({
    function()
      vim.cmd('new | setlocal buftype=nofile filetype=lua')
    end,
    function()
      vim.cmd('new | setlocal filetype=lua')
    end,
    function()
      vim.cmd('new | file archive://x/y.lua | setlocal filetype=lua')
    end,
  }) do
    make()
    local buffer = vim.api.nvim_get_current_buf()
    -- The client attaches on the next round of the event loop.
    vim.wait(50)
    t.equal(0, #vim.lsp.get_clients({ bufnr = buffer }), 'clients')
    vim.cmd('bwipeout!')
  end
end)

t.check('a program that is not there is said so', function()
  stop()
  t.forget()
  vim.lsp.config('arawn', { cmd = { 'no-such-arawn', 'lsp' } })
  vim.cmd('Arawn explain')
  t.equal(1, #t.notifications, 'notifications')
  t.truthy(t.notifications[1].message:find('no-such-arawn', 1, true), t.notifications[1].message)
end)

t.check('the help has its tags', function()
  local doc = table.concat(vim.fn.readfile(vim.env.ARAWN_PLUGIN .. '/doc/arawn.txt'), '\n')
  for _, tag in ipairs({ ':Arawn', ':ArawnCancel', ':ArawnProposals', ':ArawnBackend', ':ArawnStatus', ':ArawnLastRequest', 'arawn-maps' }) do
    t.truthy(doc:find('*' .. tag .. '*', 1, true), 'no help for ' .. tag)
  end
end)
