/* What twc train learns from: a text, or arrays.
 *
 * A text is cut into rows of the vocabulary (vocabulary.h). A program has its vocabulary; that of a
 * graph is the characters of the text, in order. */

#include "cmd/train.h"

#include <stdlib.h>
#include <string.h>

#include "lang/npy.h"

static bool
refuse_data(const char *path, const char *why)
{
	fprintf(stderr, "twc: %s: %s\n", path, why);
	return false;
}

static TensorNode *
input_of_source(const Learned *l, LearnedSource source)
{
	for (int i = 0; i < l->ninput; i++)
		if (l->input[i].source == source)
			return l->input[i].tensor;
	return NULL;
}

/* ---- text ---- */

static bool
vocabulary_fits(const Training *t, const char *path)
{
	const TensorNode *token = input_of_source(t->learned, LEARNED_TOKEN),
			 *scores = t->learned->scores;
	int rows = token ? (int)token->values.hi + 1 : t->vocab.n;

	if (scores && scores->dim[1] < rows)
		rows = scores->dim[1];
	if (t->vocab.n <= rows)
		return true;
	fprintf(stderr, "twc: %s: it has %d different tokens, and the program takes %d\n", path,
	        t->vocab.n, rows);
	return false;
}

/* Where it is in the text, and what stands there. */
static bool
refuse_unknown_token(const char *path, const char *text, size_t n, size_t at)
{
	int line = 1, column = 1;

	for (size_t i = 0; i < at; i++, column++)
		if (text[i] == '\n')
			line++, column = 0;
	fprintf(stderr, "twc: %s:%d:%d: '%.*s' is no token of the program\n", path, line, column,
	        character_bytes(text + at, text + n), text + at);
	return false;
}

static bool
cut_text(Training *t, const char *path, const char *text, size_t n)
{
	int *rows = NEWS(t->arena, int, n + 1);
	size_t bad;

	t->examples.n = vocabulary_cut(t->arena, &t->vocab, text, n, rows, &bad);
	t->examples.text = rows;
	return t->examples.n >= 0 || refuse_unknown_token(path, text, n, bad);
}

/* A program has its vocabulary; that of a graph may be in what is resumed. */
static bool
resumed_vocabulary(Training *t)
{
	const char *why;

	return t->vocab.word || vocabulary_of_file(t->arena, &t->resumed, &t->vocab, &why)
	       || refuse_data(t->o->resume, why);
}

static bool
text_data(Training *t, const char *path)
{
	Examples *e = &t->examples;
	size_t n;
	char *text = read_file(t->arena, path, &n);
	int context = t->learned->context;

	if (!text)
		return false;
	if (!t->learned->scores)
		return refuse_data(path, "a text is for a program that says which token is likely");
	if (memchr(text, '\0', n))
		return refuse_data(path, "no text: there is a byte 0 in it");
	e->kind = EXAMPLES_TEXT;
	if (!resumed_vocabulary(t))
		return false;
	if (!t->vocab.word)
		t->vocab = vocabulary_of_text(t->arena, text, n);
	if (!vocabulary_fits(t, path) || !cut_text(t, path, text, n))
		return false;
	if (e->n <= context) {
		fprintf(stderr, "twc: %s: %lld tokens, and the program reads %d and the next\n",
		        path, (long long)e->n, context);
		return false;
	}
	e->n -= context;
	return true;
}

bool
training_prompt(Training *t, int positions)
{
	if (!t->vocab.word)
		return refuse_data(t->o->args[0],
		                   "it has no tokens that a prompt is made of; of a .twt they are "
		                   "in its --model");
	size_t n = strlen(t->prompt), bad = 0;
	t->row = NEWS(t->arena, int, n + 1);
	t->nrow = vocabulary_cut(t->arena, &t->vocab, t->prompt, n, t->row, &bad);
	if (t->nrow < 0 || t->nrow > positions) {
		const char *s = t->prompt + bad;
		fprintf(stderr,
		        t->nrow < 0 ? "twc: '%.*s' is no token of the program\n"
		                    : "twc: the prompt is longer than the context\n",
		        t->nrow < 0 ? character_bytes(s, t->prompt + n) : 0, s);
		return false;
	}
	if (!t->nrow)
		fputs("twc: the prompt is empty\n", stderr);
	return t->nrow;
}

/* ---- arrays ---- */

static bool
numbers_fit(const Training *t, const TensorNode *to, const char *path, const Npy *a)
{
	for (int64_t i = 0; to->integer && i < a->n; i++)
		if (!(a->x[i] >= to->values.lo && a->x[i] <= to->values.hi)) {
			fprintf(stderr, "twc: %s: number %lld is %g, and %s takes %.0f..%.0f\n",
			        path, (long long)i, a->x[i], to->name, to->values.lo,
			        to->values.hi);
			return false;
		}
	if (a->ndim && a->dim[0] > 0 && a->n / a->dim[0] == tensor_size(to))
		return true;
	fprintf(stderr, "twc: %s: %lld numbers an example, and %s%s is %lld\n", path,
	        (long long)(a->ndim && a->dim[0] ? a->n / a->dim[0] : 0), to->name,
	        shape_text(t->arena, to->rank, to->dim), (long long)tensor_size(to));
	return false;
}

static bool
array_data(Training *t, int i, const char *path)
{
	Examples *e = &t->examples;
	const TensorNode *to = t->learned->input[i].tensor;
	const char *why;
	size_t n;
	Npy a;
	char *bytes = read_file(t->arena, path, &n);

	if (!bytes)
		return false;
	if (!npy_read(t->arena, bytes, n, &a, &why))
		return refuse_data(path, why);
	if (!numbers_fit(t, to, path, &a))
		return false;
	if (e->n && e->n != a.dim[0]) {
		fprintf(stderr, "twc: %s: %lld examples, and %lld in the arrays before\n", path,
		        (long long)a.dim[0], (long long)e->n);
		return false;
	}
	e->n = a.dim[0];
	e->array[i] = a.x;
	return true;
}

static int
input_named(const Learned *l, const char *name, size_t n)
{
	for (int i = 0; i < l->ninput; i++)
		if (!strncmp(l->input[i].tensor->name, name, n) && !l->input[i].tensor->name[n])
			return i;
	return -1;
}

/* "x=images.npy,target=labels.npy" */
static bool
arrays_data(Training *t, const char *list)
{
	Learned *l = t->learned;

	t->examples.kind = EXAMPLES_ARRAYS;
	t->examples.array = NEWS(t->arena, const double *, l->ninput);
	for (const char *s = list; *s; s += *s == ',') {
		size_t name = strcspn(s, "=,"), len = strcspn(s, ",");
		int i = s[name] == '=' ? input_named(l, s, name) : -1;
		if (i < 0) {
			fprintf(stderr, "twc: --data: '%.*s' is no INPUT=FILE.npy; inputs are",
			        (int)len, s);
			for (int k = 0; k < l->ninput; k++)
				fprintf(stderr, " %s", l->input[k].tensor->name);
			fputc('\n', stderr);
			return false;
		}
		if (!array_data(t, i, arena_strn(t->arena, s + name + 1, len - name - 1)))
			return false;
		s += len;
	}
	for (int i = 0; i < l->ninput; i++)
		if (!t->examples.array[i] && l->input[i].source != LEARNED_WEIGHT)
			return refuse_data(l->input[i].tensor->name,
			                   "no array is given for this input: --data "
			                   "INPUT=FILE.npy,INPUT=FILE.npy");
	return true;
}

/* ---- an exact program ---- */

/* Of made examples so many are told apart. */
enum { HELD_MADE = 1 << 16 };

static bool
like_data(Training *t)
{
	if (!t->learned->scores)
		return refuse_data(t->o->args[0], "it says of no token that it is likely, so it "
		                                  "cannot answer like another program");
	return resumed_vocabulary(t) && open_like(t) && vocabulary_fits(t, t->imitated);
}

bool
training_data(Training *t)
{
	const char *data = t->o->data;
	t->imitated = t->o->like ? t->o->like : t->free && !data ? t->o->args[0] : NULL;
	bool made = t->imitated != NULL;
	int percent = t->o->held ? atoi(t->o->held) : 10;
	Examples *e = &t->examples;

	e->seed = t->recipe.seed;
	e->maker = t;
	e->exact = training_exact;
	if (!data == !made) {
		fprintf(stderr,
		        "twc: what is it to %s? --data TEXT, --data INPUT=FILE.npy,..., or --like "
		        "FILE.tw; one of them\n",
		        t->either ? "be tried on" : "learn from");
		return false;
	}
	if (!(made ? like_data(t) : strchr(data, '=') ? arrays_data(t, data) : text_data(t, data)))
		return false;
	if (percent < 0 || percent > 90)
		return refuse_data("--validate", "a percentage, 0 to 90");
	e->held = made ? (percent ? HELD_MADE : 0) : e->n * percent / 100;
	return true;
}
