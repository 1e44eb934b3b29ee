/* The raw level: models that take numbers in place of tokens, and layers of a neural network whose
 * weights are written in the program or read from a file.
 *
 *     input x: [2] real -1..1                 two INPUT nodes
 *     linear(x, W, b)                         a LINEAR for each row of W
 *     attend(query: q, key: k, value: v)      softmax attention: an ATTEND for each element of v
 *     load("w.npy")                           an array of numbers known at compile time */

#include <float.h>
#include <math.h>
#include <string.h>

#include "frontend/lower/lower.h"
#include "lang/npy.h"

/* ---- input ---- */

static Value *
add_input(Lower *L, const char *name, Kind kind, double min, double max)
{
	Graph *g = L->g;

	GROW(L->arena, g->input, L->cap_input, g->ninput + 1);
	g->input[g->ninput] = (Input){ name, kind, min, max };
	Node *n = mk(g, OP_INPUT, L->span, site_here(L), 0, NULL, g->ninput++);
	return v_stream(L, kind == K_REAL ? V_REAL : kind == K_BOOL ? V_BOOL : V_INT, n);
}

/* The bound x as a float, rounded away from the range: inputs are floats. */
static double
round_outward(double x, double to)
{
	float f = (float)x;

	return (double)(to > 0          ? ((double)f < x ? nextafterf(f, INFINITY) : f)
	                : (double)f > x ? nextafterf(f, -INFINITY)
	                                : f);
}

static Value *
input_of(Lower *L, const char *name, const Shape *s)
{
	Value **item = NEWS(L->arena, Value *, s->n + 1);

	switch (s->kind) {
	case S_BOOL: return add_input(L, name, K_BOOL, 0, 1);
	case S_INT:
		if (!s->ranged || s->lo <= -EXACT_MAX || s->hi >= EXACT_MAX)
			break;
		return add_input(L, name, K_INT, (double)s->lo, (double)s->hi);
	case S_REAL:
		if (!s->ranged || s->min < -0x1p23 || s->max > 0x1p23)
			break;
		return add_input(L, name, K_REAL, round_outward(s->min, -1),
		                 round_outward(s->max, 1));
	case S_ARRAY:
	case S_RECORD:
		for (int i = 0; i < s->n; i++) {
			bool array = s->kind == S_ARRAY;
			const char *part = array ? arena_fmt(L->arena, "%s[%d]", name, i)
			                         : arena_fmt(L->arena, "%s.%s", name, s->field[i]);
			if ((item[i] = input_of(L, part, s->item[array ? 0 : i]))->kind == V_ERROR)
				return &v_error;
		}
		return s->kind == S_ARRAY ? v_array(L, s->n, item)
		                          : v_record(L, s->n, s->field, item);
	case S_ERROR: return &v_error;
	default:
		return fail_here(L,
		                 "what is fed is real, int or bool, in arrays and records, not %s",
		                 shape_show(L, s));
	}
	return fail_here(L, "what is fed has a range, which twrun checks: %s -1..1",
	                 s->kind == S_INT ? "int" : "real");
}

/* A column of what is fed for each of them. */
static void
add_float_inputs(Lower *L, const char *name, const Shape *s)
{
	Graph *g = L->g;

	for (int i = 0; s->kind == S_ARRAY && i < s->n; i++)
		add_float_inputs(L, arena_fmt(L->arena, "%s[%d]", name, i), s->item[0]);
	if (s->kind == S_ARRAY)
		return;
	GROW(L->arena, g->input, L->cap_input, g->ninput + 1);
	g->input[g->ninput++] = (Input){ name, K_REAL, -(double)FLT_MAX, (double)FLT_MAX };
}

Value *
define_input(Lower *L, Env *env, const Ast *s)
{
	Fed *fed = NEW(L->arena, Fed);

	L->span = s->kid[1]->span;
	*fed = (Fed){ s->kid[0]->text, shape_of(L, env, s->kid[1]) };
	list_push(L, &L->fed, fed);
	const Shape *leaf = fed->shape;
	while (leaf->kind == S_ARRAY)
		leaf = leaf->item[0];
	if (leaf->kind == S_FLOAT) {
		int column = L->g->ninput;
		add_float_inputs(L, fed->name, fed->shape);
		return input_of_floats(L, fed->name, fed->shape, column);
	}
	return input_of(L, fed->name, fed->shape);
}

static void
write_floats(const Value *v, double **to)
{
	for (int i = 0; i < v->n && (v->kind == V_ARRAY || v->kind == V_RECORD); i++)
		write_floats(v->item[i], to);
	if (v->kind == V_INT || v->kind == V_REAL)
		*(*to)++ = (double)(float)number_value(v);
	if (v->kind == V_BOOL)
		*(*to)++ = (double)v->num;
}

static Value *
record_field(const Value *v, const char *name)
{
	for (int i = 0; i < v->n; i++)
		if (v->field[i] == name)
			return v->item[i];
	return NULL;
}

/* As what is fed is written in a test: a float as a number. */
static const Shape *
written_shape(Lower *L, const Shape *s)
{
	if (s->kind != S_FLOAT && s->kind != S_ARRAY)
		return s;
	Shape *to = NEW(L->arena, Shape);
	*to = *s;
	if (s->kind == S_FLOAT) {
		to->kind = S_REAL;
		return to;
	}
	to->item = NEW(L->arena, const Shape *);
	to->item[0] = written_shape(L, s->item[0]);
	return to;
}

/* The numbers of one position of a test: if there is one input, its value; if several, a record
 * with a field for each. */
bool
fed_numbers(Lower *L, Value *v, Span span, double *to)
{
	for (int i = 0; i < L->fed.n; i++) {
		const Fed *fed = L->fed.item[i];
		Value *part = L->fed.n == 1         ? v
		              : v->kind == V_RECORD ? record_field(v, fed->name)
		                                    : NULL;
		if (!part) {
			fail_at(L, span, "a position is a record of all inputs; '%s' is missing",
			        fed->name);
			return false;
		}
		part = conform(L, part, written_shape(L, fed->shape), span,
		               arena_fmt(L->arena, "'%s'", fed->name));
		if (part->kind == V_ERROR)
			return false;
		if (!is_known_value(part)) {
			fail_at(L, span, "the numbers of a test are known at compile time");
			return false;
		}
		write_floats(part, &to);
	}
	return true;
}

/* ---- operators ---- */

static bool
check_numbers(Lower *L, const Value *v, const char *what)
{
	for (int i = 0; i < v->n && v->kind == V_ARRAY; i++)
		if (!is_numeric(v->item[i]) && v->item[i]->kind != V_BOOL)
			v = v->item[i];
	if (v->kind == V_ARRAY)
		return true;
	fail_here(L, "%s is an array of numbers, not %s", what, v_show(L, v));
	return false;
}

static Node **
nodes_of_items(Lower *L, const Value *v)
{
	Node **x = NEWS(L->arena, Node *, v->n + 1);

	for (int i = 0; i < v->n; i++)
		if (!(x[i] = node_of(L, v->item[i])))
			return NULL;
	return x;
}

static bool
coefficients(Lower *L, const Value *row, const char *what, int n, Real *to)
{
	if (row->kind != V_ARRAY || row->n != n) {
		fail_here(L, "%s has %d number%s, not %d", what, n, n == 1 ? "" : "s",
		          row->kind == V_ARRAY ? row->n : 1);
		return false;
	}
	for (int i = 0; i < n; i++) {
		const Value *c = row->item[i];
		if (!is_numeric(c) || !c->known) {
			fail_here(L, "%s is made of numbers known at compile time, not %s", what,
			          v_show(L, c));
			return false;
		}
		to[i] = real_of(c->num, c->den);
	}
	return true;
}

Value *
eval_linear_call(Lower *L, int n, Arg *args)
{
	Value *x = args[0].value, *w = args[1].value, *b = n > 2 ? args[2].value : NULL;
	Real none = { 0, 1 };

	if (has_floats(x) || has_floats(w) || (b && has_floats(b)))
		return float_linear(L, x, w, b);
	if (!check_numbers(L, x, "what linear reads"))
		return &v_error;
	if (w->kind != V_ARRAY)
		return fail_here(L, "the weights of linear are an array of rows, not %s",
		                 v_show(L, w));
	Node **in = nodes_of_items(L, x);
	Real *c = NEWS(L->arena, Real, x->n + 1), *bias = NEWS(L->arena, Real, w->n + 1);
	Value **out = NEWS(L->arena, Value *, w->n + 1);
	if (!in || (b && !coefficients(L, b, "the bias, a number for each row,", w->n, bias)))
		return &v_error;
	for (int i = 0; i < w->n; i++) {
		if (!coefficients(L, w->item[i], "each row of the weights", x->n, c))
			return &v_error;
		c[x->n] = b ? bias[i] : none;
		Node *y = x->n ? mk_reals(L->g, OP_LINEAR, L->span, site_here(L), x->n, in, 0, c,
		                          x->n + 1)
		               : mk_real(L->g, c[0]);
		out[i] = v_stream(L, V_REAL, y);
	}
	return v_array(L, w->n, out);
}

static Value *
relu_leaf(Lower *L, Value *v, void *data)
{
	(void)data;
	if (is_float(v))
		return float_relu(L, v);
	if (!is_numeric(v))
		return fail_here(L, "relu takes numbers, not %s", v_show(L, v));
	if (v->known)
		return v->num < 0 ? v_known(L, v->kind, 0) : v;
	return v->kind == V_REAL ? real_relu(L, v)
	                         : v_stream(L, V_INT, op2(L, OP_MAX, v->node, constant(L, 0)));
}

Value *
eval_relu_call(Lower *L, Value *v)
{
	return v_map(L, v, relu_leaf, NULL);
}

typedef struct AttendArgs {
	int n;
	Node **arg; /* (n) the value, then queries and keys by turns */
} AttendArgs;

static Value *
attend_leaf(Lower *L, Value *v, void *data)
{
	AttendArgs *s = data;

	if (!is_numeric(v))
		return fail_here(L, "attend reads numbers, not %s", v_show(L, v));
	if (v->known)
		return to_real(L, v);
	if (v->node->two_sided)
		return fail_three_positions(L);
	s->arg[0] = v->node;
	return v_stream(L, V_REAL, op(L, OP_ATTEND, s->n, s->arg));
}

Value *
eval_attend_call(Lower *L, int n, Arg *args)
{
	static const char *const name[] = { "query", "key", "value" };
	Value *part[3] = { NULL };
	Node **of[2];

	for (int i = 0; i < n; i++)
		for (int k = 0; k < 3; k++)
			if (args[i].name ? !strcmp(args[i].name, name[k]) : i == k)
				part[k] = args[i].value;
	for (int k = 0; k < 3; k++)
		if (!part[k])
			return fail_here(L, "attend takes query, key and value");
	if (has_floats(part[0]) || has_floats(part[1]) || has_floats(part[2]))
		return float_attend(L, part[0], part[1], part[2]);
	for (int k = 0; k < 2; k++) {
		Value **alone = NEW(L->arena, Value *);
		*alone = part[k];
		if (is_numeric(part[k]))
			part[k] = v_array(L, 1, alone);
		if (!check_numbers(L, part[k], arena_fmt(L->arena, "the %s", name[k]))
		    || !(of[k] = nodes_of_items(L, part[k])))
			return &v_error;
		for (int i = 0; i < part[k]->n; i++)
			if (of[k][i]->two_sided)
				return fail_three_positions(L);
	}
	if (part[0]->n != part[1]->n)
		return fail_here(L, "query and key are of one length, not %d and %d", part[0]->n,
		                 part[1]->n);
	AttendArgs s = { 1 + 2 * part[0]->n, NEWS(L->arena, Node *, 1 + 2 * part[0]->n) };
	for (int i = 0; i < part[0]->n; i++) {
		s.arg[1 + 2 * i] = of[0][i];
		s.arg[2 + 2 * i] = of[1][i];
	}
	return v_map(L, part[2], attend_leaf, &s);
}

/* ---- load ---- */

static Value *
npy_value(Lower *L, const Npy *a, int d, const double **x)
{
	if (d == a->ndim) {
		double v = *(*x)++;
		return a->whole && fabs(v) < 0x1p62 ? v_int(L, (int64_t)v) : known_real(L, v);
	}
	Value **item = NEWS(L->arena, Value *, a->dim[d] + 1);
	for (int64_t i = 0; i < a->dim[d]; i++)
		if ((item[i] = npy_value(L, a, d + 1, x))->kind == V_ERROR)
			return item[i];
	return v_array(L, (int)a->dim[d], item);
}

Value *
eval_load_call(Lower *L, const Value *path)
{
	Npy a;
	const char *why = NULL;

	if (path->kind != V_TEXT)
		return fail_here(L, "load takes the name of a file, load(\"w.npy\"), not %s",
		                 v_show(L, path));
	const char *file = path_beside(L->arena, L->src->path, path->text);
	const Source *src = strlen(path->text) == path->len ? read_source(L->arena, file) : NULL;
	if (!src)
		return fail_here(L, "cannot read '%s'", path->text);
	if (!npy_read(L->arena, src->text, src->len, &a, &why))
		return fail_here(L, "%s: %s", path->text, why);
	if (a.n > ITEMS_MAX)
		return fail_here(L, "%s: more than %d numbers", path->text, ITEMS_MAX);
	const double *x = a.x;
	return npy_value(L, &a, 0, &x);
}
