#ifndef FRONTEND_SYNTAX_PARSER_H
#define FRONTEND_SYNTAX_PARSER_H

/* What the lexer, the grammar and parse.c share. */

#include "frontend/syntax/ast.h"

typedef struct Parser {
	Arena *arena;
	Diags *diags;
	const Source *src;
	Tree *tree;
	uint32_t pos;      /* bytes consumed by the lexer */
	Span before, last; /* the two tokens before the one being looked at */
	Span this;
	int comment_cap;
	bool too_deep;       /* said so */
	Span misnamed;       /* the last reserved word that stood for a name, */
	const char *misname; /* and which it is; or NULL */
	bool in_function; /* a function's name or parameters did not parse: its block may follow */
	Span foreign;     /* the last statement of another language, the end of which may follow */
} Parser;

/* Where the text does not parse. */
typedef struct SyntaxFault {
	const char *got;   /* the symbol that does not fit: "name", "then", "')'" */
	bool ends;         /* it is the end of the file */
	bool is_statement; /* it begins a statement */
	int n;
	const char **want; /* (n) symbols that would fit */
	Span at, last;
	const char *word, *last_word, *before_word; /* as written: it, and those before it */
	const char *rest;                           /* the text behind it */
} SyntaxFault;

void syntax_error(Parser *, Span, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
Ast *ast_new(Parser *, AstKind, Span, int n, ...);
Ast *ast_add(Parser *, Ast *list, Ast *kid);
Ast *ast_join(Parser *, Ast *list, Ast *more); /* all kids of more */
Ast *ast_leaf(Parser *, AstKind, Span, const char *text, size_t len);
Ast *ast_op(Parser *, Span, Relation);
Ast *number_literal(Parser *, Span, const char *text);
Ast *quoted_literal(Parser *, AstKind, Span, const char *text, size_t len);
void bad_quote(Parser *, Span, const char *text);
void add_comment(Parser *, Span);
void report_syntax(Parser *, const SyntaxFault *); /* syntax_errors.c */

#endif
