/* Types as they are written, and whether a value conforms to one. An annotation is checked, never
 * trusted: it does not narrow what is known of a value, and is refused where the ranges do not
 * prove it. */

#include <string.h>

#include "frontend/lower/lower.h"

static const Shape s_error = { .kind = S_ERROR };

static const Shape *
shape_new(Lower *L, ShapeKind kind)
{
	Shape *s = NEW(L->arena, Shape);

	s->kind = kind;
	return s;
}

static const Shape *
named_shape(Lower *L, Env *env, const Ast *a)
{
	static const struct {
		const char *name;
		ShapeKind kind;
	} known[] = {
		{ "int", S_INT },   { "bool", S_BOOL }, { "token", S_TOKEN },
		{ "real", S_REAL }, { "pos", S_POS },   { "float", S_FLOAT },
	};
	const Ast *name = a->kid[0];

	for (size_t i = 0; a->n == 1 && i < sizeof known / sizeof *known; i++)
		if (!strcmp(name->text, known[i].name))
			return shape_new(L, known[i].kind);
	Value *v = env_get(L, env, name);
	if (a->n > 1 && a->kid[1] && v->kind == V_MODULE)
		v = module_get(L, v->module, a->kid[1]);
	if (v->kind == V_TYPE)
		return v->shape;
	if (v->kind != V_ERROR)
		fail_at(L, a->span, "'%s' is not a type", source_text(L, a->span));
	return &s_error;
}

static const Shape *
real_range(Lower *L, Env *env, Shape *s, const Ast *span)
{
	Value *lo = eval(L, env, span->kid[0]), *hi = eval(L, env, span->kid[1]);

	if (lo->kind == V_ERROR || hi->kind == V_ERROR)
		return &s_error;
	if (!is_numeric(lo) || !lo->known || !is_numeric(hi) || !hi->known) {
		fail_at(L, span->span, "a bound is a number known at compile time");
		return &s_error;
	}
	if (span->kind == N_UPTO || known_compare(lo, hi) > 0) {
		fail_at(L, span->span,
		        span->kind == N_UPTO ? "a range of reals includes its end: write lo..hi"
		                             : "this range is empty");
		return &s_error;
	}
	s->kind = S_REAL;
	s->ranged = true;
	s->min = number_value(lo);
	s->max = number_value(hi);
	return s;
}

static const Shape *
range_shape(Lower *L, Env *env, const Ast *a)
{
	Shape *s = NEW(L->arena, Shape);
	const char *name = a->kid[0]->text;
	const Ast *span = a->kid[1];

	if (!strcmp(name, "real"))
		return real_range(L, env, s, span);
	if (strcmp(name, "int")) {
		fail_at(L, a->span, "only int and real have a range");
		return &s_error;
	}
	s->kind = S_INT;
	s->ranged = true;
	if (!eval_int(L, env, span->kid[0], "a bound", &s->lo)
	    || !eval_int(L, env, span->kid[1], "a bound", &s->hi))
		return &s_error;
	s->hi -= span->kind == N_UPTO;
	if (s->lo > s->hi) {
		fail_at(L, span->span, "this range is empty");
		return &s_error;
	}
	return s;
}

static const Shape *
array_shape(Lower *L, Env *env, const Ast *a)
{
	Shape *s = NEW(L->arena, Shape);
	int64_t n;

	if (!eval_int(L, env, a->kid[0], "the length of an array", &n))
		return &s_error;
	if (n < 0 || n > ITEMS_MAX) {
		fail_at(L, a->kid[0]->span, "the length of an array is 0 to %d", ITEMS_MAX);
		return &s_error;
	}
	s->kind = S_ARRAY;
	s->n = (int)n;
	s->item = NEW(L->arena, const Shape *);
	s->item[0] = shape_of(L, env, a->kid[1]);
	return s;
}

const Shape *
shape_of(Lower *L, Env *env, const Ast *a)
{
	switch (a->kind) {
	case N_TNAME: return named_shape(L, env, a);
	case N_TMAYBE:
		if (!strcmp(a->kid[0]->text, "pos"))
			return shape_new(L, S_MAYBE);
		fail_at(L, a->span, "only 'pos?' may be absent");
		return &s_error;
	case N_TRANGE: return range_shape(L, env, a);
	case N_TARRAY: return array_shape(L, env, a);
	case N_TRECORD: {
		Shape *s = NEW(L->arena, Shape);
		s->kind = S_RECORD;
		s->n = a->n / 2;
		s->field = NEWS(L->arena, const char *, s->n);
		s->item = NEWS(L->arena, const Shape *, s->n);
		for (int i = 0; i < s->n; i++) {
			s->field[i] = a->kid[2 * i]->text;
			s->item[i] = shape_of(L, env, a->kid[2 * i + 1]);
		}
		return s;
	}
	default: return &s_error;
	}
}

const char *
shape_show(Lower *L, const Shape *s)
{
	switch (s->kind) {
	case S_INT:
		if (s->ranged)
			return arena_fmt(L->arena, "int %lld..%lld", (long long)s->lo,
			                 (long long)s->hi);
		return "int";
	case S_BOOL: return "bool";
	case S_TOKEN: return "token";
	case S_REAL:
		return s->ranged ? arena_fmt(L->arena, "real %.10g..%.10g", s->min, s->max)
		                 : "real";
	case S_FLOAT: return "float";
	case S_POS: return "pos";
	case S_MAYBE: return "pos?";
	case S_ENUM: return s->name;
	case S_ARRAY:
		return arena_fmt(L->arena, "[%d]%s%s", s->n, s->item[0]->kind == S_ARRAY ? "" : " ",
		                 shape_show(L, s->item[0]));
	case S_RECORD: return "a record";
	default: return "?";
	}
}

static Value *
mismatch(Lower *L, Value *v, const Shape *s, Span span, const char *what)
{
	return fail_at(L, span, "%s is %s, not %s", what, shape_show(L, s), v_show(L, v));
}

static Value *
conform_int(Lower *L, Value *v, const Shape *s, Span span, const char *what)
{
	if (v->kind == V_INDEX
	    && (!s->ranged
	        || (v->e->values.lo >= (double)s->lo && v->e->values.hi <= (double)s->hi)))
		return v;
	if (v->kind != V_INT)
		return fail_at(L, span, "%s is %s, not %s%s", what, shape_show(L, s), v_show(L, v),
		               whole_hint(v));
	if (!s->ranged)
		return v;
	if (v->known) {
		if (v->num >= s->lo && v->num <= s->hi)
			return v;
		return fail_at(L, span, "%s is %s, but this is %lld", what, shape_show(L, s),
		               (long long)v->num);
	}
	if (v->node->type.lo >= s->lo && v->node->type.hi <= s->hi)
		return v;
	Bounds b = bounds_here(L, v->node);
	if (b.never || (b.lo >= s->lo && b.hi <= s->hi))
		return v;
	return fail_at(L, span, "%s is %s, but this can be %lld..%lld", what, shape_show(L, s),
	               (long long)b.lo, (long long)b.hi);
}

/* An integer conforms to a real type, and becomes a real. */
static Value *
conform_real(Lower *L, Value *v, const Shape *s, Span span, const char *what)
{
	if (!is_numeric(v))
		return mismatch(L, v, s, span, what);
	v = to_real(L, v);
	double min = v->known ? number_value(v) : v->node->type.min,
	       max = v->known ? min : v->node->type.max;
	if (s->ranged && (min < s->min || max > s->max))
		return fail_at(L, span, "%s is %s, but this can be %s", what, shape_show(L, s),
		               v_show(L, v));
	return v;
}

static int
field_index(const char *name, int n, const char **field)
{
	for (int i = 0; i < n; i++)
		if (field[i] == name)
			return i;
	return -1;
}

/* The record with its fields in the order of its type. */
static Value *
fields_in_order(Lower *L, Value *v, const Shape *s, Span span, const char *what)
{
	Value *to = v_record(L, s->n, s->field, NEWS(L->arena, Value *, s->n));

	for (int i = 0; i < v->n; i++)
		if (field_index(v->field[i], s->n, s->field) < 0)
			return fail_at(L, span, "%s has no field '%s'", what, v->field[i]);
	for (int i = 0; i < s->n; i++) {
		int at = field_index(s->field[i], v->n, v->field);
		if (at < 0)
			return fail_at(L, span, "%s has a field '%s', which is missing here", what,
			               s->field[i]);
		to->item[i] = v->item[at];
	}
	return to;
}

static Value *
conform_items(Lower *L, Value *v, const Shape *s, Span span, const char *what)
{
	if (s->kind == S_ARRAY && v->kind == V_ROWS) {
		if (v->n != s->n)
			return mismatch(L, v, s, span, what);
		return v_rows(L, v->axis, conform(L, v->item[0], s->item[0], span, what));
	}
	if (s->kind == S_ARRAY)
		v = as_array(L, v);
	if (v->kind == V_ERROR)
		return v;
	if (may_end(L, v) && s->kind == S_RECORD)
		return fail_at(L, span, "%s is a record, but this may be <end>", what);
	if (v->kind == V_RECORD && s->kind == S_RECORD)
		v = fields_in_order(L, v, s, span, what);
	if (v->kind == V_ERROR)
		return v;
	if (v->kind != (s->kind == S_ARRAY ? V_ARRAY : V_RECORD) || v->n != s->n)
		return mismatch(L, v, s, span, what);
	Value *to = v_new(L, v->kind);
	*to = *v;
	to->settled = false;
	to->item = NEWS(L->arena, Value *, v->n);
	for (int i = 0; i < v->n; i++) {
		const Shape *part = s->kind == S_ARRAY ? s->item[0] : s->item[i];
		to->item[i] = conform(
			L, v->item[i], part, span,
			s->kind == S_ARRAY
				? what
				: arena_fmt(L->arena, "the field '%s' of %s", s->field[i], what));
		if (to->item[i]->kind == V_ERROR)
			return &v_error;
	}
	return to;
}

Value *
conform(Lower *L, Value *v, const Shape *s, Span span, const char *what)
{
	if (v->kind == V_ERROR || v->kind == V_FOREIGN || s->kind == S_ERROR)
		return v;
	switch (s->kind) {
	case S_INT: return conform_int(L, v, s, span, what);
	case S_BOOL:
		return v->kind == V_BOOL || v->kind == V_MASK ? v : mismatch(L, v, s, span, what);
	case S_TOKEN:
		if (L->token_shape && s != L->token_shape)
			return conform(L, v, L->token_shape, span, what);
		return v->kind == V_TOKEN ? v : mismatch(L, v, s, span, what);
	case S_FLOAT:
		return is_float(v) || is_numeric(v) ? to_float(L, v)
		                                    : mismatch(L, v, s, span, what);
	case S_REAL: return conform_real(L, v, s, span, what);
	case S_POS:
	case S_MAYBE:
		if (v->kind != V_POS)
			return mismatch(L, v, s, span, what);
		if (s->kind == S_POS && !is_present(L, v))
			return fail_at(L, span, "%s is pos, but this may be absent (pos?)", what);
		return v;
	case S_ENUM: return v->kind == V_ENUM && v->shape == s ? v : mismatch(L, v, s, span, what);
	default: return conform_items(L, v, s, span, what);
	}
}
