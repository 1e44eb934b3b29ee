/* Texts to try a program on.
 *
 * Random tokens alone reach little of most programs: "+=3" is no sum. So the prompts of the
 * program's own tests are taken, with what the evaluator lets follow them, and changed here and
 * there: a token is put in, taken out, or another. Where two positions match an `only` nothing is
 * promised, so a text ends before that. */

#include "backend/verify/verify.h"

#include <math.h>
#include <string.h>

enum {
	FROM_TESTS = 4,
	CHANGED = 3,
	AT_RANDOM = 5,
};

typedef struct Sampler {
	Arena *arena;
	const Graph *g;
	Eval *eval;
	uint64_t state;
	int ntext, most; /* tokens, at most */
	SampleText *text;
} Sampler;

/* 0 .. n - 1; Knuth's MMIX generator. */
static int
sample_below(Sampler *s, int n)
{
	s->state = s->state * 6364136223846793005u + 1442695040888963407u;
	return (int)((s->state >> 33) % (uint64_t)n);
}

static SampleText *
add_text(Sampler *s, int n)
{
	SampleText *t = &s->text[s->ntext++];

	t->n = n;
	t->row = NEWS(s->arena, int, (size_t)(s->most + 1) * (size_t)(s->g->nfield + 1));
	t->number = NEWS(s->arena, double, (size_t)(s->most + 1) * (size_t)(s->g->ninput + 1));
	return t;
}

static void
random_token(Sampler *s, SampleText *t, int at)
{
	const Graph *g = s->g;

	for (int f = 0; !g->ninput && f < g->nfield; f++)
		t->row[at * g->nfield + f] = first_row(g, f) + sample_below(s, rows_of(g, f));
	for (int k = 0; k < g->ninput; k++) {
		const Input *in = &g->input[k];
		double x = in->min
		           + (in->max - in->min) * sample_below(s, 1 << 16) / ((1 << 16) - 1);
		int special = sample_below(s, 8);
		x = special == 0 ? in->min : special == 1 ? in->max : x;
		t->number[at * g->ninput + k] = (double)(float)(in->kind == K_REAL ? x : round(x));
	}
}

static void
add_random_text(Sampler *s, int n)
{
	SampleText *t = add_text(s, n);

	for (int i = 0; i < n; i++)
		random_token(s, t, i);
}

/* What the evaluator lets follow. */
static void
continue_sample(Sampler *s, SampleText *t)
{
	const Graph *g = s->g;

	if (!g->emit || g->ninput || t->n < 1)
		return;
	eval_text(s->eval, t->row, t->n);
	while (t->n < s->most) {
		int *row = t->row + t->n * g->nfield;
		for (int f = 0; f < g->nfield; f++)
			row[f] = first_row(g, f) + (int)eval_at(s->eval, g->emit[f], t->n - 1);
		if (*row == first_row(g, 0) + rows_of(g, 0))
			return;
		eval_push(s->eval, row);
		t->n++;
	}
}

static void
text_of_test(Sampler *s, const Test *test)
{
	const Graph *g = s->g;
	int n = test->nprompt < s->most ? test->nprompt : s->most;

	if (n < 1)
		return;
	SampleText *t = add_text(s, n);
	if (test->numbers) {
		for (int i = 0; i < n * g->ninput; i++)
			t->number[i] = (double)(float)test->numbers[i];
	} else {
		memcpy(t->row, test->prompt, (size_t)n * (size_t)g->nfield * sizeof(int));
		continue_sample(s, t);
	}
}

/* A text like another, with three of its tokens changed. */
static void
changed_text(Sampler *s, const SampleText *from)
{
	int width = s->g->nfield, n = from->n;
	SampleText *t = add_text(s, n);

	memcpy(t->row, from->row, (size_t)(n * width) * sizeof(int));
	memcpy(t->number, from->number, (size_t)(n * s->g->ninput) * sizeof(double));
	for (int i = 0; i < 3; i++) {
		int at = sample_below(s, n), what = s->g->ninput ? 0 : sample_below(s, 3);
		size_t behind = (size_t)((t->n - at - 1) * width) * sizeof(int);
		if (what == 1 && t->n > 1 && at < t->n - 1) { /* out */
			memmove(t->row + at * width, t->row + (at + 1) * width, behind);
			t->n--;
		} else if (what == 2 && t->n < s->most && at < t->n) { /* in */
			memmove(t->row + (at + 1) * width, t->row + at * width,
			        behind + (size_t)width * sizeof(int));
			random_token(s, t, at);
			t->n++;
		} else if (at < t->n) {
			random_token(s, t, at);
		}
		n = t->n;
	}
}

static bool
keeps_promises(Sampler *s, int at)
{
	for (int i = 0; i < s->g->nassert; i++) {
		const Assert *a = &s->g->assert[i];
		if (a->match[0] && eval_at(s->eval, a->node, at) != 1)
			return false;
	}
	return true;
}

/* How many of the first n positions there are before a promise is broken. */
static int
positions_kept(Sampler *s, const SampleText *t, int n)
{
	int at = 0;

	if (s->g->ninput)
		eval_numbers(s->eval, t->number, n);
	else
		eval_text(s->eval, t->row, n);
	while (at < n && keeps_promises(s, at))
		at++;
	return at;
}

static void
end_at_broken_promise(Sampler *s, SampleText *t)
{
	int kept = positions_kept(s, t, t->n);

	while (s->g->bidirectional && kept < t->n && t->n > 1)
		kept = positions_kept(s, t, --t->n);
	t->n = kept;
}

int
sample_texts(Arena *arena, const Graph *g, SampleText **text)
{
	Sampler s = { .arena = arena,
		      .g = g,
		      .eval = eval_new(g),
		      .state = (uint64_t)g->context * 64 + (uint64_t)(g->nvocab + g->ninput),
		      .most = g->context < SAMPLE_MAX ? g->context : SAMPLE_MAX };

	s.text = *text = NEWS(arena, SampleText, FROM_TESTS + CHANGED + AT_RANDOM);
	int ntest = g->ntest < FROM_TESTS ? g->ntest : FROM_TESTS;
	for (int i = 0; i < ntest; i++)
		text_of_test(&s, &g->test[(int64_t)i * g->ntest / ntest]);
	int known = s.ntext;
	for (int i = 0; i < CHANGED && known; i++)
		changed_text(&s, &s.text[sample_below(&s, known)]);
	for (int i = 0; i < AT_RANDOM; i++)
		add_random_text(&s, i ? 1 + sample_below(&s, s.most) : s.most);
	for (int i = 0; i < s.ntext; i++)
		end_at_broken_promise(&s, &s.text[i]);
	eval_free(s.eval);
	return s.ntext;
}
