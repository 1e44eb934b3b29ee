/* A graph of a whole text as one of a single position, `here`, which keeps what later ones read:
 *
 *     k [t < 64][d < 8] = ...x[t, r]...             k.row [d < 8] = ...x.row[r]...
 *                                                   k.now [t < 64][d < 8] =
 *                                                       where(t == here, k.row[d], k.past[t, d])
 *                                                   carry k.past = k.now
 *     qk [t < 64][u < 64] =                         qk.row [u < 64] =
 *         sum(q[t, r] * k[u, r] for r < 8)              sum(q.row[r] * k.now[u, r] for r < 8)
 *
 * What is read at the reader's own position is a row; what is read elsewhere has a past, which is
 * the cache of keys and values that generation has (Pope et al. 2022, "Efficiently Scaling
 * Transformer Inference"). Rows behind `here` are still 0: no causal program can tell. */

#include "tensor/internal.h"

typedef struct Decoder {
	TensorGraph *from, *g;
	Scalar *here;
	int *axis;         /* by tensor: that of positions; -1: it depends on no input */
	int *guess;        /* the same, by what it reads */
	bool *live, *past; /* somebody reads it elsewhere */
	TensorNode **row, **now;
	const TensorNode *at; /* whose body is rewritten */
} Decoder;

typedef void LoadVisit(Decoder *, const TensorNode *reader, const Scalar *load);

static void
visit_body(Decoder *d, const TensorNode *reader, const Scalar *e, LoadVisit *visit, Map *seen)
{
	if (map_get(seen, e))
		return;
	map_put(d->g->arena, seen, e, d);
	if (e->op == X_LOAD)
		visit(d, reader, e);
	for (int i = 0; i < e->narg; i++)
		visit_body(d, reader, e->arg[i], visit, seen);
}

static void
each_load(Decoder *d, const TensorNode *reader, LoadVisit *visit)
{
	if (reader->body)
		visit_body(d, reader, reader->body, visit, &(Map){ 0 });
}

static bool
is_axis_at(const Scalar *e, int axis)
{
	return e->op == X_RANGE && e->number == axis;
}

/* ---- which axis is that of positions ---- */

static void
guess_by_load(Decoder *d, const TensorNode *reader, const Scalar *load)
{
	int k = d->guess[load->tensor->id];

	if (k < 0)
		return;
	if (d->guess[reader->id] < 0)
		d->guess[reader->id] = RANK_MAX; /* it depends on an input */
	for (int i = 0; i < reader->rank; i++)
		if (k < RANK_MAX && is_axis_at(load->arg[k], i) && i < d->guess[reader->id])
			d->guess[reader->id] = i;
}

/* A row is read by a row: the reader's position is the index of that of what is read. */
static void
vote_by_load(Decoder *d, const TensorNode *reader, const Scalar *load)
{
	int id = load->tensor->id;

	if (d->guess[id] < 0)
		return;
	d->live[id] = true;
	for (int k = 0; k < load->narg && d->axis[id] < 0; k++)
		if (is_axis_at(load->arg[k], d->axis[reader->id])
		    && load->tensor->dim[k] == reader->dim[d->axis[reader->id]])
			d->axis[id] = k;
}

static bool
is_row_load(const Decoder *d, const TensorNode *reader, const Scalar *load)
{
	return is_axis_at(load->arg[d->axis[load->tensor->id]], d->axis[reader->id]);
}

static void
note_past(Decoder *d, const TensorNode *reader, const Scalar *load)
{
	int id = load->tensor->id;

	if (d->axis[id] >= 0 && !is_row_load(d, reader, load))
		d->past[id] = true;
}

/* False: something has no axis of `context` positions. */
static bool
find_axes(Decoder *d, const TensorNode *scores, int context)
{
	for (int i = 0; i <= scores->id; i++) {
		const TensorNode *t = d->from->tensor[i];
		d->axis[i] = -1;
		d->guess[i] = t->kind == TENSOR_INPUT ? 0 : -1;
		each_load(d, t, guess_by_load);
	}
	d->axis[scores->id] = 0;
	d->live[scores->id] = true;
	for (int i = scores->id; i >= 0; i--) {
		const TensorNode *t = d->from->tensor[i];
		if (!d->live[i])
			continue;
		if (d->axis[i] < 0)
			d->axis[i] = d->guess[i];
		if (d->axis[i] >= t->rank || t->dim[d->axis[i]] != context)
			return false;
		each_load(d, t, vote_by_load);
	}
	for (int i = 0; i <= scores->id; i++)
		if (d->live[i])
			each_load(d, d->from->tensor[i], note_past);
	return true;
}

/* ---- rewriting ---- */

static Scalar *
decode_load(ScalarRewrite *r, const Scalar *e)
{
	Decoder *d = r->context;
	int id = e->tensor->id, n = 0;
	bool row = d->axis[id] >= 0 && is_row_load(d, d->at, e);
	Scalar *index[RANK_MAX];

	for (int i = 0; i < e->narg; i++)
		if (!row || i != d->axis[id])
			index[n++] = scalar_rewrite(r, e->arg[i]);
	return scalar_load(d->g, row ? d->row[id] : d->now[id], index);
}

/* The body with `here` in place of the axis of positions; whole, where there is none. */
static TensorNode *
decode_body(Decoder *d, TensorNode *t)
{
	ScalarRewrite r = { .to = d->g, .load = decode_load, .context = d };
	Scalar *axis[RANK_MAX];
	int n = 0;
	bool row = d->axis[t->id] >= 0;

	d->at = t;
	for (int i = 0; i < t->rank; i++) {
		Scalar *was = scalar_axis(d->from, i, t->dim[i]);
		if (!row || i != d->axis[t->id])
			axis[n++] = scalar_fresh(d->g, t->dim[i]);
		map_put(d->g->arena, &r.done, was,
		        !row || i != d->axis[t->id] ? axis[n - 1] : d->here);
	}
	return tensor_define(d->g, arena_fmt(d->g->arena, row ? "%s.row" : "%s", t->name),
	                     scalar_rewrite(&r, t->body), n, axis);
}

static TensorNode *
decode_leaf(Decoder *d, const TensorNode *t)
{
	int dim[RANK_MAX], n = 0;
	TensorNode *to;

	if (t->kind == TENSOR_TABLE)
		return tensor_table(d->g, t->name, t->rank, t->dim, t->table);
	for (int i = 0; i < t->rank; i++)
		if (t->kind == TENSOR_PARAM || i != d->axis[t->id])
			dim[n++] = t->dim[i];
	to = t->kind == TENSOR_PARAM ? tensor_param(d->g, t->name, n, dim)
	                             : tensor_input(d->g, t->name, n, dim);
	to->integer = t->integer;
	to->values = t->values;
	to->spread = t->spread;
	to->init = t->init;
	return to;
}

/* All rows so far: the past with that of here. */
static TensorNode *
rows_so_far(Decoder *d, const TensorNode *t)
{
	TensorGraph *g = d->g;
	TensorNode *past = tensor_input(g, arena_fmt(g->arena, "%s.past", t->name), t->rank,
	                                t->dim);
	Scalar *axis[RANK_MAX], *rest[RANK_MAX];
	int n = 0, p = d->axis[t->id];

	past->integer = t->integer;
	past->values = t->values;
	for (int i = 0; i < t->rank; i++) {
		axis[i] = scalar_fresh(g, t->dim[i]);
		if (i != p)
			rest[n++] = axis[i];
	}
	TensorNode *now = tensor_define(g, arena_fmt(g->arena, "%s.now", t->name),
	                                scalar_where(g, scalar_binary(g, X_EQ, axis[p], d->here),
	                                             scalar_load(g, d->row[t->id], rest),
	                                             scalar_load(g, past, axis)),
	                                t->rank, axis);
	tensor_carry(g, past, now);
	g->carry[g->ncarry - 1].axis = p;
	return now;
}

TensorGraph *
tensor_decode(TensorGraph *from, const TensorNode *scores, TensorNode **row)
{
	Arena *a = from->arena;
	int n = scores->id + 1;
	Decoder d = { .from = from,
		      .g = tensor_graph_new(a),
		      .axis = NEWS(a, int, n),
		      .guess = NEWS(a, int, n),
		      .live = NEWS(a, bool, n),
		      .past = NEWS(a, bool, n),
		      .row = row,
		      .now = NEWS(a, TensorNode *, n) };
	TensorNode *here = tensor_input(d.g, "here", 0, NULL);

	if (scores->rank < 1 || !find_axes(&d, scores, scores->dim[0]))
		return NULL;
	here->integer = true;
	here->values = (Interval){ 0, scores->dim[0] - 1 };
	d.here = scalar_load(d.g, here, NULL);
	for (int i = 0; i < n; i++) {
		TensorNode *t = from->tensor[i];
		if (d.guess[i] >= 0 && !d.live[i])
			continue;
		row[i] = t->body ? decode_body(&d, t) : decode_leaf(&d, t);
		d.now[i] = d.past[i] ? rows_so_far(&d, t) : row[i];
	}
	tensor_output(d.g, row[scores->id]);
	return d.g;
}
