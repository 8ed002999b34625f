-- The first start, and nobody who could answer: one question, which is in the way of nothing.
local t = require('support')

local questions, choose = {}, nil
vim.ui.select = function(items, options, on_choice)
  table.insert(questions, { items = items, prompt = options.prompt })
  choose = on_choice
end

t.attach()
local before = t.lines()

t.check('it asks how to come by a model', function()
  t.wait('the question', function()
    return #questions > 0
  end)
  local titles = vim.tbl_map(function(item)
    return item.title
  end, questions[1].items)
  t.equal({ 'Set up the local engine', 'Open the config', 'Not now' }, titles, 'buttons')
  t.truthy(questions[1].prompt:find('does not answer', 1, true), questions[1].prompt)
end)

t.check('while the question stands the server works', function()
  local response = t.client():request_sync('textDocument/codeAction', {
    textDocument = { uri = vim.uri_from_bufnr(t.buffer) },
    range = { start = { line = 4, character = 0 }, ['end'] = { line = 8, character = 4 } },
    context = { diagnostics = {} },
  }, 5000, t.buffer)
  t.truthy(response and #response.result > 0, 'no actions: ' .. vim.inspect(response))
end)

t.check('the config opens', function()
  choose(questions[1].items[2])
  local name = t.wait('the config', function()
    for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
      local name = vim.api.nvim_buf_get_name(buffer)
      if name:match('arawn%.toml$') then
        return name
      end
    end
  end)
  t.truthy(vim.fn.filereadable(name) == 1, name .. ' is not there')
  t.equal(1, #questions, 'questions')
  t.equal(before, t.lines(), 'lines')
end)
