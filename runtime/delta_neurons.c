/* Of the plan of delta.h: what each column of the stream adds to sums, as vectors; what neurons add
 * to columns, and those of one sum together as a table. For example relu(u) - relu(u - 1), which is
 * whether u > 0, is the table 0, 1 from u = 0 on, and rises no more. */

#include "runtime/delta_plan.h"

#include <string.h>

/* Of the table of one staircase. */
enum { MOST_RANGE = 1 << 12 };

/* ---- what is added to sums, and by what */

/* The vector of some sums, of which one is `at`, and takes it out of k->total. */
static void
take_vector_of(PlanMaker *k, TwDeltaColumns *f, int at)
{
	int first = at / TW_LANES * TW_LANES, n = k->nvector++;

	f->first = tw_pool_grow(&k->c->scratch, f->first, n, &k->capvector, sizeof *f->first);
	f->weight = tw_pool_grow(&k->c->scratch, f->weight, n, &k->capweight,
	                         TW_LANES * sizeof *f->weight);
	f->first[n] = first;
	for (int i = 0; i < TW_LANES; i++) {
		f->weight[n * TW_LANES + i] = k->total[first + i];
		k->total[first + i] = 0;
	}
	k->terms += TW_LANES;
	k->ok = k->ok && k->terms < TW_MOST_TERMS;
}

/* What a column adds to a stage. */
static void
take_column(PlanMaker *k, TwDeltaColumns *f, int column, int stage)
{
	const TwIntMap *by = &k->by[stage];
	int start = by->start[column], end = by->start[column + 1];

	for (int t = start; t < end; t++)
		k->total[by->term[t].at] = by->term[t].w;
	for (int t = start; t < end && k->ok; t++)
		if (k->total[by->term[t].at])
			take_vector_of(k, f, by->term[t].at);
}

/* Aligned, and the blocks of the vectors. */
static void
keep_columns(PlanMaker *k, const TwDeltaColumns *f)
{
	TwDeltaColumns *to = &k->p->column;
	size_t n = (size_t)k->nvector, size = n * TW_LANES * sizeof *f->weight;
	char *at = tw_pool_alloc(&k->c->pool, size + 64, 1);

	*to = *f;
	to->first = TW_NEW(&k->c->pool, int, n + 1);
	to->block = TW_NEW(&k->c->pool, int, n + 1);
	to->weight = (int32_t *)(void *)(at + (-(uintptr_t)at & 63));
	if (n) {
		memcpy(to->first, f->first, n * sizeof *f->first);
		memcpy(to->weight, f->weight, size);
	}
	for (size_t i = 0; i < n; i++)
		to->block[i] = to->first[i] / k->p->grain;
	if (k->p->listed < k->nvector)
		k->p->listed = k->nvector;
}

void
tw_plan_columns(PlanMaker *k)
{
	int d = k->m->d_model, *start = TW_NEW(&k->c->pool, int, d *(k->nstage + 1));
	TwDeltaColumns f = { .stages = k->nstage, .start = start };

	for (int i = 0; i < d && k->ok; i++) {
		for (int n = 0; n < k->nstage; n++) {
			*start++ = k->nvector;
			take_column(k, &f, i, n);
		}
		*start++ = k->nvector;
	}
	keep_columns(k, &f);
}

/* ---- neurons of one sum */

static void
add_neuron(PlanMaker *k, int row, const TwFastLayer *s, int neuron)
{
	for (int t = s->out.start[neuron]; t < s->out.start[neuron + 1]; t++)
		tw_add_integer(k, row, s->out.term[t].at, (double)s->out.term[t].w);
}

/* Whether a sum's neurons have a table, for thresholds low .. low + range. */
static bool
takes_table(PlanMaker *k, TwDeltaStair *to, const TwFastLayer *s, const TwStaircase *g)
{
	double low = -(double)s->bias[g->first], high = -(double)s->bias[g->first + g->n - 1];
	int terms = s->out.start[g->first + g->n] - s->out.start[g->first];

	if (!(high - low < MOST_RANGE) || !terms || (high - low + 2) * terms > (double)k->cells)
		return false;
	to->low = (int)low;
	to->range = (int)(high - low);
	k->cells -= (to->range + 2) * terms;
	to->value = TW_NEW(&k->c->pool, int32_t, (to->range + 1) * terms);
	to->out = TW_NEW(&k->c->pool, TwIntTerm, terms);
	return true;
}

static int
number_of_column(TwDeltaStair *to, int column)
{
	int i = 0;

	while (i < to->nout && to->out[i].at != column)
		i++;
	if (i == to->nout)
		to->out[to->nout++].at = column;
	return i;
}

/* Modulo 2^32, as all sums are. */
static void
fill_staircase(TwDeltaStair *to, const TwFastLayer *s, const TwStaircase *g)
{
	for (int t = s->out.start[g->first]; t < s->out.start[g->first + g->n]; t++)
		number_of_column(to, s->out.term[t].at);
	for (int n = g->first; n < g->first + g->n; n++)
		for (int t = s->out.start[n]; t < s->out.start[n + 1]; t++) {
			uint32_t w = (uint32_t)(int32_t)s->out.term[t].w;
			int c = number_of_column(to, s->out.term[t].at);
			int u = (int)-s->bias[n] - to->low;
			to->out[c].w = (int32_t)((uint32_t)to->out[c].w + w);
			for (uint32_t d = 0; u <= to->range; u++, d++) {
				int32_t *v = &to->value[u * to->nout + c];
				*v = (int32_t)((uint32_t)*v + w * d);
			}
		}
}

static void
plan_staircase(PlanMaker *k, const TwFastLayer *s, TwDeltaStair *to, const TwStaircase *g)
{
	if (takes_table(k, to, s, g)) {
		fill_staircase(to, s, g);
		return;
	}
	to->n = g->n;
	to->neuron = k->neurons;
	to->bias = TW_NEW(&k->c->pool, int32_t, g->n);
	for (int i = 0; i < g->n; i++) {
		to->bias[i] = (int32_t)s->bias[g->first + i];
		add_neuron(k, k->neurons++, s, g->first + i);
	}
}

/* What neurons add to columns: first the one of each sum, by its number. */
void
tw_plan_spread(PlanMaker *k)
{
	TwDeltaPlan *p = k->p;

	k->neurons = p->nsum;
	for (int n = 0; n < k->m->nlayer && k->ok; n++) {
		const TwFastLayer *s = &k->c->layer[n];
		TwDeltaLayer *l = &p->layer[n];
		int sum = l->sum.first;
		for (int i = 0; i < s->linear.n && k->ok; i++)
			if (s->staircase[i].n == 1)
				add_neuron(k, sum++, s, s->staircase[i].first);
		l->stair = TW_NEW(&k->c->pool, TwDeltaStair, s->nshared + 1);
		for (int i = 0; i < s->nshared && k->ok; i++)
			plan_staircase(k, s, &l->stair[i], &s->staircase[s->shared[i]]);
	}
	p->neuron = tw_take_map(k, k->neurons);
}
