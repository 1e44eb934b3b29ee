/* Tokens that are records: model m { token {op: opcode, a: [4] int 0..3} … }.
 *
 * `token` is then a record, and every scalar in it is a field of the graph: a run of rows of the
 * vocabulary, one for each value that it can have. A token is one row of each field, and its
 * embedding is the sum of theirs; so the embedding has as many rows as the fields have values
 * together, not as many as there are tokens. What comes next is one choice for each field.
 *
 * <end> has no fields. A record in whose place <end> may stand has a hidden last field, called
 * <end>, which says so. */

#include <string.h>

#include "frontend/lower/lower.h"

enum { ROWS_MAX = 60000, FIELDS_MAX = 16384 };

/* ---- declaring them ---- */

typedef struct Fields {
	PtrList field; /* Field * */
	PtrList word;  /* const char *: the spellings of the vocabulary, "op: add" */
	Span span;
} Fields;

static int64_t
count_values(const Shape *s)
{
	return s->kind == S_BOOL ? 2 : s->kind == S_ENUM ? s->n : s->ranged ? s->hi - s->lo + 1 : 0;
}

static const char *
value_name(Lower *L, const Shape *s, int64_t i)
{
	if (s->kind == S_BOOL)
		return i ? "true" : "false";
	return s->kind == S_ENUM ? s->field[i]
	                         : arena_fmt(L->arena, "%lld", (long long)(s->lo + i));
}

/* False after an error. */
static bool
add_field(Lower *L, Fields *f, const char *name, const Shape *s)
{
	int64_t n = count_values(s);
	Field *field = NEW(L->arena, Field);

	if (s->kind == S_ERROR)
		return false;
	if (!n || (s->kind != S_BOOL && s->kind != S_ENUM && s->kind != S_INT)) {
		fail_at(L, f->span,
		        "the field '%s' is %s; a field of a token is an int with a range, a bool, "
		        "an "
		        "enum, or an array of these",
		        name, shape_show(L, s));
		return false;
	}
	if (f->field.n == FIELDS_MAX) {
		fail_at(L, f->span,
		        "a token has at most %d fields, of an array one for each element",
		        FIELDS_MAX);
		return false;
	}
	if (n > ROWS_MAX - f->word.n) {
		fail_at(L, f->span,
		        "the fields of a token have at most %d values together; with those of '%s' "
		        "it would be %lld: keep a large number as digits, [5] int 0..9, or bits, "
		        "[17] bool",
		        ROWS_MAX, name, (long long)(n + f->word.n));
		return false;
	}
	*field = (Field){ name, f->word.n, (int)n };
	list_push(L, &f->field, field);
	for (int64_t i = 0; i < n; i++)
		list_push(L, &f->word,
		          (void *)(uintptr_t)arena_fmt(L->arena, "%s: %s", name,
		                                       value_name(L, s, i)));
	return true;
}

/* False after an error in one of them. */
static bool
add_fields(Lower *L, Fields *f, const Shape *s, const Ast *a)
{
	bool fine = true;

	for (int i = 0; i < s->n; i++) {
		const Shape *x = s->item[i];
		bool array = x->kind == S_ARRAY, good = true;
		f->span = a->kid[2 * i + 1]->span;
		for (int k = 0; k < (array ? x->n : 1) && good; k++)
			good = add_field(L, f,
			                 array ? arena_fmt(L->arena, "%s[%d]", s->field[i], k)
			                       : s->field[i],
			                 array ? x->item[0] : x);
		fine &= good;
	}
	return fine;
}

/* The part of the token here that begins with field number *k, as a value of the type s. */
static Value *
field_value(Lower *L, const Shape *s, int *k)
{
	if (s->kind == S_ARRAY || s->kind == S_RECORD) {
		Value **item = NEWS(L->arena, Value *, s->n);
		for (int i = 0; i < s->n; i++)
			item[i] = field_value(L, s->kind == S_ARRAY ? s->item[0] : s->item[i], k);
		return s->kind == S_ARRAY ? v_array(L, s->n, item)
		                          : v_record(L, s->n, s->field, item);
	}
	Node *row = mk(L->g, OP_TOKEN, L->span, site_here(L), 0, NULL, (*k)++);
	if (s->kind == S_ENUM)
		return v_enum(L, s, row);
	if (s->kind == S_BOOL)
		return v_stream(L, V_BOOL, row);
	return v_stream(L, V_INT, s->lo ? op2(L, OP_ADD, row, constant(L, s->lo)) : row);
}

void
set_fields(Lower *L, Env *env, const Ast *a)
{
	const Shape *s = shape_of(L, env, a);
	Graph *g = L->g;
	Fields f = { 0 };

	for (int i = 0; i < s->n; i++)
		for (int k = 0; k < i; k++)
			if (s->field[k] == s->field[i])
				fail_at(L, a->kid[2 * i]->span, "the field '%s' is given twice",
				        s->field[i]);
	bool fine = add_fields(L, &f, s, a);
	L->token_shape = s;
	L->token = &v_error; /* until all of its fields are there */
	if (!fine || !f.field.n)
		return;
	g->nvocab = f.word.n;
	g->vocab = (const char **)f.word.item;
	g->nfield = f.field.n;
	g->field = NEWS(L->arena, Field, g->nfield);
	for (int i = 0; i < g->nfield; i++)
		g->field[i] = *(Field *)f.field.item[i];
	int k = 0;
	L->token = field_value(L, s, &k);
}

/* ---- <end> among records ---- */

static bool
is_end(const Lower *L, const Value *v)
{
	return v->kind == V_TOKEN && v->known && v->text == L->end;
}

bool
may_end(const Lower *L, const Value *v)
{
	return v->kind == V_RECORD && v->n && v->field[v->n - 1] == L->end;
}

/* A record, or the <end> that may stand for one. */
bool
is_token_record(const Lower *L, const Value *v)
{
	return L->token && (v->kind == V_RECORD || is_end(L, v));
}

/* The record v with the hidden field. <end> becomes a record like the one beside it. */
static Value *
with_end(Lower *L, Value *v, Value *beside)
{
	Value *r = is_end(L, v) ? beside : v;
	int n = r->n - may_end(L, r);
	const char **field = NEWS(L->arena, const char *, n + 1);
	Value **item = NEWS(L->arena, Value *, n + 1);

	if (r == v && may_end(L, v))
		return v;
	memcpy(field, r->field, sizeof *field * (size_t)n);
	memcpy(item, r->item, sizeof *item * (size_t)n);
	field[n] = L->end;
	item[n] = v_bool(L, r != v);
	return v_record(L, n + 1, field, item);
}

/* Brings two values to one form where one of them is, or may be, <end>. */
void
meet_end(Lower *L, Value **a, Value **b)
{
	bool ra = (*a)->kind == V_RECORD, rb = (*b)->kind == V_RECORD;

	if (!(ra || rb) || !is_token_record(L, *a) || !is_token_record(L, *b))
		return;
	if (ra && rb && may_end(L, *a) == may_end(L, *b))
		return;
	Value *x = with_end(L, *a, *b), *y = with_end(L, *b, *a);
	*a = x;
	*b = y;
}

/* ---- values to rows ---- */

/* Appends the scalars of a token, in the order of its fields. */
static void
push_leaves(Lower *L, Value *v, PtrList *to)
{
	if (v->kind != V_ARRAY && v->kind != V_RECORD)
		list_push(L, to, v);
	for (int i = 0; i < v->n && (v->kind == V_ARRAY || v->kind == V_RECORD); i++)
		push_leaves(L, v->item[i], to);
}

/* The least value of field number *k of the type s. */
static int64_t
field_least(const Shape *s, int *k)
{
	for (int i = 0; i < s->n; i++) {
		const Shape *x = s->item[i];
		int n = x->kind == S_ARRAY ? x->n : 1;
		if (*k < n)
			return x->kind == S_ARRAY ? x->item[0]->lo : x->lo;
		*k -= n;
	}
	return 0;
}

static int64_t
least_of(const Lower *L, int field)
{
	return field_least(L->token_shape, &field);
}

void
emit_record(Lower *L, Value *v, Span span)
{
	Graph *g = L->g;
	Value *ends = v_bool(L, false);
	PtrList leaf = { 0 };

	if (is_end(L, v)) {
		ends = v_bool(L, true);
		v = L->token;
	} else if (may_end(L, v)) {
		ends = v->item[v->n - 1];
		v = v_record(L, v->n - 1, v->field, v->item);
	}
	if (L->token->kind == V_ERROR)
		return;
	/* where <end> comes the fields are not looked at, so they are checked knowing that it does
	 * not */
	GuardFact *old = ends->node ? assume_condition(L, ends->node, false) : L->facts;
	v = conform(L, v, L->token_shape, span, "the next token");
	L->facts = old;
	if (v->kind == V_ERROR)
		return;
	push_leaves(L, v, &leaf);
	Node **row = NEWS(L->arena, Node *, g->nfield);
	for (int i = 0; i < g->nfield; i++) {
		Node *n = node_of(L, leaf.item[i]);
		if (!n)
			return;
		row[i] = least_of(L, i) ? op2(L, OP_SUB, n, constant(L, least_of(L, i))) : n;
	}
	Node *end = node_of(L, ends);
	row[0] = if_node(L, end, constant(L, g->field[0].n), row[0]);
	g->emit = row;
}

/* A record known at compile time as rows of the vocabulary. */
bool
record_rows(Lower *L, Value *v, Span span, int *row)
{
	PtrList leaf = { 0 };

	if (L->token->kind == V_ERROR)
		return false;
	v = conform(L, v, L->token_shape, span, "a token");
	if (v->kind == V_ERROR)
		return false;
	push_leaves(L, v, &leaf);
	for (int i = 0; i < L->g->nfield; i++) {
		const Value *x = leaf.item[i];
		if (!x->known) {
			fail_at(L, span,
			        "a test's text is made of tokens known at compile time, not %s",
			        v_show(L, x));
			return false;
		}
		row[i] = L->g->field[i].first + (int)(x->num - least_of(L, i));
	}
	return true;
}
