/* Reads a graph of tensors from its text (tensor_print.c), a line each:
 *
 *     line   ::= ["input" NAME shape ["int" INT ".." INT]
 *              | "param" NAME shape "=" (NUMBER | "normal" "(" NUMBER ")")
 *              | "table" NAME shape "=" NUMBER*
 *              | "output" NAME
 *              | "carry" NAME "=" NAME
 *              | NAME ("[" NAME "<" INT "]")* "=" sum ["==" | "<" sum]]
 *     shape  ::= ("[" INT "]")*
 *     sum    ::= product (("+" | "-") product)*
 *     product::= factor (("*" | "/" | "//" | "%") factor)*
 *     factor ::= NUMBER | "-" factor | "(" expr ")" | NAME ["[" expr ("," expr)* "]"]
 *              | FUNCTION "(" expr ("," expr)* ")"
 *              | ("sum" | "max") "(" expr "for" NAME "<" INT ")"
 *
 * A # begins a comment. The patterns of rules.h are read here too: there a letter is a hole, and
 * a reduction's range has no end. */

#include "tensor/internal.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DIM_MAX = 1 << 24, SIZE_MAX_READ = 1 << 28, NESTING_MAX = 200, SCOPE_MAX = 64 };

typedef struct NamedRange {
	const char *name;
	Scalar *range;
} NamedRange;

typedef struct TensorReader {
	const Source *src;
	Diags *ds;
	TensorGraph *g;
	uint32_t at;
	bool pattern, bad;
	int depth;
	int nscope;
	NamedRange scope[SCOPE_MAX]; /* (nscope) inner ones last */
} TensorReader;

/* ---- words ---- */

static void
refuse_text(TensorReader *r, uint32_t from, const char *fmt, const char *what)
{
	if (!r->bad)
		error_at(r->ds, (Span){ from, r->at > from ? r->at : from + 1 }, fmt, what);
	r->bad = true;
}

static char
at_char(const TensorReader *r)
{
	return !r->bad && r->at < r->src->len ? r->src->text[r->at] : '\n';
}

static void
skip_space(TensorReader *r)
{
	while (at_char(r) == ' ' || at_char(r) == '\t' || at_char(r) == '\r')
		r->at++;
	if (at_char(r) == '#')
		while (at_char(r) != '\n')
			r->at++;
}

static bool
accept_text(TensorReader *r, const char *mark)
{
	size_t n = strlen(mark);

	skip_space(r);
	if (r->bad || r->src->len - r->at < n || memcmp(r->src->text + r->at, mark, n))
		return false;
	/* "<" is not the beginning of "<=", nor "/" that of "//" or sum that of sums. */
	char next = r->at + n < r->src->len ? r->src->text[r->at + n] : '\n';
	if (isalpha((unsigned char)*mark) ? isalnum((unsigned char)next) || strchr("._", next)
	                                  : n == 1 && next == *mark && strchr("/=", next))
		return false;
	r->at += (uint32_t)n;
	return true;
}

static bool
expect_text(TensorReader *r, const char *mark)
{
	if (accept_text(r, mark))
		return true;
	refuse_text(r, r->at, "expected '%s'", mark);
	return false;
}

static const char *
read_name(TensorReader *r)
{
	skip_space(r);
	uint32_t from = r->at;
	if (isalpha((unsigned char)at_char(r)) || at_char(r) == '_')
		while (isalnum((unsigned char)at_char(r)) || strchr("._", at_char(r)))
			r->at++;
	if (r->at == from)
		refuse_text(r, from, "expected %s", "a name");
	return intern(r->g->arena, r->src->text + from, r->at - from);
}

/* Digits end before "..", as in 0..9. */
static double
read_number(TensorReader *r)
{
	char text[64];
	size_t n = 0;

	skip_space(r);
	uint32_t from = r->at;
	if (at_char(r) == '-')
		text[n++] = at_char(r), r->at++;
	while (n < sizeof text - 1) {
		char c = at_char(r),
		     next = r->at + 1 < r->src->len ? r->src->text[r->at + 1] : '\n';
		bool sign = (c == '-' || c == '+') && n && text[n - 1] == 'e';
		if (!(isdigit((unsigned char)c) || c == 'e' || sign || (c == '.' && next != '.')))
			break;
		text[n++] = c;
		r->at++;
	}
	text[n] = '\0';
	char *end;
	double x = strtod(text, &end);
	if (end == text || *end || !isfinite(x))
		refuse_text(r, from, "expected %s", "a number");
	return x;
}

static int
read_int(TensorReader *r, int lo, int hi)
{
	skip_space(r);
	uint32_t from = r->at;
	double x = read_number(r);
	if (!r->bad && (x != floor(x) || x < lo || x > hi))
		refuse_text(r, from, "%s",
		            lo > 0 ? "expected an extent, from 1 on"
		                   : "expected an integer below 2^24");
	return r->bad ? 1 : (int)x;
}

/* ---- expressions ---- */

static Scalar *read_expression(TensorReader *);

static Scalar *
nothing(TensorReader *r)
{
	return scalar_const(r->g, 0);
}

static bool
enter_range(TensorReader *r, const char *name, Scalar *range)
{
	if (r->nscope == SCOPE_MAX) {
		refuse_text(r, r->at, "%s", "too many ranges within each other");
		return false;
	}
	r->scope[r->nscope++] = (NamedRange){ name, range };
	return true;
}

static Scalar *
read_index(TensorReader *r, TensorNode *t, uint32_t from)
{
	Scalar *index[RANK_MAX];

	for (int i = 0; i < t->rank; i++) {
		if (!expect_text(r, i ? "," : "["))
			return nothing(r);
		uint32_t here = r->at;
		index[i] = read_expression(r);
		if (!r->bad && !index[i]->integer)
			refuse_text(r, here, "%s", "an index must be an integer");
	}
	if (t->rank && !expect_text(r, "]"))
		return nothing(r);
	if (at_char(r) == '[')
		refuse_text(r, from, "'%s' has no more axes", t->name);
	return r->bad ? nothing(r) : scalar_load(r->g, t, index);
}

static Scalar *
read_named(TensorReader *r, const char *name, uint32_t from)
{
	for (int i = r->nscope - 1; i >= 0; i--)
		if (r->scope[i].name == name)
			return r->scope[i].range;
	if (r->pattern)
		return pattern_hole(r->g, *name);
	TensorNode *t = tensor_find(r->g, name);
	if (t)
		return read_index(r, t, from);
	refuse_text(r, from, "no tensor or range '%s' above", name);
	return nothing(r);
}

/* Behind "sum(" or "max(" and the length of its body, which is read once its range is known: the
 * place of the word "for" at this depth of parentheses, or 0. */
static uint32_t
find_for(const TensorReader *r)
{
	const char *s = r->src->text;
	int depth = 0;

	for (uint32_t i = r->at; i < r->src->len && s[i] != '\n' && depth >= 0; i++) {
		depth += s[i] == '(' || s[i] == '[';
		depth -= s[i] == ')' || s[i] == ']';
		if (!depth && i + 5 < r->src->len && !memcmp(s + i, " for ", 5))
			return i + 1;
	}
	return 0;
}

static Scalar *
read_reduction(TensorReader *r, TensorOp op, uint32_t at_for)
{
	uint32_t body = r->at;
	int extent = 1;

	r->at = at_for;
	expect_text(r, "for");
	const char *name = read_name(r);
	if (!r->pattern && expect_text(r, "<"))
		extent = read_int(r, 1, DIM_MAX);
	if (!expect_text(r, ")"))
		return nothing(r);
	uint32_t end = r->at;
	Scalar *range = scalar_fresh(r->g, extent);
	if (!enter_range(r, name, range))
		return nothing(r);
	r->at = body;
	Scalar *e = read_expression(r);
	r->nscope--;
	skip_space(r);
	if (!r->bad && r->at != at_for)
		refuse_text(r, r->at, "expected '%s'", "for");
	r->at = end;
	return r->bad ? nothing(r) : scalar_reduce(r->g, op, e, range);
}

static Scalar *
read_call(TensorReader *r, TensorOp op)
{
	Scalar *arg[3];
	int n = tensor_ops[op].nargs;

	for (int i = 0; i < n; i++) {
		if (i && !expect_text(r, ","))
			return nothing(r);
		arg[i] = read_expression(r);
	}
	if (!expect_text(r, ")"))
		return nothing(r);
	return n == 1   ? scalar_unary(r->g, op, arg[0])
	       : n == 2 ? scalar_binary(r->g, op, arg[0], arg[1])
	                : scalar_where(r->g, arg[0], arg[1], arg[2]);
}

static Scalar *
read_function(TensorReader *r, const char *name, uint32_t from)
{
	uint32_t at_for = find_for(r);

	for (int op = X_ADD; op < NUM_TENSOR_OPS; op++) {
		const TensorOpInfo *o = &tensor_ops[op];
		bool reduces = o->nargs < 0;
		if (!o->prec && reduces == (at_for > 0) && !strcmp(o->text, name))
			return reduces ? read_reduction(r, (TensorOp)op, at_for)
			               : read_call(r, (TensorOp)op);
	}
	refuse_text(r, from, "no function '%s'", name);
	return nothing(r);
}

static Scalar *
read_factor(TensorReader *r)
{
	skip_space(r);
	uint32_t from = r->at;
	char c = at_char(r);
	if (isdigit((unsigned char)c) || c == '.')
		return scalar_const(r->g, read_number(r));
	if (accept_text(r, "-"))
		return scalar_binary(r->g, X_SUB, scalar_const(r->g, 0), read_factor(r));
	if (accept_text(r, "(")) {
		Scalar *e = read_expression(r);
		expect_text(r, ")");
		return e;
	}
	const char *name = read_name(r);
	if (r->bad)
		return nothing(r);
	return accept_text(r, "(") ? read_function(r, name, from) : read_named(r, name, from);
}

/* Operators of this precedence and tighter ones, from the left. */
static Scalar *
read_operators(TensorReader *r, int prec)
{
	Scalar *e = prec < 3 ? read_operators(r, prec + 1) : read_factor(r);

	for (int op = X_ADD; op < NUM_TENSOR_OPS && !r->bad; op++)
		if (tensor_ops[op].prec == prec && accept_text(r, tensor_ops[op].text)) {
			Scalar *b = prec < 3 ? read_operators(r, prec + 1) : read_factor(r);
			e = scalar_binary(r->g, (TensorOp)op, e, b);
			op = X_ADD - 1;
		}
	return e;
}

static Scalar *
read_expression(TensorReader *r)
{
	if (r->depth == NESTING_MAX)
		refuse_text(r, r->at, "%s", "too many parentheses within each other");
	if (r->bad)
		return nothing(r);
	r->depth++;
	Scalar *e = read_operators(r, 1);
	r->depth--;
	return e;
}

Scalar *
pattern_parse(TensorGraph *g, const char *text)
{
	Source src = { "rules.h", text, (uint32_t)strlen(text) };
	Diags ds = { .arena = g->arena, .src = &src };
	TensorReader r = { .src = &src, .ds = &ds, .g = g, .pattern = true };
	Scalar *e = read_expression(&r);

	assert(!r.bad && r.at == src.len);
	return e;
}

/* ---- lines ---- */

static const char *
read_new_name(TensorReader *r)
{
	skip_space(r);
	uint32_t from = r->at;
	const char *name = read_name(r);
	if (!r->bad && tensor_find(r->g, name))
		refuse_text(r, from, "'%s' is there already", name);
	return name;
}

static int
read_tensor_shape(TensorReader *r, int *dim)
{
	int rank = 0;
	int64_t size = 1;

	while (accept_text(r, "[")) {
		if (rank == RANK_MAX)
			refuse_text(r, r->at, "%s", "a tensor has at most 8 axes");
		if (r->bad)
			return 0;
		dim[rank] = read_int(r, 1, DIM_MAX);
		size *= dim[rank++];
		if (size > SIZE_MAX_READ)
			refuse_text(r, r->at, "%s", "a tensor has at most 2^28 elements");
		expect_text(r, "]");
	}
	return rank;
}

static void
read_input(TensorReader *r)
{
	int dim[RANK_MAX];
	const char *name = read_new_name(r);
	int rank = read_tensor_shape(r, dim);

	if (r->bad)
		return;
	TensorNode *t = tensor_input(r->g, name, rank, dim);
	if (accept_text(r, "int")) {
		t->integer = true;
		t->values.lo = read_int(r, -DIM_MAX, DIM_MAX);
		expect_text(r, "..");
		t->values.hi = read_int(r, -DIM_MAX, DIM_MAX);
		if (!r->bad && t->values.hi < t->values.lo)
			refuse_text(r, r->at, "%s", "an empty range of values");
	}
}

static void
read_param(TensorReader *r)
{
	int dim[RANK_MAX];
	const char *name = read_new_name(r);
	int rank = read_tensor_shape(r, dim);

	if (r->bad || !expect_text(r, "="))
		return;
	TensorNode *t = tensor_param(r->g, name, rank, dim);
	if (accept_text(r, "normal") && expect_text(r, "(")) {
		t->spread = read_number(r);
		expect_text(r, ")");
	} else {
		t->init = read_number(r);
	}
}

static void
read_table(TensorReader *r)
{
	int dim[RANK_MAX];
	const char *name = read_new_name(r);
	int rank = read_tensor_shape(r, dim), n = 1;

	if (r->bad || !expect_text(r, "="))
		return;
	for (int i = 0; i < rank; i++)
		n *= dim[i];
	double *table = NEWS(r->g->arena, double, n);
	for (int i = 0; i < n && !r->bad; i++)
		table[i] = read_number(r);
	if (!r->bad)
		tensor_table(r->g, name, rank, dim, table);
}

static void
read_definition(TensorReader *r)
{
	Scalar *axis[RANK_MAX];
	uint32_t from = r->at;
	const char *name = read_new_name(r);
	int rank = 0;

	r->nscope = 0;
	while (accept_text(r, "[")) {
		if (rank == RANK_MAX)
			refuse_text(r, r->at, "%s", "a tensor has at most 8 axes");
		if (r->bad)
			return;
		const char *range = read_name(r);
		if (!expect_text(r, "<"))
			return;
		axis[rank] = scalar_fresh(r->g, read_int(r, 1, DIM_MAX));
		enter_range(r, range, axis[rank++]);
		expect_text(r, "]");
	}
	if (!expect_text(r, "="))
		return;
	Scalar *body = read_expression(r);
	if (r->bad)
		return;
	TensorNode *t = tensor_define(r->g, name, body, rank, axis);
	if (strcmp(t->name, name)) {
		r->at = from + (uint32_t)strlen(name);
		refuse_text(r, from, "it is the same as '%s'", t->name);
	}
}

static TensorNode *
read_tensor_name(TensorReader *r)
{
	skip_space(r);
	uint32_t from = r->at;
	const char *name = read_name(r);
	TensorNode *t = r->bad ? NULL : tensor_find(r->g, name);

	if (!t)
		refuse_text(r, from, "no tensor '%s' above", name);
	return t;
}

static void
read_output(TensorReader *r)
{
	TensorNode *t = read_tensor_name(r);

	if (t)
		tensor_output(r->g, t);
}

static void
read_carry(TensorReader *r)
{
	TensorNode *leaf = read_tensor_name(r), *next;
	uint32_t from = r->at;

	if (!leaf || !expect_text(r, "=") || !(next = read_tensor_name(r)))
		return;
	bool fits = !leaf->body && !leaf->table && leaf->rank == next->rank;
	for (int i = 0; i < leaf->rank && fits; i++)
		fits = leaf->dim[i] == next->dim[i];
	if (!fits)
		refuse_text(r, from, "'%s' is no leaf of the same shape", leaf->name);
	else
		tensor_carry(r->g, leaf, next);
}

static void
read_line(TensorReader *r)
{
	skip_space(r);
	if (at_char(r) == '\n')
		return;
	if (accept_text(r, "input"))
		read_input(r);
	else if (accept_text(r, "param"))
		read_param(r);
	else if (accept_text(r, "table"))
		read_table(r);
	else if (accept_text(r, "output"))
		read_output(r);
	else if (accept_text(r, "carry"))
		read_carry(r);
	else
		read_definition(r);
	skip_space(r);
	if (!r->bad && at_char(r) != '\n')
		refuse_text(r, r->at, "expected %s", "the end of the line");
}

TensorGraph *
tensor_graph_read(const Source *src, Arena *arena, Diags *ds)
{
	TensorReader r = { .src = src, .ds = ds, .g = tensor_graph_new(arena) };

	while (r.at < src->len && !r.bad) {
		read_line(&r);
		r.at += !r.bad;
	}
	return r.bad ? NULL : r.g;
}
