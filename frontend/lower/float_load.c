/* Weights from a file, as parameters begin:
 *
 *     param w: [768][2304] float = load("model.safetensors", "h.0.attn.c_attn.weight")
 *
 * A file is opened once, however many params begin from it, and its numbers stay where they are. */

#include "frontend/lower/lower.h"

#include <string.h>

#include "tensor/train/weights_file.h"

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
		fail_at(L, at, "cannot read '%s'", path->text);
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
	const FileWeights *w = f ? weights_file_find(f, name->text) : NULL;
	if (f && !w)
		fail_at(L, e->span, "%s has no '%s'", path->text, name->text);
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
