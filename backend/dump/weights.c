/* The matrices as text: `twc --dump=weights`.
 *
 *     layer 0
 *             head 0 find0, plus                   # score at most 304
 *                     (1) * (128 p0 - 176 t2)      # at most 1, 304
 *                     v0 = t1 -> a[0]              # at most 9
 *             into a[0] 18, b[0] 9
 *             n0 = relu(a[0] + b[0] - 9) -> c7     # at most 27
 *
 * Every number is one of the model's matrices, read from there; the columns are called
 * by what stands there in that state, a named value or an atom, else by their number in the
 * dump of the columns. "At most" is the bound that was proved of the sum of its absolute
 * terms, which stays below 2^24; "into" says that of the columns that the half of a layer
 * changes. */

#include "backend/dump/dump.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

typedef struct WeightDump {
	Dump d;
	const Columns *cols;
	const TwModel *m;
	const Report *r;
	const char **at;   /* (d_model) the name of what stands in each slot of this state */
	const char **next; /* (d_model) the same of the state after it */
} WeightDump;

static bool
is_taken(const char *name, const char *const *by, int n)
{
	while (n-- > 0)
		if (!strcmp(by[n], name))
			return true;
	return false;
}

/* Of two that are the same in this state the first has the name. */
static void
name_slots(WeightDump *w, int state, const char **at)
{
	for (int i = 0; i < w->m->d_model; i++)
		at[i] = arena_fmt(&w->d.arena, "slot %d", i);
	for (int i = 0; i < w->cols->n; i++) {
		if (column_begins(w->cols->form[i]) > state || state >= w->cols->cleared[i])
			continue;
		const char *name = column_name(w->d.names, w->cols, i, state);
		if (is_taken(name, at, w->m->d_model))
			name = arena_fmt(&w->d.arena, "c%d", i);
		at[w->cols->slot[i]] = name;
	}
}

static void
enter_dump_state(WeightDump *w, int state)
{
	name_slots(w, state, w->at);
	name_slots(w, state + 1, w->next);
}

/* The bound that was proved of a sum; 0 if none was. */
static double
proved_sum(const WeightDump *w, SumKind kind, int layer, int index)
{
	double most = 0;

	for (int i = 0; i < w->r->nproved; i++) {
		const ProvedSum *p = &w->r->proved[i];
		if (p->kind == kind && p->layer == layer && p->index == index)
			most = max_double(most, p->most);
	}
	return most;
}

/* What column j of a (d_model, width) matrix reads. */
static void
print_reader(WeightDump *w, const float *matrix, int width, int j, float bias)
{
	bool first = true;

	for (int i = 0; i < w->m->d_model; i++) {
		float v = matrix[(size_t)i * (size_t)width + (size_t)j];
		if (v == 0)
			continue;
		print_term(w->d.line, (double)v, w->at[i], first);
		first = false;
	}
	if (bias != 0 || first)
		print_term(w->d.line, (double)bias, "", first);
}

/* What is written into each column: " -> 2 a, -b". */
static void
print_writes(WeightDump *w, const float *row, const char *const *name)
{
	const char *sign = " -> ";

	for (int i = 0; row && i < w->m->d_model; i++) {
		if (row[i] == 0)
			continue;
		fputs(sign, w->d.line);
		print_term(w->d.line, (double)row[i], name[i], true);
		sign = ", ";
	}
}

/* The columns that rows of a matrix, and a bias, add to, each with its bound. */
static void
dump_sums(WeightDump *w, SumKind kind, int layer, const float *matrix, int rows, const float *bias)
{
	int d = w->m->d_model, n = 0;

	for (int i = 0; i < d; i++) {
		bool changed = bias && bias[i] != 0;
		for (int j = 0; j < rows; j++)
			changed |= matrix[(size_t)j * (size_t)d + (size_t)i] != 0;
		if (changed)
			fprintf(w->d.line, "%s%s %.8g", n++ ? ", " : "\tinto ", w->next[i],
			        proved_sum(w, kind, layer, i));
	}
	if (n)
		dump_line(&w->d);
}

static void
dump_head_weights(WeightDump *w, int layer, const Head *h)
{
	const TwLayer *l = &w->m->layer[layer];
	int qk = l->heads * l->dk, vs = l->heads * l->dv;

	fprintf(w->d.line, "\thead %d %s, %s", h->index, find_name(w->d.names, h->lookup),
	        lookup_label(w->d.names->c, h->lookup));
	dump_remark(&w->d, "score at most %.8g", proved_sum(w, SUM_SCORE, layer, h->index));
	for (int i = 0; i < h->lookup->ndim; i++) {
		int j = h->index * l->dk + i;
		fputs("\t\t(", w->d.line);
		print_reader(w, l->wq, qk, j, l->bq[j]);
		fputs(") * (", w->d.line);
		print_reader(w, l->wk, qk, j, l->bk[j]);
		fputc(')', w->d.line);
		dump_remark(&w->d, "at most %.8g, %.8g", proved_sum(w, SUM_QUERY, layer, j),
		            proved_sum(w, SUM_KEY, layer, j));
	}
	for (int i = 0; i < h->nvalue; i++) {
		int j = h->index * l->dv + h->value[i]->column;
		if (!h->value[i]->live)
			continue;
		fprintf(w->d.line, "\t\t%s = ", atom_name(w->d.names, h->value[i]));
		print_reader(w, l->wv, vs, j, l->bv[j]);
		print_writes(w, l->wo + (size_t)j * (size_t)w->m->d_model, w->next);
		dump_remark(&w->d, "at most %.8g", proved_sum(w, SUM_VALUE, layer, j));
	}
}

static void
dump_neuron_weights(WeightDump *w, int layer, int i)
{
	const TwLayer *l = &w->m->layer[layer];
	const Schedule *s = w->cols->s;
	int n = s->nneuron[layer];
	bool second = i >= n && i < n + s->nstep[layer], clears = i >= n && !second;

	fprintf(w->d.line, "\t%s = relu(",
	        clears   ? "clears"
	        : second ? "second"
	                 : atom_name(w->d.names, s->neuron[layer][i]));
	print_reader(w, l->w1, l->neurons, i, l->b1[i]);
	fputc(')', w->d.line);
	print_writes(w, l->w2 + (size_t)i * (size_t)w->m->d_model, clears ? w->at : w->next);
	if (clears)
		dump_remark(&w->d, "what stands there until now");
	else if (second)
		dump_remark(&w->d, "the other one of a step");
	else
		dump_remark(&w->d, "at most %.8g", proved_sum(w, SUM_NEURON, layer, i));
}

static void
dump_layer_weights(WeightDump *w, int layer)
{
	const TwLayer *l = &w->m->layer[layer];
	bool bias = false;

	fprintf(w->d.line, "layer %d", layer);
	dump_line(&w->d);
	enter_dump_state(w, state_before(layer));
	for (int i = 0; i < l->heads; i++)
		dump_head_weights(w, layer, w->cols->s->head[layer][i]);
	dump_sums(w, SUM_ATTENTION_WRITE, layer, l->wo, l->heads * l->dv, NULL);
	enter_dump_state(w, state_after_attention(layer));
	for (int i = 0; i < l->neurons; i++)
		dump_neuron_weights(w, layer, i);
	for (int i = 0; l->neurons && i < w->m->d_model; i++)
		bias |= l->b2[i] != 0;
	if (bias) {
		fputs("\tbias", w->d.line);
		print_writes(w, l->b2, w->next);
		dump_line(&w->d);
	}
	dump_sums(w, SUM_MLP_WRITE, layer, l->w2, l->neurons, l->b2);
}

/* The part of a table that adds to one slot. False if it is all 0. */
static bool
print_embedding(WeightDump *w, const float *table, bool by_place, int slot, bool first)
{
	const Circuit *c = w->cols->s->c;
	int n = !table ? 0 : by_place ? c->places : c->rows;
	double *at = NEWS(&w->d.arena, double, n);
	bool any = false;

	for (int i = 0; table && i < n; i++) {
		at[i] = (double)table[(size_t)i * (size_t)w->m->d_model + (size_t)slot];
		any |= at[i] != 0;
	}
	if (!any)
		return false;
	fprintf(w->d.line, "%s%s ", first ? "" : "; ", by_place ? "place" : "token");
	print_feature(w->d.line, w->d.names, by_place, at);
	return true;
}

/* What the digits of the place add to one slot. */
static bool
print_slot_parts(WeightDump *w, int slot, bool first)
{
	bool any = false;

	for (int i = 0; i < w->m->npart; i++) {
		const TwPlacePart *part = &w->m->part[i];
		double *at = NEWS(&w->d.arena, double, part->digit.modulo);
		int k = 0;
		while (k < part->ncolumn && part->column[k] != slot)
			k++;
		if (k == part->ncolumn)
			continue;
		for (int r = 0; r < part->digit.modulo; r++)
			at[r] = (double)part->table[r * part->ncolumn + k];
		fputs(first && !any ? "" : "; ", w->d.line);
		print_digit(w->d.line, &part->digit);
		print_digit_table(w->d.line, part->digit.modulo, at);
		any = true;
	}
	return any;
}

static void
dump_embedding_weights(WeightDump *w)
{
	const TwModel *m = w->m;

	fputs("embedding", w->d.line);
	dump_line(&w->d);
	enter_dump_state(w, 0);
	for (int i = 0; i < w->cols->width; i++) {
		fprintf(w->d.line, "\t%s = ", w->at[i]);
		bool any = !m->ninput && print_embedding(w, m->embed_token, false, i, true);
		any |= print_embedding(w, m->embed_position, true, i, !any);
		any |= print_slot_parts(w, i, !any);
		for (int k = 0; k < m->ninput; k++) {
			float v = m->embed_input[(size_t)k * (size_t)m->d_model + (size_t)i];
			if (v == 0)
				continue;
			print_term(w->d.line, (double)v, m->input[k].name, !any);
			any = true;
		}
		if (any)
			dump_line(&w->d);
		else
			rewind(w->d.line);
	}
}

static void
dump_output_weights(WeightDump *w)
{
	const TwModel *m = w->m;
	int rows = m->nvocab + 2;

	fputs("output", w->d.line);
	dump_line(&w->d);
	enter_dump_state(w, 2 * m->nlayer);
	for (int i = 0; m->emits && i < rows; i++) {
		fputs("\tlogit ", w->d.line);
		print_entry(w->d.line, w->d.names, false, i);
		fputs(" = ", w->d.line);
		print_reader(w, m->head_w, rows, i, m->head_b[i]);
		dump_remark(&w->d, "at most %.8g", proved_sum(w, SUM_LOGIT, 0, i));
	}
	for (int i = 0; i < m->nlabel; i++) {
		fprintf(w->d.line, "\tlabel %s = ", m->label[i].name);
		print_reader(w, m->label[i].w, 1, 0, *m->label[i].b);
		dump_remark(&w->d, "at most %.8g", proved_sum(w, SUM_LABEL, 0, i));
	}
}

void
dump_weights(const Columns *cols, const TwModel *m, const Report *r, FILE *to)
{
	WeightDump w = { .cols = cols, .m = m, .r = r };

	dump_begin(&w.d, cols->s->c, to);
	w.at = NEWS(&w.d.arena, const char *, m->d_model + 1);
	w.next = NEWS(&w.d.arena, const char *, m->d_model + 1);
	fprintf(w.d.line, "weights %s", m->name);
	dump_remark(&w.d, "d_model %d, %ld of %ld weights are not 0", m->d_model, r->nonzeros,
	            r->parameters);
	dump_embedding_weights(&w);
	for (int l = 0; l < m->nlayer; l++)
		dump_layer_weights(&w, l);
	dump_output_weights(&w);
	dump_end(&w.d);
}
