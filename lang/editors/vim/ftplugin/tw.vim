" Settings for .tw programs: comments, indentation, gq by the formatter, :make by
" the compiler, gf and [i to modules.
if exists("b:did_ftplugin")
  finish
endif
let b:did_ftplugin = 1

setlocal comments=:# commentstring=#\ %s
setlocal expandtab shiftwidth=2 softtabstop=2
setlocal formatoptions-=t formatoptions+=croql
setlocal suffixesadd=.tw
setlocal include=^\\s*use
setlocal define=^\\s*\\%(let\\\|const\\\|fn\\\|output\\\|param\\\|enum\\\|type\\)
setlocal iskeyword=@,48-57,_
let b:match_words = '\<if\>:\<then\>:\<else\>'

" The whole file, through the formatter; what it refuses stays as it is.
function! s:Format() abort
  let l:text = systemlist('twc fmt -', getline(1, '$'))
  if v:shell_error
    echohl ErrorMsg | echo get(l:text, 0, 'twc fmt failed') | echohl None
    return
  endif
  let l:view = winsaveview()
  call setline(1, l:text)
  silent! execute (len(l:text) + 1) . ',$delete _'
  call winrestview(l:view)
endfunction
command! -buffer TwFormat call s:Format()

if get(g:, 'tw_format_on_save', 0)
  autocmd BufWritePre <buffer> TwFormat
endif

compiler twc

let b:undo_ftplugin = 'setlocal comments< commentstring< expandtab< shiftwidth< softtabstop<'
      \ . ' formatoptions< suffixesadd< include< define< iskeyword< makeprg< errorformat<'
      \ . ' | unlet! b:match_words | silent! delcommand TwFormat'
