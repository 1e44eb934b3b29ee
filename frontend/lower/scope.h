#ifndef FRONTEND_LOWER_SCOPE_H
#define FRONTEND_LOWER_SCOPE_H

/* Names and what they stand for, and what the guards around a place have shown.
 *
 * A name is looked up in the Env of where it stands (scope.c). Its value was found in one
 * place and may be asked for in another, of another position of the text, where a guard
 * need not hold: then its Origin says how to find it again (reevaluate.c). What guards say
 * is a list of facts, the innermost first (narrow.c). */

#include "frontend/lower/value.h"
#include "lang/pointer_map.h"

/* A name of a file. It is evaluated when first used, or in its turn. */
typedef struct Def {
	const char *name;
	const Ast *stmt;
	int seq; /* its number in the file */
	enum { D_NEW, D_BUSY, D_DONE } state;
	bool used;
	enum { RING_UNKNOWN, NO_RING, RING } ring; /* does it need itself? */
	Value *value;
} Def;

struct Module {
	const Source *src;
	const Tree *tree;
	int file;        /* index into graph->files */
	int site;        /* of what is outside of its functions */
	bool is_program; /* not a module */
	bool is_library; /* of the standard library: only what is used is evaluated */
	bool loading;
	const char *name; /* "digits" */
	Map defs;         /* name -> Def */
	int ndef;
	Def **def;                     /* (ndef) in source order */
	const struct NameTable *names; /* what its names refer to, once it is asked for */
};

/* Names in scope, the innermost first; the last one is the file's. */
struct Env {
	Env *up;
	const char *name; /* NULL: where a function's own names end */
	Value *value;
	Module *module;
	int seq;   /* the statement of the file that this is in */
	int bound; /* the where it was bound in, see fail_three_positions() in nested_where.c */
	int place; /* see Lower; 0: bound where nothing was known */
	Origin *origin; /* NULL: its value is the same at every position */
};

/* What a guard has shown, see narrow.c. */
typedef struct GuardFact GuardFact;
struct GuardFact {
	GuardFact *up;
	const Node *node;    /* a root, or one node with bounds, or a reference; or NULL */
	Node *cond;          /* node == NULL: what was assumed, in whole */
	bool holds;          /* of cond */
	const bool *allowed; /* by the root's values; NULL: see below */
	bool present;        /* the reference is there, and from lo to hi around it */
	int64_t lo, hi;
};

typedef struct Call {
	struct Call *up;
	const Source *src;
	Span span;
	int file;            /* of src */
	int site, site_file; /* where its nodes are made: site_here(); -1: not asked for yet */
} Call;

/* A where inside of another. */
typedef struct InnerWhere {
	const Source *src;
	Span span; /* of all of it */
	const Env *env;
	const char *name;     /* that it binds */
	const Ast *where, *e; /* or NULL */
} InnerWhere;

/* ---- scope.c ---- */
Env *env_bind(Lower *, Env *, const char *name, Value *, Origin *);
Value *env_get(Lower *, Env *, const Ast *name);
Value *module_get(Lower *, Module *, const Ast *name);
bool own_name(Env *, const char *name); /* bound in this function already */
bool may_define(Lower *, Env *, const Ast *name);
void check_names(Lower *, Env *, const Ast *);
/* Does what the name stands for depend on the statement that env is in? */
bool needs_itself(Lower *, const Env *, const Def *);
bool is_reserved_value(const char *name); /* token, index, here */

/* ---- did_you_mean.c ---- */
Value *fail_undefined(Lower *, Env *, const Ast *name);
const char *nearest_module(Lower *, const char *name);
bool is_module(Lower *, const char *name); /* of the standard library */
const char *nearest_name(const char *name, const char *best, const char *other, int *distance);

/* ---- reevaluate.c ---- */
typedef struct SavedFacts {
	GuardFact *facts;
	int place;
	Call reading;
} SavedFacts;
SavedFacts forget_facts(Lower *); /* what follows is at another position */
void recall_facts(Lower *, SavedFacts);
Origin *origin_new(Lower *, Value *(*find)(Lower *, void *), void *data);
Origin *origin_of(Lower *, Env *, const Ast *);
Origin *origin_of_item(Lower *, Origin *array, int item);
Value *reevaluate(Lower *, Origin *);

/* ---- narrow.c ---- */
typedef struct Bounds {
	int64_t lo, hi;
	bool never; /* no text reaches this */
} Bounds;
GuardFact *assume_condition(Lower *, Node *cond, bool holds); /* returns the facts to restore */
Bounds bounds_here(Lower *, const Node *);
/* Which values of the root are possible here, in the order of its set; NULL: all. */
const bool *allowed_values(Lower *, const Node *root);
/* The values a node can have here: NULL if only the bounds are known. */
const int64_t *values_here(Lower *, const Node *, int *n);
bool is_known_present(Lower *, const Node *ref, int64_t offset);
/* Is e + k at most (or at least) the number of a position that is known to be there? */
bool is_beside_present(Lower *, const Node *e, int64_t k, bool at_most);

#endif
