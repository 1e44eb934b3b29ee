#ifndef FRONTEND_SYNTAX_AST_H
#define FRONTEND_SYNTAX_AST_H

/* The tree: what was written, and where. Nothing is resolved or checked here.
 * A kid that was left out (an annotation, a default) is NULL. */

#include <stdbool.h>

#include "lang/diag.h"

/* (optional kids in brackets) */
typedef enum AstKind {
	N_BAD,  /* where an error was reported */
	N_LIST, /* any number of kids */
	/* leaves */
	N_NAME,   /* text */
	N_NUMBER, /* num / den */
	N_TOKEN,  /* text: the spelling; also <end> */
	N_TEXT,   /* text, len */
	N_BOOL,   /* num: 0 or 1 */
	N_DOTS,   /* ... */
	N_OP,     /* op: one of Relation */
	/* statements */
	N_USE,     /* NAME or TEXT, [as] */
	N_MODEL,   /* NAME, LIST of SET */
	N_SET,     /* NAME, LIST of values or TRECORD */
	N_ENUM,    /* NAME, LIST of NAME */
	N_TYPE,    /* NAME, type */
	N_LET,     /* NAME, [type], e */
	N_CONST,   /* NAME, [type], e */
	N_FN,      /* NAME, LIST of PARAM, [type], e or BLOCK */
	N_PARAM,   /* NAME, [type], [default] */
	N_CPARAM,  /* the same, const */
	N_BLOCK,   /* LIST of statements, e */
	N_EMIT,    /* e, [after] */
	N_OUTPUT,  /* NAME, [type], e */
	N_INPUT,   /* NAME, type */
	N_LEARNED, /* NAME, type, e: param */
	N_LOSS,    /* e */
	N_ASSERT,  /* e, [TEXT] */
	N_TEST,    /* e, EMITS | BEGINS | LABELS, [LIST of FOR] */
	N_EMITS,   /* e */
	N_BEGINS,  /* e */
	N_LABELS,  /* LABEL... */
	N_LABEL,   /* NAME, e */
	/* types */
	N_TNAME,   /* NAME, [NAME] */
	N_TMAYBE,  /* NAME */
	N_TRANGE,  /* NAME, TO or UPTO */
	N_TARRAY,  /* e, type */
	N_TRECORD, /* NAME, type, NAME, type ... */
	/* expressions */
	N_IF,     /* c, a, b */
	N_PICK,   /* NAME (latest, first, only, best), NAME (bound), [over], [by], [where] */
	N_RECORD, /* NAME, e, NAME, e ... */
	N_WITH,   /* e, RECORD */
	N_OR,
	N_AND, /* a, b */
	N_NOT, /* a */
	N_CMP, /* e, OP, e, OP, e ... */
	N_IN,  /* e, source */
	N_TO,
	N_UPTO, /* lo, hi: lo..hi, lo..<hi */
	N_ADD,
	N_SUB,
	N_MUL,
	N_DIV,
	N_FLOOR,
	N_MOD,
	N_POW,   /* a, b */
	N_NEG,   /* a */
	N_FIELD, /* e, NAME */
	N_CALL,  /* f, LIST of e or NAMED | OVER */
	N_NAMED, /* NAME, e */
	N_OVER,  /* e, LIST of FOR, [else] */
	N_FOR,   /* NAME, [source], [where] */
	N_READ,  /* x, index, [else] */
	N_SLICE, /* x, TO or UPTO */
	N_ARRAY, /* e... */
	N_BUILD, /* e, LIST of FOR */
	N_MATCH, /* LIST of subjects, LIST of ARM */
	N_ARM,   /* LIST of patterns or NULL for else, e */
	N_TUPLE, /* LIST of patterns, ... */
} AstKind;

typedef enum Relation { R_EQ, R_NE, R_LT, R_LE, R_GT, R_GE } Relation;

typedef struct Ast Ast;
struct Ast {
	AstKind kind;
	Span span;
	int depth; /* 1 for a leaf; at most AST_DEPTH, so that walks may recurse */
	int n, cap;
	Ast **kid;        /* (n) */
	const char *text; /* interned, may hold NULs */
	uint32_t len;     /* of text, in bytes */
	int64_t num, den;
};

enum { AST_DEPTH = 1000 };

typedef struct Tree {
	const Source *src;
	Ast *root;     /* LIST of statements */
	Span *comment; /* (ncomment) in order, for a formatter */
	int ncomment;
} Tree;

#endif
