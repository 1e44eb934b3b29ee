/* How large forms and scores can get.
 *
 * The steps of one staircase are large terms that cancel:
 *
 *     relu(x - 9) - relu(x - 10)     is 0 or 1, while both terms may be hundreds
 *
 * So interval arithmetic term by term would be far too wide. Neurons of one linear part (here x)
 * are bounded together, as a *group*: their sum is a broken line in that one variable, so its
 * extremes are at the ends of the variable's range and at the bends. A form whose terms are too
 * large to be added up in one column is kept in several columns, one for each group.
 *
 * Of a score, all dimensions whose keys are functions of one field of the token are added up row
 * by row, and those of the place place by place: keys that are one-hot are never all 1 at once. */

#include "backend/circuit/circuit.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

bool
are_parallel(const Atom *a, const Atom *b)
{
	return a->ready == b->ready && a->linear_part == b->linear_part;
}

static int
by_linear_part(const void *p, const void *q)
{
	const Atom *a = ((const Term *)p)->atom, *b = ((const Term *)q)->atom;

	if (a->ready != b->ready)
		return a->ready - b->ready;
	return a->linear_part != b->linear_part ? a->linear_part - b->linear_part : a->id - b->id;
}

/* The value of a group where its linear part is x. */
static int64_t
group_value_at(const Term *t, int n, int64_t x)
{
	int64_t y = 0;

	for (int i = 0; i < n; i++) {
		int64_t in = linear_part_sign(t[i].atom->in) * x + t[i].atom->in->k;
		y += in > 0 ? t[i].c * in : 0;
	}
	return y;
}

/* The range of the linear part of a group: the intersection of what its neurons know of it. */
static Range
linear_part_range(const Term *t, int n)
{
	Range x = { INT64_MIN, INT64_MAX };

	for (int i = 0; i < n; i++) {
		const Form *f = t[i].atom->in;
		bool same = linear_part_sign(f) > 0;
		x.lo = max_int64(x.lo, same ? f->lo - f->k : f->k - f->hi);
		x.hi = min_int64(x.hi, same ? f->hi - f->k : f->k - f->lo);
	}
	return x;
}

/* Where the neuron bends, as a value of its linear part. */
static int64_t
bend_of(const Term *t)
{
	return -linear_part_sign(t->atom->in) * t->atom->in->k;
}

static int
by_bend(const void *a, const void *b)
{
	int64_t x = bend_of(a), y = bend_of(b);

	return (x > y) - (x < y);
}

/* The range of a group: a broken line is extreme at an end or where it bends. The terms are sorted
 * by their bends, and the line is followed from bend to bend. */
static Range
group_range(Term *t, int n)
{
	Range x = linear_part_range(t, n);
	int64_t at = x.lo, y = group_value_at(t, n, at), slope = 0;
	Range all = { y, y };

	qsort(t, (size_t)n, sizeof *t, by_bend);
	for (int i = 0; i < n; i++) { /* of those that fall: they are not 0 below their bend */
		bool rises = linear_part_sign(t[i].atom->in) > 0;
		if (rises == (bend_of(&t[i]) <= at))
			slope += rises ? t[i].c : -t[i].c;
	}
	for (int i = 0; i <= n; i++) {
		int64_t next = i < n ? bend_of(&t[i]) : x.hi;
		if (next > x.hi)
			next = x.hi;
		if (next > at) {
			y += slope * (next - at);
			at = next;
			all.lo = min_int64(y, all.lo);
			all.hi = max_int64(y, all.hi);
		}
		if (i < n && bend_of(&t[i]) > x.lo)
			slope += t[i].c;
	}
	return all;
}

int
form_groups(Arena *arena, const Form *f, int state, Form *group)
{
	Term *t = NEWS(arena, Term, f->n + 1);
	int n = 0, ngroup = 0, rest = f->n;

	for (int i = 0; i < f->n; i++) {
		if (f->term[i].atom->ready > state)
			continue;
		const Atom *a = f->term[i].atom;
		if (a->kind == NEURON && !a->lift && !a->margin && !a->step && !a->in->real
		    && !a->times)
			t[n++] = f->term[i];
		else
			t[--rest] = f->term[i];
	}
	qsort(t, (size_t)n, sizeof *t, by_linear_part);
	for (int from = 0, to; from < n; from = to) {
		for (to = from + 1; to < n && are_parallel(t[from].atom, t[to].atom); to++)
			;
		Range y = group_range(t + from, to - from);
		sort_by_atom(t + from, to - from);
		group[ngroup++] = (Form){ .n = to - from,
			                  .term = t + from,
			                  .ready = t[from].atom->ready,
			                  .lo = y.lo,
			                  .hi = y.hi };
	}
	for (int i = rest; i < f->n; i++) {
		const Atom *a = t[i].atom;
		int64_t c = t[i].c;
		group[ngroup++] = (Form){ .n = 1,
			                  .term = t + i,
			                  .ready = a->ready,
			                  .lo = c * (c > 0 ? a->lo : a->hi),
			                  .hi = c * (c > 0 ? a->hi : a->lo) };
	}
	return ngroup;
}

double
atom_max_abs(const Atom *a)
{
	int64_t most = max_int64(max_int64(-a->lo, a->hi), llabs(a->bos));

	return (double)most + 2 * (double)a->lift;
}

double
form_abs_sum(const Form *f)
{
	double sum = 0;

	for (int i = 0; i < f->n; i++)
		sum += (double)llabs(f->term[i].c) * atom_max_abs(f->term[i].atom);
	return sum;
}

double
form_abs_sum_by_group(const Form *f)
{
	if (!f->n || f->by_group > 0)
		return f->by_group;
	Arena scratch = { 0 };
	Form *group = NEWS(&scratch, Form, f->n + 1);
	int n = form_groups(&scratch, f, INT_MAX, group);
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += (double)max_int64(-group[i].lo, group[i].hi);
	arena_free(&scratch);
	((Form *)f)->by_group = sum;
	return sum;
}

enum { ORIGINS_MAX = 4096 }; /* looked at for one bound */

static Interval
range_by_groups(const Form *f, int state)
{
	Arena scratch = { 0 };
	Form *group = NEWS(&scratch, Form, f->n + 1);
	int n = form_groups(&scratch, f, state, group);
	Interval sum = { 0, 0 };

	for (int i = 0; i < n; i++) {
		sum.lo += (double)group[i].lo;
		sum.hi += (double)group[i].hi;
	}
	arena_free(&scratch);
	return sum;
}

/* By what f was added up from: an operand that is ready as a whole has its own interval, which is
 * sharper where large terms cancel in it. */
static Interval
range_by_origins(const Form *f, int state, int *budget)
{
	Interval sum = { 0, 0 };

	if (form_ready(f) <= state)
		return (Interval){ (double)(f->lo - f->k), (double)(f->hi - f->k) };
	if (!f->of[0] || --*budget < 0)
		return range_by_groups(f, state);
	for (int i = 0; i < 2; i++) {
		double times = (double)f->by[i];
		Interval x = range_by_origins(f->of[i], state, budget);
		sum.lo += times * (times > 0 ? x.lo : x.hi);
		sum.hi += times * (times > 0 ? x.hi : x.lo);
	}
	return sum;
}

double
form_max_abs(const Form *f, int state)
{
	int budget = ORIGINS_MAX;
	Interval x = range_by_groups(f, state), y = range_by_origins(f, state, &budget);
	double most = max_double(-max_double(x.lo, y.lo), min_double(x.hi, y.hi)), bos = 0, off = 0;

	for (int i = 0; i < f->n; i++) {
		const Atom *a = f->term[i].atom;
		bool meant = a->real && a->error > 0; /* then bos is no more than a bound */
		double c = (double)f->term[i].c;
		if (a->ready > state)
			continue;
		bos += c * (meant ? a->real_bos : (double)a->bos);
		off += meant ? fabs(c) * a->error : 0;
	}
	return max_double(most, fabs(bos) + off);
}

/* ---- scores ---- */

/* What the dimensions of a score may add up to, by what stands at one position: by its place, and
 * by the row of each field of its token. Entry 0 of a list is <bos>. */
typedef struct PositionSums {
	double *place; /* (places) */
	double *row;   /* (rows) but for <bos> */
	double *bos;   /* (nfield) of the features of each field */
} PositionSums;

/* The absolute value of a sum of features where their stream has its value number `at`, at a
 * position that is not <bos>. The atom `bos`, which is_bos is made of, need not be of that
 * stream: at all these positions it has one value. */
static double
feature_abs_at(const Form *f, const Atom *bos, int at)
{
	double v = (double)f->k;

	for (int i = 0; i < f->n; i++) {
		const Atom *a = f->term[i].atom;
		v += (double)f->term[i].c * (double)(a == bos ? bos->lo : a->table[at]);
	}
	return fabs(v);
}

static double
field_most(const Circuit *c, const PositionSums *s, int field)
{
	double most = s->bos[field];

	for (int r = 0; r < rows_of(c->g, field); r++)
		most = max_double(most, s->row[first_row(c->g, field) + r]);
	return most;
}

/* Adds |f| times `other` to what the positions have, where f is a function of one field or of the
 * place; false where it is not. */
static bool
add_by_position(const Circuit *c, PositionSums *s, const Form *f, double other)
{
	const Atom *bos = c->is_bos->term[0].atom, *one = single_source(f, bos);

	if (!one || f->real)
		return false;
	bool place = one->kind == PLACE_FEATURE;
	int first = place ? 1 : first_row(c->g, one->field),
	    n = place ? c->places - 1 : rows_of(c->g, one->field);
	double *at = place ? s->place : s->row, *at_bos = place ? s->place : &s->bos[one->field];
	*at_bos += other * fabs((double)form_bos(f));
	for (int i = first; i < first + n; i++)
		at[i] += other * feature_abs_at(f, bos, i);
	return true;
}

double
score_max_abs(const Circuit *c, const Lookup *s)
{
	int nfield = c->g->nfield > 0 ? c->g->nfield : 1;
	double most = 0;
	int places = c->places <= TABULATED_PLACES ? c->places : 1;
	PositionSums by[2];

	for (int side_of = 0; side_of < 2; side_of++) {
		double *room = arena_alloc(c->arena,
		                           sizeof *room * (size_t)(places + c->rows + nfield));
		by[side_of] = (PositionSums){ room, room + places, room + places + c->rows };
	}
	for (int i = 0; i < s->ndim; i++) {
		const Form *q = s->q[i], *k = s->k[i];
		double here = value_max_abs(q), there = value_max_abs(k);
		if (!add_by_position(c, &by[1], k, here) && !add_by_position(c, &by[0], q, there))
			most += here * there;
	}
	for (int side_of = 0; side_of < 2; side_of++) {
		double place = 0;
		for (int p = 0; p < places; p++)
			place = max_double(place, by[side_of].place[p]);
		most += place;
		for (int f = 0; f < nfield; f++)
			most += field_most(c, &by[side_of], f);
	}
	return most;
}
