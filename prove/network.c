/* The network from the embedding to its answers: what each column of the stream holds at a
 * position of the text, as a form, and at <bos>, as a number. <bos> stands first, sees only itself
 * and is the same in every text, so that it is simply computed. */

#include "prove/prove.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void
add_finding(Proof *p, Fact fact, bool proved, const char *where, const char *reason)
{
	p->all[fact]++;
	p->proved[fact] += proved;
	if (proved || (fact == FACT_CIRCUIT && !p->hold_circuit)
	    || (fact == FACT_GRAPH && !p->every_node))
		return;
	p->finding = grown(p->finding, p->nfinding, sizeof *p->finding);
	p->finding[p->nfinding++] = (Finding){ where, reason };
}

static ColumnValue *
kept_value(ColumnValue v)
{
	return take_copy(&v, sizeof v);
}

/* ---- the embedding: a sum like any other, of rows or of numbers, and what the place adds */

static double
token_value(const Model *m, int row, int c)
{
	return (double)m->embed_token[(size_t)row * (size_t)m->d + (size_t)c];
}

/* What a token of a field adds to column c: a function of the token. */
static void
embed_field(Proof *p, int field, int c, AddendList *sum)
{
	const Model *m = p->m;
	int first = m->first[field], n = m->first[field + 1] - first;
	double *table = TAKE(double, n);

	for (int i = 0; i < n; i++)
		table[i] = token_value(m, first + i, c);
	AffineForm f = form_of_table(p, roots_of(p, p->field[field]), table, NULL);
	add(sum, 1, kept_value(value_with_form(p, f, token_value(m, m->nvocab + 1, c), 0)));
	free(table);
}

/* Which row of its table a part of the place has. */
int
place_row(const PlacePart *part, int place)
{
	int digit = (place > part->back ? place - part->back : 0) / part->divide;

	return !part->saturate        ? digit % part->modulo
	       : digit < part->modulo ? digit
	                              : part->modulo - 1;
}

static void
embed_part(Proof *p, const PlacePart *part, int i, AddendList *sum)
{
	int n = p->place->size;
	double *table = TAKE(double, n + 1);

	for (int place = 0; place <= n; place++) {
		size_t row = (size_t)place_row(part, place) * (size_t)part->ncolumn;
		table[place] = (double)part->table[row + (size_t)i];
	}
	AffineForm f = form_of_table(p, roots_of(p, p->place), table + 1, NULL);
	add(sum, 1, kept_value(value_with_form(p, f, table[0], 0)));
	free(table);
}

/* A number of a model without tokens; at <bos> it is 0. A real is any float32 there. */
static ColumnValue *
input_value(Proof *p, int i)
{
	const InputNumber *in = &p->m->input[i];
	AffineForm f;

	if (in->kind == KIND_REAL)
		f = form_of_atom(atom_of_range(p, (Extent){ in->low, in->high }, 0, REAL_STEP), 1);
	else
		f = form_of_number(p, in->low, in->high, -1, i);
	return kept_value(value_with_form(p, f, 0, 0));
}

static void
embed_tokens(Proof *p, AddendList *sum)
{
	const Model *m = p->m;

	for (int f = 0; f < m->nfield && !m->ninput; f++) {
		p->field[f] = new_root(p, ROOT_TOKEN, m->first[f + 1] - m->first[f], 0, f);
		for (int c = 0; c < m->d; c++)
			embed_field(p, f, c, &sum[c]);
	}
	p->input = TAKE(const ColumnValue *, m->ninput);
	for (int i = 0; i < m->ninput; i++) {
		const ColumnValue *v = p->input[i] = input_value(p, i);
		for (int c = 0; c < m->d; c++)
			add(&sum[c], (double)m->embed_input[(size_t)i * (size_t)m->d + (size_t)c],
			    v);
	}
}

static void
embed(Proof *p)
{
	const Model *m = p->m;
	AddendList *sum = TAKE(AddendList, m->d);

	if (m->context > LARGE)
		malformed("a context of %d places is more than this program looks at", m->context);
	p->place = new_root(p, ROOT_PLACE, m->context, 0, 0);
	p->field = TAKE(Root *, m->nfield);
	embed_tokens(p, sum);
	for (int n = 0; n < m->npart; n++)
		for (int i = 0; i < m->part[n].ncolumn; i++)
			embed_part(p, &m->part[n], i, &sum[m->part[n].column[i]]);
	for (int c = 0; c < m->d; c++)
		p->x[c] = prove_sum(p, column_site(m, c, 0), &sum[c]);
}

/* ---- layers */

static bool
is_read(const Model *m, const float *w, int stride, double bias)
{
	for (int c = 0; c < m->d; c++)
		if (w[(size_t)c * (size_t)stride] != 0)
			return true;
	return bias != 0;
}

static AttentionHead
head_of(Proof *p, int layer, int head)
{
	const ModelLayer *l = &p->m->layer[layer];
	int all = l->heads * l->dk;
	const char *name = head_site(p->m, layer, head);
	AttentionHead h = {
		.layer = layer, .head = head, .soft = l->soft[head], .only = l->only[head]
	};

	h.q = TAKE(ColumnValue, l->dk);
	h.k = TAKE(ColumnValue, l->dk);
	for (int j = head * l->dk; j < (head + 1) * l->dk; j++) {
		if (!is_read(p->m, l->wq + j, all, (double)l->bq[j])
		    || !is_read(p->m, l->wk + j, all, (double)l->bk[j])) {
			hold_product(p, layer, head, j - head * l->dk, NULL, NULL);
			continue;
		}
		AddendList q = sum_of_columns(p, l->wq + j, all, (double)l->bq[j]);
		AddendList k = sum_of_columns(p, l->wk + j, all, (double)l->bk[j]);
		h.q[h.n] = prove_sum(p, text("query %d of %s", j, name), &q);
		h.k[h.n] = prove_sum(p, text("key %d of %s", j, name), &k);
		hold_product(p, layer, head, j - head * l->dk, &h.q[h.n], &h.k[h.n]);
		h.q[h.n].form = merge_tables(p, &h.q[h.n].form);
		h.k[h.n].form = merge_tables(p, &h.k[h.n].form);
		h.n++;
	}
	prove_gap(p, &h);
	find_lost_rows(p, &h);
	if (h.mode == MODE_EQUAL)
		describe_winners(p, &h);
	return h;
}

void
prove_attention(Proof *p, int layer)
{
	const ModelLayer *l = &p->m->layer[layer];
	int d = p->m->d, all = l->heads * l->dv;
	AddendList *write = TAKE(AddendList, d);

	p->read[layer] = TAKE(const ColumnValue *, l->heads * l->dv);
	p->there[layer] = TAKE(const ColumnValue *, l->heads * l->dv);
	p->head[layer] = TAKE(AttentionHead, l->heads);
	for (int n = 0; n < l->heads; n++) {
		AttentionHead h = p->head[layer][n] = head_of(p, layer, n);
		for (int j = n * l->dv; j < (n + 1) * l->dv; j++) {
			const float *wo = l->wo + (size_t)j * (size_t)d;
			if (!is_read(p->m, wo, 1, 0))
				continue;
			AddendList v = sum_of_columns(p, l->wv + j, all, (double)l->bv[j]);
			ColumnValue here = prove_sum(
				p, text("value %d of %s", j, head_site(p->m, layer, n)), &v);
			hold_value(p, layer, n, j - n * l->dv, &here);
			const ColumnValue *read = kept_value(read_value(p, &h, &here));
			p->read[layer][j] = read;
			p->there[layer][j] = kept_value(here);
			for (int c = 0; c < d; c++)
				add(&write[c], (double)wo[c], read);
		}
	}
	write_columns(p, write, 2 * layer + 1);
}

static void
prove_neurons(Proof *p, int layer)
{
	const ModelLayer *l = &p->m->layer[layer];
	int d = p->m->d, n = l->neurons;
	AddendList *write = TAKE(AddendList, d);

	AddendList *sums = TAKE(AddendList, n);
	ColumnValue **neuron = TAKE(ColumnValue *, n);
	for (int i = 0; i < n; i++) {
		sums[i] = sum_of_columns(p, l->w1 + i, n, (double)l->b1[i]);
		ColumnValue sum = prove_sum(p, neuron_site(p->m, layer, i), &sums[i]);
		hold_neuron(p, layer, i, &sum);
		neuron[i] = kept_value(value_of_neuron(p, &sums[i], &sum));
	}
	find_exact_steps(p, sums, neuron, n);
	p->neuron[layer] = (const ColumnValue **)neuron;
	for (int i = 0; i < n; i++) {
		const ColumnValue *v = neuron[i];
		for (int c = 0; c < d; c++)
			add(&write[c], (double)l->w2[(size_t)i * (size_t)d + (size_t)c], v);
	}
	for (int c = 0; c < d; c++)
		add(&write[c], (double)l->b2[c], kept_value(value_with_form(p, form_of(1), 1, 0)));
	write_columns(p, write, 2 * layer + 2);
}

void
prove_model(Proof *p, const Model *m)
{
	p->m = m;
	p->x = TAKE(ColumnValue, m->d);
	p->least_gap = INFINITY;
	if (m->digest)
		add_finding(p, FACT_CLAIM, !strcmp(m->digest, m->weights_digest), "the weights",
		            "they were changed since twc wrote them: the digest is another");
	p->neuron = TAKE(const ColumnValue **, m->nlayer);
	p->read = TAKE(const ColumnValue **, m->nlayer);
	p->there = TAKE(const ColumnValue **, m->nlayer);
	p->head = TAKE(AttentionHead *, m->nlayer);
	embed(p);
	read_circuit_nodes(p);
	ask_of_named_values(p, 0);
	for (int n = 0; n < m->nlayer; n++) {
		if (m->layer[n].heads)
			prove_attention(p, n);
		ask_of_named_values(p, 2 * n + 1);
		if (m->layer[n].neurons)
			prove_neurons(p, n);
		ask_of_named_values(p, 2 * n + 2);
	}
	prove_answers(p);
	read_circuit_nodes(p);
	hold_graph(p);
	if (own_arithmetic_failed())
		add_finding(p, FACT_NEXT, false, "the proof itself",
		            "its numbers have more bits than it can compute with exactly");
}
