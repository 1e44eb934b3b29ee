/* Which name means what, from the tree alone. A program with mistakes in it has names
 * too, so nothing is checked here: what means nothing has no Use.
 *
 * Names of the file are bound first; then a walk in source order keeps the names in
 * scope on a stack, the innermost last. */

#include <string.h>

#include "frontend/editor/editor.h"
#include "frontend/frontend.h"
#include "lang/pointer_map.h"

typedef struct Walk {
	Arena *arena;
	Names *names;
	Map own, outputs; /* of the file: name -> index of its binding, plus 1 */
	int *scope;       /* (nscope) bindings in scope inside of what is walked */
	int nscope, cap_scope;
	Span within; /* the scope of what is bound now */
	int owner;   /* of the parameters of the statement that is walked */
} Walk;

static void walk(Walk *, const Ast *);

/* A list's room for one more. */
static void *
room(Arena *arena, void *old, int n, int *cap, size_t size)
{
	if (n < *cap)
		return old;
	*cap = *cap ? *cap * 2 : 64;
	char *more = arena_alloc(arena, size * (size_t)*cap);
	if (n)
		memcpy(more, old, size * (size_t)n);
	return more;
}

static void
use(Walk *w, Span at, int binding, const char *member)
{
	Names *t = w->names;

	t->use = room(w->arena, t->use, t->nuse, &t->cap_use, sizeof *t->use);
	t->use[t->nuse++] = (Use){ at, binding, member };
}

static int
bind(Walk *w, const Ast *name, BindKind kind, const Ast *stmt, int owner)
{
	Names *t = w->names;

	t->binding = room(w->arena, t->binding, t->nbinding, &t->cap_binding, sizeof *t->binding);
	t->binding[t->nbinding] = (Binding){ .name = name->text,
		                             .kind = kind,
		                             .at = name->span,
		                             .stmt = stmt,
		                             .scope = w->within,
		                             .owner = owner };
	use(w, name->span, t->nbinding, NULL);
	return t->nbinding++;
}

static int
push(Walk *w, int binding)
{
	w->scope = room(w->arena, w->scope, w->nscope, &w->cap_scope, sizeof *w->scope);
	w->scope[w->nscope++] = binding;
	return binding;
}

static int
lookup(const Map *map, const char *name)
{
	return (int)(intptr_t)map_get(map, name) - 1;
}

static int
find(const Walk *w, const char *name)
{
	for (int i = w->nscope; i-- > 0;)
		if (w->names->binding[w->scope[i]].name == name)
			return w->scope[i];
	return lookup(&w->own, name);
}

/* The member or parameter of that name; those of one owner follow one another. */
static int
find_owned(const Walk *w, int owner, const char *name)
{
	const Names *t = w->names;

	for (int i = owner < 0 ? 0 : t->binding[owner].owned;
	     i && i < t->nbinding && t->binding[i].owner == owner; i++)
		if (t->binding[i].name == name)
			return i;
	return -1;
}

static int
walk_name(Walk *w, const Ast *a)
{
	int b = a && a->kind == N_NAME ? find(w, a->text) : -1;

	if (b >= 0)
		use(w, a->span, b, NULL);
	return b;
}

/* digits.add, op.sub; of a record's fields nothing is known. */
static void
walk_member(Walk *w, const Ast *of, const Ast *name)
{
	int b = walk_name(w, of), m;

	if (!of || of->kind != N_NAME)
		walk(w, of);
	if (b < 0)
		return;
	if (w->names->binding[b].kind == BIND_MODULE)
		use(w, name->span, b, name->text);
	else if (w->names->binding[b].kind == BIND_ENUM && (m = find_owned(w, b, name->text)) >= 0)
		use(w, name->span, m, NULL);
}

static void
walk_call(Walk *w, const Ast *a)
{
	int f = walk_name(w, a->kid[0]), p;

	if (a->kid[0]->kind != N_NAME)
		walk(w, a->kid[0]);
	for (int i = 0; a->kid[1]->kind == N_LIST && i < a->kid[1]->n; i++) {
		const Ast *arg = a->kid[1]->kid[i];
		if (arg->kind == N_NAMED && (p = find_owned(w, f, arg->kid[0]->text)) >= 0)
			use(w, arg->kid[0]->span, p, NULL);
		walk(w, arg->kind == N_NAMED ? arg->kid[1] : arg);
	}
	if (a->kid[1]->kind == N_OVER)
		walk(w, a->kid[1]);
}

/* for …: each name is in scope behind its source, to the end of all. */
static void
walk_clauses(Walk *w, const Ast *list)
{
	for (int i = 0; list && i < list->n; i++) {
		const Ast *c = list->kid[i];
		if (c->kind != N_FOR)
			continue;
		walk(w, c->kid[1]);
		push(w, bind(w, c->kid[0], BIND_LOCAL, c, -1));
		walk(w, c->kid[2]);
	}
}

/* A list of statements, whose names are in scope from there on; then e. */
static void
walk_block(Walk *w, const Ast *a)
{
	for (int i = 0; i < a->kid[0]->n; i++) {
		const Ast *s = a->kid[0]->kid[i];
		Span all = w->within;
		int b = -1;
		if (s->kind == N_LET || s->kind == N_CONST || s->kind == N_FN) {
			w->within.lo = s->span.hi;
			b = bind(w, s->kid[0], s->kind == N_FN ? BIND_FN : BIND_LOCAL, s, -1);
			w->within = all;
		}
		w->owner = b;
		walk(w, s);
		if (b >= 0)
			push(w, b);
	}
	walk(w, a->kid[1]);
}

static void
walk_fn(Walk *w, const Ast *a, int owner)
{
	const Ast *params = a->kid[1];

	for (int i = 0; i < params->n; i++) {
		walk(w, params->kid[i]->kid[1]);
		walk(w, params->kid[i]->kid[2]);
	}
	walk(w, a->kid[2]);
	if (owner >= 0)
		w->names->binding[owner].owned = w->names->nbinding;
	for (int i = 0; i < params->n; i++)
		push(w, bind(w, params->kid[i]->kid[0], BIND_PARAM, params->kid[i], owner));
	walk(w, a->kid[3]);
}

static void
walk_kids(Walk *w, const Ast *a, int from, int step)
{
	for (int i = from; i < a->n; i += step)
		walk(w, a->kid[i]);
}

static void
walk_labels(Walk *w, const Ast *a)
{
	for (int i = 0; i < a->n; i++) {
		const Ast *name = a->kid[i]->kid[0];
		int b = lookup(&w->outputs, name->text);
		if (b >= 0)
			use(w, name->span, b, NULL);
		walk(w, a->kid[i]->kid[1]);
	}
}

static void
walk_here(Walk *w, const Ast *a)
{
	switch (a->kind) {
	case N_NAME: walk_name(w, a); break;
	case N_USE: break;
	case N_ENUM: break;
	case N_MODEL: walk(w, a->kid[1]); break;
	case N_SET:
	case N_TYPE:
	case N_LET:
	case N_CONST:
	case N_OUTPUT:
	case N_INPUT: walk_kids(w, a, 1, 1); break;
	case N_FN: walk_fn(w, a, w->owner); break;
	case N_BLOCK: walk_block(w, a); break;
	case N_TEST:
		walk_clauses(w, a->kid[2]);
		walk(w, a->kid[0]);
		walk(w, a->kid[1]);
		break;
	case N_LABELS: walk_labels(w, a); break;
	case N_FIELD: walk_member(w, a->kid[0], a->kid[1]); break;
	case N_TNAME:
		if (a->n > 1)
			walk_member(w, a->kid[0], a->kid[1]);
		else
			walk_name(w, a->kid[0]);
		break;
	case N_TRECORD:
	case N_RECORD: walk_kids(w, a, 1, 2); break;
	case N_CALL: walk_call(w, a); break;
	case N_NAMED: walk(w, a->kid[1]); break;
	case N_PICK:
		walk(w, a->kid[2]);
		push(w, bind(w, a->kid[1], BIND_LOCAL, a, -1));
		walk(w, a->kid[3]);
		walk(w, a->kid[4]);
		break;
	case N_OVER:
	case N_BUILD:
		walk_clauses(w, a->kid[1]);
		walk(w, a->kid[0]);
		if (a->kind == N_OVER)
			walk(w, a->kid[2]);
		break;
	default: walk_kids(w, a, 0, 1); break;
	}
}

/* What is bound in a node is in scope inside of it. */
static void
walk(Walk *w, const Ast *a)
{
	int scope = w->nscope;
	Span within = w->within;

	if (!a)
		return;
	if (a->kind == N_FN || a->kind == N_PICK || a->kind == N_OVER || a->kind == N_BUILD
	    || a->kind == N_TEST)
		w->within = a->span;
	walk_here(w, a);
	w->within = within;
	w->nscope = scope;
}

/* ---- the file's own ---- */

/* The binding of what the statement defines, or -1. */
static int
bind_statement(Walk *w, const Ast *s)
{
	static const struct {
		AstKind ast;
		BindKind kind;
	} kinds[] = {
		{ N_TYPE, BIND_TYPE },     { N_LET, BIND_LET }, { N_INPUT, BIND_LET },
		{ N_CONST, BIND_CONST },   { N_FN, BIND_FN },   { N_ENUM, BIND_ENUM },
		{ N_OUTPUT, BIND_OUTPUT },
	};
	int b = -1;

	if (s->kind == N_USE)
		b = bind(w, use_name(w->arena, s), BIND_MODULE, s, -1);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (s->kind == kinds[i].ast)
			b = bind(w, s->kid[0], kinds[i].kind, s, -1);
	if (b >= 0)
		map_put(w->arena, s->kind == N_OUTPUT ? &w->outputs : &w->own,
		        w->names->binding[b].name, (void *)(intptr_t)(b + 1));
	if (s->kind == N_ENUM)
		w->names->binding[b].owned = w->names->nbinding;
	for (int i = 0; s->kind == N_ENUM && i < s->kid[1]->n; i++)
		bind(w, s->kid[1]->kid[i], BIND_MEMBER, s, b);
	return b;
}

Names *
resolve(const Tree *tree, Arena *arena)
{
	Walk w = { .arena = arena, .names = NEW(arena, Names), .within = { 0, tree->src->len } };
	int *defines = NEWS(arena, int, tree->root->n + 1);

	for (int i = 0; i < tree->root->n; i++)
		defines[i] = bind_statement(&w, tree->root->kid[i]);
	for (int i = 0; i < tree->root->n; i++) {
		w.owner = defines[i];
		walk(&w, tree->root->kid[i]);
	}
	return w.names;
}
