/* In place of what is learned (frontend/lower/float_*.c, index_range.c, tensor/,
 * cmd/learned_half.c): a page could not train it, and its files are made by twc train. Floats begin
 * with a param, an input or a conversion, each of which is refused here; then there are none, and
 * nothing else of frontend/lower/floats.h is reached.
 *
 *     param w: [4] float = 0      what is learned (param, float) is not in the page; twc has it */

#include <string.h>

#include "cmd/cmd.h"
#include "frontend/lower/lower.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"

/* Once: what follows from it is the same mistake. */
static Value *
refuse_learned(Lower *L)
{
	if (L->diags->nerror)
		return &v_error;
	return fail_here(L, "what is learned (param, float) is not in the page; twc has it");
}

#define REFUSED(name, ...) \
	Value *name(Lower *L, __VA_ARGS__) \
	{ \
		return refuse_learned(L); \
	}

/* ---- where floats begin ---- */

REFUSED(define_param, Env *env, const Ast *a)
REFUSED(input_of_floats, const char *name, const Shape *s, int column)
REFUSED(to_float, Value *v)
REFUSED(to_rows, Value *v)
REFUSED(likely_token, Value *scores)

void
lower_loss(Lower *L, Env *env, const Ast *a)
{
	refuse_learned(L);
}

/* ---- what there is of them ---- */

bool
is_float(const Value *v)
{
	return false;
}

bool
has_floats(const Value *v)
{
	return false;
}

Value *
exact_choice(Lower *L, Value *v)
{
	return v;
}

Value *
name_floats(Lower *L, Value *v, const char *name)
{
	return v;
}

void
float_scope_begin(Lower *L)
{
}

void
float_scope_end(Lower *L, const Lower *saved)
{
}

void
floats_end(Lower *L)
{
}

const IndexFact *
assume_mask(Lower *L, const Scalar *e, bool holds)
{
	return L->floats.facts;
}

/* An array is taken apart. */
Taken
take_items(Lower *L, Env *env, const Ast *over, bool guards, Items *items, Rolled *whole)
{
	bool fine = over_items(L, env, over->kid[0], over->kid[1], guards, items);

	return fine ? TAKEN_APART : TAKEN_NOT;
}

bool
roll_comprehension(Lower *L, Env *env, const Ast *over, bool guards, Rolled *to)
{
	*to = (Rolled){ .why = "there are none in the page" };
	return false;
}

/* ---- what is made of them ---- */

REFUSED(leave_floats, Value *v, const char *name)
REFUSED(v_scalar, ValueKind kind, Scalar *e)
REFUSED(v_rows, Scalar *axis, Value *item)
REFUSED(row_at, const Value *rows, Scalar *i)
REFUSED(row_number, const Value *rows, int i)
REFUSED(build_rolled, const Rolled *r)
REFUSED(float_arith, AstKind kind, Value *a, Value *b)
REFUSED(float_compare, Relation r, Value *a, Value *b)
REFUSED(float_logic, bool is_and, Value *a, Value *b)
REFUSED(float_not, const Value *v)
REFUSED(float_if, const Value *c, Value *a, Value *b)
REFUSED(float_function, TensorOp op, Value *v)
REFUSED(float_relu, const Value *v)
REFUSED(float_size, const Value *v)
REFUSED(float_extreme, int n, Value *const *item, bool least)
REFUSED(float_reduce, const char *which, const Value *rows)
REFUSED(reduce_rolled, const char *which, Env *env, const Ast *over, const Rolled *r)
REFUSED(float_over, const char *which, Value *v, const Value *cond, int bound, Env *env,
        const Ast *otherwise)
REFUSED(float_pick, bool first, int64_t lo, const Rolled *r)
REFUSED(float_concat, int n, const Arg *part)
REFUSED(float_slice, Env *env, const Ast *a, const Value *xs)
REFUSED(float_element, const Ast *a, Value *xs, Value *i, Value *otherwise)
REFUSED(float_read_at, Value *x, const Value *p, Value *otherwise)
REFUSED(float_linear, Value *x, Value *w, Value *b)
REFUSED(float_softmax, Value *v)
REFUSED(float_attend, Value *query, Value *key, Value *value)

/* ---- their half of a test: no graph has one ---- */

LearnedHalf *
learned_half_new(const Graph *g, uint64_t seed, const char *file)
{
	return NULL;
}

void
learned_half_attach(LearnedHalf *half, Eval *eval)
{
}

void
learned_half_free(LearnedHalf *half)
{
}

bool
is_checkpoint(const char *path)
{
	return false;
}

TwModel *
load_checkpoint(Program *p, const char *path, char **error)
{
	return NULL;
}

/* ---- byte pairs: their files are not in the page either ---- */

const struct BytePairs *
loaded_byte_pairs(Lower *L, Env *env, const Ast *e)
{
	refuse_learned(L);
	return NULL;
}

const char *const *
byte_pair_words(const struct BytePairs *b, int *n)
{
	*n = 0;
	return NULL;
}

int
tokenize_byte_pairs(Lower *L, const char *text, uint32_t len, int *row, uint32_t *bad)
{
	return -1;
}
