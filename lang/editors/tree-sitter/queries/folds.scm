[(model) (enum) (block) (match) (record) (array)] @fold
