/* What HuggingFace's files have: weights, as parameters begin, and byte pairs, as a vocabulary:
 *
 *     param w: [768][2304] float = load("model.safetensors", "h.0.attn.c_attn.weight")
 *     vocab byte_pairs("vocab.json", "merges.txt")
 *
 * A file of weights is opened once, however many params begin from it, and its numbers stay where
 * they are. Some files have "transformer." before each name. */

#include "frontend/lower/lower.h"

#include <string.h>

#include "tensor/train/byte_pairs.h"
#include "tensor/train/weights_file.h"

static const char prefix[] = "transformer.";

/* As it stands beside the program; NULL after an error. */
static const WeightsFile *
open_weights(Lower *L, const Value *path, Span at)
{
	const char *file = path_beside(L->arena, L->src->path, path->text), *why;
	const char *key = intern(L->arena, file, strlen(file)), *bytes;
	WeightsFile *f = map_get(&L->floats.files, key);
	size_t n;

	if (f)
		return f;
	if (!(bytes = file_bytes(L->arena, file, &n))) {
		fail_at(L, at, "cannot read '%s', which is looked for beside the program", file);
		return NULL;
	}
	f = NEW(L->arena, WeightsFile);
	if (!weights_file_read(L->arena, bytes, n, f, &why)) {
		fail_at(L, at, "%s: %s", path->text, why);
		return NULL;
	}
	map_put(L->arena, &L->floats.files, key, f);
	return f;
}

static bool
weights_have_shape(const FileWeights *w, const TensorNode *t)
{
	return w->rank == t->rank
	       && (!t->rank || !memcmp(w->dim, t->dim, sizeof *t->dim * (size_t)t->rank));
}

bool
is_weights_load(const Ast *e)
{
	return e->kind == N_CALL && e->kid[0]->kind == N_NAME && !strcmp(e->kid[0]->text, "load")
	       && e->kid[1]->n == 2;
}

static const FileWeights *
find_weights(Lower *L, const WeightsFile *f, const char *name)
{
	const FileWeights *w = weights_file_find(f, name);

	return w ? w : weights_file_find(f, arena_fmt(L->arena, "%s%s", prefix, name));
}

/* With the name that is nearest to it. */
static void
fail_no_weights(Lower *L, Span at, const char *path, const WeightsFile *f, const char *name)
{
	const char *best = NULL;
	int d = 4;

	for (int i = 0; i < f->nweights; i++) {
		const char *other = f->weights[i].name;
		bool behind = !strncmp(other, prefix, sizeof prefix - 1);
		best = nearest_name(name, best, other + (behind ? sizeof prefix - 1 : 0), &d);
	}
	fail_at(L, at, "%s has no '%s'; %s%s%s of the %d arrays that it has", path, name,
	        best ? "did you mean '" : "that is none", best ? best : "", best ? "', one" : "",
	        f->nweights);
}

const float *
loaded_weights(Lower *L, Env *env, const Ast *e, const TensorNode *to)
{
	Value *path = eval(L, env, e->kid[1]->kid[0]), *name = eval(L, env, e->kid[1]->kid[1]);

	if (path->kind == V_ERROR || name->kind == V_ERROR)
		return NULL;
	if (path->kind != V_TEXT || name->kind != V_TEXT) {
		fail_at(L, e->span, "weights are loaded as load(\"model.safetensors\", \"name\")");
		return NULL;
	}
	const WeightsFile *f = open_weights(L, path, e->span);
	const FileWeights *w = f ? find_weights(L, f, name->text) : NULL;
	if (f && !w)
		fail_no_weights(L, e->span, path->text, f, name->text);
	else if (w && !w->at)
		fail_at(L, e->span, "'%s' of %s holds no floats", name->text, path->text);
	else if (w && !weights_have_shape(w, to))
		fail_at(L, e->span, "'%s' is %s in %s, but the param is %s", name->text,
		        shape_text(L->arena, w->rank, w->dim), path->text,
		        shape_text(L->arena, to->rank, to->dim));
	else
		return w ? w->at : NULL;
	return NULL;
}

/* ---- byte pairs ---- */

static const char *
pairs_file(Lower *L, Env *env, const Ast *name, size_t *n)
{
	const Value *v = eval(L, env, name);

	if (v->kind == V_ERROR)
		return NULL;
	if (v->kind != V_TEXT) {
		fail_at(L, name->span,
		        "byte pairs are read from files, "
		        "byte_pairs(\"vocab.json\", \"merges.txt\"), not from %s",
		        v_show(L, v));
		return NULL;
	}
	const char *file = path_beside(L->arena, L->src->path, v->text);
	const Source *src = read_source(L->arena, file);
	if (!src)
		fail_at(L, name->span, "cannot read '%s', which is looked for beside the program",
		        file);
	*n = src ? src->len : 0;
	return src ? src->text : NULL;
}

const BytePairs *
loaded_byte_pairs(Lower *L, Env *env, const Ast *e)
{
	const Ast *args = e->kid[1];
	const char *json, *merges = NULL, *why;
	size_t n, nmerges = 0;

	if (args->n < 1 || args->n > 2) {
		fail_at(L, e->span,
		        "byte_pairs takes vocab.json and merges.txt, or tokenizer.json");
		return NULL;
	}
	if (!(json = pairs_file(L, env, args->kid[0], &n))
	    || (args->n == 2 && !(merges = pairs_file(L, env, args->kid[1], &nmerges))))
		return NULL;
	const BytePairs *b = byte_pairs_read(L->arena, json, n, merges, nmerges, &why);
	if (!b)
		fail_at(L, e->span, "%s: %s", source_text(L, args->span), why);
	return b;
}

const char *const *
byte_pair_words(const BytePairs *b, int *n)
{
	*n = b->n;
	return b->shown;
}

int
tokenize_byte_pairs(Lower *L, const char *text, uint32_t len, int *row, uint32_t *bad)
{
	size_t at = 0;
	int n = byte_pairs_cut(L->arena, L->g->pairs, text, len, row, &at);

	*bad = (uint32_t)at;
	return n;
}
