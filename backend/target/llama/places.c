/* The place, which a Llama has in its rotations alone, as numbers: made by the first layer, beside
 * what else that does, and there from its end on.
 *
 * Head b reads <bos> where bit b of the place is 1, and other places, whose value is 0, where it
 * is 0: its score at <bos> is - sin(pi (p + 1/2) / 2^b). <bos> itself reads all bits as 1, which
 * its row of the embedding takes away. Any function of the place is then made by lanes that all
 * share,
 *
 *     f(p) = a + (f(0) - a) [p = 0] + slope relu(p) + sum of g_k relu(p - k)    p a sum of bits
 *
 * or, where its bends add up to too much, f(k) times relu(ones of k in p - zeros of k in p - (ones
 * in k - 1)), which is [p = k]. Where nothing asks for the place there are no such heads and
 * lanes. */

#include "backend/target/llama/llama.h"

#include <math.h>
#include <string.h>

enum {
	LONGEST_LISTED = 4096, /* places that may have a lane each */
	KEY_OF_BOS = 1 << 10,
};

/* The function behind a column of the stream; NULL for a bit or a pin. */
static const LlamaPlace *
place_of_column(const LlamaWriter *w, int column)
{
	int extra = column - w->one - 1;

	if (column < w->nplain)
		return &w->place[column];
	return extra >= 0 && extra < w->nextra ? &w->place[w->nplain + extra] : NULL;
}

static int
columns_with_tables(const LlamaWriter *w)
{
	return w->one + 1 + w->nextra;
}

void
llama_read_places(LlamaWriter *w)
{
	const TwModel *m = w->m;

	w->capextra = w->nplain;
	w->place = NEWS(w->arena, LlamaPlace, w->nplain);
	for (int c = 0; c < w->nplain; c++) {
		w->place[c].at = NEWS(w->arena, double, w->places);
		for (int p = 0; p < w->places && !m->by_digits; p++)
			w->place[c].at[p] = (double)m->embed_position[(size_t)p * (size_t)w->nplain
			                                              + (size_t)c];
	}
	for (int i = 0; i < m->npart; i++) {
		const TwPlacePart *part = &m->part[i];
		for (int p = 0; p < w->places; p++) {
			const float *row = part->table
			                   + tw_place_digit(&part->digit, p) * part->ncolumn;
			for (int k = 0; k < part->ncolumn; k++)
				w->place[part->column[k]].at[p] += (double)row[k];
		}
	}
}

int
llama_place_column(LlamaWriter *w, double *table)
{
	int i = 0;

	while (i < w->nextra
	       && memcmp(w->place[w->nplain + i].at, table, sizeof *table * (size_t)w->places))
		i++;
	if (i == w->nextra) {
		GROW(w->arena, w->place, w->capextra, w->nplain + i + 1);
		w->place[w->nplain + w->nextra++] = (LlamaPlace){ .at = table };
	}
	return w->one + 1 + i;
}

/* ---- which columns need it ---- */

static bool
any_in_row(const float *row, int n)
{
	for (int i = 0; i < n; i++)
		if (row[i] != 0)
			return true;
	return false;
}

static bool
heads_read_column(const LlamaWriter *w, int layer, int column)
{
	const TwLayer *l = &w->m->layer[layer];
	int width = l->heads * l->dv;

	for (int h = 0; h < l->heads; h++)
		for (int i = 0; i < w->head[layer][h].ndim; i++) {
			const LlamaDim *d = &w->head[layer][h].dim[i];
			if (d->q[column] != 0 || d->k[column] != 0)
				return true;
		}
	return any_in_row(l->wv + (size_t)column * (size_t)width, width);
}

static bool
column_is_read(const LlamaWriter *w, int column)
{
	const TwModel *m = w->m;
	int rows = m->nvocab + 2;

	for (int i = 0; i < m->nlayer; i++) {
		const TwLayer *l = &m->layer[i];
		if (heads_read_column(w, i, column)
		    || any_in_row(l->w1 + (size_t)column * (size_t)l->neurons, l->neurons))
			return true;
	}
	return any_in_row(m->head_w + (size_t)column * (size_t)rows, rows);
}

/* ---- a function of the place as a broken line, or as a list ---- */

/* How f goes on at place k, against how it came there. */
static double
bend_at(const LlamaWriter *w, const LlamaPlace *f, int k)
{
	return k >= 2 && k < w->places - 1 ? f->at[k + 1] - 2 * f->at[k] + f->at[k - 1] : 0;
}

/* f is a broken line while the absolute terms, on the way and in <bos>'s row, add up to little;
 * else it is listed. */
static void
choose_lanes(const LlamaWriter *w, LlamaPlace *f)
{
	double slope = w->places > 2 ? f->at[2] - f->at[1] : 0, most = 0,
	       sum = 2 * fabs(f->at[1] - slope) + fabs(slope) * w->places + fabs(f->at[0]);

	for (int p = 0; p < w->places; p++) {
		sum += fabs(bend_at(w, f, p)) * (w->places - 1 - p);
		most = fmax(most, fabs(f->at[p]));
	}
	f->listed = sum >= EXACT_MAX / 4;
	f->slope = f->listed ? 0 : slope;
	f->most = f->listed ? 4 * most : sum;
}

/* What only the heads of offsets have read is asked for no more. */
void
llama_drop_places(LlamaWriter *w)
{
	for (int c = 0; c < w->nplain; c++)
		if (!column_is_read(w, c))
			memset(w->place[c].at, 0, sizeof(double) * (size_t)w->places);
	w->by_place = false;
	for (int i = 0; i < w->nplain + w->nextra; i++) {
		choose_lanes(w, &w->place[i]);
		for (int p = 0; p < w->places; p++)
			w->by_place |= w->place[i].at[p] != 0;
	}
}

/* What else the absolute terms of a column add up to where the first layer writes into it. */
static double
most_written(const LlamaWriter *w, int column)
{
	double most = 0;

	for (int i = 0; i < w->r->nproved; i++) {
		const ProvedSum *s = &w->r->proved[i];
		if (s->kind == SUM_MLP_WRITE && !s->layer && s->index == column)
			most = fmax(most, s->most);
	}
	return most;
}

/* Is there a lane for relu(p - k); for [p = k]? */
static bool
has_lane(const LlamaWriter *w, int k, bool listed)
{
	for (int i = 0; i < w->nplain + w->nextra; i++) {
		const LlamaPlace *f = &w->place[i];
		if (f->listed == listed && (listed ? f->at[k] != f->at[1] : bend_at(w, f, k) != 0))
			return true;
	}
	return false;
}

bool
llama_plan_places(LlamaWriter *w)
{
	for (int c = 0; c < columns_with_tables(w) && w->by_place; c++) {
		const LlamaPlace *f = place_of_column(w, c);
		if (f
		    && (f->most + most_written(w, c) >= EXACT_MAX
		        || (f->listed && w->places > LONGEST_LISTED)))
			return llama_refuse(w, "its places, up to %d, are too large a number",
			                    w->places - 1);
	}
	return true;
}

/* Three for 1, [p = 0] and p, then those by place. */
int
llama_place_lanes(const LlamaWriter *w)
{
	int lanes = 3;

	for (int k = 2; k < w->places; k++)
		lanes += has_lane(w, k, false) + has_lane(w, k, true);
	return lanes;
}

/* ---- heads and lanes ---- */

/* A head's amplitude, so that its score at <bos> is 104 or more, or -104 or less, though each
 * factor is rounded and the angle too; 0 if none does. */
static double
amplitude_of_bit(const LlamaWriter *w, int b)
{
	double rounding = w->out->profile == LLAMA_F32
	                          ? 0x1p-20 + llama_angle_error(w, b * w->out->octave)
	                          : 0x1p-10,
	       sine = sin(ldexp(M_PI, -b - 1)) - rounding, most = 1;

	while (sine > 0 && most * sine < 2 * TW_GAP)
		most *= 2;
	return sine > 0 && most <= 0x1p28 ? most : 0;
}

static bool
write_bit(LlamaWriter *w, LlamaLayer *to, int b)
{
	size_t d = (size_t)w->out->d, wide = (size_t)(w->out->heads * w->out->d_head);
	size_t head = (size_t)((w->m->layer[0].heads + b) * w->out->d_head),
	       row = head + 2 * (size_t)(b * w->out->octave);
	double most = amplitude_of_bit(w, b), c = ldexp(M_PI, -b - 1);
	double q = most * sqrt(w->out->d_head) / KEY_OF_BOS;

	if (most == 0 || (w->out->profile == LLAMA_F16KV && q > 65504))
		return llama_refuse(w,
		                    "a context of %d has more places than a rotation tells "
		                    "apart%s",
		                    w->places - 1,
		                    w->out->profile == LLAMA_F16KV ? " in 16 bits" : "");
	to->q[row * d + (size_t)w->one] = (float)(-sin(c) * q);
	to->q[(row + 1) * d + (size_t)w->one] = (float)(cos(c) * q);
	to->k[row * d + (size_t)w->bos] = KEY_OF_BOS;
	to->v[head * d + (size_t)w->bos] = 1;
	to->o[(size_t)(w->bit + b) * wide + head] = 1;
	return true;
}

/* The three lanes that all functions share. */
static void
write_base_lanes(LlamaWriter *w, LlamaLayer *to, int at)
{
	float *bos = arena_alloc(w->arena, sizeof *bos * (size_t)w->out->d),
	      *place = arena_alloc(w->arena, sizeof *place * (size_t)w->out->d);

	bos[w->bos] = 1;
	for (int b = 0; b < w->nbit; b++)
		place[w->bit + b] = ldexpf(1, b);
	llama_write_lane(w, to, at, NULL, 1);
	llama_write_lane(w, to, at + 1, bos, 0);
	llama_write_lane(w, to, at + 2, place, 0);
	for (int c = 0; c < columns_with_tables(w); c++) {
		const LlamaPlace *f = place_of_column(w, c);
		float *row = to->down + (size_t)c * (size_t)w->out->ff + (size_t)at;
		if (!f)
			continue;
		row[0] = (float)(f->at[1] - f->slope);
		row[1] = (float)(f->at[0] - (f->at[1] - f->slope));
		row[2] = (float)f->slope;
	}
}

/* Lane `at`: [p = k], or relu(p - k). */
static void
write_place_lane(LlamaWriter *w, LlamaLayer *to, int at, int k, bool listed)
{
	float *in = arena_alloc(w->arena, sizeof *in * (size_t)w->out->d);
	int ones = 0;

	for (int b = 0; b < w->nbit; b++) {
		in[w->bit + b] = listed ? (k >> b & 1 ? 1.0F : -1.0F) : ldexpf(1, b);
		ones += k >> b & 1;
	}
	llama_write_lane(w, to, at, in, listed ? 1 - ones : -k);
	for (int c = 0; c < columns_with_tables(w); c++) {
		const LlamaPlace *f = place_of_column(w, c);
		if (f && f->listed == listed)
			to->down[(size_t)c * (size_t)w->out->ff + (size_t)at] =
				(float)(listed ? f->at[k] - f->at[1] : bend_at(w, f, k));
	}
}

void
llama_write_places(LlamaWriter *w, LlamaLayer *to)
{
	int at = llama_lanes(w, 0);

	for (int b = 0; b < w->nbit; b++)
		if (!write_bit(w, to, b))
			return;
	write_base_lanes(w, to, at);
	at += 3;
	for (int k = 2; k < w->places; k++) {
		if (has_lane(w, k, false))
			write_place_lane(w, to, at++, k, false);
		if (has_lane(w, k, true))
			write_place_lane(w, to, at++, k, true);
	}
}
