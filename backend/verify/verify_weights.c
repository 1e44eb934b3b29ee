/* What the weights promise: they compute what the circuit says.
 *
 * Both are run on the same texts, the circuit by its definition, the model by model.h, and held
 * against one another: each slot of the stream in each state, at each place; each query, key,
 * value and neuron; each label, and the token that comes next. Integers are the same, reals
 * within what their rounding can be. The tables of the embedding are compared whole, since no
 * text has all places. And of each sum the absolute terms come to no more than was proved of it,
 * which is below 2^24. */

#include "backend/verify/verify.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>

typedef struct Pair {
	Verifier *v;
	const Columns *cols;
	const TwModel *m;
	const CircuitRun *circuit;
	const ModelRun *model;
} Pair;

static bool
numbers_agree(double want, double got, double error)
{
	return error > 0 ? fabs(want - got) <= error : want == got;
}

/* ---- the stream ---- */

static bool
stands_in(const Columns *cols, int column, int state)
{
	const Form *f = cols->form[column];

	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom->ready <= state)
			return state < cols->cleared[column];
	return false;
}

static void
compare_slot(const Pair *x, int state, int slot, const double *want, const double *error,
             const Node *node)
{
	for (int p = 0; p < x->circuit->places; p++) {
		double got = (double)x->model->stream[state][p * x->m->d_model + slot];
		if (numbers_agree(want[p], got, error[p]))
			continue;
		rule_broken(x->v, node,
		            "slot %d in state %d at place %d is %.9g, and the circuit says %.9g",
		            slot, state, p, got, want[p]);
		return;
	}
}

static void
compare_stream(const Pair *x, Arena *arena, int state)
{
	static const double nothing[PLACES_MAX];
	bool *taken = NEWS(arena, bool, x->m->d_model);
	double want[PLACES_MAX], error[PLACES_MAX];

	for (int i = 0; i < x->cols->n; i++) {
		const Form *f = x->cols->form[i];
		if (!stands_in(x->cols, i, state))
			continue;
		part_values(x->circuit, f, state, want);
		part_errors(x->circuit, f, state, error);
		compare_slot(x, state, x->cols->slot[i], want, error, f->term[0].atom->node);
		taken[x->cols->slot[i]] = true;
	}
	for (int i = 0; i < x->m->d_model; i++)
		if (!taken[i])
			compare_slot(x, state, i, nothing, nothing, NULL);
}

/* ---- what is read from it ---- */

/* A form, and what the model has of it: one column of a matrix of `width`, from `got` on. */
static void
compare_form(const Pair *x, const Form *f, const float *got, int width, const Node *at,
             const char *what, int number, const char *whose)
{
	double want[PLACES_MAX], error[PLACES_MAX];

	form_values(x->circuit, f, want);
	form_errors(x->circuit, f, error);
	for (int p = 0; p < x->circuit->places; p++) {
		if (numbers_agree(want[p], (double)got[p * width], error[p]))
			continue;
		rule_broken(x->v, at, "%s %d of %s at place %d is %.9g, and the circuit says %.9g",
		            what, number, whose, p, (double)got[p * width], want[p]);
		return;
	}
}

static void
compare_head(const Pair *x, const Head *h)
{
	const TwLayer *l = &x->m->layer[h->layer];
	const LayerRun *run = &x->model->layer[h->layer];
	const Lookup *s = h->lookup;
	const char *name = find_name(x->v->names, s);
	int qk = l->heads * l->dk, vs = l->heads * l->dv;

	for (int d = 0; d < s->ndim; d++) {
		int j = h->index * l->dk + d;
		compare_form(x, s->q[d], run->q + j, qk, s->ref, "query", d, name);
		compare_form(x, s->k[d], run->k + j, qk, s->ref, "key", d, name);
	}
	for (int i = 0; i < h->nvalue; i++) {
		const Atom *a = h->value[i];
		if (x->v->names->live[a->id])
			compare_form(x, a->in, run->v + h->index * l->dv + a->column, vs, a->node,
			             "value", a->column, name);
	}
}

/* What comes out of a neuron: one that rounds has its lift still in it. */
static void
compare_neuron(const Pair *x, const Atom *a, int layer)
{
	const TwLayer *l = &x->m->layer[layer];
	const float *got = x->model->layer[layer].neuron + a->column;
	const double *value = x->circuit->value[a->id], *error = x->circuit->error[a->id];

	for (int p = 0; p < x->circuit->places; p++) {
		double want = value[p] + (double)a->lift, is = (double)got[p * l->neurons];
		is -= a->step ? (double)got[p * l->neurons + a->second - a->column] : 0;
		if (numbers_agree(want, is, error ? error[p] : 0))
			continue;
		rule_broken(x->v, a->node, "%s at place %d is %.9g, and the circuit says %.9g",
		            atom_name(x->v->names, a), p, is, want);
		return;
	}
}

/* In the order in which it is computed, so that what is wrong first is said first. */
static void
compare_layer(const Pair *x, Arena *arena, int l)
{
	const Schedule *s = x->cols->s;

	for (int i = 0; i < s->nhead[l]; i++)
		compare_head(x, s->head[l][i]);
	compare_stream(x, arena, state_after_attention(l));
	for (int i = 0; i < s->nneuron[l]; i++)
		compare_neuron(x, s->neuron[l][i], l);
	compare_stream(x, arena, state_after_mlp(l));
}

/* Where nothing stands nothing is read: a weight there would do no harm, and mean nothing. */
static void
check_empty_rows(Verifier *v, const Columns *cols, int state, const float *w, int width,
                 const char *what, int layer)
{
	int d = cols->width;
	bool *taken = NEWS(&v->arena, bool, d + 1);

	for (int i = 0; i < cols->n; i++)
		if (stands_in(cols, i, state))
			taken[cols->slot[i]] = true;
	for (int i = 0; i < d; i++)
		for (int j = 0; !taken[i] && j < width; j++)
			if (w[(size_t)i * (size_t)width + (size_t)j] != 0)
				rule_broken(v, NULL,
				            "layer %d: %s %d reads slot %d in state %d, where "
				            "nothing stands",
				            layer, what, j, i, state);
}

static void
check_readers(Verifier *v, const Columns *cols, const TwModel *m)
{
	for (int l = 0; l < m->nlayer; l++) {
		const TwLayer *w = &m->layer[l];
		int qk = w->heads * w->dk, vs = w->heads * w->dv, before = state_before(l);
		check_empty_rows(v, cols, before, w->wq, qk, "query", l);
		check_empty_rows(v, cols, before, w->wk, qk, "key", l);
		check_empty_rows(v, cols, before, w->wv, vs, "value", l);
		check_empty_rows(v, cols, state_after_attention(l), w->w1, w->neurons, "neuron", l);
	}
	int last = last_state(m->nlayer), rows = m->nvocab + 2;
	if (m->emits)
		check_empty_rows(v, cols, last, m->head_w, rows, "logit", m->nlayer);
	for (int i = 0; m->emits && i < m->d_model; i++)
		if (m->head_w[(size_t)(i + 1) * (size_t)rows - 1] != 0)
			rule_broken(v, NULL, "the logit of <bos> reads slot %d", i);
	for (int i = 0; i < m->nlabel; i++)
		check_empty_rows(v, cols, last, m->label[i].w, 1, m->label[i].name, m->nlayer);
}

/* ---- what it says ---- */

static void
compare_labels(const Pair *x)
{
	const Circuit *c = x->v->c;
	double want[PLACES_MAX];

	for (int i = 0; i < x->m->nlabel; i++) {
		form_values(x->circuit, c->output[i], want);
		for (int p = 1; p < x->circuit->places; p++) {
			double got = (double)x->model->label[p * x->m->nlabel + i];
			if (!numbers_agree(want[p], got, (double)x->m->label[i].error))
				rule_broken(
					x->v, c->g->output[i].node,
					"label %s at place %d is %.9g, and the circuit says %.9g",
					x->m->label[i].name, p, got, want[p]);
		}
	}
}

/* The first field has one row more, that of <end>. */
static int
logit_row(const Graph *g, int field, int number)
{
	return number < rows_of(g, field) ? first_row(g, field) + number : g->nvocab;
}

/* The number of the row of a field with the greatest logit; -1 where two have it. */
static int
greatest_logit(const Graph *g, const float *logit, int field)
{
	int n = rows_of(g, field) + !field, best = 0;
	bool twice = false;

	for (int i = 1; i < n; i++) {
		float x = logit[logit_row(g, field, i)], top = logit[logit_row(g, field, best)];
		twice = x == top || (twice && x < top);
		best = x > top ? i : best;
	}
	return twice ? -1 : best;
}

static void
compare_logits(const Pair *x)
{
	const Circuit *c = x->v->c;
	double want[PLACES_MAX];

	for (int f = 0; x->m->emits && f < c->g->nfield; f++) {
		form_values(x->circuit, c->emit[f], want);
		for (int p = 1; p < x->circuit->places; p++) {
			const float *logit = x->model->logits + p * (x->m->nvocab + 2);
			int got = greatest_logit(c->g, logit, f);
			if (!f && got >= 0
			    && logit[x->m->nvocab + 1] >= logit[logit_row(c->g, f, got)])
				rule_broken(x->v, c->g->emit[f],
				            "the logit of <bos> at place %d is as great as any", p);
			if (want[p] != got)
				rule_broken(
					x->v, c->g->emit[f],
					"the greatest logit at place %d is that of row %d, and the "
					"circuit says %.9g",
					p, got, want[p]);
		}
	}
}

/* ---- the embedding ---- */

/* What the columns have of a table, in the slot of each. */
static void
check_table_of(Verifier *v, const Columns *cols, const float *table, bool by_place, int rows)
{
	int d = cols->width;
	double *want = NEWS(&v->arena, double, d + 1);

	for (int r = 0; table && r < rows; r++) {
		for (int i = 0; i < d; i++)
			want[i] = 0;
		for (int i = 0; i < cols->n; i++) {
			const Form *f = cols->form[i];
			for (int t = 0; t < f->n; t++) {
				const Atom *a = f->term[t].atom;
				bool place = a->kind == PLACE_FEATURE
				             || (a->kind == REAL_FEATURE && a->by_place);
				if (a->kind >= NEURON || a->kind == INPUT_FEATURE
				    || place != by_place)
					continue;
				want[cols->slot[i]] += (double)f->term[t].c
				                       * (a->reals ? (double)(float)a->reals[r]
				                                   : (double)a->table[r]);
			}
		}
		for (int i = 0; i < d; i++)
			if (want[i] != (double)table[(size_t)r * (size_t)d + (size_t)i])
				rule_broken(v, NULL,
				            "slot %d of the embedding of %s %d is %.9g, not %.9g",
				            i, by_place ? "place" : "row", r,
				            (double)table[(size_t)r * (size_t)d + (size_t)i],
				            want[i]);
	}
}

/* The same at one place of a model that knows places by their digits. */
static void
check_digits_at(Verifier *v, const Columns *cols, const TwModel *m, int place)
{
	double *want = NEWS(&v->arena, double, m->d_model + 1);
	float *x = NEWS(&v->arena, float, m->d_model + 1);

	for (int i = 0; i < cols->n; i++)
		for (int t = 0; t < cols->form[i]->n; t++) {
			const Term *term = &cols->form[i]->term[t];
			if (term->atom->kind == PLACE_FEATURE
			    || (term->atom->kind == REAL_FEATURE && term->atom->by_place))
				want[cols->slot[i]] += (double)term->c
				                       * (double)(float)feature_at_place(term->atom,
				                                                         place);
		}
	add_place(m, place, x);
	for (int i = 0; i < m->d_model; i++)
		if (want[i] != (double)x[i])
			rule_broken(v, NULL,
			            "slot %d of the embedding of place %d is %.9g, not %.9g", i,
			            place, (double)x[i], want[i]);
}

static void
check_embedding(Verifier *v, const Columns *cols, const TwModel *m)
{
	check_table_of(v, cols, m->ninput ? NULL : m->embed_token, false, m->nvocab + 2);
	if (!m->by_digits)
		check_table_of(v, cols, m->embed_position, true, m->context + 1);
	for (int64_t step = 1; m->by_digits && step <= m->context; step *= 2)
		for (int64_t place = step - 1; place < step + 2 && place <= m->context; place++)
			check_digits_at(v, cols, m, (int)place);
}

/* ---- what was proved ---- */

static double
largest_seen(const ModelRun *r, const ProvedSum *p)
{
	switch (p->kind) {
	case SUM_EMBEDDING: return r->embedding_sum[p->index];
	case SUM_LOGIT: return r->logit_sum[p->index];
	case SUM_LABEL: return r->label_sum[p->index];
	default: return r->layer[p->layer].sum[p->kind][p->index];
	}
}

/* Several columns may share a slot of which only one is in the embedding. */
static double
proved_of(const Report *r, const ProvedSum *p)
{
	double most = p->most;

	for (int i = 0; p->kind == SUM_EMBEDDING && i < r->nproved; i++)
		if (r->proved[i].kind == SUM_EMBEDDING && r->proved[i].index == p->index)
			most = fmax(most, r->proved[i].most);
	return most;
}

static void
check_bounds(const Pair *x, const Report *r)
{
	static const char *const what[] = { "embedding",
		                            "query",
		                            "key",
		                            "value",
		                            "neuron",
		                            "score",
		                            "write of attention",
		                            "write of the MLP",
		                            "logit",
		                            "label" };

	for (int i = 0; i < r->nproved; i++) {
		const ProvedSum *p = &r->proved[i];
		double seen = largest_seen(x->model, p), most = proved_of(r, p) * (1 + 1e-4) + 1e-6;
		if (seen > most)
			rule_broken(
				x->v, NULL,
				"layer %d, %s %d: the terms add up to %.9g, and at most %.9g was "
				"proved",
				p->layer, what[p->kind], p->index, seen, p->most);
		if (p->most >= EXACT_MAX)
			rule_broken(x->v, NULL, "layer %d, %s %d: %.9g is no bound", p->layer,
			            what[p->kind], p->index, p->most);
	}
}

/* ---- all of it ---- */

static void
compare_text(const Pair *x, Arena *arena, const Report *r)
{
	compare_stream(x, arena, 0);
	for (int l = 0; l < x->m->nlayer; l++)
		compare_layer(x, arena, l);
	compare_labels(x);
	compare_logits(x);
	check_bounds(x, r);
}

bool
verify_weights(const Columns *cols, const TwModel *m, const Report *report)
{
	Verifier v;
	SampleText *text;

	verifier_begin(&v, cols->s->c, "weights");
	if (cols->width == m->d_model) { /* else there is no column at all */
		check_embedding(&v, cols, m);
		check_readers(&v, cols, m);
	}
	int n = sample_texts(&v.arena, cols->s->c->g, &text);
	SparseModel *sparse = sparse_model(&v.arena, m);
	for (int i = 0; i < n && !v.broken; i++) {
		Arena scratch = { 0 };
		Pair pair = { &v, cols, m, run_circuit(&v, &scratch, &text[i]),
			      run_model(sparse, &scratch, &text[i]) };
		compare_text(&pair, &scratch, report);
		arena_free(&scratch);
	}
	return verifier_end(&v);
}
