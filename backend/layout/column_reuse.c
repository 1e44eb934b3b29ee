/* Slots of the residual stream that several columns share, one after the other: register
 * allocation by linear scan (Poletto and Sarkar 1999), over the states in which columns are live.
 *
 * What nobody reads any more still stands in its slot. With room to spare it stays there; where
 * the width is limited it is cleared for the next column, by one neuron of an MLP,
 *
 *     x - relu(x - lo) - lo = 0       for every x that it can hold, x >= lo
 *
 * so what is read last by the attention or the MLP of a layer makes room from the end of that
 * layer on. What is rounded, but never below 0, is taken away as it is, x - relu(x): then nothing
 * else may come into the slot in the same state, neither what is there after it nor what was there
 * before. So it is with a step, which is exact if nothing else is added up with its two neurons. */

#include "backend/layout/layout.h"

#include <limits.h>
#include <stdlib.h>

enum { CLEARED_MAX = EXACT_MAX / 8 };

/* Can a neuron clear the column, exactly? It is of integers that are not too large; *lo is the
 * least. */
static bool
can_clear(const Form *f, int64_t *lo)
{
	Arena scratch = { 0 };
	Form *group = NEWS(&scratch, Form, f->n + 1);
	int n = form_groups(&scratch, f, INT_MAX, group);
	int64_t hi = 0, bos = form_bos(f) - f->k;
	bool exact = true;

	*lo = 0;
	for (int i = 0; i < n; i++) {
		*lo += group[i].lo;
		hi += group[i].hi;
	}
	for (int i = 0; i < f->n; i++)
		exact = exact && !f->term[i].atom->real && !f->term[i].atom->lift
		        && !f->term[i].atom->reals;
	arena_free(&scratch);
	*lo = bos < *lo ? bos : *lo;
	hi = max_int64(bos, hi);
	return exact && *lo > -CLEARED_MAX && hi < CLEARED_MAX;
}

bool
clears_by_itself(const Form *f)
{
	for (int i = 0; i < f->n; i++)
		if (f->term[i].c <= 0 || !f->term[i].atom->margin)
			return false;
	return f->n > 0;
}

/* From which state on it stands in its slot: one that has a feature from the beginning, whenever a
 * target makes that, since the feature's table is that of the slot. */
static int
first_in_slot(const Form *f)
{
	for (int i = 0; i < f->n; i++)
		if (!f->term[i].atom->in)
			return 0;
	return form_first_state(f);
}

typedef struct Turn {
	int column, from; /* from which state on nothing else may stand there */
	bool alone;       /* cannot be cleared: shares with none */
	bool quiet;       /* is cleared by itself */
} Turn;

static int
by_from(const void *p, const void *q)
{
	const Turn *a = p, *b = q;

	return a->from != b->from ? a->from - b->from : a->column - b->column;
}

/* Of the slots that are free by this state the one freed last; -1: none. */
static int
free_slot(const int *holder, const int *free_from, int n, int state)
{
	int best = -1;

	for (int i = 0; i < n; i++)
		if (holder[i] >= 0 && free_from[i] <= state
		    && (best < 0 || free_from[i] > free_from[best]))
			best = i;
	return best;
}

void
share_columns(Columns *cols, int most)
{
	Arena *arena = cols->s->c->arena;
	Turn *turn = NEWS(arena, Turn, cols->n + 1);
	int *holder = NEWS(arena, int, cols->n + 1), *free_from = NEWS(arena, int, cols->n + 1);
	int *clears = NEWS(arena, int, cols->n + 1);
	int last = last_state(cols->s->nlayer), alone = 0;

	cols->width = 0;
	for (int i = 0; i < cols->n; i++) {
		bool quiet = clears_by_itself(cols->form[i]);
		bool clear = can_clear(cols->form[i], &cols->least[i]) || quiet;
		cols->least[i] = quiet ? 0 : cols->least[i];
		int apart = quiet || has_step(cols->form[i]);
		turn[i] = (Turn){ i, first_in_slot(cols->form[i]) - apart, !clear, quiet };
		cols->cleared[i] = INT_MAX;
		cols->slot[i] = i;
		alone += !clear;
	}
	if (most >= cols->n) {
		cols->width = cols->n;
		return;
	}
	qsort(turn, (size_t)cols->n, sizeof *turn, by_from);
	for (int i = 0; i < cols->n; i++) {
		int column = turn[i].column, at = -1;
		int ends = computed_from(cols->last[column]);
		alone -= turn[i].alone;
		/* those to come that cannot be cleared need slots too */
		if (!turn[i].alone && cols->width + alone >= most)
			at = free_slot(holder, free_from, cols->width, turn[i].from);
		if (at >= 0)
			cols->cleared[holder[at]] = clears[at];
		else
			at = cols->width++;
		holder[at] = column;
		clears[at] = ends;
		free_from[at] = turn[i].alone || ends > last ? INT_MAX : ends + turn[i].quiet;
		cols->slot[column] = at;
	}
}

int
cleared_in(const Columns *cols, int layer)
{
	int n = 0;

	for (int i = 0; i < cols->n; i++)
		n += cols->cleared[i] == state_after_mlp(layer);
	return n;
}

int
neurons_in(const Columns *cols, int layer)
{
	return cols->s->nneuron[layer] + cols->s->nstep[layer] + cleared_in(cols, layer);
}
