" Indentation as twc fmt has it, as far as one line and the one above it tell.
if exists("b:did_indent")
  finish
endif
let b:did_indent = 1

setlocal indentexpr=GetTwIndent() indentkeys=0},0),0],!^F,o,O,e,0=then,0=let,0=emit,0=output,0=test
let b:undo_indent = 'setlocal indentexpr< indentkeys<'

if exists("*GetTwIndent")
  finish
endif

let s:statement = '^\s*\%(use\|model\|enum\|type\|const\|let\|fn\|return\|emit\|output\|input\|param\|loss\|assert\|test\)\>'

" Brackets that a line opens and does not close.
function! s:Open(line) abort
  let l:code = substitute(a:line, '"\%(\\.\|[^"\\]\)*"\|''\%(\\.\|[^''\\]\)*''\|#.*$', '', 'g')
  return len(substitute(l:code, '[^(\[{]', '', 'g')) - len(substitute(l:code, '[^)\]}]', '', 'g'))
endfunction

function! GetTwIndent() abort
  let l:above = prevnonblank(v:lnum - 1)
  if !l:above
    return 0
  endif
  let l:line = getline(v:lnum)
  let l:before = getline(l:above)
  let l:indent = indent(l:above)
  if l:line =~# '^\s*\%(then\|else\)\>' && l:line !~# '=>'
    " below its if
    let l:at = match(l:before, '\<if\>')
    return l:at >= 0 ? l:at : l:indent
  endif
  if s:Open(l:before) > 0
    let l:indent += shiftwidth()
  elseif l:before =~# '[=]\s*$' && l:line !~# s:statement
    let l:indent += shiftwidth()
  endif
  if l:line =~# '^\s*[)\]}]'
    let l:indent -= shiftwidth()
  endif
  return l:indent < 0 ? 0 : l:indent
endfunction
