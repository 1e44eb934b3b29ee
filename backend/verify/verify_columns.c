/* What the columns promise.
 *
 *     a column holds a form of live atoms, without a constant; it stands in one slot, from the
 *     first state that has one of them until it is cleared, if it is
 *     no two stand in one slot in the same state
 *     it is cleared by an MLP, after it was read for the last time, and never if it is rounded
 *     what is read in a state is the sum of columns that stand there, each a whole number of
 *     times; a real, each of its terms
 *     no more slots than there may be, nor neurons, those that clear among them
 *
 * Which sum that is, columns_read is asked; that it is the form is worked out here: atom by atom,
 * of the token and the place row by row, since two tables may add up to a third. */

#include "backend/verify/verify.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

/* ---- slots ---- */

static int
first_state_of(const Form *f)
{
	int first = INT_MAX;

	for (int i = 0; i < f->n; i++)
		first = f->term[i].atom->ready < first ? f->term[i].atom->ready : first;
	return first;
}

static const Node *
column_node(const Form *f)
{
	return f->n ? f->term[0].atom->node : NULL;
}

static void
check_column(Verifier *v, const Columns *cols, int i)
{
	const Form *f = cols->form[i];
	int cleared = cols->cleared[i], last = last_state(cols->s->nlayer);

	if (!f->n || f->k || f->real)
		rule_broken(v, column_node(f), "column c%d is no sum of atoms alone", i);
	if (has_step(f) && f->n > 1)
		rule_broken(v, column_node(f), "column c%d adds to a step", i);
	for (int t = 0; t < f->n; t++)
		if (!v->names->live[f->term[t].atom->id] || !f->term[t].c)
			rule_broken(v, column_node(f), "column c%d has an atom that nothing needs",
			            i);
	if (cols->slot[i] < 0 || cols->slot[i] >= cols->width)
		rule_broken(v, column_node(f), "column c%d is in slot %d of %d", i, cols->slot[i],
		            cols->width);
	if (cleared == INT_MAX)
		return;
	for (int t = 0; t < f->n; t++)
		if (f->term[t].atom->ready >= cleared)
			rule_broken(v, column_node(f),
			            "%s comes into column c%d after it is cleared",
			            atom_name(v->names, f->term[t].atom), i);
	if (form_is_rounded(f) && !clears_by_itself(f))
		rule_broken(v, column_node(f), "column c%d is rounded, and is cleared", i);
	if (cleared % 2 || cleared > last || cleared <= cols->last[i]
	    || cleared <= first_state_of(f))
		rule_broken(v, column_node(f),
		            "column c%d stands from state %d, is read until %d and cleared in %d",
		            i, first_state_of(f), cols->last[i], cleared);
}

static void
check_slots(Verifier *v, const Columns *cols)
{
	for (int i = 0; i < cols->n; i++) {
		for (int k = 0; k < i; k++) {
			int from = first_state_of(cols->form[i]),
			    other = first_state_of(cols->form[k]);
			bool quiet = clears_by_itself(cols->form[i])
			             || clears_by_itself(cols->form[k]);
			from -= quiet || has_step(cols->form[i]);
			other -= quiet || has_step(cols->form[k]);
			if (cols->slot[k] == cols->slot[i] && cols->cleared[k] > from
			    && cols->cleared[i] > other)
				rule_broken(v, column_node(cols->form[i]),
				            "columns c%d and c%d stand in slot %d at once", k, i,
				            cols->slot[i]);
		}
	}
}

/* ---- sums of columns ---- */

/* What is left of a form when columns are taken away. */
typedef struct Remainder {
	const Columns *cols;
	int64_t *times; /* (natom) of each atom; all 0 between two forms */
	bool *listed;   /* (natom) */
	int n, *list;   /* (n) ids of those that were touched */
	int64_t *row;   /* (rows + places) room for tables_cancel */
} Remainder;

static void
remainder_add(Remainder *r, const Form *f, int state, int64_t times)
{
	for (int i = 0; i < f->n; i++) {
		const Atom *a = f->term[i].atom;
		if (a->ready > state)
			continue;
		if (!r->listed[a->id])
			r->list[r->n++] = a->id;
		r->listed[a->id] = true;
		r->times[a->id] += times * f->term[i].c;
	}
}

/* Whether the tables of one kind that are left add up to 0 everywhere; they are then gone. */
static bool
tables_cancel(Remainder *r, AtomKind kind)
{
	const Circuit *c = r->cols->s->c;
	int n = kind == TOKEN_FEATURE ? c->rows : c->places;
	bool any = false, same = true;

	for (int i = 0; i < r->n; i++) {
		const Atom *a = c->atom[r->list[i]];
		if (a->kind != kind || !a->table || !r->times[a->id])
			continue;
		for (int k = 0; k < n; k++)
			r->row[k] = (any ? r->row[k] : 0) + r->times[a->id] * a->table[k];
		r->times[a->id] = 0;
		any = true;
	}
	for (int k = 0; any && k < n; k++)
		same &= !r->row[k];
	return same;
}

/* The first atom that is left, or NULL; nothing is after it. */
static const Atom *
take_left(Remainder *r)
{
	const Circuit *c = r->cols->s->c;
	const Atom *left = NULL;

	while (r->n > 0) {
		int id = r->list[--r->n];
		if (r->times[id] && (!left || id < left->id))
			left = c->atom[id];
		r->times[id] = 0;
		r->listed[id] = false;
	}
	return left;
}

/* One whole form of atoms. */
static void
check_combination(Verifier *v, const Form *f, int state, const Node *at, const char *reader,
                  Remainder *r)
{
	const Combination *sum = f->n ? columns_read((Columns *)r->cols, state, f) : NULL;

	if (!f->n)
		return;
	if (!sum) {
		rule_broken(v, at, "%s cannot be read in state %d", reader, state);
		return;
	}
	remainder_add(r, f, INT_MAX, 1);
	for (int i = 0; i < sum->n; i++) {
		int column = sum->at[i].column;
		const Form *held = r->cols->form[column];
		if (first_state_of(held) > state || state >= r->cols->cleared[column])
			rule_broken(v, at,
			            "%s reads column c%d in state %d, where it does not stand",
			            reader, column, state);
		remainder_add(r, held, state, -sum->at[i].times);
	}
	bool tokens = tables_cancel(r, TOKEN_FEATURE), places = tables_cancel(r, PLACE_FEATURE);
	const Atom *left = take_left(r);
	if (left || !tokens || !places)
		rule_broken(v, at, "what %s reads in state %d is not its form: %s is left", reader,
		            state,
		            left     ? atom_name(v->names, left)
		            : tokens ? "the place"
		                     : "the token");
}

static void
check_read(Verifier *v, const Form *f, int state, const Node *at, const char *reader, void *context)
{
	Remainder *r = context;

	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom->ready > state) {
			rule_broken(v, at, "%s reads %s in state %d, before it is made", reader,
			            atom_name(v->names, f->term[i].atom), state);
			return;
		}
	for (int i = 0; f->real && i < f->real->n; i++)
		check_combination(v, f->real->term[i].f, state, at, reader, r);
	if (!f->real)
		check_combination(v, f, state, at, reader, r);
}

/* ---- limits ---- */

static void
check_column_limits(Verifier *v, const Columns *cols, const Limits *limits)
{
	if (limits->d_model && cols->width > limits->d_model)
		rule_broken(v, NULL, "there are %d slots, more than %d", cols->width,
		            limits->d_model);
	for (int l = 0; limits->neurons && l < cols->s->nlayer; l++) {
		int n = cols->s->nneuron[l] + cols->s->nstep[l];
		for (int i = 0; i < cols->n; i++)
			n += cols->cleared[i] == state_after_mlp(l);
		if (n > limits->neurons)
			rule_broken(v, NULL,
			            "layer %d has %d neurons, those that clear among them, "
			            "more than %d",
			            l, n, limits->neurons);
	}
}

bool
verify_columns(const Columns *cols, const Limits *limits)
{
	const Circuit *c = cols->s->c;
	Verifier v;

	verifier_begin(&v, c, "columns");
	Remainder r = { .cols = cols,
		        .times = NEWS(&v.arena, int64_t, c->natom + 1),
		        .listed = NEWS(&v.arena, bool, c->natom + 1),
		        .list = NEWS(&v.arena, int, c->natom + 1),
		        .row = NEWS(&v.arena, int64_t, c->rows + c->places) };
	for (int i = 0; i < cols->n; i++)
		check_column(&v, cols, i);
	check_slots(&v, cols);
	each_read(&v, cols->s, check_read, &r);
	check_column_limits(&v, cols, limits);
	return verifier_end(&v);
}
