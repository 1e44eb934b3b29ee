/* Models that compute the same and look less compiled, for methods that are to find a circuit in
 * what nobody laid out (the comments of Lindner et al. 2023, "Tracr"; Gupta et al. 2024,
 * "InterpBench"). Every dial keeps every number that is read what it was, to the last bit:
 *
 *     permute   columns of the stream, heads and neurons come in any order
 *     scale     a neuron, or what a head fetches or compares, is 2^-3 to 2^3 times itself, and
 *               whoever reads it takes that back: powers of two round nothing
 *     dead      neurons that read the stream and never fire: their constant is below the largest
 *               sum that was proved of what they read. Heads that look somewhere and add nothing
 *     noise     columns that tokens, places, heads and neurons write, and nothing reads
 *     rotate    four columns at a time become half their sums and differences, by Hadamard's matrix
 *               of order 4, which is its own inverse: no value stands alone in them. Every number
 * is then a multiple of a quarter, and is exact while the sums of absolute terms, proved anew for
 * every reader, are below a quarter of 2^24; what is not stays as it is
 *
 * Named values, tw.circuit and the certificate go with it. */

#include "backend/realism.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/target/llama/llama.h"
#include "lang/text.h"
#include "lang/random.h"

enum {
	DEAD_SHARE = 4, /* one dead neuron for so many others */
	LARGEST_READ = 1 << 5,
	FAR_BELOW = 64, /* times the bound, so that others can prove it who have a weaker one */
	NOISE_MOST = 9,
	SCALE_LOG = 3,
	BLOCK = 4,
};

/* Where the parts of a layer come from, by their new number; -1: they are dead. */
typedef struct NewLayer {
	int heads, neurons;
	int *head, *neuron;         /* (heads), (neurons) */
	int *place_of_neuron;       /* (old neurons) the new number */
	int *place_of_head;         /* (old heads) */
	double *value, *key, *fire; /* (heads), (heads), (neurons) times so much */
} NewLayer;

typedef struct Realism {
	Arena *arena;
	const TwModel *m;
	TwModel *to;
	const Report *r;
	uint64_t state;
	bool permute, scale, dead, noise, rotate;
	int nblock, *block; /* (nblock, BLOCK) new columns that are rotated together */
	bool *in_block;     /* (new d_model) */
	int *column;        /* (new d_model) from which it comes; -1: noise */
	int *place;         /* (old d_model) the new number */
	NewLayer *layer;
} Realism;

/* ---- the new order */

/* 0 to old - 1 and `more` times -1, in any order if they are permuted. */
static int *
new_order(Realism *x, int old, int more)
{
	int n = old + more, *order = NEWS(x->arena, int, n + 1);

	for (int i = 0; i < n; i++)
		order[i] = i < old ? i : -1;
	for (int i = n - 1; i > 0 && x->permute; i--) {
		int k = seeded_below(&x->state, i + 1), other = order[i];
		order[i] = order[k];
		order[k] = other;
	}
	return order;
}

static int *
inverse_of(Realism *x, const int *order, int n, int old)
{
	int *place = NEWS(x->arena, int, old + 1);

	for (int i = 0; i < n; i++)
		if (order[i] >= 0)
			place[order[i]] = i;
	return place;
}

static double *
new_scales(Realism *x, const int *order, int n)
{
	double *scale = NEWS(x->arena, double, n + 1);

	for (int i = 0; i < n; i++)
		scale[i] = x->scale && order[i] >= 0 ? ldexp(
				   1, seeded_below(&x->state, 2 * SCALE_LOG + 1) - SCALE_LOG)
		                                     : 1;
	return scale;
}

/* What the neurons that read the same, times whatever, have in common. */
static uint64_t
hash_of_reader(const TwModel *m, const TwLayer *l, int neuron)
{
	uint64_t hash = 1469598103934665603u;
	float first = 0;

	for (int c = 0; c < m->d_model; c++) {
		float w = l->w1[(size_t)c * (size_t)l->neurons + (size_t)neuron], same;
		first = first == 0 ? w : first;
		same = w == 0 ? 0 : w / first;
		unsigned bits;
		memcpy(&bits, &same, sizeof bits);
		hash = (hash ^ bits) * 1099511628211u;
	}
	return hash;
}

/* Neurons of one linear part have one scale: together they are a broken line, whose bound is
 * sharper than the sum of theirs. */
static double *
new_neuron_scales(Realism *x, int n)
{
	NewLayer *to = &x->layer[n];
	double *scale = new_scales(x, to->neuron, to->neurons);
	uint64_t salt = x->state;

	for (int i = 0; i < to->neurons && x->scale; i++) {
		if (to->neuron[i] < 0)
			continue;
		x->state = salt ^ hash_of_reader(x->m, &x->m->layer[n], to->neuron[i]);
		scale[i] = ldexp(1, seeded_below(&x->state, 2 * SCALE_LOG + 1) - SCALE_LOG);
	}
	x->state = salt;
	return scale;
}

static void
plan_layer(Realism *x, int n)
{
	const TwLayer *l = &x->m->layer[n];
	NewLayer *to = &x->layer[n];
	int more_heads = x->dead && l->heads ? 1 : 0,
	    more = x->dead && l->neurons ? 2 + l->neurons / DEAD_SHARE : 0;

	to->heads = l->heads + more_heads;
	to->neurons = l->neurons + more;
	to->head = new_order(x, l->heads, more_heads);
	to->neuron = new_order(x, l->neurons, more);
	to->place_of_head = inverse_of(x, to->head, to->heads, l->heads);
	to->place_of_neuron = inverse_of(x, to->neuron, to->neurons, l->neurons);
	to->value = new_scales(x, to->head, to->heads);
	to->key = new_scales(x, to->head, to->heads);
	to->fire = new_neuron_scales(x, n);
}

/* ---- matrices */

static float *
floats_of(Realism *x, int rows, int columns)
{
	return arena_alloc(x->arena,
	                   sizeof(float) * ((size_t)rows * (size_t)columns + (size_t)!rows));
}

static float
noise_number(Realism *x)
{
	return (float)(seeded_below(&x->state, 2 * NOISE_MOST + 1) - NOISE_MOST);
}

/* (rows, d_model) tables: those of the embedding, and what heads and neurons write. */
static float *
new_rows(Realism *x, const float *from, int rows)
{
	int d = x->m->d_model, d2 = x->to->d_model;
	float *to = from ? floats_of(x, rows, d2) : NULL;

	for (int r = 0; from && r < rows; r++)
		for (int c = 0; c < d2; c++)
			to[(size_t)r * (size_t)d2 + (size_t)c] =
				x->column[c] < 0
					? noise_number(x)
					: from[(size_t)r * (size_t)d + (size_t)x->column[c]];
	return to;
}

/* (d_model, columns) matrices that read: noise is read by none. */
static float *
new_readers(Realism *x, const float *from, int columns)
{
	int d2 = x->to->d_model;
	float *to = from ? floats_of(x, d2, columns) : NULL;

	for (int c = 0; from && c < d2; c++)
		if (x->column[c] >= 0)
			memcpy(to + (size_t)c * (size_t)columns,
			       from + (size_t)x->column[c] * (size_t)columns,
			       (size_t)columns * sizeof *to);
	return to;
}

/* Of a matrix of blocks side by side, the blocks by `order`, each times its scale. */
static float *
reorder_blocks(Realism *x, const float *from, int rows, const int *order, const double *scale,
               bool inverse, int count, int old, int size)
{
	float *to = floats_of(x, rows, count * size);

	for (int r = 0; r < rows; r++)
		for (int i = 0; i < count; i++)
			for (int k = 0; k < size && order[i] >= 0; k++)
				to[(size_t)((r * count + i) * size + k)] =
					from[(size_t)((r * old + order[i]) * size + k)]
					* (float)(inverse ? 1 / scale[i] : scale[i]);
	return to;
}

/* The most that stands in a column of the plain model when the MLP of a layer reads it; -1 where
 * that was not proved. */
static double
most_in_column(const Realism *x, int layer, int column)
{
	for (int i = 0; i < x->r->nproved; i++) {
		const ProvedSum *p = &x->r->proved[i];
		if (p->kind == SUM_ATTENTION_WRITE && p->layer == layer && p->index == column)
			return p->most;
	}
	return -1;
}

/* Reads two columns in which little stands, and is below 0 whatever that is. */
static void
kill_neuron(Realism *x, int layer, TwLayer *to, int neuron)
{
	double most = 1;

	for (int i = 0; i < 2; i++) {
		int c = seeded_below(&x->state, x->to->d_model), w = 1 + seeded_below(&x->state, 3);
		double here = x->column[c] < 0 ? -1 : most_in_column(x, layer, x->column[c]);
		if (here < 0 || here > LARGEST_READ)
			continue;
		to->w1[(size_t)c * (size_t)to->neurons + (size_t)neuron] += (float)w;
		most += w * here;
	}
	to->b1[neuron] = (float)-ceil(FAR_BELOW * most);
	for (int c = 0; c < x->to->d_model; c++)
		if (!seeded_below(&x->state, 4))
			to->w2[(size_t)neuron * (size_t)x->to->d_model + (size_t)c] = noise_number(
				x);
}

/* Compares and fetches like the others, and nothing of it is added. */
static void
kill_head(Realism *x, TwLayer *to, int head)
{
	for (int i = 0; i < to->dk; i++) {
		to->bq[head * to->dk + i] = noise_number(x);
		to->bk[head * to->dk + i] = noise_number(x);
	}
	for (int i = 0; i < to->dv; i++)
		to->bv[head * to->dv + i] = noise_number(x);
}

static void
write_new_heads(Realism *x, const TwLayer *l, const NewLayer *n, TwLayer *to)
{
	int d2 = x->to->d_model, h = l->heads, h2 = n->heads;
	const int *o = n->head;

	to->heads = h2;
	if (!h)
		return;
	to->wq = reorder_blocks(x, new_readers(x, l->wq, h * l->dk), d2, o, n->key, false, h2, h,
	                        l->dk);
	to->wk = reorder_blocks(x, new_readers(x, l->wk, h * l->dk), d2, o, n->key, true, h2, h,
	                        l->dk);
	to->wv = reorder_blocks(x, new_readers(x, l->wv, h * l->dv), d2, o, n->value, false, h2, h,
	                        l->dv);
	to->bq = reorder_blocks(x, l->bq, 1, o, n->key, false, h2, h, l->dk);
	to->bk = reorder_blocks(x, l->bk, 1, o, n->key, true, h2, h, l->dk);
	to->bv = reorder_blocks(x, l->bv, 1, o, n->value, false, h2, h, l->dv);
	to->wo = reorder_blocks(x, new_rows(x, l->wo, h * l->dv), 1, o, n->value, true, h2, h,
	                        l->dv * d2);
	for (int i = 0; i < h2; i++)
		if (o[i] < 0)
			kill_head(x, to, i);
}

static void
write_new_neurons(Realism *x, int layer, const NewLayer *n, TwLayer *to)
{
	const TwLayer *l = &x->m->layer[layer];
	int d2 = x->to->d_model, old = l->neurons, count = n->neurons;

	to->neurons = count;
	if (!old)
		return;
	to->w1 = reorder_blocks(x, new_readers(x, l->w1, old), d2, n->neuron, n->fire, false, count,
	                        old, 1);
	to->b1 = reorder_blocks(x, l->b1, 1, n->neuron, n->fire, false, count, old, 1);
	to->w2 = reorder_blocks(x, new_rows(x, l->w2, old), 1, n->neuron, n->fire, true, count, old,
	                        d2);
	to->b2 = new_rows(x, l->b2, 1);
	for (int i = 0; i < count; i++)
		if (n->neuron[i] < 0)
			kill_neuron(x, layer, to, i);
}

/* Its columns stay in ascending order. */
static TwPlacePart
new_part(Realism *x, const TwPlacePart *from)
{
	TwPlacePart to = *from;
	int n = 0;

	to.column = NEWS(x->arena, int, from->ncolumn + 1);
	to.table = floats_of(x, from->digit.modulo, from->ncolumn);
	for (int c = 0; c < x->to->d_model; c++)
		for (int k = 0; k < from->ncolumn; k++) {
			if (from->column[k] != x->column[c])
				continue;
			for (int d = 0; d < from->digit.modulo; d++)
				to.table[d * from->ncolumn + n] =
					from->table[d * from->ncolumn + k];
			to.column[n++] = c;
		}
	return to;
}

static void
write_new_model(Realism *x)
{
	const TwModel *m = x->m;
	TwModel *to = x->to;
	int rows = m->nvocab + 2;

	to->embed_input = new_rows(x, m->embed_input, m->ninput);
	to->embed_token = new_rows(x, m->embed_token, m->ninput ? 0 : rows);
	to->embed_position = new_rows(x, m->embed_position, m->context + 1);
	to->part = NEWS(x->arena, TwPlacePart, m->npart + 1);
	for (int i = 0; i < m->npart; i++)
		to->part[i] = new_part(x, &m->part[i]);
	to->layer = NEWS(x->arena, TwLayer, m->nlayer + 1);
	for (int i = 0; i < m->nlayer; i++) {
		to->layer[i].dk = m->layer[i].dk;
		to->layer[i].dv = m->layer[i].dv;
		write_new_heads(x, &m->layer[i], &x->layer[i], &to->layer[i]);
		write_new_neurons(x, i, &x->layer[i], &to->layer[i]);
	}
	to->head_w = new_readers(x, m->head_w, rows);
	to->label = NEWS(x->arena, TwLabel, m->nlabel + 1);
	for (int i = 0; i < m->nlabel; i++) {
		to->label[i] = m->label[i];
		to->label[i].w = new_readers(x, m->label[i].w, m->label[i].columns);
	}
	to->named = NEWS(x->arena, TwNamed, m->nnamed + 1);
	for (int i = 0; i < m->nnamed; i++) {
		TwNamed *v = &to->named[i];
		*v = m->named[i];
		v->column = NEWS(x->arena, int, v->ncolumn + 1);
		for (int k = 0; k < v->ncolumn; k++)
			v->column[k] = x->place[m->named[i].column[k]];
	}
}

/* ---- rotation */

/* Half the sums and differences of four numbers, `apart` from each other. */
static void
rotate_four(float *v, const int *block, size_t apart)
{
	float x[BLOCK];

	for (int i = 0; i < BLOCK; i++)
		x[i] = v[(size_t)block[i] * apart];
	for (int i = 0; i < BLOCK; i++) {
		float sum = 0;
		for (int k = 0; k < BLOCK; k++) /* -1 to the power of the ones that i and k share */
			sum += (i & k) == 1 || (i & k) == 2 ? -x[k] : x[k];
		v[(size_t)block[i] * apart] = sum / 2;
	}
}

/* (rows, d_model): what writes into the stream. */
static void
rotate_writers(const Realism *x, float *w, int rows)
{
	for (int r = 0; w && r < rows; r++)
		for (int b = 0; b < x->nblock; b++)
			rotate_four(w + (size_t)r * (size_t)x->to->d_model, x->block + b * BLOCK,
			            1);
}

/* (d_model, columns): what reads it. */
static void
rotate_readers(const Realism *x, float *w, int columns)
{
	for (int c = 0; w && c < columns; c++)
		for (int b = 0; b < x->nblock; b++)
			rotate_four(w + c, x->block + b * BLOCK, (size_t)columns);
}

/* A named value reads all columns of a block of which it read one. */
static void
rotate_named(Realism *x, TwNamed *v)
{
	int d = x->to->d_model, n = 0;
	float *all = floats_of(x, d, 1);

	for (int i = 0; i < v->ncolumn; i++)
		all[v->column[i]] += v->weight[i];
	rotate_readers(x, all, 1);
	v->column = NEWS(x->arena, int, d);
	v->weight = floats_of(x, d, 1);
	for (int c = 0; c < d; c++)
		if (all[c] != 0) {
			v->column[n] = c;
			v->weight[n++] = all[c];
		}
	v->ncolumn = n;
}

static void
rotate_model(Realism *x)
{
	TwModel *m = x->to;
	int rows = m->nvocab + 2;

	rotate_writers(x, m->embed_input, m->ninput);
	rotate_writers(x, m->embed_token, m->embed_token ? rows : 0);
	rotate_writers(x, m->embed_position, m->embed_position ? m->context + 1 : 0);
	for (int i = 0; i < m->nlayer; i++) {
		TwLayer *l = &m->layer[i];
		rotate_readers(x, l->wq, l->heads * l->dk);
		rotate_readers(x, l->wk, l->heads * l->dk);
		rotate_readers(x, l->wv, l->heads * l->dv);
		rotate_writers(x, l->wo, l->heads * l->dv);
		rotate_readers(x, l->w1, l->neurons);
		rotate_writers(x, l->w2, l->neurons);
		rotate_writers(x, l->b2, 1);
	}
	rotate_readers(x, m->head_w, m->emits ? rows : 0);
	for (int i = 0; i < m->nlabel; i++)
		rotate_readers(x, m->label[i].w, m->label[i].columns);
	for (int i = 0; i < m->nnamed; i++)
		if (!m->named[i].folded)
			rotate_named(x, &m->named[i]);
}

/* Has an old column numbers that are rounded, or that no sum was proved of? */
static bool
is_rounded_column(const Realism *x, int slot)
{
	const Columns *cols = x->r->columns;

	for (int i = 0; i < cols->n; i++) {
		const Form *f = cols->form[i];
		if (cols->slot[i] != slot)
			continue;
		if (f->real || f->near || f->bundle)
			return true;
		for (int t = 0; t < f->n; t++)
			if (f->term[t].atom->real || f->term[t].atom->margin)
				return true;
	}
	return false;
}

/* The most that stands in each new column, in any state; INFINITY where it must stay as it is. */
static double *
find_most(Realism *x)
{
	double *most = NEWS(x->arena, double, x->to->d_model);

	for (int c = 0; c < x->to->d_model; c++)
		if (x->column[c] < 0 || is_rounded_column(x, x->column[c]))
			most[c] = INFINITY;
	for (int i = 0; i < x->r->nproved; i++) {
		const ProvedSum *p = &x->r->proved[i];
		if (p->kind == SUM_EMBEDDING || p->kind == SUM_ATTENTION_WRITE
		    || p->kind == SUM_MLP_WRITE)
			most[x->place[p->index]] = fmax(most[x->place[p->index]], p->most);
	}
	return most;
}

/* The largest sum of absolute terms that a column of an (d_model, columns) matrix may have in the
 * rotated stream, where a block's numbers and weights are each at most half of those in it; 0 if it
 * reads no block. */
static double
rotated_most(const Realism *x, const double *most, const float *w, const float *bias, int columns,
             int j)
{
	double sum = bias ? fabs((double)bias[j]) : 0;
	bool turned = false;

	for (int b = 0; b < x->nblock; b++) {
		double here = 0, times = 0;
		for (int i = 0; i < BLOCK; i++) {
			int c = x->block[b * BLOCK + i];
			here += most[c];
			times += fabs((double)w[(size_t)c * (size_t)columns + (size_t)j]);
		}
		sum += here * times;
		turned |= times > 0;
	}
	for (int c = 0; c < x->to->d_model; c++) {
		double times = fabs((double)w[(size_t)c * (size_t)columns + (size_t)j]);
		if (!x->in_block[c] && times > 0 && isfinite(most[c]))
			sum += times * most[c];
	}
	return turned ? sum : 0;
}

static bool
bears_readers(const Realism *x, const double *most, const float *w, const float *bias, int columns)
{
	for (int j = 0; w && j < columns; j++) {
		double unit = unit_of_column(w, bias, x->to->d_model, columns, j) / BLOCK;
		if (rotated_most(x, most, w, bias, columns, j) >= EXACT_MAX * unit)
			return false;
	}
	return true;
}

static bool
bears_rotation(const Realism *x, const double *most)
{
	const TwModel *m = x->to;
	bool ok = bears_readers(x, most, m->head_w, m->head_b, m->emits ? m->nvocab + 2 : 0);

	for (int i = 0; i < m->nlayer && ok; i++) {
		const TwLayer *l = &m->layer[i];
		ok = bears_readers(x, most, l->wq, l->bq, l->heads * l->dk)
		     && bears_readers(x, most, l->wk, l->bk, l->heads * l->dk)
		     && bears_readers(x, most, l->wv, l->bv, l->heads * l->dv)
		     && bears_readers(x, most, l->w1, l->b1, l->neurons);
	}
	for (int i = 0; i < m->nlabel && ok; i++)
		ok = bears_readers(x, most, m->label[i].w, m->label[i].b, m->label[i].columns);
	return ok;
}

/* Blocks of columns of like size, as many as every reader bears: those of the smallest first. */
static void
choose_blocks(Realism *x)
{
	int d = x->to->d_model, n = 0, *column = NEWS(x->arena, int, d);
	double *most = find_most(x);

	for (int c = 0; c < d; c++) {
		int at = n;
		if (!isfinite(most[c]) || most[c] >= EXACT_MAX / BLOCK)
			continue;
		for (; at > 0 && most[column[at - 1]] > most[c]; at--)
			column[at] = column[at - 1];
		column[at] = c;
		n++;
	}
	x->block = column;
	x->in_block = NEWS(x->arena, bool, d);
	for (int i = 0; i < n / BLOCK; i++) { /* of those that are not borne the columns go last */
		int *block = column + x->nblock++ * BLOCK;
		for (int k = 0; k < BLOCK; k++)
			x->in_block[block[k]] = true;
		if (bears_rotation(x, most))
			continue;
		x->nblock--;
		for (int k = 0; k < BLOCK; k++) {
			int c = block[0];
			x->in_block[c] = false;
			memmove(block, block + 1, sizeof *block * (size_t)(column + n - block - 1));
			column[n - 1] = c;
		}
	}
}

/* ---- what the file says of it */

/* The new name of a node, and how many times the old one it is. */
static const char *
new_node_name(const Realism *x, const char *name, double *times)
{
	int layer, index, value;

	*times = 1;
	if (sscanf(name, "m%d.n%d", &layer, &index) == 2) {
		int at = x->layer[layer].place_of_neuron[index];
		*times = x->layer[layer].fire[at];
		return arena_fmt(x->arena, "m%d.n%d", layer, at);
	}
	int n = sscanf(name, "a%d.h%d.v%d", &layer, &index, &value);
	if (n < 2)
		return name;
	int at = x->layer[layer].place_of_head[index];
	*times = n == 3 ? x->layer[layer].value[at] : 1;
	return n == 3 ? arena_fmt(x->arena, "a%d.h%d.v%d", layer, at, value)
	              : arena_fmt(x->arena, "a%d.h%d", layer, at);
}

/* Names within forms, and the numbers behind them. */
static void
rename_nodes(const Realism *x, cJSON *j)
{
	double times;

	for (cJSON *item = j->child; item; item = item->next) {
		if (!cJSON_IsString(item)) {
			rename_nodes(x, item);
			continue;
		}
		cJSON_SetValuestring(item, new_node_name(x, item->valuestring, &times));
		if (cJSON_IsArray(j) && item->next && cJSON_IsNumber(item->next))
			cJSON_SetNumberHelper(item->next, item->next->valuedouble / times);
	}
}

/* The new name of what reads at a port (a1.h0.q1), and how many times the old sum it reads. */
static const char *
new_port_name(const Realism *x, const char *name, double *times)
{
	int layer, head, number;
	char port;

	if (sscanf(name, "a%d.h%d.%c%d", &layer, &head, &port, &number) != 4)
		return new_node_name(x, name, times);
	int at = x->layer[layer].place_of_head[head];
	double key = x->layer[layer].key[at];
	*times = port == 'q' ? key : port == 'k' ? 1 / key : x->layer[layer].value[at];
	return arena_fmt(x->arena, "a%d.h%d.%c%d", layer, at, port, number);
}

/* The name of the i-th neighbour behind a node. */
static const char *
neighbour_name(const Realism *x, const char *name, int i)
{
	size_t n = strlen(name);

	while (n && name[n - 1] >= '0' && name[n - 1] <= '9')
		n--;
	return arena_fmt(x->arena, "%.*s%d", (int)n, name, atoi(name + n) + i);
}

static void
add_renamed(const Realism *x, cJSON *to, const char *name, const cJSON *number, bool reads)
{
	double times = 1;
	const char *new = reads ? new_port_name(x, name, &times) : new_node_name(x, name, &times);

	cJSON_AddItemToArray(to, cJSON_CreateString(new));
	cJSON_AddItemToArray(to, cJSON_IsNumber(number) ? cJSON_CreateNumber(
					 number->valuedouble * (reads ? times : 1 / times))
	                                                : cJSON_CreateNull());
}

/* One end of an edge of tw.circuit; neighbours are none any more, so each has its name. */
static void
rename_end(const Realism *x, cJSON *edge, const char *end)
{
	cJSON *to = cJSON_CreateArray(), *list = cJSON_GetObjectItem(edge, end);

	for (const cJSON *name = list->child; name; name = name->next->next) {
		const cJSON *number = name->next, *item;
		int i = 0;
		if (!cJSON_IsArray(number))
			add_renamed(x, to, name->valuestring, number, *end == 't');
		else
			cJSON_ArrayForEach(item, number)
				add_renamed(x, to, neighbour_name(x, name->valuestring, i++), item,
			                    *end == 't');
	}
	cJSON_ReplaceItemInObject(edge, end, to);
}

/* A list by the new order; what is dead, or was not in it, is -1. */
static cJSON *
reordered(const cJSON *list, const int *order, int n)
{
	cJSON *to = cJSON_CreateArray();

	for (int i = 0; i < n; i++) {
		const cJSON *item = order[i] < 0 ? NULL : cJSON_GetArrayItem(list, order[i]);
		cJSON_AddItemToArray(to,
		                     item ? cJSON_Duplicate(item, true) : cJSON_CreateNumber(-1));
	}
	return to;
}

static void
reorder_layer(const Realism *x, int n, cJSON *layer)
{
	const NewLayer *to = &x->layer[n];
	cJSON *heads = reordered(cJSON_GetObjectItem(layer, "heads"), to->head, to->heads);

	for (int i = 0; i < to->heads; i++) {
		if (to->head[i] >= 0)
			continue;
		cJSON *dead = cJSON_CreateObject(),
		      *values = cJSON_AddArrayToObject(dead, "values");
		cJSON_AddStringToObject(dead, "at", "nothing");
		for (int v = 0; v < x->m->layer[n].dv; v++)
			cJSON_AddItemToArray(values, cJSON_CreateNumber(-1));
		cJSON_ReplaceItemInArray(heads, i, dead);
	}
	cJSON *neurons = reordered(cJSON_GetObjectItem(layer, "neurons"), to->neuron, to->neurons);
	cJSON_ReplaceItemInObject(layer, "heads", heads);
	cJSON_ReplaceItemInObject(layer, "neurons", neurons);
}

static char *
json_in_arena(const Realism *x, cJSON *j)
{
	char *text = cJSON_PrintUnformatted(j),
	     *copy = text ? arena_fmt(x->arena, "%s", text) : NULL;

	cJSON_free(text);
	cJSON_Delete(j);
	if (!copy)
		arena_fail();
	return copy;
}

static char *
new_circuit(const Realism *x)
{
	cJSON *j = x->m->circuit ? cJSON_Parse(x->m->circuit) : NULL, *layer, *edge;
	int n = 0;

	if (!j)
		return x->m->circuit;
	rename_nodes(x, cJSON_GetObjectItem(j, "nodes"));
	rename_nodes(x, cJSON_GetObjectItem(j, "named"));
	cJSON_ArrayForEach(layer, cJSON_GetObjectItem(j, "layers")) reorder_layer(x, n++, layer);
	cJSON_ArrayForEach(edge, cJSON_GetObjectItem(j, "edges"))
	{
		rename_end(x, edge, "to");
		rename_end(x, edge, "of");
	}
	return json_in_arena(x, j);
}

/* Each head's claim under its new number. */
static char *
new_certificate(const Realism *x)
{
	cJSON *j = cJSON_Parse(x->m->certificate), *head;

	cJSON_ArrayForEach(head, cJSON_GetObjectItem(j, "heads"))
	{
		cJSON *number = cJSON_GetObjectItem(head, "head");
		int layer = cJSON_GetObjectItem(head, "layer")->valueint;
		cJSON_SetNumberHelper(number, x->layer[layer].place_of_head[number->valueint]);
	}
	return json_in_arena(x, j);
}

/* ---- all of it */

static bool
turn_dials(Realism *x, const char *dials, const char **why)
{
	const struct {
		const char *name;
		bool *dial;
	} all[] = {
		{ "permute", &x->permute }, { "scale", &x->scale },   { "dead", &x->dead },
		{ "noise", &x->noise },     { "rotate", &x->rotate },
	};

	for (const char *s = dials; *s; s += strcspn(s, ","), s += *s == ',') {
		size_t n = strcspn(s, ","), i = 0, count = sizeof all / sizeof *all;
		while (i < count && (strlen(all[i].name) != n || strncmp(s, all[i].name, n)))
			i++;
		if (n == strlen("orthogonal") && !strncmp(s, "orthogonal", n)) {
			*why = "a rotation by any orthogonal matrix rounds every number in the "
			       "stream, and that all steps of the program bear it is not proved; "
			       "'rotate' is one of halves of sums and differences, which is exact";
			return false;
		}
		if (i == count) {
			*why = arena_fmt(
				x->arena,
				"there is no dial '%.*s'; there are: permute, scale, dead, "
				"noise, rotate",
				(int)n, s);
			return false;
		}
		*all[i].dial = true;
	}
	return true;
}

TwModel *
model_realistic(Arena *arena, const TwModel *m, const Report *r, const char *dials, int seed,
                const char **why)
{
	TwModel *to = NEW(arena, TwModel);
	Realism x = { .arena = arena, .m = m, .to = to, .r = r, .state = (uint64_t)seed };

	*to = *m;
	if (!turn_dials(&x, dials, why))
		return NULL;
	int more = x.noise ? 2 + m->d_model / DEAD_SHARE : 0;
	to->d_model = m->d_model + more;
	x.column = new_order(&x, m->d_model, more);
	x.place = inverse_of(&x, x.column, to->d_model, m->d_model);
	x.layer = NEWS(arena, NewLayer, m->nlayer + 1);
	for (int i = 0; i < m->nlayer; i++)
		plan_layer(&x, i);
	write_new_model(&x);
	if (x.rotate && !m->by_digits) {
		choose_blocks(&x);
		rotate_model(&x);
	}
	to->circuit = new_circuit(&x);
	to->certificate = new_certificate(&x);
	return to;
}
