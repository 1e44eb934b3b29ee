/* By how much the greatest score leads the next, for queries that take few values and keys
 * that depend on the place alone: each query with each number of visible places.
 *
 * The rule "nearest" saves looking at all places where a query asks for one by its digits. A
 * place p has a vector h(p) of whole numbers, its digits; a query t asks with the score
 *
 *     c (2 t h(p) - |h(p)|^2)  =  c |t|^2 - c |t - h(p)|^2
 *
 * (keys 2 c h and -c |h|^2), so that the nearest place wins. If t is the vector of a place
 * that is visible, it is at distance 0 and every other at distance 1 at least, since no two
 * places have one vector: it leads by c >= 104. For other values (a place that is not there, not
 * yet, or before the text) all places are looked at. */

#include "prove/prove.h"

#include <math.h>
#include <stdlib.h>

/* Adds the lead that a query has over every prefix of the places that it may see. */
static void
add_prefix_leads(const Queries *x, int v, Lead *lead)
{
	double best = -INFINITY, second = -INFINITY;
	int winners = 0;

	for (int at = 0; at <= x->to[v]; at++) {
		double s = x->base[at];
		for (int i = 0; i < x->n; i++)
			s = plus(s, times(x->query[i][v], x->key[i][at]));
		if (s > best) {
			second = best;
			best = s;
			winners = 1;
		} else if (s == best) {
			winners++;
		} else if (s > second) {
			second = s;
		}
		if (at > 0 && at >= x->from[v]) {
			lead->least = fmin(lead->least, best - second);
			lead->tie = lead->tie || winners > 1;
		}
	}
}

bool
lead_by_queries(const Proof *p, const Queries *x, Lead *lead)
{
	*lead = (Lead){ INFINITY, false };
	if ((double)x->size * p->m->places * (x->n + 1) > MOST_WORK)
		return false;
	for (int v = 0; v < x->size; v++)
		if (!x->possible || x->possible[v])
			add_prefix_leads(x, v, lead);
	return true;
}

/* ---- places by their digits */

typedef struct PlaceDigits {
	int n;      /* how many digits */
	double **h; /* (n, places) */
	double c;
	KnownTable places; /* 1 + the place, by its vector */
} PlaceDigits;

/* c, such that 4 c base(p) + |key(p)|^2 is the same for all places; 0: there is none. */
static double
scale_of(const Queries *x, int places)
{
	double c = 0, first = 0;

	for (int at = 0; at < places; at++) {
		double square = 0;
		for (int i = 0; i < x->n; i++)
			square = plus(square, times(x->key[i][at], x->key[i][at]));
		if (at == 0)
			first = square;
		else if (c == 0 && x->base[at] != x->base[0])
			c = (square - first) / (4 * (x->base[0] - x->base[at]));
		if (4 * c != rint(4 * c)) /* of keys that are no digits */
			return 0;
		if (plus(times(4 * c, plus(x->base[at], -x->base[0])), plus(square, -first)) != 0)
			return 0;
	}
	return c;
}

/* The place of a vector, or -1. */
static intptr_t
place_of_vector(PlaceDigits *d, const double *vector)
{
	return (intptr_t)*memo(&d->places, vector, (size_t)d->n * sizeof *vector) - 1;
}

/* The digits that keys and their squares say; false: it is another kind of score. */
static bool
find_digits(const Queries *x, int places, PlaceDigits *d)
{
	double *vector = TAKE(double, x->n);

	*d = (PlaceDigits){ .n = x->n, .c = scale_of(x, places) };
	if (d->c < GAP)
		return false;
	for (intptr_t at = 0; at < places; at++) {
		for (int i = 0; i < x->n; i++) {
			vector[i] = x->key[i][at] / (2 * d->c) + 0.0;
			if (vector[i] != rint(vector[i]))
				return false;
		}
		void **of = memo(&d->places, vector, (size_t)d->n * sizeof *vector);
		if (*of)
			return false;
		*of = (void *)(at + 1);
	}
	return true;
}

bool
lead_by_digits(const Proof *p, const Queries *x, Lead *lead)
{
	PlaceDigits d;
	double *vector = TAKE(double, x->n), work = 0;

	if (x->n == 0 || !find_digits(x, p->m->places, &d))
		return false;
	*lead = (Lead){ d.c, false };
	for (int v = 0; v < x->size && work < MOST_WORK; v++) {
		if (x->possible && !x->possible[v])
			continue;
		for (int i = 0; i < x->n; i++) {
			vector[i] = x->query[i][v] + 0.0; /* -0 is 0 */
			if (vector[i] != rint(vector[i]))
				return false;
		}
		intptr_t at = place_of_vector(&d, vector);
		if (at >= 0 && at <= x->from[v])
			continue;
		work += (double)(x->to[v] + 1) * x->n;
		add_prefix_leads(x, v, lead);
		if (lead->least < GAP || lead->tie)
			return false;
	}
	return work < MOST_WORK;
}
