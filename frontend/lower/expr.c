/* Expressions: eval(), the dispatch on their kind, and the operators that work at one position:
 * arithmetic, logic, comparison, membership.
 *
 * An operator is given Values. If all are known the result is; else it makes the node, after a
 * check that what the ranges allow can be computed: no overflow of a float, no division by 0. */

#include <string.h>

#include "frontend/lower/lower.h"

/* ---- arithmetic ---- */

static const char *
describe_operand(Lower *L, const Node *n, const Ast *a)
{
	Bounds b = bounds_here(L, n);
	int line = source_line(L->src, n->span.lo);
	bool same_file = node_source(L->g, n) == L->src;

	if (n->op == OP_CONST)
		return arena_fmt(L->arena, "%lld", (long long)n->k);
	if (!a)
		return arena_fmt(L->arena, "int %lld..%lld", (long long)b.lo, (long long)b.hi);
	if (!same_file || !n->narg || line == source_line(L->src, L->span.lo))
		return arena_fmt(L->arena, "%s is int %lld..%lld", source_text(L, a->span),
		                 (long long)b.lo, (long long)b.hi);
	return arena_fmt(L->arena, "%s is int %lld..%lld (line %d)", source_text(L, a->span),
	                 (long long)b.lo, (long long)b.hi, line);
}

static bool
is_node_of(const Node *n, const Ast *a)
{
	return a && n->span.lo == a->span.lo && n->span.hi == a->span.hi;
}

/* The integer node as a value. It is an error if it can reach 2^24, unless it is a sum that may
 * turn out to be used digit by digit only (exactness.c). la, ra: its operands as written. */
Value *
exact_int(Lower *L, Node *n, const char *what, const Ast *la, const Ast *ra)
{
	if (n->type.lo > -EXACT_MAX && n->type.hi < EXACT_MAX)
		return v_stream(L, V_INT, n);
	Bounds b = bounds_here(L, n);
	if (b.never || (b.lo > -EXACT_MAX && b.hi < EXACT_MAX))
		return v_stream(L, V_INT, n);
	int64_t far = b.hi >= EXACT_MAX ? b.hi : b.lo;
	bool pair = n->narg == 2, later = may_exceed_float(n);
	/* the graph sorts the operands of a sum; the message has them as written */
	bool turned = pair && (is_node_of(n->arg[0], ra) || is_node_of(n->arg[1], la));
	const char *first = pair ? describe_operand(L, n->arg[turned], la) : "",
		   *second = pair ? describe_operand(L, n->arg[!turned], ra) : "";
	bool square = pair && !strcmp(first, second);
	const char *text = arena_fmt(
		L->arena,
		"this %s can reach %lld, more than a 32-bit float holds exactly "
		"(16777216)%s%s%s%s%s",
		what, (long long)far, pair ? ": " : "", first, pair && !square ? ", " : "",
		square ? "" : second,
		later ? "; such a number can be added to, compared, and divided by a constant"
		: n->op == OP_MUL ? "; multiply digit by digit with digits.mul"
				  : "; bound it with min, max or %");
	if (!later)
		return fail_here(L, "%s", text);
	defer_large_error(L, n, text);
	return v_stream(L, V_INT, n);
}

typedef struct Arith {
	AstKind kind;
	const Ast *left, *right;
} Arith;

/* The divisor y, with 1 in place of 0. Guards may show that it is not 0 here; but the graph
 * computes both branches of an if everywhere. NULL after an error: it may be 0 here. */
Node *
safe_divisor(Lower *L, Node *y, const Ast *a)
{
	if (y->type.lo > 0 || y->type.hi < 0)
		return y;
	int n = 0;
	const int64_t *v = values_here(L, y, &n);
	Bounds b = bounds_here(L, y);
	bool zero = !b.never && b.lo <= 0 && b.hi >= 0;
	if (v && zero) {
		zero = false;
		for (int i = 0; i < n; i++)
			zero |= v[i] == 0;
	}
	if (zero) {
		fail_here(L, "this may divide by 0: %s", describe_operand(L, y, a));
		return NULL;
	}
	Node *is_zero = op2(L, OP_EQ, y, constant(L, 0));
	return if_node(L, is_zero, constant(L, 1), y);
}

static Value *
divide_integers(Lower *L, const Arith *o, Node *x, Node *y)
{
	if (!(y = safe_divisor(L, y, o->right)))
		return &v_error;
	return exact_int(L, op2(L, o->kind == N_MOD ? OP_MOD : OP_DIV, x, y), "quotient", o->left,
	                 o->right);
}

static Value *
stream_power(Lower *L, Value *a, Value *b, const Arith *o)
{
	if (!b->known || b->kind != V_INT || b->num < 0)
		return fail_here(L, "the exponent is a constant, 0 or more");
	if (b->num > 24)
		return fail_here(L, "the exponent of a stream is at most 24");
	Value *v = v_int(L, 1);
	for (int64_t i = 0; i < b->num; i++)
		v = arith(L, N_MUL, v, a, o->left, o->left);
	return v;
}

static Value *
arith_leaf(Lower *L, Value *a, Value *b, void *data)
{
	const Arith *o = data;

	if (is_float(a) || is_float(b))
		return float_arith(L, o->kind, a, b);
	if (a->kind == V_POS || b->kind == V_POS) {
		if (o->kind == N_SUB && a->kind == V_POS && b->kind == V_POS)
			return pos_minus(L, a, b);
		if (o->kind == N_ADD && b->kind == V_POS && a->kind == V_INT)
			return pos_shift(L, b, a, false);
		if ((o->kind == N_ADD || o->kind == N_SUB) && b->kind == V_INT)
			return pos_shift(L, a, b, o->kind == N_SUB);
		return fail_here(L,
		                 "a position allows + and - with an integer, and the difference of "
		                 "two; its number is index[p]");
	}
	if (!is_numeric(a) || !is_numeric(b)) {
		Value *v = is_numeric(a) ? b : a;
		return fail_here(L, "%s is no number%s", v_kind(v),
		                 v->kind == V_BOOL    ? "; write int(c) for 0 or 1"
		                 : v->kind == V_TOKEN ? "; use ord(t) or id(t)"
		                 : v->kind == V_FN    ? "; call it: f(x)"
		                                      : "");
	}
	if (a->known && b->known)
		return known_arith(L, o->kind, a, b);
	if (o->kind == N_POW)
		return stream_power(L, a, b, o);
	if (o->kind == N_DIV || a->kind == V_REAL || b->kind == V_REAL
	    || (o->kind == N_MUL && needs_real(L, a, b)))
		return real_arith(L, o->kind, a, b);
	if ((o->kind == N_FLOOR || o->kind == N_MOD) && b->known && b->num >= EXACT_MAX
	    && b->num > a->node->type.hi && a->node->type.lo >= 0)
		return o->kind == N_MOD ? a : v_int(L, 0);
	Node *x = node_of(L, a), *y = node_of(L, b);
	if (!x || !y)
		return &v_error;
	switch (o->kind) {
	case N_ADD: return exact_int(L, op2(L, OP_ADD, x, y), "sum", o->left, o->right);
	case N_SUB: return exact_int(L, op2(L, OP_SUB, x, y), "difference", o->left, o->right);
	case N_MUL: return exact_int(L, op2(L, OP_MUL, x, y), "product", o->left, o->right);
	default: return divide_integers(L, o, x, y);
	}
}

typedef struct Beside {
	Arith o;
	Value *number;
} Beside;

static Value *
number_on_the_right(Lower *L, Value *element, void *data)
{
	Beside *x = data;

	return arith_leaf(L, element, x->number, &x->o);
}

static Value *
number_on_the_left(Lower *L, Value *element, void *data)
{
	Beside *x = data;

	return arith_leaf(L, x->number, element, &x->o);
}

static bool
is_list(const Value *v)
{
	return v->kind == V_ARRAY || v->kind == V_ROWS;
}

Value *
arith(Lower *L, AstKind kind, Value *a, Value *b, const Ast *la, const Ast *ra)
{
	Arith o = { kind, la, ra };

	if (kind == N_ADD && (a->kind == V_TEXT || b->kind == V_TEXT))
		return fail_here(L, "texts are joined by str(a, b), arrays by concat(a, b)");
	bool arrays = is_list(a) || is_list(b);
	if (is_list(a) && (is_numeric(b) || is_float(b)))
		return v_map(L, a, number_on_the_right, &(Beside){ o, b });
	if (is_list(b) && (is_numeric(a) || is_float(a)))
		return v_map(L, b, number_on_the_left, &(Beside){ o, a });
	if (arrays && kind != N_ADD && kind != N_SUB)
		return fail_here(L, "of two arrays only + and - work element by element; write "
		                    "[xs[i] * ys[i] for i in 0..<n]");
	return v_join(L, a, b, arith_leaf, &o);
}

/* ---- conditions ---- */

Value *
v_not(Lower *L, Value *a)
{
	if (a->kind == V_ERROR)
		return a;
	if (a->kind == V_MASK)
		return float_not(L, a);
	return a->known ? v_bool(L, !a->num) : v_stream(L, V_BOOL, op1(L, OP_NOT, a->node));
}

Value *
v_and(Lower *L, Value *a, Value *b)
{
	if (a->kind == V_ERROR || b->kind == V_ERROR)
		return &v_error;
	if (a->known)
		return a->num ? b : a;
	if (b->known)
		return b->num ? a : b;
	if (a->kind == V_MASK || b->kind == V_MASK)
		return float_logic(L, true, a, b);
	return v_stream(L, V_BOOL, op2(L, OP_AND, a->node, b->node));
}

Value *
v_or(Lower *L, Value *a, Value *b)
{
	if (a->kind == V_ERROR || b->kind == V_ERROR)
		return &v_error;
	if (a->known)
		return a->num ? a : b;
	if (b->known)
		return b->num ? b : a;
	if (a->kind == V_MASK || b->kind == V_MASK)
		return float_logic(L, false, a, b);
	return v_stream(L, V_BOOL, op2(L, OP_OR, a->node, b->node));
}

Value *
eval_bool(Lower *L, Env *env, const Ast *a, const char *what)
{
	Value *v = eval(L, env, a);

	if (v->kind == V_BOOL || v->kind == V_MASK || v->kind == V_ERROR)
		return v;
	return fail_at(L, a->span, "%s is a condition, not %s", what, v_kind(v));
}

bool
eval_int(Lower *L, Env *env, const Ast *a, const char *what, int64_t *to)
{
	Value *v = eval(L, env, a);

	*to = v->num;
	if (v->kind == V_INT && v->known)
		return true;
	if (v->kind == V_INT)
		fail_at(L, a->span, "%s is not known at compile time", what);
	else if (v->kind != V_ERROR)
		fail_at(L, a->span, "%s is an integer, not %s", what, v_kind(v));
	return false;
}

/* a and b: b is lowered knowing that a holds; a or b: knowing that it does not. */
static Value *
eval_logic(Lower *L, Env *env, const Ast *a)
{
	bool is_and = a->kind == N_AND;
	Value *x = eval_bool(L, env, a->kid[0], is_and ? "the left of 'and'" : "the left of 'or'");

	if (x->known && x->num == !is_and)
		return x;
	GuardFact *old = L->facts;
	const IndexFact *before = L->floats.facts;
	if (x->node)
		assume_condition(L, x->node, is_and);
	if (x->kind == V_MASK)
		assume_mask(L, x->e, is_and);
	Value *y = eval_bool(L, env, a->kid[1],
	                     is_and ? "the right of 'and'" : "the right of 'or'");
	L->facts = old;
	L->floats.facts = before;
	return is_and ? v_and(L, x, y) : v_or(L, x, y);
}

/* ---- comparison ---- */

static Value *
compare_ints(Lower *L, Relation r, Value *a, Value *b)
{
	if (a->known && b->known) {
		int c = known_compare(a, b);
		bool holds[] = { c == 0, c != 0, c<0, c <= 0, c> 0, c >= 0 };
		return v_bool(L, holds[r]);
	}
	if (a->kind == V_REAL || b->kind == V_REAL)
		return real_compare(L, r, a, b);
	Node *x = node_of(L, a), *y = node_of(L, b);
	if (!x || !y)
		return &v_error;
	switch (r) {
	case R_EQ: return v_stream(L, V_BOOL, op2(L, OP_EQ, x, y));
	case R_NE: return v_stream(L, V_BOOL, op1(L, OP_NOT, op2(L, OP_EQ, x, y)));
	case R_LT: return v_stream(L, V_BOOL, op2(L, OP_LT, x, y));
	case R_GT: return v_stream(L, V_BOOL, op2(L, OP_LT, y, x));
	case R_LE: return v_stream(L, V_BOOL, op1(L, OP_NOT, op2(L, OP_LT, y, x)));
	default: return v_stream(L, V_BOOL, op1(L, OP_NOT, op2(L, OP_LT, x, y)));
	}
}

/* Tokens are equal if their spellings are. A spelling that the vocabulary lacks equals no token
 * of the text. */
static Value *
equal_tokens(Lower *L, Value *a, Value *b)
{
	if (a->known && b->known)
		return v_bool(L, a->text == b->text);
	Value *known = a->known ? a : b;
	if (known->known && row_of_token(L, known->text) < 0)
		return v_bool(L, false);
	return compare_ints(L, R_EQ, a, b);
}

static Value *
equal_leaf(Lower *L, Value *a, Value *b)
{
	if (a->kind == V_POS && b->kind == V_POS)
		return pos_compare(L, R_EQ, a, b);
	if (is_numeric(a) && is_numeric(b))
		return compare_ints(L, R_EQ, a, b);
	if (a->kind == V_TEXT && b->kind == V_TEXT)
		return v_bool(L, a->text == b->text);
	if ((a->kind == V_TOKEN && b->kind == V_INT) || (a->kind == V_INT && b->kind == V_TOKEN))
		return fail_here(
			L, "a token is no number: compare it with a token, as in t == '1', or "
			   "compare ord(t) or id(t)");
	if (a->kind != b->kind || !is_scalar(a) || a->shape != b->shape)
		return fail_here(L, "these cannot be compared: %s and %s", v_show(L, a),
		                 v_show(L, b));
	return a->kind == V_TOKEN ? equal_tokens(L, a, b) : compare_ints(L, R_EQ, a, b);
}

static Value *
equal_values(Lower *L, Value *a, Value *b)
{
	if (a->kind == V_ERROR || b->kind == V_ERROR)
		return &v_error;
	if (a->kind == V_TOKEN && b->kind == V_TEXT)
		b = known_token(L, b->text, b->len, L->span);
	if (b->kind == V_TOKEN && a->kind == V_TEXT)
		a = known_token(L, a->text, a->len, L->span);
	if (a->kind == V_ERROR || b->kind == V_ERROR)
		return &v_error;
	if (a->kind == V_ARRAY && b->kind == V_TEXT)
		b = as_array(L, b);
	if (b->kind == V_ARRAY && a->kind == V_TEXT)
		a = as_array(L, a);
	meet_end(L, &a, &b);
	if (a->kind != V_ARRAY && a->kind != V_RECORD)
		return equal_leaf(L, a, b);
	if (a->kind != b->kind || a->n != b->n)
		return fail_here(L, "these cannot be compared: %s and %s", v_show(L, a),
		                 v_show(L, b));
	Value *all = v_bool(L, true);
	for (int i = 0; i < a->n; i++)
		all = v_and(L, all, equal_values(L, a->item[i], b->item[i]));
	return all;
}

Value *
compare_values(Lower *L, Relation r, Value *a, Value *b)
{
	if (a->kind == V_ERROR || b->kind == V_ERROR)
		return &v_error;
	if (is_float(a) || is_float(b))
		return float_compare(L, r, a, b);
	if (a->kind == V_POS && b->kind == V_POS)
		return pos_compare(L, r, a, b);
	if (a->kind == V_POS || b->kind == V_POS)
		return fail_here(L,
		                 "a position is compared with a position: write at(n), or index[p] "
		                 "for its number");
	if (r == R_EQ || r == R_NE) {
		Value *v = equal_values(L, a, b);
		return r == R_EQ ? v : v_not(L, v);
	}
	if (is_numeric(a) && is_numeric(b))
		return compare_ints(L, r, a, b);
	if (a->kind == V_TOKEN || b->kind == V_TOKEN)
		return fail_here(L, "tokens have no order: compare ord(t), or use t in 'a'..'z'");
	return fail_here(L, "these have no order: %s and %s", v_show(L, a), v_show(L, b));
}

static bool
goes_up(Relation r)
{
	return r == R_LT || r == R_LE;
}

static bool
goes_down(Relation r)
{
	return r == R_GT || r == R_GE;
}

/* a <= b < c is a <= b and b < c, with b evaluated once. */
static Value *
eval_chain(Lower *L, Env *env, const Ast *a)
{
	Value *all = v_bool(L, true), *left = eval(L, env, a->kid[0]), *x = NULL;
	const Ast *of = NULL;
	bool up = false, down = false;

	for (int i = 1; i < a->n; i += 2) {
		Relation r = (Relation)a->kid[i]->num;
		up |= goes_up(r);
		down |= goes_down(r);
		Value *right = eval(L, env, a->kid[i + 1]);
		L->span = a->span;
		all = v_and(L, all, compare_values(L, r, left, right));
		if (!x && !is_known_value(left))
			x = left, of = a->kid[i - 1];
		if (!x && !is_known_value(right))
			x = right, of = a->kid[i + 1];
		left = right;
	}
	see_comparison(L, a, all, x, of);
	if (up && down)
		return fail_here(L, "a chain of comparisons goes one way: a <= b < c");
	return all;
}

/* ---- membership ---- */

typedef struct Membership {
	int64_t lo, hi; /* codes */
	Value *set;     /* known tokens and texts */
} Membership;

static int64_t
has_code(Lower *L, int row, void *data)
{
	const Membership *m = data;

	return m->lo <= L->code[row] && L->code[row] <= m->hi;
}

static int64_t
has_spelling(Lower *L, int row, void *data)
{
	const Membership *m = data;

	for (int i = 0; i < m->set->n; i++)
		if (m->set->item[i]->text == row_spelling(L, row))
			return 1;
	return 0;
}

static Value *
token_in_codes(Lower *L, Value *x, Value *lo, Value *hi, bool open)
{
	Membership m = { code_of(lo->text, lo->len), code_of(hi->text, hi->len), NULL };

	if (m.lo < 0 || m.hi < 0)
		return fail_here(L, "the ends of a range of tokens are single characters");
	m.hi -= open;
	if (x->known) {
		int c = code_of(x->text, x->len);
		return v_bool(L, c >= m.lo && c <= m.hi);
	}
	return v_stream(L, V_BOOL, row_table(L, x->node, has_code, &m));
}

static Value *
value_in_range(Lower *L, Value *x, Value *lo, Value *hi, bool open)
{
	if (x->kind == V_ERROR || lo->kind == V_ERROR || hi->kind == V_ERROR)
		return &v_error;
	if (x->kind == V_TOKEN && lo->kind == V_TOKEN && hi->kind == V_TOKEN && lo->known
	    && hi->known)
		return token_in_codes(L, x, lo, hi, open);
	if (x->kind == V_TOKEN)
		return fail_here(L, "a range of tokens is written 'a'..'z'");
	Value *above = compare_values(L, R_LE, lo, x);
	return v_and(L, above, compare_values(L, open ? R_LT : R_LE, x, hi));
}

static Value *
in_values(Lower *L, Value *x, Value *set)
{
	if (x->kind == V_ERROR || set->kind == V_ERROR)
		return &v_error;
	if (set->kind == V_TEXT)
		set = as_array(L, set);
	if (set->kind == V_ERROR)
		return set;
	if (set->kind != V_ARRAY)
		return fail_here(L, "'in' takes a range, an array or a text, not %s", v_kind(set));
	bool plain = x->kind == V_TOKEN && !x->known;
	for (int i = 0; i < set->n; i++)
		plain &= set->item[i]->known && set->item[i]->text != NULL;
	if (plain)
		return v_stream(L, V_BOOL,
		                row_table(L, x->node, has_spelling, &(Membership){ .set = set }));
	Value *any = v_bool(L, false);
	for (int i = 0; i < set->n; i++)
		any = v_or(L, any, compare_values(L, R_EQ, x, set->item[i]));
	return any;
}

/* An end of 'a'..'z'. It need not be in the vocabulary. */
static Value *
eval_end(Lower *L, Env *env, const Ast *a)
{
	return a->kind == N_TOKEN ? v_token(L, a->text, a->len) : eval(L, env, a);
}

static Value *
eval_in(Lower *L, Env *env, const Ast *a)
{
	const Ast *s = a->kid[1];
	Value *x = eval(L, env, a->kid[0]);

	Value *v;

	if (s->kind == N_TO || s->kind == N_UPTO) {
		Value *lo = eval_end(L, env, s->kid[0]), *hi = eval_end(L, env, s->kid[1]);
		v = value_in_range(L, x, lo, hi, s->kind == N_UPTO);
	} else {
		Value *set = eval(L, env, s);
		L->span = s->span;
		v = in_values(L, x, set);
	}
	see_comparison(L, a, v, is_known_value(x) ? NULL : x, a->kid[0]);
	return v;
}

/* ---- the dispatch ---- */

static Value *
negate_leaf(Lower *L, Value *v, void *operand)
{
	if (v->kind == V_POS)
		return fail_here(L, "a position has no sign");
	return arith(L, N_SUB, v_int(L, 0), v, NULL, operand);
}

static Value *
eval_name(Lower *L, Env *env, const Ast *a)
{
	Value *v = env_get(L, env, a);

	if (v->kind == V_FOREIGN)
		return &v_error;
	return v;
}

static Value *
eval_node(Lower *L, Env *env, const Ast *a)
{
	Value *x, *y;

	switch (a->kind) {
	case N_NAME: return eval_name(L, env, a);
	case N_NUMBER:
		x = v_int(L, a->num);
		y = v_int(L, a->den);
		return a->den == 1 ? x : known_arith(L, N_DIV, x, y);
	case N_TOKEN: return token_literal(L, a);
	case N_TEXT: return v_text(L, a->text, a->len);
	case N_BOOL: return v_bool(L, a->num);
	case N_IF: return eval_if(L, env, a);
	case N_MATCH: return eval_match(L, env, a);
	case N_PICK: return eval_pick(L, env, a);
	case N_RECORD: return eval_record(L, env, a);
	case N_WITH: return eval_with(L, env, a);
	case N_OR:
	case N_AND: return eval_logic(L, env, a);
	case N_NOT: return v_not(L, eval_bool(L, env, a->kid[0], "what follows 'not'"));
	case N_CMP: return eval_chain(L, env, a);
	case N_IN: return eval_in(L, env, a);
	case N_ADD:
	case N_SUB:
	case N_MUL:
	case N_DIV:
	case N_FLOOR:
	case N_MOD:
	case N_POW:
		x = eval(L, env, a->kid[0]);
		y = eval(L, env, a->kid[1]);
		return arith(L, a->kind, x, y, a->kid[0], a->kid[1]);
	case N_NEG: return v_map(L, eval(L, env, a->kid[0]), negate_leaf, a->kid[0]);
	case N_FIELD: return eval_field(L, env, a);
	case N_CALL: return eval_call(L, env, a);
	case N_READ: return eval_read(L, env, a);
	case N_SLICE: return eval_slice(L, env, a);
	case N_ARRAY: return eval_array(L, env, a);
	case N_BUILD: return eval_build(L, env, a);
	case N_OVER: return builtin_over(L, (int)a->num, env, a);
	case N_DOTS: return fail_here(L, "'...' stands only in what a test expects");
	default: return &v_error;
	}
}

Value *
eval(Lower *L, Env *env, const Ast *a)
{
	const Source *src = L->src;
	int file = L->file;
	Span span = L->span;

	if (L->stopped)
		return &v_error;
	L->src = env->module->src;
	L->file = env->module->file;
	L->span = a->span;
	L->depth++;
	Value *v = &v_error;
	if (L->depth > DEPTH_MAX) {
		fail_here(L, "this expands too deeply");
		L->stopped = true;
	} else if (++L->steps > STEPS_MAX) {
		fail_here(L, "the program expands to too much here; make fewer elements, fold over "
		             "less, or emit what is found on the way");
		L->stopped = true;
	} else
		v = eval_node(L, env, a);
	L->depth--;
	L->src = src;
	L->file = file;
	L->span = span;
	return v;
}
