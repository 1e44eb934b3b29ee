/* Name resolution: what each name in a file refers to, from the tree alone.
 *
 * An editor asks this of programs that are half written, so nothing is checked or reported here;
 * a name that refers to nothing has no NameUse. The names of the file are bound first. Then a
 * walk in source order keeps the names in scope on a stack, the innermost last. */

#include <string.h>

#include "frontend/editor/editor.h"
#include "frontend/frontend.h"
#include "lang/pointer_map.h"

typedef struct Resolver {
	Arena *arena;
	NameTable *names;
	Map own, outputs; /* of the file: name -> index of its binding, plus 1 */
	int *scope; /* (nscope) the bindings in scope inside of a statement, the innermost last */
	int nscope, cap_scope;
	Span within; /* where what is bound now is in scope */
	int owner;   /* the binding that the parameters of the statement belong to */
} Resolver;

static void resolve_node(Resolver *, const Ast *);

static void
add_use(Resolver *w, Span at, int binding, const char *member)
{
	NameTable *t = w->names;

	GROW(w->arena, t->use, t->cap_use, t->nuse + 1);
	t->use[t->nuse++] = (NameUse){ at, binding, member };
}

static int
add_binding(Resolver *w, const Ast *name, BindKind kind, const Ast *stmt, int owner)
{
	NameTable *t = w->names;

	GROW(w->arena, t->binding, t->cap_binding, t->nbinding + 1);
	t->binding[t->nbinding] = (Binding){ .name = name->text,
		                             .kind = kind,
		                             .at = name->span,
		                             .stmt = stmt,
		                             .scope = w->within,
		                             .owner = owner };
	add_use(w, name->span, t->nbinding, NULL);
	return t->nbinding++;
}

static int
push_scope(Resolver *w, int binding)
{
	GROW(w->arena, w->scope, w->cap_scope, w->nscope + 1);
	w->scope[w->nscope++] = binding;
	return binding;
}

static int
lookup_name(const Map *map, const char *name)
{
	return (int)(intptr_t)map_get(map, name) - 1;
}

static int
find_binding(const Resolver *w, const char *name)
{
	for (int i = w->nscope; i-- > 0;)
		if (w->names->binding[w->scope[i]].name == name)
			return w->scope[i];
	return lookup_name(&w->own, name);
}

/* The member or parameter of that name. Those of one owner are next to each other. */
static int
find_owned(const Resolver *w, int owner, const char *name)
{
	const NameTable *t = w->names;

	for (int i = owner < 0 ? 0 : t->binding[owner].owned;
	     i && i < t->nbinding && t->binding[i].owner == owner; i++)
		if (t->binding[i].name == name)
			return i;
	return -1;
}

static int
resolve_name(Resolver *w, const Ast *a)
{
	int b = a && a->kind == N_NAME ? find_binding(w, a->text) : -1;

	if (b >= 0)
		add_use(w, a->span, b, NULL);
	return b;
}

/* digits.add, op.sub. What a field of a record refers to is not known here. */
static void
resolve_member(Resolver *w, const Ast *of, const Ast *name)
{
	int b = resolve_name(w, of), m;

	if (!of || of->kind != N_NAME)
		resolve_node(w, of);
	if (b < 0)
		return;
	if (w->names->binding[b].kind == BIND_MODULE)
		add_use(w, name->span, b, name->text);
	else if (w->names->binding[b].kind == BIND_ENUM && (m = find_owned(w, b, name->text)) >= 0)
		add_use(w, name->span, m, NULL);
}

static void
resolve_call(Resolver *w, const Ast *a)
{
	int f = resolve_name(w, a->kid[0]), p;

	if (a->kid[0]->kind != N_NAME)
		resolve_node(w, a->kid[0]);
	for (int i = 0; a->kid[1]->kind == N_LIST && i < a->kid[1]->n; i++) {
		const Ast *arg = a->kid[1]->kid[i];
		if (arg->kind == N_NAMED && (p = find_owned(w, f, arg->kid[0]->text)) >= 0)
			add_use(w, arg->kid[0]->span, p, NULL);
		resolve_node(w, arg->kind == N_NAMED ? arg->kid[1] : arg);
	}
	if (a->kid[1]->kind == N_OVER)
		resolve_node(w, a->kid[1]);
}

/* for …: each name is in scope from behind its source to the end of the expression. */
static void
resolve_clauses(Resolver *w, const Ast *list)
{
	for (int i = 0; list && i < list->n; i++) {
		const Ast *c = list->kid[i];
		if (c->kind != N_FOR)
			continue;
		resolve_node(w, c->kid[1]);
		push_scope(w, add_binding(w, c->kid[0], BIND_LOCAL, c, -1));
		resolve_node(w, c->kid[2]);
	}
}

/* A block: each statement's name is in scope behind it, and in the value that is returned. */
static void
resolve_block(Resolver *w, const Ast *a)
{
	for (int i = 0; i < a->kid[0]->n; i++) {
		const Ast *s = a->kid[0]->kid[i];
		Span all = w->within;
		int b = -1;
		if (s->kind == N_LET || s->kind == N_LEARNED || s->kind == N_CONST
		    || s->kind == N_FN) {
			w->within.lo = s->span.hi;
			b = add_binding(w, s->kid[0], s->kind == N_FN ? BIND_FN : BIND_LOCAL, s,
			                -1);
			w->within = all;
		}
		w->owner = b;
		resolve_node(w, s);
		if (b >= 0)
			push_scope(w, b);
	}
	resolve_node(w, a->kid[1]);
}

static void
resolve_fn(Resolver *w, const Ast *a, int owner)
{
	const Ast *params = a->kid[1];

	for (int i = 0; i < params->n; i++) {
		resolve_node(w, params->kid[i]->kid[1]);
		resolve_node(w, params->kid[i]->kid[2]);
	}
	resolve_node(w, a->kid[2]);
	if (owner >= 0)
		w->names->binding[owner].owned = w->names->nbinding;
	for (int i = 0; i < params->n; i++)
		push_scope(w, add_binding(w, params->kid[i]->kid[0], BIND_PARAM, params->kid[i],
		                          owner));
	resolve_node(w, a->kid[3]);
}

static void
resolve_kids(Resolver *w, const Ast *a, int from, int step)
{
	for (int i = from; i < a->n; i += step)
		resolve_node(w, a->kid[i]);
}

static void
resolve_labels(Resolver *w, const Ast *a)
{
	for (int i = 0; i < a->n; i++) {
		const Ast *name = a->kid[i]->kid[0];
		int b = lookup_name(&w->outputs, name->text);
		if (b >= 0)
			add_use(w, name->span, b, NULL);
		resolve_node(w, a->kid[i]->kid[1]);
	}
}

static void
resolve_kind(Resolver *w, const Ast *a)
{
	switch (a->kind) {
	case N_NAME: resolve_name(w, a); break;
	case N_USE: break;
	case N_ENUM: break;
	case N_MODEL: resolve_node(w, a->kid[1]); break;
	case N_SET:
	case N_TYPE:
	case N_LET:
	case N_LEARNED:
	case N_CONST:
	case N_OUTPUT:
	case N_INPUT: resolve_kids(w, a, 1, 1); break;
	case N_FN: resolve_fn(w, a, w->owner); break;
	case N_BLOCK: resolve_block(w, a); break;
	case N_TEST:
		resolve_clauses(w, a->kid[2]);
		resolve_node(w, a->kid[0]);
		resolve_node(w, a->kid[1]);
		break;
	case N_LABELS: resolve_labels(w, a); break;
	case N_FIELD: resolve_member(w, a->kid[0], a->kid[1]); break;
	case N_TNAME:
		if (a->n > 1)
			resolve_member(w, a->kid[0], a->kid[1]);
		else
			resolve_name(w, a->kid[0]);
		break;
	case N_TRECORD:
	case N_RECORD: resolve_kids(w, a, 1, 2); break;
	case N_CALL: resolve_call(w, a); break;
	case N_NAMED: resolve_node(w, a->kid[1]); break;
	case N_PICK:
		resolve_node(w, a->kid[2]);
		push_scope(w, add_binding(w, a->kid[1], BIND_LOCAL, a, -1));
		resolve_node(w, a->kid[3]);
		resolve_node(w, a->kid[4]);
		break;
	case N_OVER:
	case N_BUILD:
		resolve_clauses(w, a->kid[1]);
		resolve_node(w, a->kid[0]);
		if (a->kind == N_OVER)
			resolve_node(w, a->kid[2]);
		break;
	default: resolve_kids(w, a, 0, 1); break;
	}
}

/* Resolves the names in a node. What is bound in it is in scope inside of it only. */
static void
resolve_node(Resolver *w, const Ast *a)
{
	int scope = w->nscope;
	Span within = w->within;

	if (!a)
		return;
	if (a->kind == N_FN || a->kind == N_PICK || a->kind == N_OVER || a->kind == N_BUILD
	    || a->kind == N_TEST)
		w->within = a->span;
	resolve_kind(w, a);
	w->within = within;
	w->nscope = scope;
}

/* ---- the file's own ---- */

/* The binding of what the statement defines, or -1. */
static int
bind_statement(Resolver *w, const Ast *s)
{
	static const struct {
		AstKind ast;
		BindKind kind;
	} kinds[] = {
		{ N_TYPE, BIND_TYPE },   { N_LET, BIND_LET },       { N_INPUT, BIND_LET },
		{ N_LEARNED, BIND_LET }, { N_CONST, BIND_CONST },   { N_FN, BIND_FN },
		{ N_ENUM, BIND_ENUM },   { N_OUTPUT, BIND_OUTPUT },
	};
	int b = -1;

	if (s->kind == N_USE)
		b = add_binding(w, use_name(w->arena, s), BIND_MODULE, s, -1);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (s->kind == kinds[i].ast)
			b = add_binding(w, s->kid[0], kinds[i].kind, s, -1);
	if (b >= 0)
		map_put(w->arena, s->kind == N_OUTPUT ? &w->outputs : &w->own,
		        w->names->binding[b].name, (void *)(intptr_t)(b + 1));
	if (s->kind == N_ENUM)
		w->names->binding[b].owned = w->names->nbinding;
	for (int i = 0; s->kind == N_ENUM && i < s->kid[1]->n; i++)
		add_binding(w, s->kid[1]->kid[i], BIND_MEMBER, s, b);
	return b;
}

NameTable *
resolve(const Tree *tree, Arena *arena)
{
	Resolver w = { .arena = arena,
		       .names = NEW(arena, NameTable),
		       .within = { 0, tree->src->len } };
	int *defines = NEWS(arena, int, tree->root->n + 1);

	for (int i = 0; i < tree->root->n; i++)
		defines[i] = bind_statement(&w, tree->root->kid[i]);
	for (int i = 0; i < tree->root->n; i++) {
		w.owner = defines[i];
		resolve_node(&w, tree->root->kid[i]);
	}
	return w.names;
}
