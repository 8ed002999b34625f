--- The menu of the edits that wait for the user.

local M = {}

---@class arawn.Hunk
---@field hunk integer counted from 1
---@field state 'pending'|'applied'|'stale'
---@field range lsp.Range
---@field newText string

---@class arawn.Proposal
---@field proposalId string
---@field title string
---@field reason string
---@field uri string
---@field hunks arawn.Hunk[]

---@class arawn.Choice
---@field label string
---@field argument table for `arawn.proposal`

---@param proposal arawn.Proposal
---@return arawn.Hunk[]
local function pending(proposal)
  return vim.tbl_filter(function(hunk)
    return hunk.state == 'pending'
  end, proposal.hunks)
end

---@param hunk arawn.Hunk
---@return string
local function whereabouts(hunk)
  local text = vim.trim(hunk.newText):match('^[^\n]*')
  return ('line %d: %s'):format(hunk.range.start.line + 1, text ~= '' and text or 'removed')
end

--- What the user can do with a proposal: only what the server would not refuse.
---@param proposal arawn.Proposal
---@return arawn.Choice[]
function M.choices(proposal)
  local id = proposal.proposalId
  local open = pending(proposal)
  local choices = {}
  if #open > 0 then
    table.insert(choices, { label = 'Apply all', argument = { proposalId = id, ['do'] = 'apply' } })
  end
  if #open > 1 then
    for _, hunk in ipairs(open) do
      table.insert(choices, {
        label = ('Apply hunk %d, %s'):format(hunk.hunk, whereabouts(hunk)),
        argument = { proposalId = id, ['do'] = 'apply', hunks = { hunk.hunk } },
      })
    end
  end
  table.insert(choices, { label = 'Show the changes', argument = { proposalId = id, ['do'] = 'show' } })
  table.insert(choices, { label = 'Discard', argument = { proposalId = id, ['do'] = 'discard' } })
  return choices
end

--- One line that tells proposals apart.
---@param proposal arawn.Proposal
---@return string
local function described(proposal)
  local name = vim.fn.fnamemodify(vim.uri_to_fname(proposal.uri), ':~:.')
  local n, total = #pending(proposal), #proposal.hunks
  local left = n == total and ('%d hunk%s'):format(total, total == 1 and '' or 's')
    or ('%d of %d hunks left'):format(n, total)
  return ('%s: %s (%s): %s'):format(proposal.title, name, left, proposal.reason)
end

--- Goes to the first hunk: who decides about an edit must see the lines it is for.
---@param proposal arawn.Proposal
---@param encoding string
local function reveal(proposal, encoding)
  local hunk = pending(proposal)[1] or proposal.hunks[1]
  if hunk then
    vim.lsp.util.show_document({ uri = proposal.uri, range = hunk.range }, encoding, { focus = true, reuse_win = true })
  end
end

--- Lets the user choose a proposal and what to do with it. One alone needs no first question.
---@param proposals arawn.Proposal[] oldest first, as the server lists them
---@param encoding string
---@param go fun(argument: table) calls `arawn.proposal`
function M.choose(proposals, encoding, go)
  local function decide(proposal)
    if not proposal then
      return
    end
    reveal(proposal, encoding)
    vim.ui.select(M.choices(proposal), {
      prompt = described(proposal),
      format_item = function(choice)
        return choice.label
      end,
    }, function(choice)
      if choice then
        go(choice.argument)
      end
    end)
  end
  if #proposals == 1 then
    return decide(proposals[1])
  end
  vim.ui.select(vim.iter(proposals):rev():totable(), {
    prompt = 'Edits that wait for you',
    format_item = described,
  }, decide)
end

return M
