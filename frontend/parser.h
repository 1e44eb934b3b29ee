#ifndef FRONTEND_PARSER_H
#define FRONTEND_PARSER_H

/* What the lexer, the grammar and parse.c share. */

#include "frontend/ast.h"

typedef struct Parser {
	Arena *arena;
	Diags *diags;
	const Source *src;
	Tree *tree;
	uint32_t pos;           /* bytes consumed by the lexer */
	Span last;              /* the token before the one being looked at */
	Span this;
	int comment_cap;
	bool too_deep;          /* said so */
} Parser;

void syntax(Parser *, Span, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
Ast *ast(Parser *, AstKind, Span, int n, ...);
Ast *ast_add(Parser *, Ast *list, Ast *kid);
Ast *ast_join(Parser *, Ast *list, Ast *more);          /* all kids of more */
Ast *leaf(Parser *, AstKind, Span, const char *text, size_t len);
Ast *op_leaf(Parser *, Span, Relation);
Ast *number(Parser *, Span, const char *text);
Ast *quoted(Parser *, AstKind, Span, const char *text, size_t len);
void comment(Parser *, Span);

#endif
