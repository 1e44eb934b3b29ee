#ifndef FRONTEND_EDITOR_EDITOR_H
#define FRONTEND_EDITOR_EDITOR_H

/* What an editor needs to know of a program: what each name refers to (resolve.c), its type
 * (type_notes.c), and a line on each word of the language (keyword_docs.c). The compiler itself
 * needs none of this. */

#include "frontend/syntax/ast.h"
#include "ir/ir.h"

typedef enum BindKind {
	BIND_MODULE,
	BIND_TYPE,
	BIND_ENUM,
	BIND_MEMBER,
	BIND_CONST,
	BIND_LET,
	BIND_FN,
	BIND_OUTPUT,
	BIND_PARAM,
	BIND_LOCAL, /* of a function; a let, const or fn inside one, or bound by for, where … */
} BindKind;

/* A name as it is defined. */
typedef struct Binding {
	const char *name; /* interned */
	BindKind kind;
	Span at;
	const Ast *stmt; /* what defines it */
	Span scope;      /* where it can be used */
	int owner;       /* MEMBER: the binding of its enum; PARAM: of its function; else -1 */
	int owned;       /* ENUM, FN: the binding of its first member or parameter, if any */
} Binding;

/* A name as it is used; every definition is a use of itself. */
typedef struct NameUse {
	Span at;
	int binding;        /* what it means; for a module's name, the module */
	const char *member; /* add, of digits.add; else NULL */
} NameUse;

typedef struct NameTable {
	int nbinding, nuse, cap_binding, cap_use;
	Binding *binding; /* (nbinding) in source order */
	NameUse *use;     /* (nuse) */
} NameTable;

NameTable *resolve(const Tree *, Arena *);

/* The type that was found for a name that the program or a module defines. */
typedef struct Note {
	const Source *src;
	Span at;
	const char *type; /* "[4] int 0..9" */
} Note;

typedef struct Notes {
	int n, cap;
	Note *note;
} Notes;

/* The same as lower(), with the types of the names that files define. */
Graph *lower_noting(const Tree *, const char *stdlib_dir, Arena *, Diags *, Notes *);

/* Names that belong to the language: reserved words, built-in names, settings. */
typedef struct WordDoc {
	const char *name;
	const char *usage; /* "abs(x)" */
	const char *doc;
} WordDoc;

extern const WordDoc words[]; /* the last has no name */
const WordDoc *find_word(const char *name);

#endif
