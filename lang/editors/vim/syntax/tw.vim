" Vim syntax file for .tw programs. The word lists come from the language's own
" tables: make editors.
if exists("b:current_syntax")
  finish
endif

syn case match

" BEGIN words
syn keyword twStatement model enum type const let fn emit output input param loss assert test
syn keyword twInclude use as
syn keyword twConditional if then else match where by for with return after
syn keyword twOperator and or not in
syn keyword twBoolean true false
syn keyword twSelector latest first only best
syn keyword twStream token index here length vocabulary
syn keyword twBuiltin abs all any approx at attend byte_pairs ceil chr concat context cos count exists exp float floor fold from_id id int len likely linear load log max mean min normal number ord reachable relu scan sin softmax sqrt str sum tanh
syn keyword twType contained int bool token pos real float
syn keyword twSetting contained vocab context attention
syn match twLibrary "\<bits\.\%(add\|add_carry\|band\|bor\|bxor\|inv\|is_zero\|leading_zeros\|less\|less_signed\|mul\|neg\|of\|popcount\|rotl\|rotr\|shift_left\|shift_right\|shl\|shr\|sub\|trailing_zeros\|value\)\>"
syn match twLibrary "\<digits\.\%(add\|before\|char\|digit\|distance\|down\|less\|mul\|nth\|number\|of\|pad\|run\|settle\|signed\|size\|sub\|text\|value\)\>"
syn match twLibrary "\<logic\.\%(at_least\|exactly\|implies\|majority\|none\|number\|odd\|xor\)\>"
syn match twLibrary "\<nn\.\%(block\|conv\|dense\|embed\|gelu\|head\|max_pool\|mlp\|norm\|norm_by\|place\|surprise\)\>"
syn match twLibrary "\<select\.\%(argmax\|argmin\|blend\|clamp\|compact\|gate\|in_range\|one_hot\|switch\)\>"
syn match twLibrary "\<seq\.\%(balanced\|depth\|distinct\|ends\|fraction\|frequency\|is_first\|is_last\|most_alike\|nearest\|rank\|reverse\|running_sum\|scan\|shift\|since\|sort\)\>"
syn match twLibrary "\<text\.\%(is_digit\|is_letter\|is_lower\|is_space\|is_upper\|is_word\|letter\|lower\|rotate\|upper\)\>"
" END words

syn match twFunction "\<\h\w*\ze("
syn match twDefine "\%(\<fn\s\+\)\@<=\h\w*"
syn match twName "\%(\<\%(let\|const\|output\|input\|param\|enum\|type\|model\)\s\+\)\@<=\h\w*"
syn match twTypeUse "\%(:\|->\|\]\)\s*\h\w*" contains=twType
syn match twSpecial "<[a-z][a-z0-9_]*>"
syn match twNumber "\<\d[0-9_]*\>\|\<0x[0-9a-fA-F_]\+\>\|\<0b[01_]\+\>"
syn match twFloat "\<\d\+\.\d\+\%([eE][-+]\=\d\+\)\=\>\|\<\d\+[eE][-+]\=\d\+\>"
syn match twSymbol "\.\.\.\|\.\.<\|\.\.\|->\|=>\|==\|!=\|<=\|>=\|\*\*\|[-+*/%=|]"
syn match twEscape +\\[ntr0\\'"]\|\\u{\x\+}+ contained
syn region twText start=+"+ skip=+\\.+ end=+"\|$+ oneline contains=twEscape
syn region twToken start=+'+ skip=+\\.+ end=+'\|$+ oneline contains=twEscape
syn region twModel matchgroup=twName start="\%(\<model\s\+\h\w*\s*\)\@<={" end="}" transparent contains=ALLBUT,twType,twEscape fold
syn match twExample "example:" contained
syn keyword twTodo TODO FIXME contained
syn match twComment "#.*$" contains=twExample,twTodo,@Spell
syn region twBraces start="{" end="}" transparent fold contains=TOP

hi def link twStatement   Statement
hi def link twInclude     Include
hi def link twConditional Conditional
hi def link twOperator    Operator
hi def link twSymbol      Operator
hi def link twBoolean     Boolean
hi def link twSelector    Keyword
hi def link twStream      Identifier
hi def link twBuiltin     Function
hi def link twFunction    Function
hi def link twLibrary     Function
hi def link twDefine      Function
hi def link twName        Identifier
hi def link twType        Type
hi def link twSetting     Label
hi def link twSpecial     Special
hi def link twNumber      Number
hi def link twFloat       Float
hi def link twText        String
hi def link twToken       Character
hi def link twEscape      SpecialChar
hi def link twComment     Comment
hi def link twExample     SpecialComment
hi def link twTodo        Todo

let b:current_syntax = "tw"
