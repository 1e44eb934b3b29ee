/* The rule "nearest" for heads that ask for a place by its digits.
 *
 * A place p has a vector h(p) of whole numbers, its digits; a query t asks with the score
 *
 *     c (2 t h(p) - |h(p)|^2)  =  c |t|^2 - c |t - h(p)|^2
 *
 * (keys 2 c h and -c |h|^2), so that the nearest place wins. If t is the vector of a place
 * that is visible, it is at distance 0 and every other at distance 1 at least, since no two
 * places have one vector: it leads by c >= 104. That takes one look for each value of the query
 * and no look at other places. For other values (a place that is not there, not yet, or
 * before the text) all places are looked at. */

#include "prove/prove.h"

#include <math.h>
#include <stdlib.h>

typedef struct Digits {
	int n;      /* how many digits */
	double **h; /* of each, by the place */
	double c;
	int *bucket, *next; /* places by their vectors; -1 ends */
	int nbucket;
} Digits;

static unsigned
hash_vector(const Digits *d, const double *vector)
{
	uint64_t h = 7;

	for (int i = 0; i < d->n; i++)
		h = (h + (uint64_t)(int64_t)vector[i]) * 0x9e3779b97f4a7c15u;
	return (unsigned)(h >> 40) % (unsigned)d->nbucket;
}

static int
place_of_vector(const Digits *d, const double *vector)
{
	for (int at = d->bucket[hash_vector(d, vector)]; at >= 0; at = d->next[at]) {
		int i = 0;
		while (i < d->n && d->h[i][at] == vector[i])
			i++;
		if (i == d->n)
			return at;
	}
	return -1;
}

/* c, such that 4 c base(p) + |key(p)|^2 is the same for all places; 0: there is none. */
static double
scale_of(int n, double *const *key, const double *base, int places)
{
	double c = 0, first = 0;

	for (int at = 0; at < places; at++) {
		double square = 0;
		for (int i = 0; i < n; i++)
			square = plus(square, times(key[i][at], key[i][at]));
		if (at == 0)
			first = square;
		else if (c == 0 && base[at] != base[0])
			c = (square - first) / (4 * (base[0] - base[at]));
		if (plus(times(4 * c, plus(base[at], -base[0])), plus(square, -first)) != 0)
			return 0;
	}
	return c;
}

/* The digits that keys and their squares say; false: it is another kind of score. */
static bool
find_digits(int n, double *const *key, const double *base, int places, Digits *d)
{
	double *vector = TAKE(double, n);

	*d = (Digits){ .n = n,
		       .h = TAKE(double *, n),
		       .c = scale_of(n, key, base, places),
		       .nbucket = 2 * places,
		       .bucket = TAKE(int, 2 * places),
		       .next = TAKE(int, places) };
	if (d->c < GAP)
		return false;
	for (int i = 0; i < n; i++) {
		d->h[i] = TAKE(double, places);
		for (int at = 0; at < places; at++) {
			d->h[i][at] = key[i][at] / (2 * d->c);
			if (d->h[i][at] != rint(d->h[i][at]))
				return false;
		}
	}
	for (int i = 0; i < d->nbucket; i++)
		d->bucket[i] = -1;
	for (int at = 0; at < places; at++) {
		for (int i = 0; i < n; i++)
			vector[i] = d->h[i][at];
		if (place_of_vector(d, vector) >= 0)
			return false;
		unsigned b = hash_vector(d, vector);
		d->next[at] = d->bucket[b];
		d->bucket[b] = at;
	}
	return true;
}

/* The least lead of n queries over their values, seen from place `from(v)` to `to(v)`. */
bool
lead_by_digits(Proof *p, const Asked *x, double *lead)
{
	Digits d;
	double *vector = TAKE(double, x->n), *score = TAKE(double, p->m->places), work = 0;

	if (!find_digits(x->n, x->key, x->base, p->m->places, &d))
		return false;
	*lead = d.c;
	for (int v = 0; v < x->roots->size && work < MOST_WORK; v++) {
		int from = x->from[v], to = x->to[v];
		if (x->roots->possible && !x->roots->possible[v])
			continue;
		for (int i = 0; i < x->n; i++) {
			vector[i] = x->query[i][v];
			if (vector[i] != rint(vector[i]))
				return false;
		}
		int at = place_of_vector(&d, vector);
		if (at >= 0 && at <= from)
			continue;
		for (int place = 0; place <= to; place++) {
			score[place] = x->base[place];
			for (int i = 0; i < x->n; i++)
				score[place] = plus(score[place],
				                    times(vector[i], x->key[i][place]));
		}
		work += (double)(to + 1) * x->n;
		*lead = fmin(*lead, prefix_lead(score, p->m->places, from, to));
		if (*lead < GAP)
			return false;
	}
	return work < MOST_WORK;
}
