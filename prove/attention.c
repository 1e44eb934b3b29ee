/* A layer's attention: queries, keys and values as sums, each head, and what they add to
 * the stream. */

#include "prove/prove.h"

#include <math.h>
#include <stdlib.h>

static bool
is_read(const float *w, int stride, double bias, int d)
{
	for (int c = 0; c < d; c++)
		if (w[(size_t)c * (size_t)stride] != 0)
			return true;
	return bias != 0;
}

static Head
head_of(Proof *p, int layer, int head)
{
	const ModelLayer *l = &p->m->layer[layer];
	int all = l->heads * l->dk, d = p->m->d;
	Head h = { .layer = layer, .head = head, .product = TAKE(Product, l->dk) };

	for (int j = head * l->dk; j < (head + 1) * l->dk; j++) {
		Product *x = &h.product[h.n];
		if (!is_read(l->wq + j, all, (double)l->bq[j], d)
		    || !is_read(l->wk + j, all, (double)l->bk[j], d))
			continue;
		x->q = reader_of(p, l->wq + j, all, (double)l->bq[j]);
		x->k = reader_of(p, l->wk + j, all, (double)l->bk[j]);
		prove_sum(p, text("query %d of head %d of layer %d", j, head, layer), &x->q);
		prove_sum(p, text("key %d of head %d of layer %d", j, head, layer), &x->k);
		h.n++;
	}
	h.soft = l->soft[head];
	h.only = l->only[head];
	prove_gap(p, &h);
	find_lost_rows(p, &h);
	if (h.mode == MODE_EQUAL) {
		h.bos_wins = bos_always_wins(p, &h);
		h.never_itself = never_reads_itself(p, &h);
	}
	return h;
}

static void
write_value(Proof *p, Head *h, int j, Write *write)
{
	const ModelLayer *l = &p->m->layer[h->layer];
	int d = p->m->d, all = l->heads * l->dv;
	const float *wo = l->wo + (size_t)j * (size_t)d;
	bool written = false;

	for (int c = 0; c < d; c++)
		written = written || wo[c] != 0;
	if (!written)
		return;
	Reader v = reader_of(p, l->wv + j, all, (double)l->bv[j]);
	prove_sum(p, text("value %d of head %d of layer %d", j, h->head, h->layer), &v);
	Form f = read_value(p, h, &v);
	double most = magnitude_of(range_of(p, &f)) + error_of_form(&f);
	most = fmax(most, fabs(v.bos) + v.bos_error);
	for (int c = 0; c < d; c++)
		if (wo[c] != 0)
			add_to_write(&write[c], (double)wo[c], &f, most, v.bos, v.bos_error);
}

void
prove_attention(Proof *p, int layer)
{
	const ModelLayer *l = &p->m->layer[layer];
	Write *write = TAKE(Write, p->m->d);

	for (int n = 0; n < l->heads; n++) {
		Head h = head_of(p, layer, n);
		for (int j = n * l->dv; j < (n + 1) * l->dv; j++)
			write_value(p, &h, j, write);
	}
	write_columns(p, write, text("attention of layer %d", layer));
}
