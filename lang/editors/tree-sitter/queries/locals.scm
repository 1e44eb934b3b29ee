[(file) (function) (block) (reference) (comprehension)] @scope

(let name: (name) @definition.var)
(const name: (name) @definition.constant)
(output name: (name) @definition.var)
(param name: (name) @definition.var)
(function name: (name) @definition.function)
(enum name: (name) @definition.type)
(type_definition name: (name) @definition.type)
(parameter name: (name) @definition.parameter)
(reference name: (name) @definition.var)
(clause name: (name) @definition.var)

(name) @reference
