/* Arrays and records: comprehensions, indexing, slices, fields.
 *
 * Their lengths are known at compile time, so they are gone from the graph: an array is as many
 * values, a comprehension is unrolled (as in Wadler, "List comprehensions", 1987).
 *
 *     [d // 10 ** i for i in 0..<3]     three values: d, d // 10, d // 100
 *     xs[1]                             the second of them
 *     xs[n else 0]                      PICK(n, 0, x0, x1, x2), n known at run time */

#include <string.h>

#include "frontend/lower/lower.h"

/* ---- for x in xs for i in 0..<n where C ---- */

typedef struct Comprehension {
	const Ast *clauses;
	bool guards; /* a where may depend on the text */
	bool apart;  /* floats are taken apart, too */
	bool floats; /* else: one was met */
	long count;
	bool (*visit)(Lower *, Env *, Value *guard, void *);
	void *data;
} Comprehension;

static bool expand_clauses(Lower *, Comprehension *, Env *, int i, Value *guard);

static bool
expand_binding(Lower *L, Comprehension *w, Env *env, int i, Value *guard, Value *x, Origin *origin)
{
	const Ast *c = w->clauses->kid[i], *where = c->kid[2];

	if (L->stopped)
		return false;
	if (++w->count > ITEMS_MAX) {
		fail_at(L, c->span, "this makes more than %d elements", ITEMS_MAX);
		return false;
	}
	env = env_bind(L, env, c->kid[0]->text, x, origin);
	if (where) {
		Value *v = eval_bool(L, env, where, "a where");
		if (v->kind == V_ERROR)
			return false;
		if (v->known && !v->num)
			return true;
		if (v->kind == V_MASK && !w->apart) {
			w->floats = true;
			return false;
		}
		if (!v->known && !w->guards) {
			fail_at(L, where->span,
			        "this 'where' depends on %s, and how many elements an array or a "
			        "mean has is known when it is compiled; sum, count, any, all, min "
			        "and max take such a condition, else write if",
			        v->kind == V_MASK ? "floats" : "the text");
			return false;
		}
		if (!v->known)
			guard = guard ? v_and(L, guard, v) : v;
	}
	return expand_clauses(L, w, env, i + 1, guard);
}

static bool
expand_tokens(Lower *L, Comprehension *w, Env *env, int i, Value *guard, int lo, int hi)
{
	if (lo < 0 || hi < 0) {
		fail_at(L, w->clauses->kid[i]->span,
		        "the ends of a range of tokens are single characters");
		return false;
	}
	for (int code = lo; code <= hi; code++)
		for (int row = 0; row < L->g->nvocab; row++)
			if (L->code[row] == code) {
				const char *s = row_spelling(L, row);
				if (!expand_binding(L, w, env, i, guard,
				                    v_token(L, s, (uint32_t)strlen(s)), NULL))
					return false;
			}
	return true;
}

static bool
expand_range(Lower *L, Comprehension *w, Env *env, int i, Value *guard, const Ast *s)
{
	bool open = s->kind == N_UPTO;
	int64_t lo, hi;

	if (s->kid[0]->kind == N_TOKEN && s->kid[1]->kind == N_TOKEN)
		return expand_tokens(L, w, env, i, guard, code_of(s->kid[0]->text, s->kid[0]->len),
		                     code_of(s->kid[1]->text, s->kid[1]->len) - open);
	if (!eval_int(L, env, s->kid[0], "a bound", &lo)
	    || !eval_int(L, env, s->kid[1], "a bound", &hi))
		return false;
	for (int64_t k = lo; k < hi || (k == hi && !open); k++)
		if (!expand_binding(L, w, env, i, guard, v_int(L, k), NULL) || k == INT64_MAX)
			return false;
	return true;
}

static bool
expand_clauses(Lower *L, Comprehension *w, Env *env, int i, Value *guard)
{
	if (i == w->clauses->n)
		return w->visit(L, env, guard, w->data);
	const Ast *c = w->clauses->kid[i], *s = c->kid[1];
	if (!may_define(L, NULL, c->kid[0]))
		return false;
	if (!s) {
		fail_at(L, c->span,
		        "'for %s' without 'in' runs over the positions of the text and stands in "
		        "count, sum, any, all …",
		        c->kid[0]->text);
		return false;
	}
	if (s->kind == N_TO || s->kind == N_UPTO)
		return expand_range(L, w, env, i, guard, s);
	Value *xs = eval(L, env, s);
	if (xs->kind == V_ROWS) {
		for (int k = 0; k < xs->n; k++)
			if (!expand_binding(L, w, env, i, guard, row_number(L, xs, k), NULL))
				return false;
		return true;
	}
	xs = as_array(L, xs);
	if (xs->kind == V_ERROR)
		return false;
	if (xs->kind != V_ARRAY) {
		fail_at(L, s->span, "'for' runs over a range or an array, not %s", v_kind(xs));
		return false;
	}
	Origin *from = L->facts ? origin_of(L, env, s) : NULL;
	for (int k = 0; k < xs->n; k++)
		if (!expand_binding(L, w, env, i, guard, xs->item[k], origin_of_item(L, from, k)))
			return false;
	return true;
}

typedef struct Gather {
	const Ast *e;
	Items *items;
	bool bad;
} Gather;

static bool
gather_item(Lower *L, Env *env, Value *guard, void *data)
{
	Gather *g = data;
	GuardFact *old = L->facts;

	if (guard && guard->node)
		assume_condition(L, guard->node, true);
	Value *v = eval(L, env, g->e);
	L->facts = old;
	if (!g->items->apart && has_floats(v)) {
		g->items->floats = true;
		return false;
	}
	g->bad |= v->kind == V_ERROR;
	list_push(L, &g->items->values, v);
	list_push(L, &g->items->guards, guard);
	return !g->bad; /* the other elements would have the same mistake */
}

/* Unrolls [e for …] into its elements; false after an error. */
bool
over_items(Lower *L, Env *env, const Ast *e, const Ast *clauses, bool guards, Items *items)
{
	Gather g = { e, items, false };
	Comprehension w = { .clauses = clauses,
		            .guards = guards,
		            .apart = items->apart,
		            .visit = gather_item,
		            .data = &g };
	bool fine = expand_clauses(L, &w, env, 0, NULL) && !g.bad;

	items->floats |= w.floats;
	return fine;
}

typedef struct Cases {
	bool (*visit)(Lower *, Env *, void *);
	void *data;
} Cases;

static bool
visit_case(Lower *L, Env *env, Value *guard, void *data)
{
	const Cases *c = data;

	(void)guard;
	return c->visit(L, env, c->data);
}

bool
each_case(Lower *L, Env *env, const Ast *clauses, bool (*visit)(Lower *, Env *, void *), void *data)
{
	Cases c = { visit, data };
	Comprehension w = { .clauses = clauses, .apart = true, .visit = visit_case, .data = &c };

	return expand_clauses(L, &w, env, 0, NULL);
}

/* ---- arrays ---- */

Value *
make_array(Lower *L, PtrList *l)
{
	for (int i = 0; i < l->n; i++) {
		Value *v = l->item[i], *first = l->item[0];
		if (v->kind == V_ERROR)
			return v;
		if (v->kind != first->kind && !(is_numeric(v) && is_numeric(first))
		    && !(has_floats(v) && has_floats(first)) && !(is_float(v) && is_numeric(first))
		    && !(is_numeric(v) && is_float(first))
		    && !(v->kind == V_TEXT && first->kind == V_TOKEN)
		    && !(v->kind == V_TOKEN && first->kind == V_TEXT)
		    && !(is_token_record(L, v) && is_token_record(L, first)))
			return fail_here(L,
			                 "the elements of an array are alike; here are %s and %s",
			                 v_show(L, first), v_show(L, v));
	}
	return v_array(L, l->n, (Value **)l->item);
}

Value *
eval_array(Lower *L, Env *env, const Ast *a)
{
	PtrList l = { 0 };

	for (int i = 0; i < a->n; i++)
		list_push(L, &l, eval(L, env, a->kid[i]));
	return make_array(L, &l);
}

Value *
eval_build(Lower *L, Env *env, const Ast *a)
{
	Items items = { 0 };
	Rolled whole;

	switch (take_items(L, env, a, false, &items, &whole)) {
	case TAKEN_WHOLE: return build_rolled(L, &whole);
	case TAKEN_NOT: return &v_error;
	case TAKEN_APART: break;
	}
	return make_array(L, &items.values);
}

/* ---- indexing ---- */

static Value *
pick_scalar(Lower *L, Node *i, int n, Value **item, Value *otherwise)
{
	Node **arg = NEWS(L->arena, Node *, n + 2);

	if (item[0]->kind == V_POS)
		return pick_pos(L, i, n, item, otherwise);
	Value **all = NEWS(L->arena, Value *, n + 1);
	memcpy(all, item, sizeof *all * (size_t)n);
	all[n] = otherwise ? otherwise : item[0];
	alike_numbers(L, all, n + 1);
	item = all;
	otherwise = otherwise ? all[n] : NULL;
	arg[0] = i;
	for (int k = 0; k < n; k++) {
		if (item[k]->kind != item[0]->kind || item[k]->shape != item[0]->shape)
			return fail_here(L, "the elements differ: %s and %s", v_show(L, item[0]),
			                 v_show(L, item[k]));
		if (!(arg[k + 2] = node_of(L, item[k])))
			return &v_error;
	}
	if (otherwise && (otherwise->kind != item[0]->kind || otherwise->shape != item[0]->shape))
		return fail_here(L, "the elements are %s, but the else is %s", v_show(L, item[0]),
		                 v_show(L, otherwise));
	arg[1] = otherwise ? node_of(L, otherwise) : arg[2];
	if (!arg[1])
		return &v_error;
	Value *v = v_stream(L, item[0]->kind, op(L, OP_PICK, n + 2, arg));
	v->shape = item[0]->shape;
	return v;
}

/* Brings records to one form: where one element may be <end>, all get the hidden field. */
static Value **
meet_ends(Lower *L, int n, Value **item, Value **otherwise)
{
	if (!L->token)
		return item;
	item = memcpy(NEWS(L->arena, Value *, n), item, sizeof *item * (size_t)n);
	for (int k = 0; k < 2 * n; k++) { /* first round: item[0] learns of it from the others;
		                             second: they learn from item[0] */
		if (*otherwise)
			meet_end(L, &item[0], otherwise);
		meet_end(L, &item[0], &item[k % n]);
	}
	return item;
}

/* Element i of a list, i known at run time. Of arrays and records, leaf by leaf. */
Value *
list_element(Lower *L, Value *i, int n, Value **item, Value *otherwise)
{
	Value **sub = NEWS(L->arena, Value *, n);

	item = meet_ends(L, n, item, &otherwise);
	if (item[0]->kind != V_ARRAY && item[0]->kind != V_RECORD && item[0]->kind != V_TEXT)
		return pick_scalar(L, node_of(L, i), n, item, otherwise);
	for (int k = 0; k < n; k++)
		if ((item[k] = as_array(L, item[k]))->kind == V_ERROR)
			return &v_error;
	if (otherwise)
		otherwise = as_array(L, otherwise);
	for (int k = 0; k < n; k++)
		if (item[k]->kind != item[0]->kind || item[k]->n != item[0]->n)
			return fail_here(L, "the elements differ: %s and %s", v_show(L, item[0]),
			                 v_show(L, item[k]));
	if (otherwise && (otherwise->kind != item[0]->kind || otherwise->n != item[0]->n))
		return fail_here(L, "the elements are %s, but the else is %s", v_show(L, item[0]),
		                 v_show(L, otherwise));
	Value *to = v_new(L, item[0]->kind);
	*to = *item[0];
	to->settled = false;
	to->item = NEWS(L->arena, Value *, to->n);
	for (int e = 0; e < to->n; e++) {
		for (int k = 0; k < n; k++)
			sub[k] = item[k]->item[e];
		to->item[e] = list_element(L, i, n, sub, otherwise ? otherwise->item[e] : NULL);
		if (to->item[e]->kind == V_ERROR)
			return &v_error;
	}
	return to;
}

static Value *
array_element(Lower *L, Env *env, const Ast *a, Value *xs, Value *i)
{
	const Ast *otherwise = a->kid[2];

	if (i->known && i->num >= 0 && i->num < xs->n)
		return v_chosen(L, xs->item[i->num]);
	if (i->known && otherwise)
		return v_chosen(L, eval(L, env, otherwise));
	if (i->known)
		return fail_at(L, a->kid[1]->span,
		               "index %lld is out of range: the array has %d elements",
		               (long long)i->num, xs->n);
	Value *d = otherwise ? eval(L, env, otherwise) : NULL;
	if (d && d->kind == V_ERROR)
		return d;
	if (!xs->n)
		return d ? v_chosen(L, d) : fail_here(L, "an empty array has no elements");
	Bounds b = bounds_here(L, i->node);
	if (!d && !b.never && (b.lo < 0 || b.hi >= xs->n))
		return fail_at(L, a->kid[1]->span,
		               "this index can be %lld..%lld, but the array has %d elements; "
		               "say what it is then: xs[i else d]",
		               (long long)b.lo, (long long)b.hi, xs->n);
	return list_element(L, i, xs->n, xs->item, d);
}

/* x[i]: a position reads x there, an integer picks an element of the array x. */
Value *
eval_read(Lower *L, Env *env, const Ast *a)
{
	Value *i = eval(L, env, a->kid[1]);

	if (i->kind == V_POS)
		return eval_read_at(L, env, a->kid[0], i, a->kid[2]);
	Value *xs = eval(L, env, a->kid[0]);
	if (i->kind == V_ERROR || xs->kind == V_ERROR)
		return &v_error;
	if (i->kind == V_INDEX
	    || (i->kind == V_INT && (xs->kind == V_ROWS || (!i->known && has_floats(xs)))))
		return float_element(L, a, xs, i, a->kid[2] ? eval(L, env, a->kid[2]) : NULL);
	if (i->kind != V_INT)
		return fail_at(L, a->kid[1]->span, "an index is a position or an integer, not %s%s",
		               v_kind(i), whole_hint(i));
	xs = as_array(L, xs);
	if (xs->kind == V_ERROR)
		return xs;
	if (xs->kind != V_ARRAY)
		return fail_here(L,
		                 "an integer picks an element of an array, but this is %s; to read "
		                 "another position "
		                 "write x[at(n)]",
		                 v_kind(xs));
	return array_element(L, env, a, xs, i);
}

Value *
eval_slice(Lower *L, Env *env, const Ast *a)
{
	const Ast *s = a->kid[1];
	Value *xs = eval(L, env, a->kid[0]);
	int64_t lo, hi;

	if (xs->kind == V_ROWS)
		return float_slice(L, env, a, xs);
	xs = as_array(L, xs);

	if (!eval_int(L, env, s->kid[0], "a bound of a slice", &lo)
	    || !eval_int(L, env, s->kid[1], "a bound of a slice", &hi) || xs->kind == V_ERROR)
		return &v_error;
	if (xs->kind != V_ARRAY)
		return fail_here(L, "a slice is of an array, not of %s", v_kind(xs));
	if (lo < 0 || hi < lo - 1 || hi > xs->n - (s->kind == N_TO))
		return fail_at(L, s->span, "this slice is out of range: the array has %d elements",
		               xs->n);
	hi += s->kind == N_TO;
	return v_array(L, hi > lo ? (int)(hi - lo) : 0, xs->item + lo);
}

/* ---- records, enums, modules: x.name ---- */

/* The member of the enum s that a name without a dot stands for; NULL if it is none. */
Value *
enum_member(Lower *L, const Shape *s, const Ast *name)
{
	for (int i = 0; name->kind == N_NAME && s && s->kind == S_ENUM && i < s->n; i++)
		if (s->field[i] == name->text) {
			Value *v = v_known(L, V_ENUM, i);
			v->shape = s;
			return v;
		}
	return NULL;
}

static Value *
enum_or_type_member(Lower *L, const Shape *s, const Ast *name)
{
	const char *best = NULL;
	int d = 3;

	if (s->kind != S_ENUM)
		return fail_at(L, name->span, "a type has no '%s'", name->text);
	Value *v = enum_member(L, s, name);
	if (v)
		return v;
	for (int i = 0; i < s->n; i++)
		best = nearest_name(name->text, best, s->field[i], &d);
	return fail_at(L, name->span, "%s has no member '%s'%s%s%s", s->name, name->text,
	               best ? "; did you mean '" : "", best ? best : "", best ? "'?" : "");
}

static int
field_number(Lower *L, const Value *r, const Ast *name)
{
	const char *best = NULL;
	int d = 3;

	for (int i = 0; i < r->n; i++) {
		if (r->field[i] == name->text)
			return i;
		best = nearest_name(name->text, best, r->field[i], &d);
	}
	fail_at(L, name->span, "this record has no field '%s'%s%s%s", name->text,
	        best ? "; did you mean '" : "", best ? best : "", best ? "'?" : "");
	return -1;
}

Value *
eval_field(Lower *L, Env *env, const Ast *a)
{
	const Ast *name = a->kid[1];
	Value *v = eval(L, env, a->kid[0]);

	switch (v->kind) {
	case V_ERROR: return v;
	case V_MODULE: return module_get(L, v->module, name);
	case V_TYPE: return enum_or_type_member(L, v->shape, name);
	case V_RECORD: {
		if (may_end(L, v))
			return fail_here(L, "this may be <end>, which has no fields");
		int i = field_number(L, v, name);
		return i < 0 ? &v_error : v->item[i];
	}
	default: return fail_at(L, name->span, "%s has no fields", v_kind(v));
	}
}

Value *
eval_record(Lower *L, Env *env, const Ast *a)
{
	int n = a->n / 2;
	Value *v = v_record(L, n, NEWS(L->arena, const char *, n), NEWS(L->arena, Value *, n));
	bool bad = false;

	for (int i = 0; i < n; i++) {
		const Ast *name = a->kid[2 * i];
		for (int k = 0; k < i; k++)
			if (v->field[k] == name->text)
				return fail_at(L, name->span, "the field '%s' is given twice",
				               name->text);
		v->field[i] = name->text;
		v->item[i] = eval(L, env, a->kid[2 * i + 1]);
		bad |= v->item[i]->kind == V_ERROR;
	}
	return bad ? &v_error : v;
}

Value *
eval_with(Lower *L, Env *env, const Ast *a)
{
	Value *r = eval(L, env, a->kid[0]), *changes = eval_record(L, env, a->kid[1]);

	if (r->kind == V_ERROR || changes->kind == V_ERROR)
		return &v_error;
	if (r->kind != V_RECORD || may_end(L, r))
		return fail_here(L, "'with' changes a record, not %s",
		                 r->kind == V_RECORD ? "what may be <end>" : v_kind(r));
	Value *to = v_record(L, r->n, r->field, NEWS(L->arena, Value *, r->n));
	for (int i = 0; i < r->n; i++)
		to->item[i] = r->item[i];
	for (int i = 0; i < changes->n; i++) {
		int k = field_number(L, r, a->kid[1]->kid[2 * i]);
		if (k < 0)
			return &v_error;
		to->item[k] = changes->item[i];
	}
	return to;
}
