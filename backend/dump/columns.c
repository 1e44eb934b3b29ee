/* The columns of the residual stream as text: `twc --dump=columns`.
 *
 *     slot 1  c1 = t2 + v1@3                       # states 0..4, read until 4, 0..6, sum
 *     slot 2  c2 = v0                              # states 1..2, read until 2, 0..3
 *     slot 2  c5 = n0                              # states 4..4, read until 4, 0..3, more
 *
 * An atom that comes later than the first of its column says in which state: v1@3. The range is
 * of all states, <bos> included, without the constant that readers add. Two columns share a slot
 * one after the other; the second begins where the first is cleared. */

#include "backend/dump/dump.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

/* What of a column is there in a state. */
static Form
column_in(Arena *arena, const Form *f, int state)
{
	Term *t = NEWS(arena, Term, f->n + 1);
	Form group = { .term = t };

	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom->ready <= state)
			t[group.n++] = f->term[i];
	return group;
}

/* The named value that it is, constant and all, or NULL. */
static const Named *
named_form(const Circuit *c, const Form *f)
{
	for (int i = 0; i < c->g->nnamed; i++) {
		const Named *v = &c->g->named[i];
		const Form *own = v->node->id < c->capform ? c->form[v->node->id] : NULL;
		if (own && v->kind != K_POS && form_equal(own, f))
			return v;
	}
	return NULL;
}

const char *
column_name(const AtomNames *names, const Columns *cols, int column, int state)
{
	Arena *arena = names->c->arena;
	Form f = column_in(arena, cols->form[column], state);
	const Named *v = named_form(names->c, &f);

	if (v)
		return v->name;
	if (f.n == 1 && f.term[0].c == 1)
		return atom_name(names, f.term[0].atom);
	return arena_fmt(arena, "c%d", column);
}

int
column_begins(const Form *f)
{
	int first = INT_MAX;

	for (int i = 0; i < f->n; i++)
		first = f->term[i].atom->ready < first ? f->term[i].atom->ready : first;
	return first;
}

static void
dump_column(Dump *d, const Columns *cols, int i)
{
	const Form *f = cols->form[i];
	int begins = column_begins(f), last = last_state(cols->s->nlayer);
	int64_t lo = 0, hi = 0;

	fprintf(d->line, "slot %d\tc%d = ", cols->slot[i], i);
	print_terms(d->line, d->names, f, begins);
	Form *group = NEWS(&d->arena, Form, f->n + 1);
	for (int state = begins; state <= last && state < cols->cleared[i]; state++) {
		int n = form_groups(&d->arena, f, state, group);
		int64_t l = 0, h = 0;
		for (int k = 0; k < n; k++) {
			l += group[k].lo;
			h += group[k].hi;
		}
		lo = l < lo ? l : lo;
		hi = h > hi ? h : hi;
	}
	int ends = cols->cleared[i] <= last ? cols->cleared[i] - 1 : last;
	const Named *v = named_form(d->names->c, f);
	dump_remark(d, "states %d..%d, read until %d, %" PRId64 "..%" PRId64 "%s%s%s", begins, ends,
	            cols->last[i], lo, hi, f->near || f->term[0].atom->real ? ", rounded" : "",
	            v ? ", " : "", v ? v->name : "");
}

typedef struct Tenant {
	int column, slot, begins;
} Tenant;

static int
by_slot(const void *p, const void *q)
{
	const Tenant *a = p, *b = q;

	return a->slot != b->slot       ? a->slot - b->slot
	       : a->begins != b->begins ? a->begins - b->begins
	                                : a->column - b->column;
}

void
dump_columns(const Columns *cols, FILE *to)
{
	Dump d;

	dump_begin(&d, cols->s->c, to);
	Tenant *t = NEWS(&d.arena, Tenant, cols->n + 1);
	for (int i = 0; i < cols->n; i++)
		t[i] = (Tenant){ i, cols->slot[i], column_begins(cols->form[i]) };
	qsort(t, (size_t)cols->n, sizeof *t, by_slot);
	fprintf(d.line, "columns %s", cols->s->c->g->name);
	dump_remark(&d, "%d columns in %d slots, states 0..%d", cols->n, cols->width,
	            last_state(cols->s->nlayer));
	for (int i = 0; i < cols->n; i++)
		dump_column(&d, cols, t[i].column);
	dump_end(&d);
}
