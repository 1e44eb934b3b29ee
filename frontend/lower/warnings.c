/* Warnings: what is no error, and yet seldom meant.
 *
 *     latest j where token == '+'       nothing of j: token[j] was meant
 *     if index == 16 then …             never so where the context is 16
 *     match d { 0..9 => a, 10 => b }    of d, int 0..9, the second arm never is
 *     let plus = …                      and nobody uses plus
 *
 * An expression may be evaluated often, in comprehensions above all, so what was found of it is
 * kept with its place in the source, and is worth a warning only if it was the same each time,
 * and was found of a value of the run time: what follows from constants is how programs are
 * adapted. Functions are left out, since they are written for other arguments too, and so is the
 * library. What is asserted may well be known to hold. */

#include <string.h>

#include "frontend/editor/editor.h"
#include "frontend/lower/lower.h"

/* What was found of an expression so far. */
typedef struct Seen {
	const Source *src;
	Span span;
	bool sometimes, always, never;
	const char *what; /* "x is int 0..9"; or NULL: a branch, which nothing reaches */
} Seen;

/* Of an expression, by its address; of one as a branch of an if, by that of its place there.
 * NULL where nothing is to be said. */
static Seen *
seen_of(Lower *L, const void *key, const Ast *a)
{
	const Module *m = L->all.item[L->file];

	if (L->quiet || L->call || m->is_library || L->diags->no_warnings)
		return NULL;
	Seen *s = map_get(&L->seen, key);
	if (s)
		return s;
	s = NEW(L->arena, Seen);
	s->src = L->src;
	s->span = a->span;
	map_put(L->arena, &L->seen, key, s);
	list_push(L, &L->seen_all, s);
	return s;
}

void
see_comparison(Lower *L, const Ast *a, const Value *v, const Value *x, const Ast *of)
{
	Seen *s = seen_of(L, a, a);

	if (!s)
		return;
	if (v->kind != V_BOOL || !v->known || !x || !is_scalar(x)) {
		s->sometimes = true;
		return;
	}
	s->always |= v->num != 0;
	s->never |= v->num == 0;
	if (!s->what)
		s->what = arena_fmt(L->arena, "%s is %s", source_text(L, of->span), v_show(L, x));
}

void
see_if(Lower *L, const Ast *a, const Value *cond, int which)
{
	for (int i = 0; i < 2; i++) {
		Seen *s = seen_of(L, &a->kid[1 + i], a->kid[1 + i]);
		bool reached = cond->known || which < 0 || which == !i;
		if (s && reached)
			s->sometimes = true;
		else if (s)
			s->never = true;
	}
}

void
see_arm(Lower *L, const Ast *arm, bool reached)
{
	Seen *s = seen_of(L, arm, arm);

	if (s && reached)
		s->sometimes = true;
	else if (s)
		s->never = true;
}

static void
report_seen(Lower *L, const Seen *s)
{
	if (s->sometimes || s->always == s->never)
		return;
	if (s->what)
		warn_in(L->diags, s->src, s->span, "this is %s true: %s",
		        s->always ? "always" : "never", s->what);
	else
		warn_in(L->diags, s->src, s->span, "nothing reaches this");
}

/* ---- names ---- */

/* The condition in which the name is bound for each visible position, if there is one. */
static const Ast *
where_of(const Ast *stmt)
{
	const Ast *where = stmt->kind == N_PICK && !stmt->kid[2]  ? stmt->kid[4]
	                   : stmt->kind == N_FOR && !stmt->kid[1] ? stmt->kid[2]
	                                                          : NULL;

	return where && where->kind != N_BOOL && where->kind != N_BAD ? where : NULL;
}

static bool
is_private_or_own(const Binding *b, bool exported)
{
	switch (b->kind) {
	case BIND_LET: return b->stmt->kind == N_LET && (!exported || b->name[0] == '_');
	case BIND_CONST: return !exported || b->name[0] == '_';
	case BIND_LOCAL: return b->stmt->kind == N_LET || b->stmt->kind == N_CONST;
	default: return false;
	}
}

static void
report_binding(Lower *L, const NameTable *t, int i, const Source *src, bool exported, int uses)
{
	const Binding *b = &t->binding[i];
	const Ast *where = b->kind == BIND_LOCAL ? where_of(b->stmt) : NULL;
	int inside = 0;

	if (uses == 1 && is_private_or_own(b, exported))
		warn_in(L->diags, src, b->at, "'%s' is not used", b->name);
	if (!where)
		return;
	for (int k = 0; k < t->nuse; k++)
		inside += t->use[k].binding == i && t->use[k].at.lo >= where->span.lo
		          && t->use[k].at.hi <= where->span.hi;
	if (!inside)
		warn_in(L->diags, src, where->span,
		        "this condition never looks at '%s': a bare name is of this position, "
		        "x[%s] "
		        "of that one",
		        b->name, b->name);
}

/* Is this a module on its own, which has been given a model to be checked? */
static bool
has_borrowed_model(Lower *L, const Source *src)
{
	const char *model = library_model(L->arena);

	return !strncmp(src->text, model, strlen(model));
}

static void
report_names(Lower *L, const Module *m)
{
	const NameTable *t = resolve(m->tree, L->arena);
	int *uses = NEWS(L->arena, int, t->nbinding + 1);
	bool exported = !m->is_program || has_borrowed_model(L, m->src);

	for (int k = 0; k < t->nuse; k++)
		uses[t->use[k].binding]++;
	for (int i = 0; i < t->nbinding; i++)
		report_binding(L, t, i, m->src, exported, uses[i]);
}

void
report_warnings(Lower *L)
{
	if (L->diags->no_warnings || L->diags->nerror)
		return;
	for (int i = 0; i < L->all.n; i++)
		if (!((Module *)L->all.item[i])->is_library)
			report_names(L, L->all.item[i]);
	for (int i = 0; i < L->seen_all.n && !has_borrowed_model(L, L->program->src); i++)
		report_seen(L, L->seen_all.item[i]);
}
