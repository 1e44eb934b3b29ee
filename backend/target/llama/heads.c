/* Heads of the plain model as heads that rotate.
 *
 *     offset    a query turned back by `back` places agrees with the key of that place in every
 *               plane, and is opposite to any other in one: two places that are 2^j times an odd
 *               number apart are half a turn apart in plane j. No position is needed
 *     others    queries and keys as they are, each dimension in a plane of its own; the planes
 *               that turn least, a turn of pi p / 2^i, leave the score what it is but for
 *               (angle)^2 of each product
 *
 * A softmax that is one-hot stays so while the score's error is below gap - 104; equal scores must
 * be equal in all bits. In half precision a number has HALF_BITS: the product of a query and a key
 * may be 22 bits wide, so a power of two moves between them; a key that is a function of the place
 * alone (its square) and is wider becomes two digits in columns of their own. */

#include "backend/target/llama/llama.h"

#include <math.h>
#include <string.h>

enum {
	HALF_BITS = 11, /* of a number in half precision, */
	HALF_MAX = 65504,
	AHEAD = 256, /* by how much an offset's place is ahead of <bos>, and <bos> of others */
	KEY = 16,    /* the length of a key in a plane that turns */
	SHIFTED = 1 << 10, /* keys larger than that give a power of two to their queries */
};

double
unit_of_column(const float *w, const float *b, int d, int width, int j)
{
	double unit = 0x1p62;

	for (int c = 0; c <= d; c++) {
		double x = c < d ? (double)w[c * width + j] : (double)b[j];
		while (x != 0 && fmod(x, unit) != 0)
			unit /= 2;
	}
	return unit;
}

static const char *
what_head(LlamaWriter *w, int layer, int head)
{
	const Lookup *s = w->s->head[layer][head]->lookup;

	if (!s->ref)
		return arena_fmt(w->arena, "the head that reads %d back", -s->offset);
	return arena_fmt(w->arena, "the head of line %d (%s)",
	                 source_line(node_source(w->s->c->g, s->ref), s->ref->span.lo), s->intent);
}

/* ---- half precision ---- */

static bool
fits_half(double most, double unit)
{
	return most <= unit * (1 << HALF_BITS);
}

/* Is f, a key, a function of the place, <bos> aside? */
static bool
is_key_of_place(const Form *f, const Circuit *c)
{
	for (int i = 0; i < f->n; i++) {
		const Atom *a = f->term[i].atom;
		bool bos = a->kind == TOKEN_FEATURE;
		for (int r = 0; bos && r < c->rows - 1; r++)
			bos = a->table[r] == a->table[0];
		if (!bos && (a->kind != PLACE_FEATURE || !a->table))
			return false;
	}
	return f->n > 0;
}

/* Its value at a place, <bos> aside: there a token's feature is that of any token. */
static double
key_at_place(const Form *f, int place)
{
	double v = (double)f->k;

	if (!place)
		return (double)form_bos(f);
	for (int i = 0; i < f->n; i++) {
		const Atom *a = f->term[i].atom;
		v += (double)f->term[i].c * (double)a->table[a->kind == PLACE_FEATURE ? place : 0];
	}
	return v;
}

static float *
new_row(LlamaWriter *w)
{
	return arena_alloc(w->arena, sizeof(float) * (size_t)w->out->d);
}

static LlamaDim *
add_head_dim(LlamaWriter *w, LlamaHead *h)
{
	GROW(w->arena, h->dim, h->capdim, h->ndim + 1);
	LlamaDim *d = &h->dim[h->ndim++];
	*d = (LlamaDim){ 0 };
	return d;
}

/* The last dimension, whose key is this function of the place, as two: that by 2^11, and what is
 * left. */
static void
split_key(LlamaWriter *w, LlamaHead *h, const Form *key)
{
	LlamaDim whole = h->dim[--h->ndim];
	double base = 1 << HALF_BITS;

	for (int digit = 0; digit < 2; digit++) {
		double *table = NEWS(w->arena, double, w->places), unit = digit ? base : 1;
		double most = 0;
		for (int p = 0; p < w->places; p++) {
			double v = key_at_place(key, p) / whole.kunit, high = floor(v / base);
			table[p] = digit ? high : v - high * base;
			most = fmax(most, fabs(table[p]));
		}
		LlamaDim *d = add_head_dim(w, h);
		d->k = new_row(w);
		d->k[llama_place_column(w, table)] = 1;
		d->q = new_row(w);
		for (int c = 0; c < w->out->d; c++)
			d->q[c] = whole.q[c] * (float)(unit * whole.kunit);
		d->kmost = most;
		d->kunit = 1;
		d->qmost = whole.qmost * unit * whole.kunit;
		d->qunit = whole.qunit * unit * whole.kunit;
	}
}

/* Queries carry the root of d_head, 16 at most. */
static bool
is_query_in_range(const LlamaDim *d)
{
	return d->qmost * 16 <= HALF_MAX;
}

/* A power of two from the key to the query: as much as leaves a small key, but not too large a
 * query. */
static void
move_power(LlamaWriter *w, LlamaDim *d)
{
	double power = 1;

	while (d->kmost / power > SHIFTED)
		power *= 2;
	while (d->qmost * power * 16 > HALF_MAX && 2 * d->kmost / power <= HALF_MAX)
		power /= 2;
	for (int c = 0; c < w->out->d; c++) {
		d->k[c] /= (float)power;
		d->q[c] *= (float)power;
	}
	d->kmost /= power;
	d->kunit /= power;
	d->qmost *= power;
	d->qunit *= power;
}

static bool
refuse_half(LlamaWriter *w, int layer, int head, const char *what, double most, double unit)
{
	return llama_refuse(w,
	                    "%s needs %s of up to %.0f times %.0f, and a 16-bit cache holds %d "
	                    "bits of them",
	                    what_head(w, layer, head), what, most / unit, unit, HALF_BITS);
}

static bool
check_half_dims(LlamaWriter *w, int layer, int head, LlamaHead *h)
{
	for (int i = 0; i < h->ndim; i++) {
		LlamaDim *d = &h->dim[i];
		if (!fits_half(d->kmost, d->kunit))
			return refuse_half(w, layer, head, "keys", d->kmost, d->kunit);
		move_power(w, d);
		if (!fits_half(d->qmost, d->qunit) || !is_query_in_range(d))
			return refuse_half(w, layer, head, "queries", d->qmost, d->qunit);
	}
	return true;
}

/* What is moved: one number, or a sum of equal parts over all places. */
static bool
check_half_values(LlamaWriter *w, int layer, int head)
{
	const Head *h = w->s->head[layer][head];
	const TwLayer *l = &w->m->layer[layer];
	bool mean = !strcmp(h->lookup->intent, "mean");

	for (int i = 0; i < h->nvalue; i++) {
		const Atom *v = h->value[i];
		if (!v->live)
			continue;
		double most = value_max_abs(v->in) * (mean ? w->places : 1);
		if (mean && v->in->lo == v->in->hi) /* at <bos> alone */
			most = value_max_abs(v->in);
		double unit = unit_of_column(l->wv, l->bv, w->nplain, l->heads * l->dv,
		                             head * l->dv + v->column);
		if (!fits_half(most, unit) || most > HALF_MAX)
			return refuse_half(w, layer, head, "values", most, unit);
	}
	return true;
}

/* ---- what each head is ---- */

static void
take_dim(LlamaWriter *w, LlamaHead *h, int layer, int head, int j)
{
	const TwLayer *l = &w->m->layer[layer];
	const Lookup *s = h->head->lookup;
	int width = l->heads * l->dk, at = head * l->dk + j, d = w->nplain;
	LlamaDim *to = add_head_dim(w, h);

	to->q = new_row(w);
	to->k = new_row(w);
	for (int c = 0; c < d; c++) {
		to->q[c] = l->wq[c * width + at];
		to->k[c] = l->wk[c * width + at];
	}
	to->q[w->one] = l->bq[at];
	to->k[w->one] = l->bk[at];
	to->qmost = value_max_abs(s->q[j]);
	to->kmost = value_max_abs(s->k[j]);
	to->qunit = unit_of_column(l->wq, l->bq, d, width, at);
	to->kunit = unit_of_column(l->wk, l->bk, d, width, at);
	if (w->out->profile == LLAMA_F16KV && layer && !fits_half(to->kmost, to->kunit)
	    && is_key_of_place(s->k[j], w->s->c) && !w->m->by_digits)
		split_key(w, h, s->k[j]);
}

static bool
plan_head(LlamaWriter *w, int layer, int head)
{
	LlamaHead *h = &w->head[layer][head];
	const Lookup *s = w->s->head[layer][head]->lookup;

	h->head = w->s->head[layer][head];
	if (!s->gap)
		return llama_refuse(w, "%s shares its weights out by scores",
		                    what_head(w, layer, head));
	for (int i = 0; i < s->ndim; i++)
		if (s->q[i]->real || s->k[i]->real)
			return llama_refuse(w, "%s has real numbers in its score",
			                    what_head(w, layer, head));
	if (!s->ref && s->offset < 0)
		h->back = -s->offset;
	for (int i = 0; i < s->ndim && !h->back; i++)
		take_dim(w, h, layer, head, i);
	return w->out->profile == LLAMA_F32
	       || (check_half_dims(w, layer, head, h) && check_half_values(w, layer, head));
}

bool
llama_plan_heads(LlamaWriter *w)
{
	w->head = NEWS(w->arena, LlamaHead *, w->m->nlayer + 1);
	for (int l = 0; l < w->m->nlayer; l++) {
		w->head[l] = NEWS(w->arena, LlamaHead, w->s->nhead[l] + 1);
		for (int h = 0; h < w->s->nhead[l]; h++)
			if (!plan_head(w, l, h))
				return false;
	}
	return true;
}

/* ---- planes ---- */

static double
turn_of_plane(const LlamaWriter *w, int plane)
{
	return M_PI * exp2(-(double)plane / w->out->octave);
}

double
llama_angle_error(const LlamaWriter *w, int plane)
{
	return w->places * turn_of_plane(w, plane) * (plane + 4) * ONE_ROUNDING;
}

/* So many planes tell a place from all others that are seen with it. */
static int
offset_planes(const LlamaWriter *w, int back)
{
	int n = 1;

	while ((w->places > back ? w->places - 1 : back) >> n)
		n++;
	return n;
}

static bool
offset_is_exact(LlamaWriter *w, int layer, int head)
{
	double error = 0, rounding = w->out->profile == LLAMA_F32 ? 0x1p-20 : 0x1p-9;
	int n = offset_planes(w, w->head[layer][head].back);

	for (int i = 0; i < n; i++)
		error += AHEAD * (pow(llama_angle_error(w, i * w->out->octave), 2) + rounding);
	if (n * w->out->octave >= w->out->d_head / 2)
		return false;
	return error < AHEAD - TW_GAP
	       || llama_refuse(w, "its context is too long for %s", what_head(w, layer, head));
}

/* The still planes: how far the rotation may move a score. */
static bool
dims_are_exact(const LlamaWriter *w, const LlamaHead *h)
{
	bool mean = !strcmp(h->head->lookup->intent, "mean"), still = true;
	double sines = 0, rounded = 0;

	for (int i = 0; i < h->ndim; i++) {
		int plane = w->out->d_head / 2 - 1 - i;
		double angle = w->places * turn_of_plane(w, plane > 0 ? plane : 0),
		       product = h->dim[i].qmost * h->dim[i].kmost;
		if (plane < 0 || angle > 0x1p-6)
			return false;
		still &= angle < 0x1p-13; /* its cosine is 1 in float32 */
		sines += product * angle * angle;
		rounded += product * (1.1 * angle * angle + (8 + 2 * h->ndim) * 0x1p-24);
	}
	if (still && sines < 0x1p-26) /* lost beside whole numbers, and exp() of it is 1 */
		return true;
	return !mean && rounded < (double)(h->head->lookup->gap - TW_GAP);
}

static bool
planes_do(LlamaWriter *w, int *layer, int *head)
{
	for (*layer = 0; *layer < w->m->nlayer; ++*layer)
		for (*head = 0; *head < w->s->nhead[*layer]; ++*head) {
			const LlamaHead *h = &w->head[*layer][*head];
			if (h->back ? !offset_is_exact(w, *layer, *head) : !dims_are_exact(w, h))
				return false;
		}
	return true;
}

/* The root of d_head is a power of two, so it is 64 or 256; of 256, each second plane turns by a
 * half of the turn before, since 2^128 is no float32. */
bool
llama_choose_planes(LlamaWriter *w)
{
	int layer = 0, head = 0;

	for (w->out->d_head = 64; w->out->d_head <= 256; w->out->d_head *= 4) {
		w->out->octave = w->out->d_head == 64 ? 1 : 2;
		if (planes_do(w, &layer, &head))
			break;
		if (w->failed)
			return false;
	}
	if (w->out->d_head > 256)
		return llama_refuse(w, "the scores of %s are too large to stay exact in a rotation",
		                    what_head(w, layer, head));
	w->out->theta = ldexpf(1, w->out->d_head / 2 / w->out->octave);
	return true;
}

/* ---- writing ---- */

/* Row 2 i of a head is the first number of plane i, row 2 i + 1 the second. */
static float *
plane_row(const LlamaWriter *w, float *matrix, int head, int plane, int second)
{
	size_t row = (size_t)(head * w->out->d_head + 2 * plane + second);

	return matrix + row * (size_t)w->out->d;
}

static void
write_offset(LlamaWriter *w, int head, int back, LlamaLayer *to)
{
	int n = offset_planes(w, back), last = w->out->d_head / 2 - 1;
	double a = AHEAD * sqrt(w->out->d_head) / KEY;

	for (int i = 0; i < n; i++) {
		double turn = ldexp(M_PI, -i) * (back & ((2 << i) - 1));
		int plane = i * w->out->octave;
		plane_row(w, to->q, head, plane, 0)[w->one] = (float)(a * cos(turn));
		plane_row(w, to->q, head, plane, 1)[w->one] = (float)(-a * sin(turn));
		plane_row(w, to->k, head, plane, 0)[w->one] = KEY;
		plane_row(w, to->k, head, plane, 0)[w->bos] = -KEY;
	}
	/* <bos> is one step behind the place that is looked for, and one ahead of all others */
	plane_row(w, to->q, head, last, 0)[w->one] = (float)(a * (n - 1));
	plane_row(w, to->k, head, last, 0)[w->bos] = KEY;
}

static void
write_dims(LlamaWriter *w, int head, const LlamaHead *h, LlamaLayer *to)
{
	float root = sqrtf((float)w->out->d_head);

	for (int i = 0; i < h->ndim; i++) {
		int plane = w->out->d_head / 2 - 1 - i;
		float *q = plane_row(w, to->q, head, plane, 0),
		      *k = plane_row(w, to->k, head, plane, 0);
		for (int c = 0; c < w->out->d; c++) {
			q[c] = h->dim[i].q[c] * root;
			k[c] = h->dim[i].k[c];
		}
	}
}

static void
write_values(LlamaWriter *w, int layer, int head, LlamaLayer *to)
{
	const TwLayer *l = &w->m->layer[layer];
	size_t wide = (size_t)(w->out->heads * w->out->d_head), d = (size_t)w->out->d;

	for (int j = 0; j < l->dv; j++) {
		size_t row = (size_t)(head * w->out->d_head + j), at = (size_t)(head * l->dv + j);
		for (size_t c = 0; c < (size_t)w->nplain; c++) {
			to->v[row * d + c] = l->wv[c * (size_t)(l->heads * l->dv) + at];
			to->o[c * wide + row] = l->wo[at * (size_t)w->nplain + c];
		}
		to->v[row * d + (size_t)w->one] = l->bv[at];
	}
}

void
llama_write_heads(LlamaWriter *w, int layer, LlamaLayer *to)
{
	for (int h = 0; h < w->m->layer[layer].heads; h++) {
		const LlamaHead *from = &w->head[layer][h];
		if (from->back)
			write_offset(w, h, from->back, to);
		else
			write_dims(w, h, from, to);
		write_values(w, layer, h, to);
	}
}
