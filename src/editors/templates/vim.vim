" arawn, an AI assistant over LSP. Written by `arawn setup vim`.
" coc.nvim: put this into coc-settings.json instead:
"   "languageserver": {"arawn": {"command": "@ARAWN@", "args": ["lsp"], "filetypes": ["*"]}}

" vim-lsp: select lines, then :LspCodeAction
augroup arawn
  autocmd!
  autocmd User lsp_setup call lsp#register_server({
        \ 'name': 'arawn',
        \ 'cmd': {server_info -> ['@ARAWN@', 'lsp']},
        \ 'allowlist': ['*'],
        \ })
augroup END

" ALE: select lines, then :ALECodeAction
if exists('g:loaded_ale')
  for s:filetype in ['c', 'cpp', 'cs', 'css', 'go', 'html', 'java', 'javascript', 'lua', 'markdown', 'php',
        \ 'python', 'ruby', 'rust', 'sh', 'sql', 'text', 'toml', 'typescript', 'vim', 'yaml']
    call ale#linter#Define(s:filetype, {
          \ 'name': 'arawn',
          \ 'lsp': 'stdio',
          \ 'executable': '@ARAWN@',
          \ 'command': '%e lsp',
          \ 'project_root': {buffer -> getcwd()},
          \ })
  endfor
endif
