/* Values: making them, showing them in messages, and working on their leaves.
 *
 * The leaves of a value are its scalars and references. if_value joins two values leaf by leaf: an
 * if of two records is a record of ifs, of which the graph has one node each. */

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "frontend/lower/lower.h"

Value v_error = { .kind = V_ERROR };

/* ---- where we are ---- */

static int
site_of(Lower *L, int file, Call *c)
{
	const Module *m = L->all.item[file];

	if (!c)
		return m->site;
	if (c->site < 0 || c->site_file != file) {
		int caller = site_of(L, c->file, c->up);
		c->site = site_new(L->g, (Site){ file, caller, c->span });
		c->site_file = file;
	}
	return c->site;
}

/* The site of the nodes that are made now. Most calls make none: so a site is made when it is
 * asked for. */
int
site_here(Lower *L)
{
	return site_of(L, L->file, L->call);
}

/* ---- errors ---- */

/* Adds to an error inside of a function where the program calls it, the innermost call first. */
static void
add_call_note(Lower *L, Diag *d)
{
	int n = 0;

	if (L->reader)
		diag_note(L->diags, d, L->reader->src, L->reader->span,
		          "read at another position here, where no guard is known to hold");
	for (const Call *c = L->reader ? NULL : L->call; c && n < CALL_NOTES; c = c->up)
		if (c->src == L->diags->src || !c->up) {
			diag_note(L->diags, d, c->src, c->span, "in the call here");
			n++;
		}
}

Value *
fail_at(Lower *L, Span span, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!L->stopped)
		add_call_note(L, error_v(L->diags, L->src, span, fmt, ap));
	va_end(ap);
	return &v_error;
}

Value *
fail_here(Lower *L, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!L->stopped)
		add_call_note(L, error_v(L->diags, L->src, L->span, fmt, ap));
	va_end(ap);
	return &v_error;
}

const char *
source_text(Lower *L, Span s)
{
	int n = (int)(s.hi - s.lo);
	const char *text = L->src->text + s.lo;
	const char *eol = memchr(text, '\n', (size_t)n);

	if (eol)
		n = (int)(eol - text);
	if (n > 40) {
		for (n = 37; n > 0 && (text[n] & 0xc0) == 0x80; n--)
			;
		return arena_fmt(L->arena, "%.*s…", n, text);
	}
	return arena_fmt(L->arena, "%.*s", n, text);
}

void
list_push(Lower *L, PtrList *l, void *p)
{
	GROW(L->arena, l->item, l->cap, l->n + 1);
	l->item[l->n++] = p;
}

/* ---- nodes ---- */

Node *
op(Lower *L, Op o, int n, Node **arg)
{
	if (L->g->nnode > NODES_MAX && !L->stopped) {
		fail_here(L, "the program grows beyond %d operators here", NODES_MAX);
		L->stopped = true;
	}
	return mk(L->g, o, L->span, site_here(L), n, arg, 0);
}

Node *
op0(Lower *L, Op o)
{
	return op(L, o, 0, NULL);
}

Node *
op1(Lower *L, Op o, Node *a)
{
	return op(L, o, 1, &a);
}

Node *
op2(Lower *L, Op o, Node *a, Node *b)
{
	return op(L, o, 2, (Node *[]){ a, b });
}

Node *
op3(Lower *L, Op o, Node *a, Node *b, Node *c, int64_t k)
{
	return mk(L->g, o, L->span, site_here(L), 3, (Node *[]){ a, b, c }, k);
}

Node *
if_node(Lower *L, Node *cond, Node *x, Node *y)
{
	return op(L, OP_IF, 3, (Node *[]){ cond, x, y });
}

Node *
constant(Lower *L, int64_t k)
{
	return mk_const(L->g, k);
}

/* ---- making ---- */

Value *
v_new(Lower *L, ValueKind kind)
{
	Value *v = NEW(L->arena, Value);

	v->kind = kind;
	return v;
}

Value *
v_known(Lower *L, ValueKind kind, int64_t num)
{
	Value *v = v_new(L, kind);

	v->known = true;
	v->num = num;
	v->den = 1;
	return v;
}

Value *
v_int(Lower *L, int64_t num)
{
	return v_known(L, V_INT, num);
}

Value *
v_bool(Lower *L, bool b)
{
	return v_known(L, V_BOOL, b);
}

static Value *
v_spelled(Lower *L, ValueKind kind, const char *text, uint32_t len)
{
	Value *v = v_known(L, kind, 0);

	v->text = text;
	v->len = len;
	return v;
}

Value *
v_text(Lower *L, const char *text, uint32_t len)
{
	return v_spelled(L, V_TEXT, text, len);
}

Value *
v_token(Lower *L, const char *text, uint32_t len)
{
	return v_spelled(L, V_TOKEN, text, len);
}

Value *
v_stream(Lower *L, ValueKind kind, Node *n)
{
	if (n->op == OP_CONST && kind == V_TOKEN) {
		const char *s = row_spelling(L, n->k);
		return v_token(L, s, (uint32_t)strlen(s));
	}
	if (n->op == OP_CONST)
		return v_known(L, kind, n->k);
	if (n->op == OP_REAL && n->real[0].den) {
		Value *known = v_known(L, V_REAL, llrint(n->real[0].x * (double)n->real[0].den));
		known->den = n->real[0].den;
		return known;
	}
	Value *v = v_new(L, kind);
	v->node = n;
	return v;
}

Value *
v_enum(Lower *L, const Shape *shape, Node *n)
{
	Value *v = v_stream(L, V_ENUM, n);

	v->shape = shape;
	return v;
}

Value *
v_array(Lower *L, int n, Value **item)
{
	Value *v = v_new(L, V_ARRAY);

	v->n = n;
	v->item = item;
	return v;
}

Value *
v_record(Lower *L, int n, const char **field, Value **item)
{
	Value *v = v_new(L, V_RECORD);

	v->n = n;
	v->field = field;
	v->item = item;
	return v;
}

Value *
v_pos(Lower *L, Node *ref, int offset)
{
	Value *v = v_new(L, V_POS);

	v->ref = ref;
	v->offset = offset;
	return v;
}

/* ---- asking ---- */

bool
is_scalar(const Value *v)
{
	return v->kind == V_INT || v->kind == V_REAL || v->kind == V_BOOL || v->kind == V_TOKEN
	       || v->kind == V_ENUM;
}

bool
is_numeric(const Value *v)
{
	return v->kind == V_INT || v->kind == V_REAL;
}

bool
is_known_value(const Value *v)
{
	switch (v->kind) {
	case V_ARRAY:
	case V_RECORD:
		for (int i = 0; i < v->n; i++)
			if (!is_known_value(v->item[i]))
				return false;
		return true;
	case V_POS:
	case V_FLOAT:
	case V_INDEX:
	case V_MASK:
	case V_ROWS: return false;
	case V_ERROR:
	case V_FN:
	case V_BUILTIN:
	case V_TYPE:
	case V_MODULE:
	case V_FOREIGN: return true;
	default: return v->known;
	}
}

bool
same_known(const Value *a, const Value *b)
{
	if (a->kind != b->kind || !a->known || !b->known)
		return false;
	if (a->kind == V_TOKEN || a->kind == V_TEXT)
		return a->text == b->text;
	return a->num == b->num && a->den == b->den && a->shape == b->shape;
}

/* A token that is needed in the text, and that the vocabulary lacks. */
static void
fail_without_row(Lower *L, const Value *v)
{
	const Source *here = L->src;

	L->src = v->src ? v->src : here;
	fail_at(L, v->src ? v->span : L->span, "the vocabulary has no token '%s'", v->text);
	L->src = here;
}

Node *
node_of(Lower *L, Value *v)
{
	if (v->kind == V_ERROR)
		return NULL;
	if (v->node)
		return v->node;
	if (v->kind == V_INDEX || v->kind == V_MASK)
		return node_of(L, exact_choice(L, v));
	if (v->kind == V_TOKEN) {
		int row = row_of_token(L, v->text);
		if (row < 0) {
			fail_without_row(L, v);
			return NULL;
		}
		return v->node = constant(L, row);
	}
	if (v->kind == V_INT && (v->num >= EXACT_MAX || v->num <= -EXACT_MAX)) {
		const char *text = arena_fmt(
			L->arena, "%lld is more than a 32-bit float holds exactly (16777216)",
			(long long)v->num);
		Node *n = constant(L, v->num);
		if (!may_exceed_float(n)) {
			fail_here(L, "%s", text);
			return NULL;
		}
		defer_large_error(L, n, text);
	}
	if (v->kind == V_REAL)
		return v->node = mk_real(L->g, real_of(v->num, v->den));
	if (!is_scalar(v)) {
		fail_here(L, "expected a value of the text, not %s%s", v_kind(v),
		          v->kind == V_FLOAT
		                  ? ", of which nothing is proved: likely, best … by and "
		                    "comparisons choose by it"
		                  : "");
		return NULL;
	}
	return v->node = constant(L, v->num);
}

/* The tokens of a text, by longest match; another value as it is. What the vocabulary lacks is an
 * error in the program. In a module it becomes a token that equals no other, and is an error
 * where its row is needed. */
Value *
as_array(Lower *L, Value *v)
{
	if (v->kind == V_ROWS) { /* for whoever wants its elements one by one */
		Value **item = NEWS(L->arena, Value *, v->n);
		if (v->n > APART_MAX)
			return fail_here(L,
			                 "an array of %d floats is kept whole; this takes it apart",
			                 v->n);
		for (int i = 0; i < v->n; i++)
			item[i] = row_number(L, v, i);
		return v_array(L, v->n, item);
	}
	if (v->kind != V_TEXT)
		return v;
	if (L->g->pairs)
		return tokens_of_text(L, v);
	PtrList l = { 0 };
	for (uint32_t at = 0, n; at < v->len; at += n) {
		n = v->len - at < (uint32_t)L->longest ? v->len - at : (uint32_t)L->longest;
		for (; n > 0; n--) {
			const char *s = intern_find(L->arena, v->text + at, n);
			if (s && map_get(&L->rows, s))
				break;
		}
		if (!n) {
			for (n = 1; at + n < v->len && (v->text[at + n] & 0xc0) == 0x80; n++)
				;
			if (L->has_vocab && L->src == L->program->src)
				return fail_here(L, "the vocabulary has no token for '%.*s'",
				                 (int)n, v->text + at);
		}
		list_push(L, &l, v_token(L, intern(L->arena, v->text + at, n), n));
	}
	return v_array(L, l.n, (Value **)l.item);
}

/* ---- showing ---- */

const char *
whole_hint(const Value *v)
{
	return v->kind == V_REAL ? "; floor(x) and ceil(x) are integers" : "";
}

const char *
v_kind(const Value *v)
{
	switch (v->kind) {
	case V_INT: return "an integer";
	case V_REAL: return "a real";
	case V_BOOL: return "a condition";
	case V_TOKEN: return "a token";
	case V_ENUM: return "a member of an enum";
	case V_POS: return "a position";
	case V_TEXT: return "a text";
	case V_ARRAY: return "an array";
	case V_RECORD: return "a record";
	case V_FN:
	case V_BUILTIN: return "a function";
	case V_TYPE: return "a type";
	case V_FLOAT: return "a float";
	case V_INDEX: return "an index";
	case V_MASK: return "a condition of floats";
	case V_ROWS: return "an array of floats";
	case V_MODULE: return "a module";
	default: return "an unknown value";
	}
}

static const char *
show_int(Lower *L, const Value *v)
{
	if (v->known)
		return arena_fmt(L->arena, "%lld", (long long)v->num);
	Bounds b = bounds_here(L, v->node);
	return arena_fmt(L->arena, "int %lld..%lld", (long long)b.lo, (long long)b.hi);
}

const char *
v_show(Lower *L, const Value *v)
{
	switch (v->kind) {
	case V_INT: return show_int(L, v);
	case V_BOOL: return v->known ? v->num ? "true" : "false" : "bool";
	case V_TOKEN: return v->known ? arena_fmt(L->arena, "'%s'", v->text) : "token";
	case V_FLOAT: return "float";
	case V_MASK: return "bool of floats";
	case V_INDEX:
		return arena_fmt(L->arena, "int %.0f..%.0f", v->e->values.lo, v->e->values.hi);
	case V_ROWS:
		return arena_fmt(L->arena, "[%d]%s%s", v->n, v->item[0]->kind == V_ROWS ? "" : " ",
		                 v_show(L, v->item[0]));
	case V_TEXT: return "a text";
	case V_POS: return is_present(L, v) ? "pos" : "pos?";
	case V_ENUM: return v->shape->name;
	case V_REAL:
		if (v->known)
			return arena_fmt(L->arena, "%.10g", number_value(v));
		return arena_fmt(L->arena, "real %.6g..%.6g", v->node->type.min, v->node->type.max);
	case V_ARRAY:
		if (!v->n)
			return "an empty array";
		return arena_fmt(L->arena, "[%d] %s", v->n, v_show(L, v->item[0]));
	default: return v_kind(v);
	}
}

/* ---- leaves ---- */

Value *
v_map(Lower *L, Value *v, Mapper *f, void *data)
{
	if (v->kind == V_ERROR)
		return v;
	if (v->kind == V_TEXT)
		v = as_array(L, v);
	if (v->kind == V_ROWS)
		return v_rows(L, v->axis, v_map(L, v->item[0], f, data));
	if (v->kind != V_ARRAY && v->kind != V_RECORD)
		return f(L, v, data);
	Value *to = v_new(L, v->kind);
	*to = *v;
	to->settled = false;
	to->item = NEWS(L->arena, Value *, v->n);
	for (int i = 0; i < v->n; i++)
		to->item[i] = v_map(L, v->item[i], f, data);
	return to;
}

static bool
same_form(Lower *L, Value *a, Value *b)
{
	if (a->kind != b->kind) {
		fail_here(L, "%s and %s do not go together: %s, %s", v_kind(a), v_kind(b),
		          v_show(L, a), v_show(L, b));
		return false;
	}
	if (a->n != b->n) {
		if (a->kind == V_ROWS)
			fail_here(L, "these do not go together: %s and %s", v_show(L, a),
			          v_show(L, b));
		else
			fail_here(L, "arrays of %d and %d elements do not go together", a->n, b->n);
		return false;
	}
	for (int i = 0; a->kind == V_RECORD && i < a->n; i++)
		if (a->field[i] != b->field[i]) {
			fail_here(L, "records with different fields do not go together");
			return false;
		}
	return true;
}

Value *
v_join(Lower *L, Value *a, Value *b, Join *f, void *data)
{
	if (a->kind == V_ERROR || b->kind == V_ERROR)
		return &v_error;
	if (a->kind == V_TEXT)
		a = as_array(L, a);
	if (b->kind == V_TEXT)
		b = as_array(L, b);
	if (a->kind == V_ERROR || b->kind == V_ERROR)
		return &v_error;
	meet_end(L, &a, &b);
	if (a->kind == V_ROWS || b->kind == V_ROWS) {
		Value *x = a->kind == V_ARRAY ? to_rows(L, a) : a,
		      *y = b->kind == V_ARRAY ? to_rows(L, b) : b;
		if (x->kind == V_ERROR || y->kind == V_ERROR || !same_form(L, x, y))
			return &v_error;
		return v_rows(L, x->axis, v_join(L, x->item[0], row_at(L, y, x->axis), f, data));
	}
	if (a->kind != V_ARRAY && a->kind != V_RECORD && b->kind != V_ARRAY && b->kind != V_RECORD)
		return f(L, a, b, data);
	if (!same_form(L, a, b))
		return &v_error;
	Value *to = v_new(L, a->kind);
	*to = *a;
	to->settled = false;
	to->item = NEWS(L->arena, Value *, a->n);
	for (int i = 0; i < a->n; i++)
		to->item[i] = v_join(L, a->item[i], b->item[i], f, data);
	return to;
}

/* if cond then a else b, of two leaves */
static Value *
if_leaf(Lower *L, Value *a, Value *b, void *cond)
{
	const Value *c = cond;

	if (same_known(a, b))
		return a;
	if (is_float(a) || is_float(b) || (c->kind == V_MASK && is_numeric(a) && is_numeric(b)))
		return float_if(L, c, a, b);
	if (c->kind == V_MASK && !(c = leave_floats(L, cond, "chosen"))->node)
		return &v_error;
	if (a->kind == V_POS && b->kind == V_POS)
		return if_pos(L, c->node, a, b);
	Value *both[2] = { a, b };
	alike_numbers(L, both, 2);
	a = both[0];
	b = both[1];
	if (!is_scalar(a) || a->kind != b->kind || a->shape != b->shape)
		return fail_here(L, "the branches do not go together: %s and %s", v_show(L, a),
		                 v_show(L, b));
	Node *x = node_of(L, a), *y = node_of(L, b);
	if (!x || !y)
		return &v_error;
	Value *v = v_stream(L, a->kind, if_node(L, c->node, x, y));
	v->shape = a->shape;
	return v;
}

Value *
if_value(Lower *L, Node *cond, Value *a, Value *b)
{
	Value c = { .kind = V_BOOL, .node = cond };

	return v_join(L, a, b, if_leaf, &c);
}

Value *
choose_value(Lower *L, const Value *cond, Value *a, Value *b)
{
	if (cond->kind == V_MASK)
		return v_join(L, a, b, if_leaf, (void *)(uintptr_t)cond);
	return cond->known ? cond->num ? a : b : if_value(L, cond->node, a, b);
}
