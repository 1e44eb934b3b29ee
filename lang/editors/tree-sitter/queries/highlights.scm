; Highlighting, with the capture names that Neovim, Helix and Zed know.

(name) @variable
(comment) @comment
(integer) @number
(real) @number
(boolean) @constant.builtin
(token) @character
(text) @string
(dots) @punctuation.special

(use module: (name) @namespace)
(model name: (name) @type)
(setting name: (name) @property)
(type name: (name) @type)
(enum name: (name) @type)
(enum member: (name) @constant)
(type_definition name: (name) @type)
(function name: (name) @function)
(parameter name: (name) @parameter)
(reference selector: (name) @keyword)
(argument name: (name) @parameter)
(binding field: (name) @property)
(record_type field: (name) @property)
(label name: (name) @variable)
(let name: (name) @variable)
(const name: (name) @constant)
(output name: (name) @variable)
(param name: (name) @variable)
(call function: (name) @function)
(call function: (member name: (name) @function))
(member of: (name) @namespace name: (name) @property)

["+" "-" "*" "/" "//" "%" "**" "==" "!=" "<" "<=" ">" ">=" "=" "=>" "->" ".." "..<" "|"] @operator
["(" ")" "[" "]" "{" "}"] @punctuation.bracket
["," ":" "."] @punctuation.delimiter

; BEGIN words
["model" "enum" "type" "const" "let" "fn" "emit" "output" "input" "param" "loss" "assert" "test"] @keyword
["use" "as"] @include
["if" "then" "else" "match" "where" "by" "for" "with" "return" "after"] @conditional
["and" "or" "not" "in"] @keyword.operator
((name) @variable.builtin (#match? @variable.builtin "^(token|index|here|length|vocabulary)$"))
(call function: (name) @function.builtin (#match? @function.builtin "^(abs|all|any|approx|at|attend|byte_pairs|ceil|chr|concat|context|cos|count|exists|exp|float|floor|fold|from_id|id|int|len|likely|linear|load|log|max|mean|min|normal|number|ord|reachable|relu|scan|sin|softmax|sqrt|str|sum|tanh)$"))
; END words
