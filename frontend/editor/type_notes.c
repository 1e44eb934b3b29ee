/* The types of the names that files define, with their ranges, as an editor shows them. The range
 * of an array is that of all of its elements. */

#include <string.h>

#include "frontend/editor/editor.h"
#include "frontend/lower/lower.h"
#include "lang/interval.h"

static bool
value_range(Lower *L, const Value *v, Bounds *b)
{
	if (v->kind == V_INT) {
		Bounds x = v->known ? (Bounds){ v->num, v->num, false } : bounds_here(L, v->node);
		b->lo = min_int64(b->lo, x.lo);
		b->hi = max_int64(b->hi, x.hi);
		return true;
	}
	if (v->kind != V_ARRAY || !v->n)
		return false;
	for (int i = 0; i < v->n; i++)
		if (!value_range(L, v->item[i], b))
			return false;
	return true;
}

static const char *
show_type(Lower *L, const Value *v)
{
	Bounds b = { INT64_MAX, INT64_MIN, false };

	switch (v->kind) {
	case V_ARRAY: {
		const char *dims = "";
		if (!value_range(L, v, &b))
			return v->n ? arena_fmt(L->arena, "[%d] %s", v->n, show_type(L, v->item[0]))
			            : "[0]";
		for (; v->kind == V_ARRAY; v = v->item[0])
			dims = arena_fmt(L->arena, "%s[%d] ", dims, v->n);
		return arena_fmt(L->arena, "%sint %lld..%lld", dims, (long long)b.lo,
		                 (long long)b.hi);
	}
	case V_RECORD: {
		const char *s = "{";
		for (int i = 0; i < v->n; i++)
			s = arena_fmt(L->arena, "%s%s%s: %s", s, i ? ", " : "", v->field[i],
			              show_type(L, v->item[i]));
		return arena_fmt(L->arena, "%s}", s);
	}
	case V_BOOL: return "bool";
	case V_TOKEN: return "token";
	case V_INT:
		value_range(L, v, &b);
		return arena_fmt(L->arena, "int %lld..%lld", (long long)b.lo, (long long)b.hi);
	case V_TEXT: return arena_fmt(L->arena, "[%u] token", v->len);
	default: return v_show(L, v);
	}
}

void
note_type(Lower *L, const Source *src, const Ast *name, const Value *v)
{
	Notes *t = L->notes;

	if (!t || v->kind == V_ERROR || v->kind == V_FN || v->kind == V_MODULE || v->kind == V_TYPE)
		return;
	GROW(L->arena, t->note, t->cap, t->n + 1);
	t->note[t->n++] = (Note){ src, name->span, show_type(L, v) };
}
