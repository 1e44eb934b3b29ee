/* What a count reaches (count_steps.c), and what depends on it, in one layer.
 *
 * A step is two neurons, and a large number that is taken away from both makes it 0: so a gate
 * that is open by the token or the place alone takes no layer,
 *
 *     n > 1 and token == 'a'                       one step, less 2^25 where the token is another
 *     if n > 1 then token else 'c'                 id('c') + the sum over all v that occur of
 *                                                  v times the step where id(token) - id('c') is v
 *
 * The number is a whole one and not below 0, and stands alone in its column: the sums of steps stay
 * exact so. */

#include "backend/map/map.h"

enum { CHOICES_MOST = 32 }; /* steps for one choice */

bool
has_late_step(const Circuit *c, const Form *f)
{
	for (int i = 0; c->steps && i < f->n; i++)
		if (f->term[i].atom->step && f->term[i].atom->ready == f->ready)
			return true;
	return false;
}

const Form *
gate_steps(Circuit *c, const Form *deficit, const Form *f)
{
	const Form *sum = form_const(c, 0), *rest = f;

	for (int i = 0; i < f->n; i++) {
		const Term *t = &f->term[i];
		if (t->atom->ready < f->ready)
			continue;
		const Form *held = t->atom->step ? gated_step(c, t->atom, deficit) : NULL;
		if (!held)
			return NULL;
		sum = form_add(c, 1, sum, t->c, held, 0);
		rest = form_add(c, 1, rest, -t->c, form_atom(c, t->atom), 0);
	}
	return form_within(c, form_add(c, 1, sum, 1, gate(c, deficit, rest), 0),
	                   min_int64(f->lo, 0), max_int64(f->hi, 0));
}

const Form *
and_step(Circuit *c, Node *n, const Form *best)
{
	bool all = n->op == OP_AND;
	const Form *late = NULL;
	int at = -1;

	for (int i = 0; c->steps && i < n->narg; i++)
		if (has_late_step(c, map_node(c, n->arg[i]))) {
			if (late)
				return NULL;
			late = map_node(c, n->arg[at = i]);
		}
	if (!late || late->ready >= best->ready)
		return NULL;
	const Form *others = form_const(c, 0);
	for (int i = 0; i < n->narg; i++)
		if (i != at)
			others = form_add(c, 1, others, 1, deficit(c, n->arg[i], all), 0);
	const Form *f = gate_steps(c, others, all ? late : form_scale(c, -1, late, 1));
	return !f || all ? f : form_scale(c, -1, f, 1);
}

/* ---- choices ---- */

/* A function of one token or place, by its table. */
typedef struct SourceTable {
	const Atom *of;
	int n, first, to; /* entries, of which those from first on can be */
	int64_t *y;
} SourceTable;

static bool
source_table(Circuit *c, const Form *f, SourceTable *t)
{
	const Atom *a = f->n && !f->real ? single_source(f, NULL) : NULL;

	if (!a)
		return false;
	bool token = a->kind == TOKEN_FEATURE;
	*t = (SourceTable){ .of = a, .n = token ? c->rows : c->places, .first = 1 };
	t->to = t->n;
	if (token) {
		t->first = first_row(c->g, a->field);
		t->to = t->first + rows_of(c->g, a->field);
	}
	t->y = NEWS(c->arena, int64_t, t->n);
	for (int r = 0; r < t->n; r++) {
		t->y[r] = f->k;
		for (int i = 0; i < f->n; i++)
			t->y[r] += f->term[i].c * f->term[i].atom->table[r];
	}
	return true;
}

/* 0 where it is v, else 1; at <bos> 0. */
static const Form *
is_not_value(Circuit *c, const SourceTable *t, int64_t v)
{
	int64_t *miss = NEWS(c->arena, int64_t, t->n);

	for (int r = t->first; r < t->to; r++)
		miss[r] = t->y[r] != v;
	return t->of->kind == TOKEN_FEATURE ? token_feature(c, t->of->field, miss)
	                                    : place_feature(c, miss);
}

static bool
occurs_before(const SourceTable *t, int at)
{
	for (int r = t->first; r < at; r++)
		if (t->y[r] == t->y[at])
			return true;
	return false;
}

const Form *
choose_by_steps(Circuit *c, Node *n, const Form *best)
{
	const Form *cond = map_node(c, n->arg[0]), *no = map_node(c, n->arg[2]), *sum = no;
	SourceTable t;
	int steps = 0;

	if (!best || !has_late_step(c, cond) || cond->ready >= best->ready)
		return NULL;
	if (!source_table(c, form_add(c, 1, map_node(c, n->arg[1]), -1, no, 0), &t))
		return NULL;
	for (int r = t.first; r < t.to; r++) {
		if (!t.y[r] || occurs_before(&t, r))
			continue;
		const Form *where = gate_steps(c, is_not_value(c, &t, t.y[r]), cond);
		steps += where ? where->n : 0;
		if (!where || steps > CHOICES_MOST)
			return NULL;
		sum = form_add(c, 1, sum, t.y[r], where, 0);
	}
	c->hurried |= steps > 2;
	return sum;
}
