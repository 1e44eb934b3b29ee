/* The neurons of a layer as blocks, for many places or texts side by side (lanes.h). Neurons whose
 * sums have as many terms and that add to the same columns stand together, so that what they add is
 * summed up in registers, and no neuron is ever stored:
 *
 *     block: 2 terms, into columns 5 and 7          for each neuron
 *         x3 - x4 + 1    -> 2 c5 - c7                   u = bias, u += w x[at], twice
 *         x1 + x8 - 9    -> c5 + 3 c7                   r = max(u, 0)
 *                                                       a += w r, b += w r
 *                                                   c5 += a, c7 += b
 *
 * Neurons that share one sum are a block of their own. Where neurons add to more than
 * TW_BLOCK_COLUMNS columns they stand in several blocks, and where that is dearer than whole
 * matrices, as in dense layers, there are none. */

#include "runtime/specialize.h"

#include <stdlib.h>
#include <string.h>

/* In the measure of one number of a packed matrix. */
static const double cost_of_term = 1.6;

/* Some neurons of one sum, and columns that they add to. */
typedef struct BlockPart {
	int sum, terms;                        /* row of linear; how many it has */
	int columns, column[TW_BLOCK_COLUMNS]; /* rows of out_t */
	bool alone;                            /* the only neuron of its sum */
} BlockPart;

typedef struct BlockMaker {
	TwSpecialized *c;
	const TwFastLayer *s;
	int n, cap;
	BlockPart *part; /* (n) */
	int *row;        /* (d_model) of out_t, from 1 */
	int *union_;     /* (out_t.n) columns that the neurons of a sum add to */
	double cost, budget;
} BlockMaker;

static int
by_shape(const void *a, const void *b)
{
	const BlockPart *x = a, *y = b;

	if (x->alone != y->alone)
		return x->alone - y->alone;
	if (x->terms != y->terms)
		return x->terms - y->terms;
	if (x->columns != y->columns)
		return x->columns - y->columns;
	int order = memcmp(x->column, y->column, sizeof x->column);
	return order ? order : x->sum - y->sum;
}

static bool
share_block(const BlockPart *a, const BlockPart *b)
{
	return a->alone && b->alone && a->terms == b->terms && a->columns == b->columns
	       && !memcmp(a->column, b->column, sizeof a->column);
}

static int
by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* The columns that the neurons of a sum add to, ascending. */
static int
columns_of_sum(BlockMaker *k, const TwStaircase *g)
{
	const TwAffine *out = &k->s->out;
	int n = 0;

	for (int t = out->start[g->first]; t < out->start[g->first + g->n]; t++) {
		int *row = &k->row[out->term[t].at];
		if (*row < 0)
			continue;
		k->union_[n++] = *row;
		*row = -*row;
	}
	for (int i = 0; i < n; i++)
		k->row[k->s->out_t_column[k->union_[i] - 1]] = k->union_[i];
	qsort(k->union_, (size_t)n, sizeof *k->union_, by_number);
	return n;
}

static void
add_parts(BlockMaker *k, int sum)
{
	const TwStaircase *g = &k->s->staircase[sum];
	int terms = k->s->linear.start[sum + 1] - k->s->linear.start[sum];
	int n = columns_of_sum(k, g);

	for (int i = 0; i < n && k->cost < k->budget; i += TW_BLOCK_COLUMNS) {
		int columns = n - i < TW_BLOCK_COLUMNS ? n - i : TW_BLOCK_COLUMNS;
		BlockPart p = {
			.sum = sum, .terms = terms, .columns = columns, .alone = g->n == 1
		};
		for (int j = 0; j < columns; j++)
			p.column[j] = k->union_[i + j] - 1;
		k->part = tw_pool_grow(&k->c->scratch, k->part, k->n, &k->cap, sizeof *k->part);
		k->part[k->n++] = p;
		k->cost += cost_of_term * terms + (double)g->n * (3 + columns);
	}
}

/* What whole matrices would cost. */
static double
cost_of_matrix(const TwAffine *f)
{
	return f->packed ? (double)f->n * f->width
	                 : cost_of_term * (f->n ? f->start[f->n] : 0) + 2 * f->n;
}

/* The numbers of one neuron: its bias, and what it adds to the columns. False if that is nothing.
 */
static bool
add_numbers(BlockMaker *k, TwNeuronBlocks *b, const BlockPart *p, int neuron, int *cap)
{
	const TwAffine *out = &k->s->out;
	float number[1 + TW_BLOCK_COLUMNS] = { k->s->bias[neuron] };
	bool any = false;

	for (int t = out->start[neuron]; t < out->start[neuron + 1]; t++)
		for (int i = 0; i < p->columns; i++)
			if (k->row[out->term[t].at] - 1 == p->column[i]) {
				number[1 + i] = out->term[t].w;
				any = true;
			}
	for (int i = 0; any && i < 1 + p->columns; i++) {
		b->number = tw_pool_grow(&k->c->pool, b->number, b->numbers, cap,
		                         sizeof *b->number);
		b->number[b->numbers++] = number[i];
	}
	return any;
}

static void
fill_blocks(BlockMaker *k, TwNeuronBlocks *b)
{
	const TwAffine *sums = &k->s->linear;
	int cap = 0, terms = 0;

	for (int i = 0; i < k->n; i++)
		terms += k->part[i].terms;
	b->block = TW_NEW(&k->c->pool, TwNeuronBlock, k->n + 1);
	b->term = TW_NEW(&k->c->pool, TwTerm, terms + 1);
	for (int i = 0; i < k->n; i++) {
		const BlockPart *p = &k->part[i];
		const TwStaircase *g = &k->s->staircase[p->sum];
		if (!i || !share_block(p, p - 1)) {
			TwNeuronBlock *new = &b->block[b->n++];
			*new = (TwNeuronBlock){ .terms = p->terms, .columns = p->columns };
			memcpy(new->column, p->column, sizeof new->column);
		}
		TwNeuronBlock *to = &b->block[b->n - 1];
		to->sums++;
		to->neurons = 0;
		for (int n = g->first; n < g->first + g->n; n++)
			to->neurons += add_numbers(k, b, p, n, &cap);
		memcpy(b->term + b->terms, sums->term + sums->start[p->sum],
		       (size_t)p->terms * sizeof *b->term);
		b->terms += p->terms;
	}
}

void
tw_make_neuron_blocks(TwSpecialized *c, TwFastLayer *s)
{
	BlockMaker k = { .c = c, .s = s };
	const TwAffine *out = &s->out_t;

	k.row = TW_NEW(&c->scratch, int, c->m->d_model);
	k.union_ = TW_NEW(&c->scratch, int, out->n);
	for (int i = 0; i < out->n; i++)
		k.row[s->out_t_column[i]] = i + 1;
	k.budget = cost_of_matrix(&s->linear) + 4 * s->nneuron + cost_of_matrix(out);
	for (int i = 0; i < s->linear.n && k.cost < k.budget; i++)
		add_parts(&k, i);
	if (k.n && k.cost < k.budget) {
		qsort(k.part, (size_t)k.n, sizeof *k.part, by_shape);
		fill_blocks(&k, &s->blocks);
	}
	tw_pool_free(&c->scratch);
}
