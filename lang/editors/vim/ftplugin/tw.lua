-- Neovim: `twc lsp` as the language server of .tw buffers, if twc is in the PATH.
-- K shows what is known of a name, CTRL-] goes to its definition, CTRL-X CTRL-O
-- completes; :lua vim.lsp.buf.rename() renames, :lua vim.lsp.codelens.run() runs the
-- test of this line. let g:tw_lsp = 0 to go without.
if vim.g.tw_lsp == 0 or vim.fn.executable('twc') == 0 then
  return
end

local buffer = vim.api.nvim_get_current_buf()
local config = {
  name = 'twc',
  cmd = { 'twc', 'lsp' },
  root_dir = vim.fn.getcwd(),
  on_attach = function(_, attached)
    local refresh = function() vim.lsp.codelens.refresh() end
    vim.api.nvim_create_autocmd({ 'BufEnter', 'InsertLeave' }, { buffer = attached, callback = refresh })
  end,
}

if vim.lsp.start then
  vim.lsp.start(config)
else -- before Neovim 0.8
  local id
  for _, client in ipairs(vim.lsp.get_active_clients()) do
    id = client.name == 'twc' and client.id or id
  end
  vim.lsp.buf_attach_client(buffer, id or vim.lsp.start_client(config))
end

vim.bo[buffer].omnifunc = 'v:lua.vim.lsp.omnifunc'
vim.bo[buffer].tagfunc = 'v:lua.vim.lsp.tagfunc'
vim.keymap.set('n', 'K', vim.lsp.buf.hover, { buffer = buffer })
