/* ReLU neurons as lanes of SwiGLU (Shazeer 2020, "GLU Variants Improve Transformer"):
 *
 *     silu(S z) / S  =  z sigmoid(S z)        gate S z, up 1 / S
 *
 * and, where a neuron is a product, up y / S. It is z where S z is 104 or more, and 0 where it is
 * -104 or less, as exp(104) is infinite in float32. Between the two only z = 0 may occur. What a
 * neuron reads is a multiple of its `step`: 1 for integers; 1/places where it reads what a head
 * shares out among the places, n of them at most; so S is a power of two of 104/step at least. */

#include "backend/target/llama/llama.h"

#include <math.h>

enum { LEAST_SLOPE = 128 };

static bool
refuse_neuron(LlamaWriter *w, const Atom *a, const char *what)
{
	const Node *n = a->node;

	return llama_refuse(w, "line %d %s",
	                    n ? source_line(node_source(w->s->c->g, n), n->span.lo) : 0, what);
}

/* The head that all rounded numbers in a form are fetched by; NULL if there is no one such. */
static const Head *
shared_by(const Form *f)
{
	const Head *h = NULL;

	for (int i = 0; i < f->n; i++) {
		const Atom *a = f->term[i].atom;
		if (a->real && (a->kind != VALUE || (h && a->head != h)))
			return NULL;
		if (a->real)
			h = a->head;
	}
	return h;
}

static bool
has_rounded(const Form *f)
{
	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom->real)
			return true;
	return false;
}

/* The least absolute value of a form but 0; 0 where that is not known. */
static double
step_of_form(const LlamaWriter *w, const Form *f)
{
	int64_t bits = f->k;

	if (f->real || f->bundle)
		return 0;
	for (int i = 0; i < f->n; i++)
		bits |= f->term[i].c;
	double unit = bits ? (double)(bits & -bits) : 1;
	if (!has_rounded(f))
		return unit;
	return shared_by(f) ? 0.99 * unit / w->places : 0;
}

/* The same of 1 less neurons that are 0, or at least 1 and something. */
static double
step_of_flag(const LlamaWriter *w, const Form *f)
{
	double step = f->k == 1 ? 1 : 0;

	for (int i = 0; i < f->n; i++) {
		const Atom *a = f->term[i].atom;
		if (a->kind != NEURON || !a->real || a->margin || f->term[i].c > -1)
			return 0;
		step = fmin(step, step_of_form(w, a->in) - 1);
	}
	return fmax(step, 0);
}

bool
llama_choose_slope(LlamaWriter *w)
{
	double least = 1;

	for (int l = 0; l < w->m->nlayer; l++)
		for (int i = 0; i < w->s->nneuron[l]; i++) {
			const Atom *a = w->s->neuron[l][i];
			if (a->in->real)
				return refuse_neuron(w, a,
				                     "computes with real numbers, and SwiGLU is "
				                     "ReLU for integers alone");
			if (a->step)
				return refuse_neuron(w, a,
				                     "tells in one layer what a count reaches, "
				                     "which SwiGLU cannot");
			if (a->lift)
				continue;
			double step = a->margin ? 0 : step_of_form(w, a->in);
			if (step == 0 && !a->margin && is_exact_flag(a))
				step = step_of_flag(w, a->in);
			if (step == 0)
				return refuse_neuron(w, a,
				                     "counts so long a context that SwiGLU "
				                     "cannot tell its numbers apart");
			least = fmin(least, step);
		}
	for (w->slope = LEAST_SLOPE; w->slope * least < TW_GAP;)
		w->slope *= 2;
	return true;
}

void
llama_write_lane(LlamaWriter *w, LlamaLayer *to, int lane, const float *in, double bias)
{
	float *gate = to->gate + (size_t)lane * (size_t)w->out->d;

	for (int c = 0; in && c < w->out->d; c++)
		gate[c] = in[c] * (float)w->slope;
	gate[w->one] = (float)(bias * w->slope);
	to->up[(size_t)lane * (size_t)w->out->d + (size_t)w->one] = (float)(1 / w->slope);
}

/* What a lane is multiplied by, in place of 1. */
static void
write_factor(LlamaWriter *w, LlamaLayer *to, int layer, int lane, const Form *f)
{
	Columns *cols = (Columns *)w->r->columns; /* reads are kept there once they are found */
	float *up = to->up + (size_t)lane * (size_t)w->out->d;
	const Combination *uses = f->n ? columns_read(cols, state_after_attention(layer), f) : NULL;

	up[w->one] = (float)((double)f->k / w->slope);
	for (int i = 0; uses && i < uses->n; i++)
		up[cols->slot[uses->at[i].column]] = (float)((double)uses->at[i].times / w->slope);
}

/* How many a layer of the plain model takes: the last one is 1, for the constants that are added
 * to the stream. */
int
llama_lanes(const LlamaWriter *w, int layer)
{
	int n = w->m->layer[layer].neurons;

	return n ? n + 1 : 0;
}

void
llama_write_neurons(LlamaWriter *w, int layer, LlamaLayer *to)
{
	const TwLayer *l = &w->m->layer[layer];
	size_t n = (size_t)l->neurons, d = (size_t)w->nplain, ff = (size_t)w->out->ff;
	float *in = arena_alloc(w->arena, sizeof *in * (size_t)w->out->d);

	for (size_t i = 0; i < n; i++) {
		for (size_t c = 0; c < d; c++) {
			in[c] = l->w1[c * n + i];
			to->down[c * ff + i] = l->w2[i * d + c];
		}
		llama_write_lane(w, to, (int)i, in, (double)l->b1[i]);
		if ((int)i < w->s->nneuron[layer] && w->s->neuron[layer][i]->times)
			write_factor(w, to, layer, (int)i, w->s->neuron[layer][i]->times);
	}
	if (!n)
		return;
	llama_write_lane(w, to, (int)n, NULL, 1);
	for (size_t c = 0; c < d; c++)
		to->down[c * ff + n] = l->b2[c];
}
