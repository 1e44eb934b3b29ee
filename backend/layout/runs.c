/* A broken line of many bends, in several columns.
 *
 *     7 [x >= 10] + 3 [x >= 20] + ...,     [x >= 10] = relu(x - 9) - relu(x - 10)
 *
 * What it comes to may be small, and yet its terms be more than one column adds up exactly. Along
 * x it comes apart in runs: where the slope is 0 again between two bends, what follows is added to
 * what came before. Runs that differ but for where they are, as the steps of a quotient, are kept
 * together as far as a column goes; others each have a column, which is one that many forms share.
 */

#include "backend/layout/lattice.h"

#include <stdlib.h>

/* A neuron by where it bends. */
typedef struct Bend {
	Term term;
	int64_t at;
	bool right; /* its slope is to the right of there, else to the left */
} Bend;

static int
by_side_and_bend(const void *p, const void *q)
{
	const Bend *a = p, *b = q;

	if (a->right != b->right)
		return a->right ? 1 : -1;
	if (a->at != b->at) /* from the middle outward, where the line is flat */
		return (a->at < b->at) == a->right ? -1 : 1;
	return a->term.atom->id - b->term.atom->id;
}

static Bend *
sorted_bends(Arena *arena, const Form *f)
{
	Bend *bend = NEWS(arena, Bend, f->n);

	for (int i = 0; i < f->n; i++) {
		const Form *in = f->term[i].atom->in;
		int sign = linear_part_sign(in);
		bend[i] = (Bend){ f->term[i], -sign * in->k, sign > 0 };
	}
	qsort(bend, (size_t)f->n, sizeof *bend, by_side_and_bend);
	return bend;
}

/* Bends from..to as a form, with its range. */
static Form
form_of_bends(Arena *arena, const Bend *bend, int from, int to)
{
	Term *term = NEWS(arena, Term, to - from);
	Form f = { .n = to - from, .term = term }, *group = NEWS(arena, Form, to - from);

	for (int i = from; i < to; i++)
		term[i - from] = bend[i].term;
	sort_by_atom(term, f.n);
	int n = form_groups(arena, &f, INT32_MAX, group);
	for (int i = 0; i < n; i++) {
		f.lo += group[i].lo;
		f.hi += group[i].hi;
	}
	f.ready = form_ready(&f);
	return f;
}

/* The end of the run that begins at `from`: where its slopes add up to 0, or its side ends. */
static int
end_of_run(const Bend *bend, int n, int from)
{
	int64_t slope = 0;
	int to = from;

	do
		slope += bend[to++].term.c;
	while (slope && to < n && bend[to].right == bend[from].right);
	return to;
}

/* Do two runs, from a and from b, of n bends, differ in nothing but where they are? */
static bool
same_run(const Bend *a, const Bend *b, int n)
{
	for (int i = 0; i < n; i++)
		if (a[i].term.c != b[i].term.c || a[i].right != b[i].right)
			return false;
	return true;
}

int
form_runs(Arena *arena, const Form *f, Form *run)
{
	const Bend *bend = sorted_bends(arena, f);
	int n = 0;

	for (int from = 0, to; from < f->n; from = to) {
		int first = to = end_of_run(bend, f->n, from), length = first - from;
		run[n] = form_of_bends(arena, bend, from, to);
		while (to < f->n && end_of_run(bend, f->n, to) - to == length
		       && same_run(bend + from, bend + to, length)) {
			Form more = form_of_bends(arena, bend, from, to + length);
			if (form_abs_sum(&more) >= EXACT_MAX / 4)
				break;
			run[n] = more;
			to += length;
		}
		n++;
	}
	return n;
}
