/* Reorders the statements of a program, each still below what it names (a random topological
 * order). Outputs, inputs, emit and asserts keep their order among themselves: it is that of the
 * model. */

#include "tests/fuzz/program.h"

#include <string.h>

typedef struct NamesUsed {
	bool of[DEFS]; /* statements, by id */
} NamesUsed;

static void expr_uses(NamesUsed *, const Expr *);

static void
def_uses(NamesUsed *u, const Decl *d)
{
	if (d && d->kind <= D_FN && d->id >= 0)
		u->of[d->id] = true;
}

static void
inside_uses(NamesUsed *u, const Decl *d)
{
	def_uses(u, d->type.def);
	for (int i = 0; d->kind == D_TYPE && i < d->n; i++)
		def_uses(u, d->field[i].type.def);
	for (int i = 0; i < d->nparam; i++)
		inside_uses(u, d->param[i]);
	for (int i = 0; i < d->nlocal; i++)
		inside_uses(u, d->local[i]);
	expr_uses(u, d->body);
	expr_uses(u, d->after);
}

static void
expr_uses(NamesUsed *u, const Expr *e)
{
	if (!e)
		return;
	def_uses(u, e->def);
	def_uses(u, e->type.def);
	for (int i = 0; i < e->n; i++)
		expr_uses(u, e->kid[i]);
}

static bool
keeps_order(const Decl *d)
{
	return d->kind == D_INPUT || d->kind == D_OUTPUT || d->kind == D_EMIT
	       || d->kind == D_ASSERT;
}

/* Whether the statement can stand where those placed stand above it. */
static bool
may_follow(const Sample *s, const bool *placed, int i)
{
	NamesUsed u = { 0 };

	if (placed[i])
		return false;
	inside_uses(&u, s->def[i]);
	for (int k = 0; k < s->ndef; k++)
		if (!placed[k] && k != i
		    && (u.of[s->def[k]->id]
		        || (k < i && keeps_order(s->def[i]) && keeps_order(s->def[k]))))
			return false;
	return true;
}

void
reorder(Sample *s, uint64_t *state)
{
	Decl *to[DEFS];
	bool placed[DEFS] = { false };

	for (int n = 0; n < s->ndef; n++) {
		int chosen = 0, ways = 0;
		for (int i = 0; i < s->ndef; i++)
			if (may_follow(s, placed, i) && !roll_below(state, ++ways))
				chosen = i;
		placed[chosen] = true;
		to[n] = s->def[chosen];
	}
	memcpy(s->def, to, sizeof *to * (size_t)s->ndef);
}
