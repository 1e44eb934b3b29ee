/* The columns and matrices of a program that was mapped for a Llama, as a Llama (llama.h): what has
 * no counterpart, which columns there are, the matrices. */

#include "backend/target/llama/llama.h"

#include <math.h>
#include <string.h>

enum { PLACES_MOST = 1 << 20 }; /* of a context that is tabulated */

bool
llama_refuse(LlamaWriter *w, const char *fmt, ...)
{
	va_list args;

	if (w->failed)
		return false;
	va_start(args, fmt);
	w->failed = arena_vfmt(w->arena, fmt, args);
	va_end(args);
	return false;
}

static bool
reads_reals(const Form *f)
{
	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom->real)
			return true;
	return f->real;
}

const char *
llama_has_no_counterpart(const TwModel *m)
{
	return m->bidirectional ? "its attention is bidirectional, and a Llama sees only what came "
	                          "before"
	       : m->ninput      ? "it takes numbers, and a Llama takes tokens"
	       : !m->emits ? "it labels and does not emit, and a Llama says what the next token "
	                     "is, nothing else"
	       : m->nfield > 1 ? "a token has several fields, and a token of a Llama is one row of "
	                         "its vocabulary"
	                       : NULL;
}

/* Programs that a Llama cannot be. */
static bool
has_counterpart(LlamaWriter *w)
{
	const TwModel *m = w->m;
	const Circuit *c = w->s->c;
	const char *why = llama_has_no_counterpart(m);

	if (why)
		return llama_refuse(w, "%s", why);
	if (m->context >= PLACES_MOST)
		return llama_refuse(w, "its context of %d is more than a rotation tells apart",
		                    m->context);
	for (int i = 0; i < c->g->nfield; i++)
		if (reads_reals(c->emit[i]))
			return llama_refuse(w, "what it emits is made of real numbers");
	for (int l = 0; l < m->nlayer; l++)
		for (int h = 0; h < w->s->nhead[l]; h++)
			for (int i = 0; i < w->s->head[l][h]->nvalue; i++)
				if (reads_reals(w->s->head[l][h]->value[i]->in))
					return llama_refuse(w, "a head moves real numbers");
	return true;
}

/* ---- columns ---- */

static int
pins_of(int d)
{
	return d / COLUMNS_PER_PIN;
}

int
llama_bits_of_place(int most)
{
	int n = 1;

	while (most >> n)
		n++;
	return n;
}

/* As many columns as hold all; planning the heads asks for some. */
static bool
plan_columns(LlamaWriter *w)
{
	Llama *to = w->out;
	int used;

	w->nplain = w->m->d_model;
	w->nbit = llama_bits_of_place(w->places - 1);
	w->bit = w->nplain;
	w->bos = w->bit + w->nbit;
	w->one = w->bos + 1;
	llama_read_places(w);
	do {
		to->d += COLUMNS_PER_PIN;
		w->nextra = 0;
		used = w->one + pins_of(to->d);
		if (used > to->d)
			continue;
		if (!llama_plan_heads(w))
			return false;
	} while (used + w->nextra > to->d);
	llama_drop_places(w);
	return true;
}

/* The mean square is that of the pins in float32, in any order of addition, if all else adds up to
 * at most 2^-25 of it. */
static bool
norm_is_identity(LlamaWriter *w)
{
	double data = (double)w->out->d * EXACT_MAX * EXACT_MAX,
	       pinned = pins_of(w->out->d) * ldexp(1, 2 * PIN_LOG);

	return data <= ldexp(pinned, -25)
	       || llama_refuse(w, "a stream of %d columns is more than the norm bears", w->out->d);
}

/* ---- matrices ---- */

static float *
new_floats(LlamaWriter *w, size_t rows, size_t columns)
{
	return arena_alloc(w->arena, sizeof(float) * rows * columns);
}

static bool
is_other_pin(const LlamaWriter *w, int column)
{
	return column > w->out->d - pins_of(w->out->d);
}

static void
write_gain(LlamaWriter *w)
{
	Llama *to = w->out;
	float root = ldexpf(1, PIN_LOG - ROOT_LOG);

	to->norm = new_floats(w, 1, (size_t)to->d);
	for (int c = 0; c < to->d; c++)
		to->norm[c] = is_other_pin(w, c) ? 0 : root;
	to->norm[w->one] = ldexpf(root, -PIN_LOG);
}

static void
write_llama_rows(LlamaWriter *w)
{
	const TwModel *m = w->m;
	Llama *to = w->out;
	int tokens = m->nvocab + 2, bos = m->nvocab + 1;

	to->embed = new_floats(w, (size_t)to->rows, (size_t)to->d);
	to->output = new_floats(w, (size_t)to->rows, (size_t)to->d);
	for (int r = 0; r < to->rows; r++) {
		float *embed = to->embed + (size_t)r * (size_t)to->d,
		      *output = to->output + (size_t)r * (size_t)to->d;
		bool token = r < tokens;
		for (int c = 0; c < to->d; c++) {
			if (c < w->nplain && token) {
				embed[c] = m->embed_token[r * w->nplain + c];
				output[c] = m->head_w[c * tokens + r];
			}
			if (is_other_pin(w, c) || c == w->one)
				embed[c] = ldexpf(1, PIN_LOG);
		}
		output[w->one] = m->head_b[token ? r : bos];
		for (int b = 0; r == bos && b < w->nbit && w->by_place; b++)
			embed[w->bit + b] = -1;
		embed[w->bos] = r == bos;
	}
}

static LlamaLayer *
new_layers(LlamaWriter *w)
{
	size_t d = (size_t)w->out->d, ff = (size_t)w->out->ff,
	       wide = (size_t)(w->out->heads * w->out->d_head);
	LlamaLayer *l = NEWS(w->arena, LlamaLayer, w->out->nlayer + 1);

	for (int i = 0; i < w->out->nlayer; i++)
		l[i] = (LlamaLayer){
			.q = new_floats(w, wide, d),
			.k = new_floats(w, wide, d),
			.v = new_floats(w, wide, d),
			.o = new_floats(w, d, wide),
			.gate = new_floats(w, ff, d),
			.up = new_floats(w, ff, d),
			.down = new_floats(w, d, ff),
		};
	return l;
}

/* All layers have one shape. */
static void
choose_shape(LlamaWriter *w)
{
	Llama *to = w->out;
	int lanes = 1;

	to->nlayer = max_int(w->m->nlayer, 1); /* llama.cpp has one, though it may add nothing */
	to->heads = 1;
	for (int l = 0; l < w->m->nlayer; l++) {
		bool makes_place = w->by_place && !l;
		to->heads = max_int(to->heads, w->m->layer[l].heads + (makes_place ? w->nbit : 0));
		lanes = max_int(lanes,
		                llama_lanes(w, l) + (makes_place ? llama_place_lanes(w) : 0));
	}
	to->ff = (lanes + 31) / 32 * 32;
}

Llama *
llama_from_matrices(Arena *arena, const TwModel *m, const Report *r, LlamaProfile profile,
                    const char **why)
{
	Llama *to = NEW(arena, Llama);
	LlamaWriter w = {
		.arena = arena,
		.m = m,
		.r = r,
		.s = r->columns->s,
		.out = to,
		.places = m->context + 1,
	};

	*to = (Llama){
		.m = m, .profile = profile, .rows = m->nvocab + 3, .factor = (float)(1 / M_PI)
	};
	if (has_counterpart(&w) && plan_columns(&w) && norm_is_identity(&w)
	    && llama_choose_planes(&w) && llama_choose_slope(&w) && llama_plan_places(&w)) {
		choose_shape(&w);
		write_gain(&w);
		write_llama_rows(&w);
		to->layer = new_layers(&w);
		for (int l = 0; l < m->nlayer; l++) {
			llama_write_heads(&w, l, &to->layer[l]);
			llama_write_neurons(&w, l, &to->layer[l]);
		}
		if (w.by_place)
			llama_write_places(&w, to->layer);
	}
	*why = w.failed;
	return w.failed ? NULL : to;
}
