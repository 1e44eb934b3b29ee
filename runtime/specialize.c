#include "runtime/specialize.h"
#include "runtime/load.h"
#include "runtime/onnx_graph.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- lists of terms */

static void *
grow_pooled(TwPool *p, void *old, int n, int cap, size_t size)
{
	void *more = tw_pool_alloc(p, (size_t)cap, size);

	if (n)
		memcpy(more, old, (size_t)n * size);
	return more;
}

static void
append_term(TwPool *p, TwAffine *f, int at, float w)
{
	int n = f->start[f->n];

	if (n == f->capterm) {
		f->capterm = 2 * n + 16;
		f->term = grow_pooled(p, f->term, n, f->capterm, sizeof *f->term);
	}
	f->term[n] = (TwTerm){ at, w };
	f->start[f->n] = n + 1;
}

/* Begins list f->n; end_form makes it one of the n. */
static void
begin_form(TwPool *p, TwAffine *f, float bias)
{
	if (f->n + 1 >= f->cap) {
		int cap = 2 * f->cap + 8;
		f->start = grow_pooled(p, f->start, f->cap ? f->n + 1 : 0, cap + 1,
		                       sizeof *f->start);
		f->bias = grow_pooled(p, f->bias, f->n, cap, sizeof *f->bias);
		f->cap = cap;
	}
	if (!f->term) /* a list without terms begins somewhere, too */
		f->term = TW_NEW(p, TwTerm, 1);
	f->bias[f->n] = bias;
	f->start[f->n + 1] = f->start[f->n];
	f->n++;
}

static void
put_term(TwPool *p, TwAffine *f, int at, float w)
{
	if (w != 0)
		append_term(p, f, at, w);
}

void
tw_affine_add(TwPool *p, TwAffine *f, const float *w, size_t stride, int n, float bias)
{
	begin_form(p, f, bias);
	for (int i = 0; i < n; i++)
		put_term(p, f, i, w[(size_t)i * stride]);
}

static bool
same_terms(const TwAffine *f, int a, int b)
{
	int n = f->start[a + 1] - f->start[a];

	if (n != f->start[b + 1] - f->start[b])
		return false;
	const TwTerm *x = f->term + f->start[a], *y = f->term + f->start[b];
	for (int i = 0; i < n; i++)
		if (x[i].at != y[i].at || x[i].w != y[i].w)
			return false;
	return true;
}

/* ---- neurons: those with the same linear part together, by threshold */

typedef struct Neuron {
	int row, part; /* in the file; of linear */
	float bias;
} Neuron;

static int
by_threshold(const void *a, const void *b)
{
	const Neuron *x = a, *y = b;

	if (x->part != y->part)
		return x->part < y->part ? -1 : 1;
	if (x->bias != y->bias)
		return x->bias > y->bias ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

typedef struct Table {
	int *slot, size;
} Table;

static uint32_t
hash_form(const TwAffine *f, int i)
{
	uint32_t h = 2166136261u;

	for (int t = f->start[i]; t < f->start[i + 1]; t++) {
		uint32_t w;
		memcpy(&w, &f->term[t].w, sizeof w);
		h = (h ^ (uint32_t)f->term[t].at) * 16777619u;
		h = (h ^ w ^ w >> 15) * 16777619u;
	}
	return h ^ h >> 16;
}

/* The last list, or the earlier one that is equal. */
static int
unique_form(TwAffine *f, Table *t)
{
	int last = f->n - 1;
	uint32_t i = hash_form(f, last);

	for (;; i++) {
		int *slot = &t->slot[i & (uint32_t)(t->size - 1)];
		if (!*slot) {
			*slot = last + 1;
			return last;
		}
		if (same_terms(f, *slot - 1, last)) {
			f->n--;
			return *slot - 1;
		}
	}
}

static Neuron *
sort_neurons(TwSpecialized *c, TwFastLayer *s, const TwLayer *l)
{
	Neuron *list = calloc((size_t)l->neurons + 1, sizeof *list);
	Table t = { .size = 16 };

	while (t.size < 2 * l->neurons)
		t.size *= 2;
	t.slot = calloc((size_t)t.size, sizeof *t.slot);
	for (int i = 0; list && t.slot && i < l->neurons; i++) {
		tw_affine_add(&c->pool, &s->linear, l->w1 + i, (size_t)l->neurons, c->m->d_model,
		              0);
		list[i] = (Neuron){ i, unique_form(&s->linear, &t), l->b1[i] };
	}
	if (list && t.slot)
		qsort(list, (size_t)l->neurons, sizeof *list, by_threshold);
	else
		free(list), list = NULL;
	free(t.slot);
	return list;
}

/* ---- a staircase as a table
 *
 * Between two thresholds, sum of w relu(u + b) is slope * u + height. Slopes and
 * heights are integers far below 2^53, so in double the result is the exact one,
 * as it is in float where the compiler proved that no partial sum leaves 2^24. */

static void
collect_columns(TwSpecialized *c, TwFastLayer *s, TwStaircase *g)
{
	int terms = s->out.start[g->first + g->n] - s->out.start[g->first];

	g->out = TW_NEW(&c->pool, int, terms < c->m->d_model ? terms : c->m->d_model);
	for (int t = s->out.start[g->first]; t < s->out.start[g->first + g->n]; t++) {
		int column = s->out.term[t].at;
		int i = c->place_of[column];
		if (i >= g->nout || g->out[i] != column) {
			c->place_of[column] = g->nout;
			g->out[g->nout++] = column;
		}
	}
}

static bool
fill_lines(TwSpecialized *c, TwFastLayer *s, TwStaircase *g)
{
	size_t width = 2 * (size_t)g->nout;
	bool ok = true;

	g->line = TW_NEW(&c->pool, double, (size_t)(g->n + 1) * width);
	for (int i = 0; i < g->n; i++) {
		double *line = g->line + (size_t)(i + 1) * width, b = (double)s->bias[g->first + i];
		memcpy(line, line - width, width * sizeof *line);
		for (int t = s->out.start[g->first + i]; t < s->out.start[g->first + i + 1]; t++) {
			double *at = line + 2 * c->place_of[s->out.term[t].at],
			       w = (double)s->out.term[t].w;
			at[0] += w;
			at[1] += w * b;
			ok = ok && tw_is_exact_integer(at[0]) && tw_is_exact_integer(at[1])
			     && tw_is_exact_integer(w);
		}
	}
	return ok;
}

/* segment[i]: how many thresholds -b are below low + i. */
static void
fill_segments(TwSpecialized *c, const TwFastLayer *s, TwStaircase *g)
{
	int n = 0;

	g->segment = TW_NEW(&c->pool, uint16_t, g->range + 1);
	for (int i = 0; i <= g->range; i++) {
		while (n < g->n && -s->bias[g->first + n] < (float)(g->low + i))
			n++;
		g->segment[i] = (uint16_t)n;
	}
}

/* What a file that means no harm stays far below: some seconds, and 64 MB. */
static const double most_effort = 1e9;
enum { MOST_STEPS = 60000, MOST_RANGE = 1 << 16, MOST_CELLS = 1 << 25 };

static void
make_steps(TwSpecialized *c, TwFastLayer *s, TwStaircase *g)
{
	const float *b = s->bias + g->first;
	double low = -(double)b[0], high = -(double)b[g->n - 1];
	int terms = s->out.start[g->first + g->n] - s->out.start[g->first];

	if (g->n < 3 || g->n > MOST_STEPS || high - low > MOST_RANGE || fabs(low) > 1e9
	    || high - low > (double)c->table_budget)
		return;
	for (int i = 0; i < g->n; i++)
		if (!tw_is_exact_integer((double)b[i]))
			return;
	collect_columns(c, s, g);
	double cells = (double)g->n * g->nout;
	if (cells > 16.0 * terms + 256 || !fill_lines(c, s, g)) {
		g->nout = 0;
		return;
	}
	g->low = (int)low;
	g->range = (int)(high - low) + 1;
	c->table_budget -= g->range;
	fill_segments(c, s, g);
}

/* Lists once more, turned: one for each of d columns that has a term or a bias. */
static TwAffine
turn(TwSpecialized *c, const TwAffine *f, const float *bias, int **column)
{
	TwPool *p = &c->pool;
	int d = c->m->d_model, *count = TW_NEW(p, int, d + 1);
	TwTerm **at = TW_NEW(p, TwTerm *, d + 1);
	TwAffine by = { .term = TW_NEW(p, TwTerm, f->start[f->n] + 1) };

	for (int t = 0; t < f->start[f->n]; t++)
		count[f->term[t].at]++;
	*column = TW_NEW(p, int, d);
	for (int i = 0, n = 0; i < d; i++) {
		float b = bias ? bias[i] : 0;
		if (!count[i] && b == 0)
			continue;
		begin_form(p, &by, b);
		(*column)[by.n - 1] = i;
		at[i] = by.term + n;
		by.start[by.n] = n += count[i];
	}
	for (int i = 0; i < f->n; i++)
		for (int t = f->start[i]; t < f->start[i + 1]; t++)
			*at[f->term[t].at]++ = (TwTerm){ i, f->term[t].w };
	return by;
}

/* Most linear parts are of one neuron: their sums begin with its bias. */
static void
set_apart(TwSpecialized *c, TwFastLayer *s)
{
	s->base = TW_NEW(&c->pool, float, s->linear.n);
	s->shared = TW_NEW(&c->pool, int, s->linear.n);
	for (int i = 0; i < s->linear.n; i++) {
		if (s->staircase[i].n == 1)
			s->base[i] = s->bias[s->staircase[i].first];
		else
			s->shared[s->nshared++] = i;
	}
}

static bool
code_neurons(TwSpecialized *c, TwFastLayer *s, const TwLayer *l)
{
	TwPool *p = &c->pool;
	Neuron *list = sort_neurons(c, s, l);

	if (!list)
		return false;
	s->nneuron = l->neurons;
	s->part = TW_NEW(p, int, l->neurons);
	s->bias = TW_NEW(p, float, l->neurons);
	s->staircase = TW_NEW(p, TwStaircase, s->linear.n);
	for (int i = 0; i < l->neurons; i++) {
		TwStaircase *g = &s->staircase[list[i].part];
		if (!g->n++)
			g->first = i;
		s->part[i] = list[i].part;
		s->bias[i] = list[i].bias;
		tw_affine_add(p, &s->out, l->w2 + (size_t)list[i].row * (size_t)c->m->d_model, 1,
		              c->m->d_model, 0);
	}
	free(list);
	for (int i = 0; i < s->linear.n; i++)
		make_steps(c, s, &s->staircase[i]);
	set_apart(c, s);
	s->linear_t = turn(c, &s->linear, NULL, &s->linear_t_column);
	s->out_t = turn(c, &s->out, l->b2, &s->out_t_column);
	return true;
}

/* ---- the outputs */

/* Row r of the logits is scale * an earlier linear part; usually all are of one. */
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
code_logits(TwSpecialized *c)
{
	const TwModel *m = c->m;
	TwAffine *f = &c->logit;
	int rows = m->nvocab + 2;

	c->logit_part = TW_NEW(&c->pool, int, rows);
	c->logit_scale = TW_NEW(&c->pool, float, rows);
	for (int r = 0; r < rows; r++) {
		tw_affine_add(&c->pool, f, m->head_w + r, (size_t)rows, m->d_model, 0);
		int last = f->n - 1, base = last > 3 ? last - 3 : 0;
		c->logit_part[r] = last;
		c->logit_scale[r] = 1;
		if (f->start[last] == f->start[last + 1]) {
			c->logit_part[r] = -1;
			f->n--;
			continue;
		}
		for (; base < last; base++)
			if (is_multiple_of_row(f, base, last, &c->logit_scale[r])) {
				c->logit_part[r] = base;
				f->n--;
				break;
			}
		if (c->logit_part[r] == last)
			c->logit_scale[r] = 1;
	}
}

static void
code_embedding(TwSpecialized *c)
{
	const TwModel *m = c->m;
	size_t d = (size_t)m->d_model;

	for (int i = 0; i < m->nvocab + 2; i++)
		tw_affine_add(&c->pool, &c->token, m->embed_token + (size_t)i * d, 1, m->d_model,
		              0);
	for (int i = 0; i <= m->context; i++)
		tw_affine_add(&c->pool, &c->place, m->embed_position + (size_t)i * d, 1, m->d_model,
		              0);
}

static void
code_labels(TwSpecialized *c)
{
	c->label_at = TW_NEW(&c->pool, int, c->m->nlabel + 1);
	for (int i = 0; i < c->m->nlabel; i++) {
		const TwLabel *l = &c->m->label[i];
		c->label_at[i] = c->label.n;
		for (int j = 0; j < l->columns; j++)
			tw_affine_add(&c->pool, &c->label, l->w + j, (size_t)l->columns,
			              c->m->d_model, l->b[j]);
	}
}

/* ---- a session's state: first what a new text sets back */

static size_t
small_size(const TwHead *h)
{
	switch (h->lookup) {
	case TW_LOOKUP_OFFSET: return (size_t)h->back * (size_t)h->nvalue;
	case TW_LOOKUP_ARGMAX: /* best, second, value; the same of <bos>, without second */
		return 3 + 2 * (size_t)h->nvalue;
	case TW_LOOKUP_KEYED: /* how many keys */
	case TW_LOOKUP_MEAN: return 1;
	default: return 0;
	}
}

/* TW_KEYED: key, best, second, value; TW_MEAN: key, best, how many, sum of values;
 * TW_ANY: key, value. */
static size_t
place_size(const TwHead *h)
{
	size_t n = (size_t)h->nkey + (size_t)h->nvalue;

	return h->lookup == TW_LOOKUP_KEYED || h->lookup == TW_LOOKUP_MEAN ? n + 2
	       : h->lookup == TW_LOOKUP_SOFTMAX                            ? n
	                                                                   : 0;
}

static void
lay_out_state(TwSpecialized *c)
{
	double places = c->m->context + 1;

	for (int n = 0; n < c->m->nlayer; n++)
		for (int i = 0; i < c->layer[n].nhead; i++) {
			TwHead *h = &c->layer[n].head[i];
			h->state = c->initial;
			c->initial += small_size(h);
		}
	c->state = (double)c->initial;
	for (int n = 0; n < c->m->nlayer; n++)
		for (int i = 0; i < c->layer[n].nhead; i++) {
			TwHead *h = &c->layer[n].head[i];
			h->places = (size_t)c->state;
			c->state += places * (double)place_size(h);
			c->any = c->any || h->lookup == TW_LOOKUP_SOFTMAX;
			c->fixed_state = c->fixed_state && !place_size(h);
			if (c->state > 1e15)
				c->state = 1e15;
		}
}

/* ---- */

static int
larger_int(int a, int b)
{
	return a > b ? a : b;
}

static bool
code_layers(TwSpecialized *c)
{
	c->layer = TW_NEW(&c->pool, TwFastLayer, c->m->nlayer);
	c->fixed_state = c->m->emits && !c->m->nlabel && c->m->nfield == 1;
	for (int n = 0; n < c->m->nlayer; n++) {
		TwFastLayer *s = &c->layer[n];
		const TwLayer *l = &c->m->layer[n];
		if (l->neurons && !code_neurons(c, s, l))
			return false;
		tw_find_lookups(c, n);
		c->qkv = larger_int(c->qkv, s->project.n);
		c->linear = larger_int(c->linear, s->linear.n);
		c->neuron = larger_int(c->neuron, s->nneuron);
	}
	return true;
}

TwSpecialized *
tw_specialize(const TwModel *m, char **error)
{
	TwSpecialized *c = calloc(1, sizeof *c);

	if (!c) {
		tw_refuse(error, "out of memory");
		return NULL;
	}
	c->m = m;
	c->budget = most_effort;
	c->table_budget = MOST_CELLS;
	if (m->bidirectional)
		return c; /* dense.c runs it */
	if (m->emits)
		code_logits(c);
	code_labels(c);
	code_embedding(c);
	c->place_of = TW_NEW(&c->pool, int, m->d_model);
	if (code_layers(c) && tw_check_claims(c, error)) {
		lay_out_state(c);
		return c;
	}
	tw_refuse(error, "out of memory");
	tw_specialized_free(c);
	return NULL;
}

void
tw_specialized_free(TwSpecialized *c)
{
	if (c)
		tw_pool_free(&c->pool);
	free(c);
}

/* ---- what is in it */

static long
nterm(const TwAffine *f)
{
	return f->n ? f->start[f->n] : 0;
}

/* The longest of some lists that exclude each other. */
static long
longest_row(const TwAffine *f)
{
	int most = 0;

	for (int i = 0; i < f->n; i++)
		most = larger_int(most, f->start[i + 1] - f->start[i]);
	return most;
}

static long
stage_reads(const TwFastLayer *s)
{
	long n = nterm(&s->project) + nterm(&s->linear);

	for (int i = 0; i < s->nhead; i++)
		n += nterm(&s->head[i].out);
	for (int i = 0; i < s->linear.n; i++) {
		const TwStaircase *g = &s->staircase[i];
		n += g->nout ? 2 * g->nout : s->out.start[g->first + g->n] - s->out.start[g->first];
	}
	return n;
}

static void
count_stored(const TwModel *m, TwCost *cost)
{
	TwPool scratch = { 0 };
	TwWeight *w;
	int n = tw_weights(&scratch, (TwModel *)m, &w); /* it is only read */

	for (int i = 0; i < n; i++) {
		int64_t size = tw_elements(w[i].ndim, w[i].dim);
		cost->weights += size;
		for (int64_t j = 0; j < size; j++)
			cost->nonzeros += (*w[i].data)[j] != 0;
	}
	tw_pool_free(&scratch);
}

TwCost
tw_cost(const TwModel *m)
{
	TwCost cost = { 0 };
	const TwSpecialized *c = m->specialized;

	count_stored(m, &cost);
	if (!c || m->bidirectional) {
		cost.reads = cost.nonzeros;
		return cost;
	}
	cost.reads = longest_row(&c->token) + longest_row(&c->place) + nterm(&c->logit)
	             + nterm(&c->label);
	for (int n = 0; n < m->nlayer; n++)
		cost.reads += stage_reads(&c->layer[n]);
	return cost;
}
