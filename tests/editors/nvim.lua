-- usage: nvim --headless -u NONE --cmd 'set rtp^=lang/editors/vim' -c 'luafile tests/editors/nvim.lua'
--
-- A new user's first minutes in Neovim, with twc in the PATH: a .tw file is opened, a
-- mistake is seen and mended, names are asked about, renamed, completed. What is not
-- as it should be is printed; the exit status tells.
local failed = false
local function check(ok, what)
  if not ok then
    failed = true
    io.stdout:write(what .. '\n')
  end
end
local function wait(what, condition)
  check(vim.wait(10000, condition, 20), 'waited in vain for ' .. what)
end

local function run()
  vim.cmd('filetype plugin indent on | syntax on')
  local path = vim.fn.tempname() .. '.tw'
  vim.fn.writefile({
    'model m {', '  vocab   "ab"', '  context 4', '}', '# The other one.',
    "let other = if token == 'a' then 'b' else 'a'", 'emit othr', 'test "a" -> "bab"',
  }, path)
  vim.cmd('edit ' .. path)
  check(vim.bo.filetype == 'tw', 'the file type is ' .. vim.bo.filetype)
  check(vim.fn.synIDattr(vim.fn.synID(6, 1, 1), 'name') == 'twStatement', 'let is not highlighted')

  -- the mistake, as the server sees it and as :make does
  wait('a diagnostic', function() return #vim.diagnostic.get(0) == 1 end)
  local mistake = vim.diagnostic.get(0)[1] or {}
  check(mistake.lnum == 6 and mistake.col == 5, 'the diagnostic is elsewhere')
  check((mistake.message or ''):find("did you mean 'other'", 1, true), 'the diagnostic says ' .. tostring(mistake.message))
  vim.cmd('silent make!')
  local first = vim.tbl_filter(function(e) return e.valid == 1 end, vim.fn.getqflist())[1] or {}
  check(first.lnum == 7 and first.col == 6, ':make does not find the mistake')

  -- mended
  vim.api.nvim_buf_set_lines(0, 6, 7, true, { 'emit other' })
  wait('no diagnostics', function() return #vim.diagnostic.get(0) == 0 end)

  local function ask(method, more)
    vim.api.nvim_win_set_cursor(0, { 7, 6 })
    local params = vim.tbl_extend('force', vim.lsp.util.make_position_params(), more or {})
    local answers = vim.lsp.buf_request_sync(0, 'textDocument/' .. method, params, 10000)
    for _, answer in pairs(answers or {}) do
      return answer.result
    end
  end
  local hover = ask('hover')
  check(hover and hover.contents.value:find('let other: token', 1, true), 'no type in what is shown of a name')
  check(hover and hover.contents.value:find('The other one', 1, true), 'no comment in what is shown of a name')
  vim.cmd('normal! \29') -- CTRL-]
  check(vim.api.nvim_win_get_cursor(0)[1] == 6, 'CTRL-] does not go to the definition')
  vim.api.nvim_win_set_cursor(0, { 7, 6 })
  vim.lsp.buf.rename('swapped')
  wait('another name', function() return vim.fn.getline(6):find('^let swapped = ') and vim.fn.getline(7) == 'emit swapped' end)
  local omni = vim.bo.omnifunc
  check(omni == 'v:lua.vim.lsp.omnifunc', 'omnifunc is ' .. omni)
  local items = ask('completion')
  check(items and vim.tbl_contains(vim.tbl_map(function(i) return i.label end, items), 'swapped'), 'a name is not offered')

  -- style
  vim.api.nvim_buf_set_lines(0, 6, 7, true, { 'emit   swapped' })
  if vim.lsp.buf.format then
    vim.lsp.buf.format()
  else
    vim.lsp.buf.formatting_sync(nil, 10000)
  end
  check(vim.fn.getline(7) == 'emit swapped', 'formatting leaves ' .. vim.fn.getline(7))

  -- a test from its line
  local said
  vim.lsp.handlers['window/showMessage'] = function(_, result) said = result.message end
  vim.cmd('silent write')
  vim.lsp.codelens.refresh()
  wait('a lens', function() return #vim.lsp.codelens.get(0) == 1 end)
  vim.api.nvim_win_set_cursor(0, { 8, 0 })
  vim.lsp.codelens.run()
  wait('the test to run', function() return said == '1 passed, 0 failed' end)
end

local ok, why = pcall(run)
check(ok, tostring(why))
vim.cmd(failed and 'cquit!' or 'qall!')
