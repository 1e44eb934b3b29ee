/* What delta.h needs, from a model's weights: maps of integers, the sums of all layers behind one
 * another, and the base from which a token is computed where there is no other. A model that is not
 * of whole numbers, or whose heads read what earlier layers have written, is left as it is.
 *
 * Such a head reads x wv wo of a place, and x is the embedding, a sum of a row for each field: so
 * wo wv of each row is worked out here, once. */

#include "runtime/delta_plan.h"

#include <math.h>
#include <string.h>

/* Of one weight, or a number that is made of some; of places; of sums in a block. */
enum { MOST_WEIGHT = 1 << 30, MOST_PLACES = 1 << 24 };
enum { MOST_GRAIN = 1 << 14 };
/* Numbers of all slots, and slots. */
enum { MOST_KEPT = 1 << 24, MOST_SLOTS = 1 << 12 };

/* ---- maps */

static int
take_integer(PlanMaker *k, double w)
{
	if (w == rint(w) && fabs(w) < MOST_WEIGHT)
		return (int)w;
	k->ok = false;
	return 0;
}

void
tw_add_integer(PlanMaker *k, int row, int at, double w)
{
	if (w == 0 || !k->ok)
		return;
	k->t = tw_pool_grow(&k->c->scratch, k->t, k->n, &k->cap, sizeof *k->t);
	k->t[k->n++] = (Triple){ row, at, take_integer(k, w) };
	k->ok = k->ok && ++k->terms < TW_MOST_TERMS;
}

/* The terms so far as rows, in the order in which they came. */
TwIntMap
tw_take_map(PlanMaker *k, int rows)
{
	TwIntMap f = { rows, TW_NEW(&k->c->pool, int, rows + 1),
		       TW_NEW(&k->c->pool, TwIntTerm, k->n + 1) };
	int *next = TW_NEW(&k->c->scratch, int, rows + 1);

	for (int i = 0; i < k->n; i++)
		f.start[k->t[i].row + 1]++;
	for (int i = 0; i < rows; i++)
		next[i + 1] = f.start[i + 1] += f.start[i];
	for (int i = 0; i < k->n; i++)
		f.term[next[k->t[i].row]++] = (TwIntTerm){ k->t[i].at, k->t[i].w };
	k->n = 0;
	return f;
}

static int
new_sum(PlanMaker *k, double start, double floor)
{
	TwDeltaPlan *p = k->p;

	k->start = tw_pool_grow(&k->c->scratch, k->start, p->nsum, &k->capstart, sizeof *k->start);
	p->floor = tw_pool_grow(&k->c->scratch, p->floor, p->nsum, &k->capfloor, sizeof *p->floor);
	k->start[p->nsum] = take_integer(k, start);
	p->floor[p->nsum] = floor > -INFINITY ? take_integer(k, floor) : INT32_MIN;
	return p->nsum++;
}

/* Sums from `first` on are a stage, the terms so far what columns add to them. */
static void
take_stage(PlanMaker *k, TwDeltaStage *s, int first)
{
	TwDeltaPlan *p = k->p;

	while (p->nsum % p->grain)
		new_sum(k, 0, -INFINITY);
	s->first = first;
	s->end = p->nsum;
	s->number = k->nstage;
	for (int i = first / p->grain; i < p->nsum / p->grain; i++)
		s->blocks[i / 64] |= (uint64_t)1 << (i % 64);
	k->by[k->nstage++] = tw_take_map(k, k->m->d_model);
}

/* ---- sums */

/* So many sums of a block that all blocks have a bit. */
static void
choose_grain(PlanMaker *k)
{
	const TwSpecialized *c = k->c;
	int n = c->logit.n, stages = 2 + 2 * k->m->nlayer, grain = TW_LANES;

	for (int i = 0; i < k->m->nlayer; i++) {
		n += c->layer[i].linear.n + TW_LANES;
		for (int j = 0; j < c->layer[i].nhead; j++, n += 2 * TW_LANES)
			n += 2 * c->layer[i].head[j].nkey + 1;
	}
	while (n / grain + 1 + stages > 64 * TW_BLOCK_WORDS && grain < MOST_GRAIN)
		grain *= 2;
	k->p->grain = grain;
	k->ok = grain < MOST_GRAIN;
}

static void
fill_up_sums(PlanMaker *k)
{
	while (k->p->nsum % TW_LANES)
		new_sum(k, 0, -INFINITY);
}

/* Row i of f, in k->form. */
static void
set_form(PlanMaker *k, const TwAffine *f, int i)
{
	memset(k->form, 0, (size_t)k->m->d_model * sizeof *k->form);
	for (int t = f->start[i]; t < f->start[i + 1]; t++)
		k->form[f->term[t].at] = (double)f->term[t].w;
}

static double
dot_with_form(const PlanMaker *k, const TwAffine *f, int i)
{
	double sum = 0;

	for (int t = f->start[i]; t < f->start[i + 1]; t++)
		sum += (double)f->term[t].w * k->form[f->term[t].at];
	return sum;
}

/* What earlier layers make of the form in k->form: a constant, or the model is not of the kind. */
static double
constant_of_form(PlanMaker *k, int layer)
{
	double sum = 0;

	for (int n = 0; n < layer && k->ok; n++) {
		const TwFastLayer *s = &k->c->layer[n];
		for (int i = 0; i < s->nhead; i++)
			for (int v = 0; v < s->head[i].nvalue; v++)
				k->ok = k->ok && dot_with_form(k, &s->head[i].out, v) == 0;
		for (int i = 0; i < s->nneuron; i++)
			k->ok = k->ok && dot_with_form(k, &s->out, i) == 0;
		for (int i = 0; i < s->out_t.n; i++)
			sum += (double)s->out_t.bias[i] * k->form[s->out_t_column[i]];
	}
	return sum;
}

static bool
is_whole_row(const TwAffine *f, int row)
{
	bool whole = f->bias[row] == rintf(f->bias[row]);

	for (int t = f->start[row]; t < f->start[row + 1] && whole; t++)
		whole = f->term[t].w == rintf(f->term[t].w);
	return whole;
}

/* A row of a layer's projections as a sum, twice as large where it has halves. */
static int
add_projection(PlanMaker *k, int layer, int row, double constant, float *scale)
{
	const TwAffine *f = &k->c->layer[layer].project;
	double by = is_whole_row(f, row) ? 1 : 2;
	int sum = new_sum(k, by * ((double)f->bias[row] + constant), -INFINITY);

	*scale = (float)(1 / by);
	for (int t = f->start[row]; t < f->start[row + 1]; t++)
		tw_add_integer(k, f->term[t].at, sum, by * (double)f->term[t].w);
	return sum;
}

/* ---- heads */

static void
plan_fed_rows(PlanMaker *k)
{
	const TwModel *m = k->m;
	size_t d = (size_t)m->d_model;
	int tokens = m->nvocab + 2;
	const TwAffine *place = &k->c->place;

	for (int r = 0; r < tokens; r++)
		for (int i = 0; i < m->d_model; i++)
			tw_add_integer(k, r, i, (double)m->embed_token[(size_t)r * d + (size_t)i]);
	for (int r = 0; r < place->n; r++)
		for (int t = place->start[r]; t < place->start[r + 1]; t++)
			tw_add_integer(k, tokens + r, place->term[t].at, (double)place->term[t].w);
	k->p->rows = tokens + place->n;
	k->p->embed = tw_take_map(k, k->p->rows);
}

/* What a row of an input may be. */
static void
rows_of_input(const PlanMaker *k, int input, int *first, int *end)
{
	const TwModel *m = k->m;
	int digit = input - m->nfield, *row = k->c->digit_row;

	*first = digit < 0 ? m->first[input] : m->nvocab + 2 + row[digit];
	*end = digit < 0 ? m->first[input + 1] : m->nvocab + 2 + row[digit + 1];
}

/* Of the rows of an input, or that of <bos>. */
static bool
input_has_terms(const PlanMaker *k, const TwIntMap *f, int input)
{
	int first, end, bos = k->m->nvocab + 1;

	rows_of_input(k, input, &first, &end);
	return f->start[first] < f->start[end]
	       || (input < k->m->nfield && f->start[bos] < f->start[bos + 1]);
}

/* The columns that a head's values have, as rows of columns. */
static TwIntMap
values_by_column(PlanMaker *k, int layer, const TwHead *h)
{
	const TwAffine *f = &k->c->layer[layer].project;

	for (int v = 0; v < h->nvalue; v++)
		for (int t = f->start[h->value + v]; t < f->start[h->value + v + 1]; t++)
			tw_add_integer(k, f->term[t].at, v, (double)f->term[t].w);
	return tw_take_map(k, k->m->d_model);
}

static void
add_read_values(PlanMaker *k, int row, const TwHead *h, const double *value)
{
	for (int v = 0; v < h->nvalue; v++)
		for (int t = h->out.start[v]; t < h->out.start[v + 1] && value[v] != 0; t++)
			tw_add_integer(k, row, h->out.term[t].at,
			               value[v] * (double)h->out.term[t].w);
}

/* What each row adds where it is read, and into constant[2 * layer] what all do. */
static void
plan_read(PlanMaker *k, TwDeltaHead *to, int layer, const TwHead *h)
{
	TwIntMap by = values_by_column(k, layer, h);
	const TwIntMap *e = &k->p->embed;
	double *value = TW_NEW(&k->c->scratch, double, h->nvalue + 1);

	for (int r = 0; r < e->n; r++) {
		memset(value, 0, (size_t)h->nvalue * sizeof *value);
		for (int t = e->start[r]; t < e->start[r + 1]; t++)
			for (int u = by.start[e->term[t].at]; u < by.start[e->term[t].at + 1]; u++)
				value[by.term[u].at] += (double)e->term[t].w * by.term[u].w;
		add_read_values(k, r, h, value);
	}
	to->read = tw_take_map(k, e->n);
	to->from = TW_NEW(&k->c->pool, int, k->p->inputs);
	for (int i = 0; i < k->p->inputs; i++)
		if (input_has_terms(k, &to->read, i))
			to->from[to->nfrom++] = i;
}

static void
add_value_constants(PlanMaker *k, int layer, const TwHead *h)
{
	const TwAffine *f = &k->c->layer[layer].project;
	double *value = TW_NEW(&k->c->scratch, double, h->nvalue + 1);

	for (int v = 0; v < h->nvalue; v++) {
		set_form(k, f, h->value + v);
		value[v] = (double)f->bias[h->value + v] + constant_of_form(k, layer);
	}
	add_read_values(k, 0, h, value);
}

static bool
has_keys(const TwHead *h)
{
	return h->lookup == TW_LOOKUP_KEYED;
}

/* The head with a place for its value. */
static TwHead
head_of_place(PlanMaker *k, const TwHead *h)
{
	TwHead new = *h;
	int at = (int)k->p->vector;

	new.nvalue = 1;
	new.key = at;
	new.priority = at + h->nkey;
	new.value = at + h->nkey + 1;
	new.query = at + h->nkey + 2;
	new.out = (TwAffine){ .n = 1, .start = TW_NEW(&k->c->pool, int, 2) };
	k->p->vector += 2 * (uint64_t)h->nkey + 2;
	return new;
}

/* The form in k->form, of what is fed, times the row of the embedding. */
static double
form_of_row(const PlanMaker *k, int row)
{
	const TwIntMap *e = &k->p->embed;
	double sum = 0;

	for (int t = e->start[row]; t < e->start[row + 1]; t++)
		sum += k->form[e->term[t].at] * e->term[t].w;
	return fabs(sum);
}

/* A priority may be larger than what the file itself adds up: is it within 32 bits? */
static bool
priority_fits(const PlanMaker *k, double constant)
{
	double most = fabs(constant) + k->m->nfield * form_of_row(k, k->m->nvocab + 1);

	for (int i = 0; i < k->p->inputs; i++) {
		int first, end;
		double greatest = 0;
		rows_of_input(k, i, &first, &end);
		for (int r = first; r < end; r++)
			greatest = fmax(greatest, form_of_row(k, r));
		most += greatest;
	}
	return most < MOST_WEIGHT / 2;
}

static void
plan_keys(PlanMaker *k, TwDeltaHead *to, int layer, const TwHead *h)
{
	const TwAffine *f = &k->c->layer[layer].project;
	bool priority = has_keys(h) || h->lookup == TW_LOOKUP_ARGMAX;

	to->key = k->p->nsum;
	to->nkey = has_keys(h) ? h->nkey : 0;
	to->scale = TW_NEW(&k->c->pool, float, 2 * h->nkey + 1);
	for (int i = 0; i < to->nkey + priority; i++) {
		int row = i < to->nkey ? h->key + i : h->priority;
		set_form(k, f, row);
		double constant = constant_of_form(k, layer);
		k->ok = k->ok && priority_fits(k, constant + (double)f->bias[row]);
		add_projection(k, layer, row, constant, &to->scale[i]);
	}
	to->nkey += priority;
	fill_up_sums(k);
}

static void
plan_heads(PlanMaker *k)
{
	int n = 0, first = k->p->nsum;

	for (int i = 0; i < k->m->nlayer; i++)
		n += k->c->layer[i].nhead;
	k->p->head = TW_NEW(&k->c->pool, TwDeltaHead, n);
	for (int i = 0; i < k->m->nlayer; i++) {
		TwDeltaLayer *l = &k->p->layer[i];
		l->head = k->p->nhead;
		for (int j = 0; j < k->c->layer[i].nhead && k->ok; j++) {
			const TwHead *h = &k->c->layer[i].head[j];
			TwDeltaHead *to = &k->p->head[k->p->nhead];
			if (h->lookup == TW_LOOKUP_UNUSED)
				continue;
			k->p->nhead++;
			to->h = head_of_place(k, h);
			plan_keys(k, to, i, h);
		}
		l->nhead = k->p->nhead - l->head;
	}
	take_stage(k, &k->p->key, first);
}

static void
plan_reads(PlanMaker *k, int layer)
{
	int n = 0;

	for (int j = 0; j < k->c->layer[layer].nhead && k->ok; j++) {
		const TwHead *h = &k->c->layer[layer].head[j];
		if (h->lookup != TW_LOOKUP_UNUSED)
			plan_read(k, &k->p->head[k->p->layer[layer].head + n++], layer, h);
	}
	for (int j = 0; j < k->c->layer[layer].nhead && k->ok; j++)
		if (k->c->layer[layer].head[j].lookup != TW_LOOKUP_UNUSED)
			add_value_constants(k, layer, &k->c->layer[layer].head[j]);
	k->constant[2 * layer] = tw_take_map(k, 1);
}

static void
plan_queries(PlanMaker *k, int layer)
{
	TwDeltaLayer *l = &k->p->layer[layer];
	int first = k->p->nsum, n = 0;

	for (int j = 0; j < k->c->layer[layer].nhead && k->ok; j++) {
		const TwHead *h = &k->c->layer[layer].head[j];
		if (h->lookup == TW_LOOKUP_UNUSED)
			continue;
		TwDeltaHead *to = &k->p->head[l->head + n++];
		to->query = k->p->nsum;
		to->nquery = h->lookup == TW_LOOKUP_OFFSET ? 0 : h->nkey;
		for (int i = 0; i < to->nquery; i++)
			add_projection(k, layer, h->query + i, 0, &to->scale[to->nkey + i]);
		fill_up_sums(k);
	}
	take_stage(k, &l->query, first);
}

/* ---- neurons and logits */

static void
add_sum_terms(PlanMaker *k, const TwAffine *f, int row, int sum)
{
	for (int t = f->start[row]; t < f->start[row + 1]; t++)
		tw_add_integer(k, f->term[t].at, sum, (double)f->term[t].w);
}

static void
check_integers(PlanMaker *k, const TwFastLayer *s)
{
	for (int i = 0; i < s->nneuron; i++)
		take_integer(k, (double)s->bias[i]);
	for (int t = 0; s->nneuron && t < s->out.start[s->nneuron]; t++)
		take_integer(k, (double)s->out.term[t].w);
}

static void
plan_sums(PlanMaker *k, TwDeltaLayer *l, const TwFastLayer *s)
{
	int first = k->p->nsum;

	for (int i = 0; i < s->linear.n; i++)
		if (s->staircase[i].n == 1)
			add_sum_terms(k, &s->linear, i, new_sum(k, (double)s->base[i], 0));
	fill_up_sums(k);
	l->shared = k->p->nsum;
	for (int i = 0; i < s->nshared; i++) {
		const TwStaircase *g = &s->staircase[s->shared[i]];
		add_sum_terms(k, &s->linear, s->shared[i],
		              new_sum(k, 0, -(double)s->bias[g->first]));
	}
	fill_up_sums(k);
	take_stage(k, &l->sum, first);
}

static void
plan_neurons(PlanMaker *k, int layer)
{
	const TwFastLayer *s = &k->c->layer[layer];
	TwDeltaLayer *l = &k->p->layer[layer];

	check_integers(k, s);
	plan_sums(k, l, s);
	for (int i = 0; i < s->out_t.n; i++)
		tw_add_integer(k, 0, s->out_t_column[i], (double)s->out_t.bias[i]);
	k->constant[2 * layer + 1] = tw_take_map(k, 1);
}

static void
plan_logits(PlanMaker *k)
{
	const TwSpecialized *c = k->c;
	int first = k->p->nsum, *last = TW_NEW(&k->c->scratch, int, c->logit.n + 1);

	for (int i = 0; i < c->logit.n; i++)
		add_sum_terms(k, &c->logit, i, new_sum(k, 0, -INFINITY));
	fill_up_sums(k);
	take_stage(k, &k->p->logit, first);
	for (int f = 0; f < k->m->nfield; f++)
		for (int r = k->m->first[f]; r < k->m->first[f + 1]; r++) {
			int row = c->logit_row[r];
			if (row < 0 || last[row] == f + 1)
				continue;
			last[row] = f + 1;
			tw_add_integer(k, row, f, 1);
		}
	k->p->fields = tw_take_map(k, c->logit.n);
}

/* ---- what is kept of a token */

static int
lay_out_numbers(int *at, int n)
{
	int here = *at;

	*at += (n + TW_LANES - 1) / TW_LANES * TW_LANES;
	return here;
}

static void
lay_out_slot(PlanMaker *k)
{
	TwDeltaPlan *p = k->p;
	int at = p->nsum;

	p->at_row = lay_out_numbers(&at, p->inputs);
	p->at_next = lay_out_numbers(&at, k->m->nfield + 2);
	p->at_logit = lay_out_numbers(&at, k->c->logit.n + 1);
	p->at_memo = lay_out_numbers(&at, p->nhead * (int)(sizeof(TwDeltaMemo) / sizeof(int)));
	for (int i = 0; i < p->nhead; i++)
		p->head[i].read_row = lay_out_numbers(&at, p->head[i].nfrom);
	p->slot_size = at;
	p->listed = (p->listed > at ? p->listed : at) + 2 * TW_LANES;
	if (p->listed < 64 * p->words + 2 * TW_LANES)
		p->listed = 64 * p->words + 2 * TW_LANES;
	p->slots = 1;
	while (p->nselect && p->slots < MOST_SLOTS && 2 * p->slots * at <= MOST_KEPT)
		p->slots *= 2;
}

/* Fields that the first head's query depends on, where it asks by key. */
static void
choose_select(PlanMaker *k)
{
	TwDeltaPlan *p = k->p;
	const TwDeltaHead *h = p->head;

	if (!p->nhead || !p->layer[0].nhead || !has_keys(&h->h))
		return;
	p->select = TW_NEW(&k->c->pool, int, k->m->nfield);
	for (int f = 0; f < k->m->nfield; f++) {
		bool asks = false;
		int first, end;
		rows_of_input(k, f, &first, &end);
		for (int t = p->embed.start[first]; t < p->embed.start[end] && !asks; t++) {
			const TwIntMap *by = &k->by[p->layer[0].query.number];
			int column = p->embed.term[t].at;
			for (int u = by->start[column]; u < by->start[column + 1] && !asks; u++)
				asks = by->term[u].at >= h->query
				       && by->term[u].at < h->query + h->nquery;
		}
		if (asks)
			p->select[p->nselect++] = f;
	}
}

/* What columns add to sums from a stage on; x is 0 then. */
static void
add_columns(PlanMaker *k, int32_t *x, int stage, int32_t *u)
{
	for (int i = 0; i < k->m->d_model; i++) {
		for (int n = stage; n < k->nstage && x[i]; n++) {
			const TwIntMap *by = &k->by[n];
			for (int t = by->start[i]; t < by->start[i + 1]; t++) {
				int32_t *to = &u[by->term[t].at];
				*to = (int32_t)((uint32_t)*to
				                + (uint32_t)by->term[t].w * (uint32_t)x[i]);
			}
		}
		x[i] = 0;
	}
}

static void
add_neurons_of(const TwDeltaPlan *p, const TwDeltaLayer *l, const int32_t *u, int32_t *x,
               uint64_t *dirty)
{
	for (int i = l->sum.first; i < l->shared; i++)
		if (u[i] > 0)
			tw_push_row(&p->neuron, i, u[i], x, dirty);
	for (int i = l->shared; i < l->sum.end; i++)
		if (p->floor[i] != INT32_MIN && u[i] > p->floor[i])
			tw_push_staircase(p, &l->stair[i - l->shared], p->floor[i], u[i], x, dirty);
}

/* All sums where nothing is fed, and heads read nothing but their constants. */
static void
make_base(PlanMaker *k)
{
	TwDeltaPlan *p = k->p;
	int32_t *u = p->base = TW_NEW(&k->c->pool, int32_t, p->slot_size);
	int32_t *x = TW_NEW(&k->c->scratch, int32_t, k->m->d_model);
	uint64_t *dirty = TW_NEW(&k->c->scratch, uint64_t, p->words);

	memcpy(u, k->start, (size_t)p->nsum * sizeof *u);
	for (int n = 0; n < k->m->nlayer; n++) {
		tw_push_row(&k->constant[2 * n], 0, 1, x, dirty);
		add_columns(k, x, p->layer[n].sum.number, u);
		add_neurons_of(p, &p->layer[n], u, x, dirty);
		tw_push_row(&k->constant[2 * n + 1], 0, 1, x, dirty);
		add_columns(k, x, p->layer[n].sum.number + 1, u);
	}
	memset(u + p->nsum, -1, (size_t)(p->slot_size - p->nsum) * sizeof *u);
	float *base = (float *)(void *)(u + p->at_logit);
	for (int i = 0; i < k->c->logit.n; i++)
		base[i] = (float)u[p->logit.first + i];
	for (int f = 0; f < k->m->nfield; f++)
		u[p->at_next + f] = tw_greatest_row(k->c, f, base, 1);
	u[p->at_next + k->m->nfield] = u[p->at_next];
	memset(u + p->at_memo, 0, (size_t)p->nhead * sizeof(TwDeltaMemo));
}

static void
lay_out_delta_state(PlanMaker *k)
{
	TwDeltaPlan *p = k->p;
	TwHead **head = TW_NEW(&k->c->scratch, TwHead *, p->nhead + 1);
	uint64_t initial;

	for (int i = 0; i < p->nhead; i++)
		head[i] = &p->head[i].h;
	p->state = tw_lay_out_heads(k->c, head, p->nhead, &initial);
}

/* Every row of a head is compared with all that earlier layers write: no honest file comes near the
 * limit. */
static bool
is_little_work(const TwSpecialized *c)
{
	const double most = 1e9;
	double written = 0, work = 0;

	for (int n = 0; n < c->m->nlayer; n++) {
		const TwFastLayer *s = &c->layer[n];
		work += (written + c->m->d_model) * s->project.n;
		written += s->nneuron ? s->out.start[s->nneuron] : 0;
		for (int i = 0; i < s->nhead; i++)
			if (s->head[i].nvalue)
				written += s->head[i].out.start[s->head[i].nvalue];
	}
	return work < most;
}

static bool
is_of_the_kind(const TwSpecialized *c)
{
	const TwModel *m = c->m;
	bool ok = m->record && m->emits && !m->nlabel && !m->bidirectional && !m->ninput
	          && m->context < MOST_PLACES;
	int heads = 0;

	for (int n = 0; n < m->nlayer; n++)
		for (int i = 0; i < c->layer[n].nhead; i++, heads++)
			ok = ok && c->layer[n].head[i].lookup != TW_LOOKUP_MEAN
			     && c->layer[n].head[i].lookup != TW_LOOKUP_SOFTMAX;
	return ok && heads < INT16_MAX && is_little_work(c);
}

/* What is known of each sum, now that there are no more. */
static void
keep_sums(PlanMaker *k)
{
	TwDeltaPlan *p = k->p;
	int32_t *floor = TW_NEW(&k->c->pool, int32_t, p->nsum);

	memcpy(floor, p->floor, (size_t)p->nsum * sizeof *floor);
	p->floor = floor;
	p->head_of = TW_NEW(&k->c->pool, int16_t, p->nsum);
	memset(p->head_of, -1, (size_t)p->nsum * sizeof *p->head_of);
	for (int i = 0; i < p->nhead; i++) {
		const TwDeltaHead *h = &p->head[i];
		for (int j = 0; j < h->nkey - 1; j++)
			p->head_of[h->key + j] = (int16_t)i;
		for (int j = 0; j < h->nquery; j++)
			p->head_of[h->query + j] = (int16_t)i;
	}
}

static void
plan_layers(PlanMaker *k)
{
	for (int n = 0; n < k->m->nlayer && k->ok; n++) {
		plan_queries(k, n);
		plan_reads(k, n);
		plan_neurons(k, n);
	}
}

void
tw_plan_delta(TwSpecialized *c)
{
	PlanMaker k = { .c = c, .m = c->m, .ok = true, .cells = TW_MOST_CELLS };
	TwDeltaPlan *p = TW_NEW(&c->pool, TwDeltaPlan, 1);

	if (!is_of_the_kind(c))
		return;
	k.p = p;
	p->c = c;
	p->words = (c->m->d_model + 63) / 64;
	p->inputs = c->m->nfield + c->ndigit;
	p->layer = TW_NEW(&c->pool, TwDeltaLayer, c->m->nlayer);
	k.form = TW_NEW(&c->scratch, double, c->m->d_model);
	k.constant = TW_NEW(&c->scratch, TwIntMap, 2 * c->m->nlayer);
	k.by = TW_NEW(&c->scratch, TwIntMap, 2 + 2 * c->m->nlayer);
	choose_grain(&k);
	plan_fed_rows(&k);
	plan_heads(&k);
	plan_layers(&k);
	plan_logits(&k);
	if (k.ok) {
		k.total = TW_NEW(&c->scratch, int32_t, p->nsum);
		tw_plan_spread(&k);
		tw_plan_columns(&k);
	}
	if (k.ok) {
		choose_select(&k);
		lay_out_slot(&k);
		lay_out_delta_state(&k);
		keep_sums(&k);
		make_base(&k);
		c->delta = p;
	}
	tw_pool_free(&c->scratch);
}
