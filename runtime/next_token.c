/* Logits, and the token with the greatest.
 *
 * The logits of a field are mostly multiples of one number b of the stream, scale * b + bias
 * for each row: the compiler writes 2 r b - r^2, greatest at r = b. Then the row with the
 * greatest is a function of b alone, found in a table that is made when the model is loaded:
 *
 *     b      -1  0  1  2  3        row of the greatest logit, the first of equals,
 *     row     0  0  1  2  3        for rows 0 .. 2 and <end>; so on below and above
 *
 * so that a record of forty fields with hundreds of values computes forty numbers and no
 * logits. Where b is not in the table, or a field has more than one such number, all its
 * logits are compared. */

#include "runtime/specialize.h"

#include <math.h>

/* Is row `last` of f a multiple of row `base`? Usually the logits are all multiples of one,
 * and then one sum gives them all. */
static bool
is_multiple_of_row(const TwAffine *f, int base, int last, float *scale)
{
	int n = f->start[base + 1] - f->start[base];
	const TwTerm *x = f->term + f->start[base], *y = f->term + f->start[last];

	if (n != f->start[last + 1] - f->start[last])
		return false;
	*scale = y[0].w / x[0].w;
	for (int i = 0; i < n; i++)
		if (x[i].at != y[i].at || *scale * x[i].w != y[i].w
		    || !tw_is_exact_integer((double)*scale))
			return false;
	return true;
}

static void
find_directions(TwSpecialized *c)
{
	const TwModel *m = c->m;
	TwAffine *f = &c->logit;
	int rows = m->nvocab + 2;

	c->logit_row = TW_NEW(&c->pool, int, rows);
	c->logit_scale = TW_NEW(&c->pool, float, rows);
	for (int r = 0; r < rows; r++) {
		tw_affine_add(&c->pool, f, m->head_w + r, (size_t)rows, m->d_model, 0);
		int last = f->n - 1, base = last > 3 ? last - 3 : 0;
		c->logit_row[r] = last;
		c->logit_scale[r] = 1;
		if (f->start[last] == f->start[last + 1]) {
			c->logit_row[r] = -1;
			f->n--;
			continue;
		}
		for (; base < last; base++)
			if (is_multiple_of_row(f, base, last, &c->logit_scale[r])) {
				c->logit_row[r] = base;
				f->n--;
				break;
			}
		if (c->logit_row[r] == last)
			c->logit_scale[r] = 1;
	}
}

/* The one row of c->logit that logits first .. end - 1 are multiples of; -1: all are constant;
 * -2: there are more. */
static int
only_direction(const TwSpecialized *c, int first, int end)
{
	int only = -1;

	for (int r = first; r < end; r++) {
		if (c->logit_row[r] < 0 || c->logit_row[r] == only)
			continue;
		if (only >= 0)
			return -2;
		only = c->logit_row[r];
	}
	return only;
}

static float
logit(const TwSpecialized *c, int r, float base)
{
	return c->logit_row[r] < 0 ? c->m->head_b[r] : c->logit_scale[r] * base + c->m->head_b[r];
}

/* The first of the greatest, all of one direction. */
static int
greatest_at(const TwSpecialized *c, int first, int end, float base)
{
	int best = first;

	for (int r = first + 1; r < end; r++)
		if (logit(c, r, base) > logit(c, best, base))
			best = r;
	return best;
}

/* Cells of all tables, and the work of making them. */
enum { MOST_ROWS = 1 << 11, MOST_WORK = 1 << 24, MOST_EXACT = 1 << 24 };

/* As far from 0 as this the logits are integers that a float holds; 0 if they are none. */
static int
exact_reach(const TwSpecialized *c, int first, int end)
{
	float scale = 1, bias = 0;

	for (int r = first; r < end; r++) {
		float by = c->logit_row[r] < 0 ? 0 : c->logit_scale[r], b = c->m->head_b[r];

		if (by != rintf(by) || b != rintf(b))
			return 0;
		scale = fmaxf(scale, fabsf(by));
		bias = fmaxf(bias, fabsf(b));
	}
	return bias < MOST_EXACT ? (int)(((float)MOST_EXACT - bias) / scale) : 0;
}

/* The first number within reach where the greatest is not `row`, or, with `is`, where it is. As
 * the number rises, the row of the greatest goes over to rows that rise faster, and never back. */
static int
first_other(const TwSpecialized *c, int first, int end, int reach, int row, bool is)
{
	int low = -reach, high = reach;

	while (low < high) {
		int middle = low + (high - low) / 2;

		if ((greatest_at(c, first, end, (float)middle) == row) == is)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void
tabulate_field(TwSpecialized *c, int f, long *work)
{
	int first = c->m->first[f], end = c->m->first[f + 1], n = end - first;
	TwGreatest *g = &c->greatest[f];

	g->direction = only_direction(c, first, end);
	g->constant = first;
	if (g->direction == -1)
		g->constant = greatest_at(c, first, end, 0);
	if (g->direction < 0 || n > MOST_ROWS || (*work -= (long)n * 64) < 0)
		return;
	g->reach = exact_reach(c, first, end);
	g->from = -1;
	g->n = n + 2;
	if (g->reach > 0) {
		int least = greatest_at(c, first, end, (float)-g->reach);
		int most = greatest_at(c, first, end, (float)g->reach);

		g->from = first_other(c, first, end, g->reach, least, false) - 1;
		g->n = first_other(c, first, end, g->reach, most, true) - g->from + 1;
	}
	if (g->n > 4 * MOST_ROWS || (*work -= (long)n * g->n) < 0)
		return;
	g->row = TW_NEW(&c->pool, int, g->n);
	for (int i = 0; i < g->n; i++)
		g->row[i] = greatest_at(c, first, end, (float)(g->from + i));
}

void
tw_specialize_logits(TwSpecialized *c)
{
	long work = MOST_WORK;

	find_directions(c);
	c->greatest = TW_NEW(&c->pool, TwGreatest, c->m->nfield);
	for (int f = 0; f < c->m->nfield; f++)
		tabulate_field(c, f, &work);
}

/* ---- at a place */

static void
find_bases(const TwSpecialized *c, const float *x, float *base)
{
	const TwAffine *f = &c->logit;

	for (int i = 0; i < f->n; i++) {
		base[i] = 0;
		for (int t = f->start[i]; t < f->start[i + 1]; t++)
			base[i] += f->term[t].w * x[f->term[t].at];
	}
}

static float
logit_of(const TwSpecialized *c, int r, const float *base, int step)
{
	return logit(c, r, c->logit_row[r] < 0 ? 0 : base[c->logit_row[r] * step]);
}

void
tw_find_logits(const TwSpecialized *c, const float *x, float *base, float *logits)
{
	find_bases(c, x, base);
	tw_logits_of_bases(c, base, logits);
}

void
tw_logits_of_bases(const TwSpecialized *c, const float *base, float *logits)
{
	for (int r = 0; r < c->m->nvocab + 2; r++)
		logits[r] = logit_of(c, r, base, 1);
}

int
tw_greatest_row(const TwSpecialized *c, int f, const float *base, int step)
{
	const TwGreatest *g = &c->greatest[f];
	int best = c->m->first[f];

	if (g->direction == -1)
		return g->constant;
	if (g->row) {
		float b = base[g->direction * step], at = b - (float)g->from;

		if (b == rintf(b) && at >= 0 && at < (float)g->n)
			return g->row[(int)at];
		if (b == rintf(b) && fabsf(b) <= (float)g->reach)
			return g->row[at < 0 ? 0 : g->n - 1];
	}
	for (int r = best + 1; r < c->m->first[f + 1]; r++)
		if (logit_of(c, r, base, step) > logit_of(c, best, base, step))
			best = r;
	return best;
}

bool
tw_ends_before(const TwSpecialized *c, int row, const float *base, int step)
{
	return logit_of(c, c->m->nvocab, base, step) > logit_of(c, row, base, step);
}

void
tw_next_of_bases(const TwSpecialized *c, const float *base, int step, int *next)
{
	for (int f = 0; f < c->m->nfield; f++)
		next[f] = tw_greatest_row(c, f, base, step);
	if (tw_ends_before(c, next[0], base, step))
		next[0] = c->m->nvocab;
}

void
tw_find_next(const TwSpecialized *c, const float *x, float *base, int *next)
{
	find_bases(c, x, base);
	tw_next_of_bases(c, base, 1, next);
}
