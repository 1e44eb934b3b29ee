/* Making the fast path from a model's weights: see specialize.h for what it is. Neurons are
 * grouped by the sum that they share (hash of the row, then equality), staircases become
 * tables, matrices are transposed where the transposed order visits fewer terms, and the
 * state of a session is laid out. head_lookup.c does the heads. */

#include "runtime/specialize.h"
#include "runtime/json.h"
#include "runtime/delta.h"
#include "runtime/load.h"
#include "runtime/onnx_graph.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- affine maps */

static void
append_term(TwPool *p, TwAffine *f, int at, float w)
{
	int n = f->start[f->n];

	f->term = tw_pool_grow(p, f->term, n, &f->capterm, sizeof *f->term);
	f->term[n] = (TwTerm){ at, w };
	f->start[f->n] = n + 1;
}

/* Row f->n - 1, still without terms. */
static void
begin_row(TwPool *p, TwAffine *f, float bias)
{
	f->start = tw_pool_grow(p, f->start, f->n ? f->n + 1 : 0, &f->capstart, sizeof *f->start);
	f->bias = tw_pool_grow(p, f->bias, f->n, &f->caprow, sizeof *f->bias);
	f->term = f->term ? f->term : tw_pool_grow(p, NULL, 0, &f->capterm, sizeof *f->term);
	f->bias[f->n] = bias;
	f->start[f->n + 1] = f->start[f->n];
	f->n++;
}

void
tw_affine_add(TwPool *p, TwAffine *f, const float *w, size_t stride, int n, float bias)
{
	begin_row(p, f, bias);
	for (int i = 0; i < n; i++)
		if (w[(size_t)i * stride] != 0)
			append_term(p, f, i, w[(size_t)i * stride]);
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

/* ---- neurons: those with the same sum before bias and ReLU together, by threshold */

typedef struct Neuron {
	int row, sum; /* its number in the file; its row of linear */
	float bias;
} Neuron;

static int
by_threshold(const void *a, const void *b)
{
	const Neuron *x = a, *y = b;

	if (x->sum != y->sum)
		return x->sum < y->sum ? -1 : 1;
	if (x->bias != y->bias)
		return x->bias > y->bias ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

/* Open addressing: slot[h] is the number of a row + 1, or 0. */
typedef struct HashTable {
	int *slot, size;
} HashTable;

static uint32_t
hash_row(const TwAffine *f, int i)
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

/* The last row, or the earlier one that is equal. */
static int
unique_row(TwAffine *f, HashTable *t)
{
	int last = f->n - 1;
	uint32_t i = hash_row(f, last);

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

/* In scratch memory. */
static Neuron *
sort_neurons(TwSpecialized *c, TwFastLayer *s, const TwLayer *l)
{
	Neuron *list = TW_NEW(&c->scratch, Neuron, l->neurons);
	HashTable t = { .size = 16 };

	while (t.size < 2 * l->neurons)
		t.size *= 2;
	t.slot = TW_NEW(&c->scratch, int, t.size);
	for (int i = 0; i < l->neurons; i++) {
		tw_affine_add(&c->pool, &s->linear, l->w1 + i, (size_t)l->neurons, c->m->d_model,
		              0);
		list[i] = (Neuron){ i, unique_row(&s->linear, &t), l->b1[i] };
	}
	qsort(list, (size_t)l->neurons, sizeof *list, by_threshold);
	return list;
}

/* ---- a staircase as a table
 *
 * Neurons of one sum u add sum of w relu(u + b) to a column: a piecewise linear function of
 * u, slope * u + height between two thresholds -b. Which piece u lies in is looked up.
 * Slopes and heights are integers far below 2^53, so in double the result is exact, as it
 * is in float where the compiler proved that no partial sum leaves 2^24. */

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

/* Limits that no honest file comes near: of work, some seconds; of a table. */
static const double most_effort = 1e9;
enum { MOST_STEPS = 60000, MOST_RANGE = 1 << 16, MOST_CELLS = 1 << 25 };

static void
tabulate_staircase(TwSpecialized *c, TwFastLayer *s, TwStaircase *g)
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

/* The transpose: a row for each of d columns that has a term or a bias. */
static TwAffine
transpose_rows(TwSpecialized *c, const TwAffine *f, const float *bias, int **column)
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
		begin_row(p, &by, b);
		(*column)[by.n - 1] = i;
		at[i] = by.term + n;
		by.start[by.n] = n += count[i];
	}
	for (int i = 0; i < f->n; i++)
		for (int t = f->start[i]; t < f->start[i + 1]; t++)
			*at[f->term[t].at]++ = (TwTerm){ i, f->term[t].w };
	return by;
}

/* Most sums are of one neuron: they begin with its bias. */
static void
set_single_neurons_apart(TwSpecialized *c, TwFastLayer *s)
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

static void
specialize_neurons(TwSpecialized *c, TwFastLayer *s, const TwLayer *l)
{
	TwPool *p = &c->pool;
	Neuron *list = sort_neurons(c, s, l);

	s->nneuron = l->neurons;
	s->sum = TW_NEW(p, int, l->neurons);
	s->bias = TW_NEW(p, float, l->neurons);
	s->staircase = TW_NEW(p, TwStaircase, s->linear.n);
	for (int i = 0; i < l->neurons; i++) {
		TwStaircase *g = &s->staircase[list[i].sum];
		if (!g->n++)
			g->first = i;
		s->sum[i] = list[i].sum;
		s->bias[i] = list[i].bias;
		tw_affine_add(p, &s->out, l->w2 + (size_t)list[i].row * (size_t)c->m->d_model, 1,
		              c->m->d_model, 0);
	}
	tw_pool_free(&c->scratch);
	for (int i = 0; i < s->linear.n; i++)
		tabulate_staircase(c, s, &s->staircase[i]);
	set_single_neurons_apart(c, s);
	s->linear_t = transpose_rows(c, &s->linear, NULL, &s->linear_t_column);
	s->out_t = transpose_rows(c, &s->out, l->b2, &s->out_t_column);
	tw_affine_pack(p, &s->linear, c->m->d_model);
	tw_affine_pack(p, &s->out_t, l->neurons);
	tw_make_neuron_blocks(c, s);
}

/* ---- the embedding and the outputs */

/* Row r of digit n, as a row over the stream. */
static void
add_place_row(TwSpecialized *c, int n, int r)
{
	const TwModel *m = c->m;
	size_t d = (size_t)m->d_model;

	if (!m->by_digits) {
		tw_affine_add(&c->pool, &c->place, m->embed_position + (size_t)r * d, 1, m->d_model,
		              0);
		return;
	}
	const TwPlacePart *part = &m->part[n];
	float *row = TW_NEW(&c->scratch, float, m->d_model);
	for (int i = 0; i < part->ncolumn; i++)
		row[part->column[i]] = part->table[r * part->ncolumn + i];
	tw_affine_add(&c->pool, &c->place, row, 1, m->d_model, 0);
	tw_pool_free(&c->scratch);
}

/* From so many rows on a table is larger than the nearest caches. */
enum { SPLIT_ROWS = 1024 };

/* Is row `row` of the table the sum of rows low and high, less row 0, all of them whole numbers? */
static bool
adds_up(const float *table, size_t d, int row, int low, int high)
{
	for (size_t i = 0; i < d; i++) {
		double x = (double)table[(size_t)row * d + i],
		       sum = (double)table[(size_t)low * d + i]
		             + (double)table[(size_t)high * d + i] - (double)table[i];
		if (x != sum || x != rint(x) || fabs(x) >= 1 << 22)
			return false;
	}
	return true;
}

static void
add_split_rows(TwSpecialized *c, TwSplitField *s, const float *table, int rows)
{
	size_t d = (size_t)c->m->d_model;
	float *row = TW_NEW(&c->scratch, float, d);

	s->high = c->token.n;
	for (int v = 0; v < rows; v += 1 << s->shift)
		tw_affine_add(&c->pool, &c->token, table + (size_t)v * d, 1, c->m->d_model, 0);
	s->low = c->token.n;
	for (int v = 0; v < 1 << s->shift; v++) {
		for (size_t i = 0; i < d; i++)
			row[i] = table[(size_t)v * d + i] - table[i];
		tw_affine_add(&c->pool, &c->token, row, 1, c->m->d_model, 0);
	}
	tw_pool_free(&c->scratch);
}

/* Splits a field's rows, if they are sums of two. */
static void
split_field(TwSpecialized *c, int f)
{
	const TwModel *m = c->m;
	const float *table = m->embed_token + (size_t)m->first[f] * (size_t)m->d_model;
	int rows = m->first[f + 1] - m->first[f], shift = 1;

	while (1 << 2 * shift < rows)
		shift++;
	if (rows < SPLIT_ROWS)
		return;
	for (int v = 0; v < rows; v++)
		if (!adds_up(table, (size_t)m->d_model, v, v & ((1 << shift) - 1),
		             v >> shift << shift))
			return;
	c->split[f].shift = shift;
	add_split_rows(c, &c->split[f], table, rows);
}

static void
find_bits_of_digit(TwSpecialized *c, int n)
{
	const TwPlaceDigit *d = &c->digit[n];
	int shift = 0;

	while (shift < 30 && 1 << shift < d->divide)
		shift++;
	bool bits = 1 << shift == d->divide && !(d->modulo & (d->modulo - 1)) && !d->saturate;
	c->digit_shift[n] = shift;
	c->digit_mask[n] = bits ? d->modulo - 1 : -1;
}

static void
specialize_embedding(TwSpecialized *c)
{
	const TwModel *m = c->m;
	size_t d = (size_t)m->d_model;

	for (int i = 0; i < m->ninput; i++)
		tw_affine_add(&c->pool, &c->token, m->embed_input + (size_t)i * d, 1, m->d_model,
		              0);
	for (int i = 0; i < m->nvocab + 2 && !m->ninput; i++)
		tw_affine_add(&c->pool, &c->token, m->embed_token + (size_t)i * d, 1, m->d_model,
		              0);
	c->split = TW_NEW(&c->pool, TwSplitField, m->nfield);
	for (int f = 0; f < m->nfield && !m->ninput; f++)
		split_field(c, f);
	c->ndigit = m->by_digits ? m->npart : 1;
	c->digit = TW_NEW(&c->pool, TwPlaceDigit, c->ndigit);
	c->digit_row = TW_NEW(&c->pool, int, c->ndigit + 1);
	c->digit_shift = TW_NEW(&c->pool, int, c->ndigit);
	c->digit_mask = TW_NEW(&c->pool, int, c->ndigit);
	for (int n = 0; n < c->ndigit; n++) {
		c->digit[n] = m->by_digits ? m->part[n].digit
		                           : (TwPlaceDigit){ 0, 1, m->context + 1, false };
		for (int r = 0; r < c->digit[n].modulo; r++)
			add_place_row(c, n, r);
		c->digit_row[n + 1] = c->place.n;
		find_bits_of_digit(c, n);
	}
}

static void
specialize_labels(TwSpecialized *c)
{
	c->label_at = TW_NEW(&c->pool, int, c->m->nlabel + 1);
	for (int i = 0; i < c->m->nlabel; i++) {
		const TwLabel *l = &c->m->label[i];
		c->label_at[i] = c->label.n;
		for (int j = 0; j < l->columns; j++)
			tw_affine_add(&c->pool, &c->label, l->w + j, (size_t)l->columns,
			              c->m->d_model, l->b[j]);
	}
	tw_affine_pack(&c->pool, &c->label, c->m->d_model);
}

/* ---- a session's state: first what a new text sets back */

static uint64_t
fixed_size(const TwHead *h)
{
	switch (h->lookup) {
	case TW_LOOKUP_OFFSET: return (uint64_t)h->back * (uint64_t)h->nvalue;
	case TW_LOOKUP_ARGMAX: /* best, second, value; the same of <bos>, without second */
		return 3 + 2 * (uint64_t)h->nvalue;
	case TW_LOOKUP_KEYED:
	case TW_LOOKUP_MEAN: return tw_key_table_size();
	default: return 0;
	}
}

/* TW_LOOKUP_PLACE: value; _KEYED and _MEAN: an entry of the table of keys; _SOFTMAX: key, value. */
static uint64_t
size_at_place(const TwHead *h)
{
	switch (h->lookup) {
	case TW_LOOKUP_PLACE: return (uint64_t)h->nvalue;
	case TW_LOOKUP_KEYED:
	case TW_LOOKUP_MEAN: return TW_ENTRY_VALUE + (uint64_t)h->nvalue + (h->window.order != 0);
	case TW_LOOKUP_SOFTMAX: return (uint64_t)h->nkey + (uint64_t)h->nvalue;
	default: return 0;
	}
}

/* More than any session may have, and far from overflowing. */
static const uint64_t most_state = (uint64_t)1 << 50;

static uint64_t
add_state(uint64_t state, uint64_t size)
{
	return state + size < most_state ? state + size : most_state;
}

static uint64_t
lay_out_keys(TwHead *h, uint64_t at, uint64_t places)
{
	h->index = (size_t)at;
	at = add_state(at, tw_key_index_size(h));
	h->slots = (size_t)at;
	at = add_state(at, places * TW_SLOTS);
	h->keys = (size_t)at;
	return add_state(at, places * (uint64_t)h->nkey);
}

uint64_t
tw_lay_out_heads(const TwSpecialized *c, TwHead **head, int n, uint64_t *initial)
{
	uint64_t places = ((uint64_t)c->m->context + TW_LANES) / TW_LANES * TW_LANES, at = 0;

	for (int i = 0; i < n; i++) {
		head[i]->state = (size_t)at;
		at = add_state(at, fixed_size(head[i]));
	}
	*initial = at;
	for (int i = 0; i < n; i++) {
		TwHead *h = head[i];
		if (h->lookup == TW_LOOKUP_SOFTMAX) /* in blocks: see cached_key */
			at = (at + TW_LANES - 1) / TW_LANES * TW_LANES;
		h->places = (size_t)at;
		at = add_state(at, places * size_at_place(h));
		if (h->lookup == TW_LOOKUP_KEYED || h->lookup == TW_LOOKUP_MEAN)
			at = lay_out_keys(h, at, places);
	}
	return at;
}

static void
lay_out_state(TwSpecialized *c)
{
	int all = 0, n = 0;

	for (int i = 0; i < c->m->nlayer; i++)
		all += c->layer[i].nhead;
	TwHead **head = TW_NEW(&c->scratch, TwHead *, all);
	for (int i = 0; i < c->m->nlayer; i++)
		for (int j = 0; j < c->layer[i].nhead; j++) {
			head[n++] = &c->layer[i].head[j];
			c->any = c->any || head[n - 1]->lookup == TW_LOOKUP_SOFTMAX;
		}
	c->state = tw_lay_out_heads(c, head, n, &c->initial);
	c->in_lanes = c->m->emits && !c->m->nlabel && !c->m->bidirectional && !c->any;
	tw_pool_free(&c->scratch);
}

/* ---- */

static int
larger_int(int a, int b)
{
	return a > b ? a : b;
}

static int
repeated_input(const TwAffine *f)
{
	return f->packed ? f->width * TW_TILE + 3 * TW_LANES : 0;
}

static void
specialize_layers(TwSpecialized *c)
{
	c->layer = TW_NEW(&c->pool, TwFastLayer, c->m->nlayer);
	for (int n = 0; n < c->m->nlayer; n++) {
		TwFastLayer *s = &c->layer[n];
		const TwLayer *l = &c->m->layer[n];
		if (l->neurons)
			specialize_neurons(c, s, l);
		tw_find_lookups(c, n);
		tw_affine_pack(&c->pool, &s->project, c->m->d_model);
		c->qkv = larger_int(c->qkv, s->project.n);
		c->linear = larger_int(c->linear, s->linear.n);
		c->neuron = larger_int(c->neuron, larger_int(s->nneuron, s->out_t.n));
		c->repeated = larger_int(c->repeated, repeated_input(&s->project));
		c->repeated = larger_int(c->repeated, repeated_input(&s->linear));
		c->repeated = larger_int(c->repeated, repeated_input(&s->out_t));
		c->repeated = larger_int(c->repeated, repeated_input(&c->label));
	}
}

static void
specialize_model(void *specialized)
{
	TwSpecialized *c = specialized;

	if (c->m->emits)
		tw_specialize_logits(c);
	specialize_labels(c);
	specialize_embedding(c);
	c->place_of = TW_NEW(&c->pool, int, c->m->d_model);
	specialize_layers(c);
	lay_out_state(c);
	tw_plan_delta(c);
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
	bool read = tw_read_certificate(c, error);
	if (read && !tw_protect(&c->pool, &c->scratch, specialize_model, c))
		tw_refuse(error, "out of memory");
	else if (read && tw_check_claims(c, error))
		return c;
	tw_specialized_free(c);
	return NULL;
}

void
tw_specialized_free(TwSpecialized *c)
{
	if (!c)
		return;
	tw_pool_free(&c->pool);
	tw_pool_free(&c->scratch);
	cJSON_Delete(c->certificate);
	free(c);
}

/* ---- what is in it */

static long
nterm(const TwAffine *f)
{
	return f->n ? f->start[f->n] : 0;
}

/* The terms of the longest row, where a token reads one of them. */
static long
longest_row(const TwAffine *f)
{
	int most = 0;

	for (int i = 0; i < f->n; i++)
		most = larger_int(most, f->start[i + 1] - f->start[i]);
	return most;
}

static long
layer_reads(const TwFastLayer *s)
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

TwCost
tw_cost(const TwModel *m)
{
	TwCost cost = { .weights = m->nweight, .nonzeros = m->nnonzero };
	const TwSpecialized *c = m->specialized;

	if (!c) {
		cost.reads = cost.nonzeros;
		return cost;
	}
	cost.reads = longest_row(&c->token) + longest_row(&c->place) + nterm(&c->logit)
	             + nterm(&c->label);
	for (int n = 0; n < m->nlayer; n++)
		cost.reads += layer_reads(&c->layer[n]);
	return cost;
}
