" :make runs a program's tests; errors and failed tests are places to jump to.
if exists("current_compiler")
  finish
endif
let current_compiler = "twc"

if exists(":CompilerSet") != 2
  command -nargs=* CompilerSet setlocal <args>
endif

CompilerSet makeprg=twc\ test\ %:S
CompilerSet errorformat=%f:%l:%c:\ %trror:\ %m,%f:%l:%c:\ %tote:\ %m,%f:%l:\ %m,%-G%.%#
