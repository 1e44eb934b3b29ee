/* Names: looking them up, and checking those in functions that are never called.
 *
 * A name means, in this order: what is bound inside of the function, by a where or a for; what the
 * file defines, above or below; what the language has built in. Scope is lexical: a function's body
 * sees the names of the place where it is written. */

#include <string.h>

#include "frontend/editor/editor.h"
#include "frontend/lower/lower.h"

Env *
env_bind(Lower *L, Env *up, const char *name, Value *v, Origin *origin)
{
	Env *e = NEW(L->arena, Env);

	*e = *up;
	e->up = up;
	e->name = name;
	e->value = v;
	e->bound = L->bound;
	e->place = L->facts ? L->place : 0;
	e->origin = origin;
	return e;
}

bool
is_reserved_value(const char *name)
{
	return !strcmp(name, "token") || !strcmp(name, "index") || !strcmp(name, "here");
}

/* Is the name bound in this function already? A nameless entry marks where the function begins. */
bool
own_name(Env *e, const char *name)
{
	for (; e && e->name && e->up; e = e->up)
		if (e->name == name)
			return true;
	return false;
}

bool
may_define(Lower *L, Env *env, const Ast *name)
{
	if (is_reserved_value(name->text)) {
		fail_at(L, name->span, "'%s' always means the text's own and cannot be redefined",
		        name->text);
		return false;
	}
	if (env && own_name(env, name->text)) {
		fail_at(L, name->span, "'%s' is already defined in this function", name->text);
		return false;
	}
	return true;
}

/* ---- look-up ---- */

/* The value of a bound name. If it was found under facts of another position, it is found again
 * without them (reevaluate.c). */
static Value *
bound_value(Lower *L, const Env *e)
{
	int bound = L->bound;
	Value *v = e->value;

	if (e->origin && e->place && e->place != L->place && v->kind != V_ERROR) {
		L->bound = e->bound;
		int nparam = L->floats.params.n;
		v = reevaluate(L, e->origin);
		if (has_floats(v)) { /* that was to see whether it needs the guard */
			L->floats.params.n = nparam;
			v = e->value;
		}
		L->bound = bound;
	}
	return e->bound == bound ? v : one_sided(L, v);
}

/* ---- definitions that need themselves ---- */

static const NameTable *
names_of(Lower *L, Module *m)
{
	if (!m->names)
		m->names = resolve(m->tree, L->arena);
	return m->names;
}

/* Does what d's statement says lead to `to`, by way of names that the file defines? */
static bool
leads_to(Lower *L, Module *m, const Def *d, const Def *to, bool *visited)
{
	const NameTable *t = names_of(L, m);
	Span all = d->stmt->span;

	for (int i = 0; i < t->nuse; i++) {
		const NameUse *u = &t->use[i];
		const Binding *b = &t->binding[u->binding];
		if (u->at.lo < all.lo || u->at.hi > all.hi || u->at.lo == b->at.lo)
			continue;
		const Def *next = map_get(&m->defs, b->name);
		if (!next || b->stmt != next->stmt || b->kind == BIND_PARAM)
			continue;
		if (next == to)
			return true;
		if (visited[next->seq])
			continue;
		visited[next->seq] = true;
		if (leads_to(L, m, next, to, visited))
			return true;
	}
	return false;
}

bool
needs_itself(Lower *L, const Env *env, const Def *d)
{
	Module *m = env->module;
	Def *from = NULL;

	for (int i = 0; i < m->ndef; i++)
		if (m->def[i]->seq == env->seq)
			from = m->def[i];
	if (!from || from == d)
		return from;
	if (!from->ring)
		from->ring = leads_to(L, m, from, from, NEWS(L->arena, bool, m->tree->root->n))
		                     ? RING
		                     : NO_RING;
	return from->ring == RING
	       && leads_to(L, m, d, from, NEWS(L->arena, bool, m->tree->root->n));
}

/* What the file defines by this name, above or below. What has the name of a builtin hides it only
 * below: fn max(a, b) = max(abs(a), abs(b)) is made of the builtin. */
static Def *
def_of(Lower *L, const Env *env, const char *name)
{
	Def *d = map_get(&env->module->defs, name);

	if (d && d->seq >= env->seq && (builtin_find(name) >= 0 || needs_itself(L, env, d)))
		return NULL;
	return d;
}

/* ---- look-up of a name ---- */

Value *
env_get(Lower *L, Env *env, const Ast *name)
{
	Env *e = env;

	for (; e->up; e = e->up)
		if (e->name == name->text)
			return bound_value(L, e);
	Def *d = def_of(L, env, name->text);
	if (d) {
		force(L, env->module, d);
		return d->value;
	}
	Value *v = builtin_value(L, name->text);
	return v ? v : fail_undefined(L, env, name);
}

Value *
module_get(Lower *L, Module *m, const Ast *name)
{
	Def *d = map_get(&m->defs, name->text);
	const char *best = NULL;
	int dist = 3;

	if (d && name->text[0] == '_')
		return fail_at(L, name->span, "'%s' is private to %s", name->text, m->name);
	if (d) {
		force(L, m, d);
		d->used = true;
		return d->value;
	}
	for (int i = 0; i < m->ndef; i++)
		if (m->def[i]->name[0] != '_')
			best = nearest_name(name->text, best, m->def[i]->name, &dist);
	if (best)
		return fail_at(L, name->span, "%s has no '%s'; did you mean '%s'?", m->name,
		               name->text, best);
	return fail_at(L, name->span, "%s has no '%s'", m->name, name->text);
}

/* ---- the names of a function's body, whether or not it is called ---- */

static Value foreign = { .kind = V_FOREIGN };

static void check_name(Lower *, Env *, const Ast *);

static Env *
check_clauses(Lower *L, Env *env, const Ast *clauses)
{
	for (int i = 0; clauses && i < clauses->n; i++) {
		const Ast *c = clauses->kid[i];
		check_names(L, env, c->kid[1]);
		env = env_bind(L, env, c->kid[0]->text, &foreign, NULL);
		check_names(L, env, c->kid[2]);
	}
	return env;
}

static void
check_function(Lower *L, Env *env, const Ast *fn)
{
	const Ast *params = fn->kid[1], *body = fn->kid[3];

	env = env_bind(L, env, NULL, NULL, NULL);
	for (int i = 0; i < params->n; i++) {
		const Ast *p = params->kid[i];
		check_names(L, env, p->kid[1]);
		check_names(L, env, p->kid[2]);
		if (may_define(L, env, p->kid[0]))
			env = env_bind(L, env, p->kid[0]->text, &foreign, NULL);
	}
	check_names(L, env, fn->kid[2]);
	check_names(L, env, body);
}

static void
check_block(Lower *L, Env *env, const Ast *block)
{
	const Ast *list = block->kid[0];

	for (int i = 0; i < list->n; i++) {
		const Ast *s = list->kid[i];
		if (s->kind == N_FN)
			check_function(L, env, s);
		else if (s->kind == N_ASSERT)
			check_names(L, env, s->kid[0]);
		else if (s->kind != N_BAD) {
			check_names(L, env, s->kid[1]);
			check_names(L, env, s->kid[2]);
		}
		if ((s->kind == N_FN || s->kind == N_LET || s->kind == N_LEARNED
		     || s->kind == N_CONST)
		    && may_define(L, env, s->kid[0]))
			env = env_bind(L, env, s->kid[0]->text, &foreign, NULL);
	}
	check_names(L, env, block->kid[1]);
}

static void
check_name(Lower *L, Env *env, const Ast *a)
{
	Env *e = env;

	for (; e->up; e = e->up)
		if (e->name == a->text)
			return;
	if (!def_of(L, env, a->text) && builtin_find(a->text) < 0)
		fail_undefined(L, env, a);
}

static bool
is_shape_word(const char *s)
{
	static const char *const shape_words[] = { "int", "bool", "token", "real", "pos", "float" };

	for (size_t i = 0; i < sizeof shape_words / sizeof *shape_words; i++)
		if (!strcmp(s, shape_words[i]))
			return true;
	return false;
}

/* Is it a pattern that is no expression: `_`, a tuple, or the bare member of an enum of this file?
 */
static bool
is_pattern_word(const Env *env, const Ast *a)
{
	const Module *m = env->module;

	if (a->kind != N_NAME)
		return a->kind == N_TUPLE;
	for (int i = 0; i < m->ndef; i++) {
		const Ast *s = m->def[i]->stmt;
		for (int k = 0; s->kind == N_ENUM && k < s->kid[1]->n; k++)
			if (s->kid[1]->kid[k]->text == a->text)
				return true;
	}
	return !strcmp(a->text, "_");
}

void
check_names(Lower *L, Env *env, const Ast *a)
{
	if (!a)
		return;
	switch (a->kind) {
	case N_NAME: check_name(L, env, a); return;
	case N_FN: check_function(L, env, a); return;
	case N_BLOCK: check_block(L, env, a); return;
	case N_PICK:
		check_names(L, env, a->kid[2]);
		env = env_bind(L, env, a->kid[1]->text, &foreign, NULL);
		check_names(L, env, a->kid[3]);
		check_names(L, env, a->kid[4]);
		return;
	case N_BUILD: check_names(L, check_clauses(L, env, a->kid[1]), a->kid[0]); return;
	case N_OVER:
		check_names(L, check_clauses(L, env, a->kid[1]), a->kid[0]);
		check_names(L, env, a->kid[2]);
		return;
	case N_FIELD:
	case N_WITH:
		check_names(L, env, a->kid[0]);
		if (a->kind == N_WITH)
			check_names(L, env, a->kid[1]);
		return;
	case N_NAMED: check_names(L, env, a->kid[1]); return;
	case N_RECORD:
	case N_TRECORD:
		for (int i = 1; i < a->n; i += 2)
			check_names(L, env, a->kid[i]);
		return;
	case N_TNAME:
	case N_TRANGE:
	case N_TMAYBE:
		if (!is_shape_word(a->kid[0]->text))
			check_name(L, env, a->kid[0]);
		if (a->kind == N_TRANGE)
			check_names(L, env, a->kid[1]);
		return;
	case N_ARM:
		for (int i = 0; a->kid[0] && i < a->kid[0]->n; i++)
			if (!is_pattern_word(env, a->kid[0]->kid[i]))
				check_names(L, env, a->kid[0]->kid[i]);
		check_names(L, env, a->kid[1]);
		return;
	default:
		for (int i = 0; i < a->n; i++)
			check_names(L, env, a->kid[i]);
	}
}
