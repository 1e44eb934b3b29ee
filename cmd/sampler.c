/* Random texts that a program is for: prompts made of its tests with tokens replaced by others of
 * their kind (digits by digits), the same with one taken away or put in, and random ones; only
 * those that keep the program's asserts. */

#include "cmd/sampler.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "lang/random.h"

enum {
	LONGEST_RANDOM = 40,
	FINEST = 16, /* real numbers that are fed are multiples of 1/16 */
};

static int
character_class(const char *s)
{
	unsigned char c = (unsigned char)*s;

	return isdigit(c) ? 1 : islower(c) ? 2 : isupper(c) ? 3 : isspace(c) ? 4 : 5 + c;
}

static int
random_row(PromptSampler *s, int field)
{
	return first_row(s->g, field) + seeded_below(&s->state, rows_of(s->g, field));
}

/* Another row of the field whose word begins with a letter of the same kind. */
static int
row_of_kind(PromptSampler *s, int field, int row)
{
	for (int i = 0; i < 20; i++) {
		int other = random_row(s, field);
		if (s->g->field
		    || character_class(s->g->vocab[other]) == character_class(s->g->vocab[row]))
			return other;
	}
	return row;
}

static void
random_tokens(PromptSampler *s)
{
	int most = s->g->context < LONGEST_RANDOM ? s->g->context : LONGEST_RANDOM;

	s->n = 1 + seeded_below(&s->state, most);
	for (int i = 0; i < s->n; i++)
		for (int f = 0; f < s->g->nfield; f++)
			s->text[i * s->g->nfield + f] = random_row(s, f);
}

/* A token less, or one more. */
static void
change_length(PromptSampler *s)
{
	int at = seeded_below(&s->state, s->n), wide = s->g->nfield;
	size_t rest = (size_t)((s->n - at) * wide) * sizeof *s->text;

	if (seeded_below(&s->state, 2) && s->n < s->g->context) {
		memmove(s->text + (at + 1) * wide, s->text + at * wide, rest);
		for (int f = 0; f < wide; f++)
			s->text[at * wide + f] = random_row(s, f);
		s->n++;
	} else if (s->n > 1) {
		memmove(s->text + at * wide, s->text + (at + 1) * wide,
		        rest - (size_t)wide * sizeof *s->text);
		s->n--;
	}
}

static void
random_prompt(PromptSampler *s)
{
	const Graph *g = s->g;
	const Test *t = g->ntest ? &g->test[seeded_below(&s->state, g->ntest)] : NULL;
	int how = seeded_below(&s->state, 10);

	if (!t || !t->nprompt || t->nprompt > g->context || how == 0) {
		random_tokens(s);
		return;
	}
	s->n = t->nprompt;
	memcpy(s->text, t->prompt, (size_t)(s->n * g->nfield) * sizeof *s->text);
	for (int i = 0; i < s->n * g->nfield; i++)
		if (seeded_below(&s->state, 2))
			s->text[i] = row_of_kind(s, i % g->nfield, s->text[i]);
	if (how == 1)
		change_length(s);
}

static void
random_numbers(PromptSampler *s)
{
	int most = s->g->context < LONGEST_RANDOM ? s->g->context : LONGEST_RANDOM;

	s->n = 1 + seeded_below(&s->state, most);
	for (int i = 0; i < s->n * s->g->ninput; i++) {
		const Input *in = &s->g->input[i % s->g->ninput];
		double unit = in->kind == K_REAL ? FINEST : 1;
		double steps = fmin((in->max - in->min) * unit, 1e6);
		s->number[i] = in->min + seeded_below(&s->state, (int)steps + 1) / unit;
	}
}

int
sampler_text(PromptSampler *s)
{
	const Graph *g = s->g;
	int at;

	for (int i = 0; i < SAMPLE_TRIES; i++) {
		int end;
		if (g->ninput) {
			random_numbers(s);
			eval_numbers(s->eval, s->number, end = s->n);
		} else {
			random_prompt(s);
			end = continue_text(g, s->eval, s->text, s->n);
		}
		if (!broken_assert(g, s->eval, end, &at))
			return end;
	}
	return -1;
}

void
sampler_open(PromptSampler *s, Arena *a, const Graph *g, uint64_t seed)
{
	size_t most = (size_t)longest_kept(g) + 2;

	*s = (PromptSampler){ .g = g, .state = seed };
	s->text = NEWS(a, int, most *(size_t)(g->nfield + 1));
	s->number = NEWS(a, double, most *(size_t)(g->ninput + 1));
	s->eval = eval_new(g);
}

void
sampler_close(PromptSampler *s)
{
	if (s->eval)
		eval_free(s->eval);
	s->eval = NULL;
}
