/* The functions of the language, and the names of what a text gives: token, index, here …
 *
 * To add one: its number in Builtin, its row in builtin[], its case in call_builtin, which is
 * given evaluated arguments; a line in frontend/editor/keyword_docs.c, in the manual and a test.
 * What a module can say in tw itself belongs into stdlib/ instead. */

#include <assert.h>
#include <math.h>
#include <string.h>

#include "frontend/lower/lower.h"

typedef enum Builtin {
	B_TOKEN,
	B_INDEX,
	B_HERE,
	B_LENGTH,
	B_CONTEXT,
	B_VOCABULARY, /* values */
	B_MIN,
	B_MAX,
	B_ABS,
	B_INT,
	B_ORD,
	B_CHR,
	B_ID,
	B_FROM_ID,
	B_LEN,
	B_CONCAT,
	B_STR,
	B_NUMBER,
	B_FOLD,
	B_SCAN,
	B_REACHABLE,
	B_EXISTS,
	B_AT,
	B_COUNT,
	B_SUM,
	B_ANY,
	B_ALL,
	B_MEAN,
	B_FLOOR,
	B_CEIL,
	B_LOAD,
	B_BYTE_PAIRS,
	B_SQRT,
	B_EXP,
	B_LOG,
	B_SIN,
	B_COS,
	B_LINEAR,
	B_RELU,
	B_ATTEND,
	B_APPROX,
	B_FLOAT,
	B_TANH,
	B_SOFTMAX,
	B_LIKELY,
	B_NORMAL,
	NUM_BUILTINS
} Builtin;

enum { TABLE_ROWS = 65536 };

static const struct {
	const char *name;
	int least, most; /* arguments */
} builtin[NUM_BUILTINS] = {
	[B_TOKEN] = { "token", 0, 0 },
	[B_INDEX] = { "index", 0, 0 },
	[B_HERE] = { "here", 0, 0 },
	[B_LENGTH] = { "length", 0, 0 },
	[B_CONTEXT] = { "context", 0, 0 },
	[B_VOCABULARY] = { "vocabulary", 0, 0 },
	[B_MIN] = { "min", 1, 9999 },
	[B_MAX] = { "max", 1, 9999 },
	[B_ABS] = { "abs", 1, 1 },
	[B_INT] = { "int", 1, 1 },
	[B_ORD] = { "ord", 1, 1 },
	[B_CHR] = { "chr", 1, 1 },
	[B_ID] = { "id", 1, 1 },
	[B_FROM_ID] = { "from_id", 1, 1 },
	[B_LEN] = { "len", 1, 1 },
	[B_CONCAT] = { "concat", 1, 9999 },
	[B_STR] = { "str", 1, 9999 },
	[B_NUMBER] = { "number", 1, 1 },
	[B_FOLD] = { "fold", 3, 3 },
	[B_SCAN] = { "scan", 3, 3 },
	[B_REACHABLE] = { "reachable", 3, 3 },
	[B_EXISTS] = { "exists", 1, 1 },
	[B_AT] = { "at", 1, 1 },
	[B_COUNT] = { "count", 1, 1 },
	[B_SUM] = { "sum", 1, 1 },
	[B_ANY] = { "any", 1, 1 },
	[B_ALL] = { "all", 1, 1 },
	[B_MEAN] = { "mean", 1, 1 },
	[B_FLOOR] = { "floor", 1, 1 },
	[B_CEIL] = { "ceil", 1, 1 },
	[B_LOAD] = { "load", 1, 2 },
	[B_BYTE_PAIRS] = { "byte_pairs", 1, 2 },
	[B_SQRT] = { "sqrt", 1, 1 },
	[B_EXP] = { "exp", 1, 1 },
	[B_LOG] = { "log", 1, 1 },
	[B_SIN] = { "sin", 1, 1 },
	[B_COS] = { "cos", 1, 1 },
	[B_LINEAR] = { "linear", 2, 3 },
	[B_RELU] = { "relu", 1, 1 },
	[B_ATTEND] = { "attend", 3, 3 },
	[B_APPROX] = { "approx", 2, 2 },
	[B_FLOAT] = { "float", 1, 1 },
	[B_TANH] = { "tanh", 1, 1 },
	[B_SOFTMAX] = { "softmax", 1, 1 },
	[B_LIKELY] = { "likely", 1, 1 },
	[B_NORMAL] = { "normal", 1, 1 },
};

int
builtin_find(const char *name)
{
	for (int i = 0; i < NUM_BUILTINS; i++)
		if (!strcmp(builtin[i].name, name))
			return i;
	return -1;
}

const char *
builtin_name(int i)
{
	return i < NUM_BUILTINS ? builtin[i].name : NULL;
}

bool
is_ord(const Value *fn)
{
	return fn->kind == V_BUILTIN && fn->num == B_ORD;
}

bool
is_approx(const Value *fn)
{
	return fn->kind == V_BUILTIN && fn->num == B_APPROX;
}

static Value *
vocabulary(Lower *L)
{
	Value **item = NEWS(L->arena, Value *, L->g->nvocab);

	for (int i = 0; i < L->g->nvocab; i++)
		item[i] = v_token(L, L->g->vocab[i], (uint32_t)strlen(L->g->vocab[i]));
	return v_array(L, L->g->nvocab, item);
}

Value *
builtin_value(Lower *L, const char *name)
{
	int which = builtin_find(name);

	if (which < 0)
		return NULL;
	/* after an error the model may be what is wrong; one message is enough */
	if ((which == B_TOKEN || which == B_VOCABULARY) && L->takes_numbers)
		return fail_here(L, "'%s': this model takes numbers, not tokens", name);
	if (which <= B_VOCABULARY && !L->has_vocab && !L->takes_numbers)
		return L->diags->nerror
		               ? &v_error
		               : fail_here(L, "'%s' needs a model, and this file has none", name);
	switch (which) {
	case B_TOKEN: return L->token ? L->token : v_stream(L, V_TOKEN, op0(L, OP_TOKEN));
	case B_INDEX: return v_stream(L, V_INT, op0(L, OP_INDEX));
	case B_HERE: return v_pos(L, op0(L, OP_HERE), 0);
	case B_LENGTH: return v_stream(L, V_INT, plus_constant(L, last_visible(L), 1));
	case B_CONTEXT:
		return L->g->context > 0 ? v_int(L, L->g->context)
		                         : fail_here(L, "'context' is known behind the model only");
	case B_VOCABULARY:
		return L->token
		               ? fail_here(L, "'vocabulary' lists tokens; here a token is a record")
		               : vocabulary(L);
	default: return v_known(L, V_BUILTIN, which);
	}
}

/* ---- tokens and numbers ---- */

static Value *
wrong_argument(Lower *L, Builtin b, const char *what, const Value *v)
{
	bool whole = b == B_INT || b == B_CHR || b == B_FROM_ID || b == B_AT;

	return fail_here(L, "%s takes %s, not %s%s", builtin[b].name, what, v_show(L, v),
	                 whole ? whole_hint(v) : "");
}

static int64_t
code_of_row(Lower *L, int row, void *data)
{
	(void)data;
	return L->code[row];
}

static Value *
to_ord(Lower *L, Value *v)
{
	if (v->kind != V_TOKEN)
		return wrong_argument(L, B_ORD, "a token", v);
	if (v->known)
		return v_int(L, code_of(v->text, v->len));
	return v_stream(L, V_INT, row_table(L, v->node, code_of_row, NULL));
}

static int64_t
row_of_code(Lower *L, int64_t code)
{
	for (int row = 0; code >= 0 && row < L->g->nvocab; row++)
		if (L->code[row] == code)
			return row;
	return -1;
}

static const char *
spell_code(Lower *L, int64_t c, uint32_t *len)
{
	unsigned char s[4];
	uint32_t n = 0;

	if (c < 0x80)
		s[n++] = (unsigned char)c;
	else {
		int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
		s[n++] = (unsigned char)((0xff00 >> (more + 1) & 0xff) | c >> 6 * more);
		for (int i = more - 1; i >= 0; i--)
			s[n++] = (unsigned char)(0x80 | (c >> 6 * i & 0x3f));
	}
	*len = n;
	return intern(L->arena, (char *)s, n);
}

static bool
is_code(int64_t c)
{
	return c > 0 && c <= 0x10ffff && !(c >= 0xd800 && c < 0xe000);
}

static Value *
no_character(Lower *L, int64_t code)
{
	uint32_t len;

	if (!is_code(code))
		return fail_here(L, "chr: the code can be %lld, which is no character",
		                 (long long)code);
	if (code < ' ')
		return fail_here(L,
		                 "chr: the code can be %lld, of which the vocabulary has no token",
		                 (long long)code);
	return fail_here(L, "chr: the code can be %lld, but the vocabulary has no token '%s'",
	                 (long long)code, spell_code(L, code, &len));
}

/* f of x as a table over all values in x's range. f has no value (is negative) for some: if x
 * can have such a value v here, where the guards hold, bad(v) reports it; if not, the entry is
 * never looked up, and takes that of its neighbour. */
static Value *
small_table(Lower *L, Node *x, int64_t (*f)(Lower *, int64_t), Value *(*bad)(Lower *, int64_t))
{
	int n = 0;
	const int64_t *v = values_here(L, x, &n);
	Bounds b = bounds_here(L, x);
	int64_t lo = x->type.lo, size = x->type.hi - x->type.lo + 1, rest = 0;

	if (size > TABLE_ROWS)
		return fail_here(L, "this can have %lld values; too many for a table",
		                 (long long)size);
	for (int64_t i = 0; v ? i < n : lo + i <= b.hi && !b.never; i++) {
		int64_t at = v ? v[i] : lo + i;
		if (at >= b.lo && at <= b.hi && f(L, at) < 0)
			return bad(L, at);
	}
	int64_t *table = NEWS(L->arena, int64_t, size);
	for (int64_t i = 0; i < size; i++)
		rest = f(L, lo + i) >= 0 ? f(L, lo + i) : rest;
	for (int64_t i = size - 1; i >= 0; i--) {
		int64_t row = f(L, lo + i);
		rest = table[i] = row >= 0 ? row : rest;
	}
	return v_stream(L, V_TOKEN, mk_table(L->g, L->span, site_here(L), x, lo, table, (int)size));
}

static Value *
to_chr(Lower *L, Value *v)
{
	uint32_t len;

	if (v->kind != V_INT)
		return wrong_argument(L, B_CHR, "an integer", v);
	if (!v->known)
		return small_table(L, v->node, row_of_code, no_character);
	if (!is_code(v->num))
		return no_character(L, v->num);
	const char *s = spell_code(L, v->num, &len);
	Value *token = v_token(L, s, len);
	token->src = L->src;
	token->span = L->span;
	return token;
}

static int64_t
valid_row(Lower *L, int64_t row)
{
	return row >= 0 && row <= L->g->nvocab ? row : -1;
}

static Value *
no_row(Lower *L, int64_t row)
{
	return fail_here(L, "from_id: the row can be %lld, but the rows are 0..%d", (long long)row,
	                 L->g->nvocab);
}

static Value *
to_from_id(Lower *L, Value *v)
{
	if (v->kind != V_INT)
		return wrong_argument(L, B_FROM_ID, "an integer", v);
	Node *n = node_of(L, v);
	if (!n)
		return &v_error;
	if (n->type.lo >= 0 && n->type.hi <= L->g->nvocab)
		return v_stream(L, V_TOKEN, n);
	return small_table(L, n, valid_row, no_row);
}

static Value *
to_id(Lower *L, Value *v)
{
	if (v->kind != V_TOKEN)
		return wrong_argument(L, B_ID, "a token", v);
	Node *n = node_of(L, v);
	return n ? v_stream(L, V_INT, n) : &v_error;
}

static Value *
to_int(Lower *L, Value *v)
{
	if (v->kind == V_INT || v->kind == V_INDEX)
		return v;
	if (v->kind == V_MASK)
		return v_scalar(L, V_INDEX, v->e);
	if (v->kind == V_POS)
		return fail_here(L, "the number of a position is index[p]");
	if (v->kind != V_BOOL)
		return fail_here(L, "int takes a condition, not %s%s", v_show(L, v),
		                 v->kind == V_REAL ? "; floor(x) makes an integer of a real"
		                 : v->kind == V_TOKEN
		                         ? "; ord(t) and id(t) make an integer of a token"
		                         : "");
	return v->known ? v_int(L, v->num) : v_stream(L, V_INT, v->node);
}

/* number(t): the integer that a token or text known at compile time spells. */
static Value *
to_number(Lower *L, Value *v)
{
	int64_t n = 0;

	if ((v->kind != V_TOKEN && v->kind != V_TEXT) || !v->known)
		return wrong_argument(L, B_NUMBER, "a token known at compile time", v);
	uint32_t i = v->len > 1 && v->text[0] == '-';
	bool bad = i == v->len;
	for (uint32_t k = i; k < v->len; k++)
		bad |= v->text[k] < '0' || v->text[k] > '9'
		       || __builtin_mul_overflow(n, (int64_t)10, &n)
		       || __builtin_add_overflow(n, (int64_t)(v->text[k] - '0'), &n);
	if (bad)
		return fail_here(L, "'%s' spells no integer", v->text);
	return v_int(L, i ? -n : n);
}

/* ---- texts and arrays ---- */

static bool
append_text(Lower *L, const Value *v, PtrList *parts)
{
	if (v->kind == V_ARRAY) {
		for (int i = 0; i < v->n; i++)
			if (!append_text(L, v->item[i], parts))
				return false;
		return true;
	}
	if (!v->known || (v->kind != V_TEXT && v->kind != V_TOKEN && v->kind != V_INT)) {
		fail_here(L,
		          "str takes what is known at compile time: numbers, tokens and texts, not "
		          "%s",
		          v_show(L, v));
		return false;
	}
	Value *part = (Value *)(uintptr_t)v;
	if (v->kind == V_INT) {
		const char *s = arena_fmt(L->arena, "%lld", (long long)v->num);
		part = v_text(L, s, (uint32_t)strlen(s));
	}
	list_push(L, parts, part);
	return true;
}

static Value *
join_texts(Lower *L, const PtrList *parts)
{
	size_t n = 0, at = 0;

	for (int i = 0; i < parts->n; i++)
		n += ((Value *)parts->item[i])->len;
	if (n > 1 << 20)
		return fail_here(L, "this text is longer than a million bytes");
	char *buf = arena_alloc(L->arena, n + 1);
	for (int i = 0; i < parts->n; i++) {
		const Value *v = parts->item[i];
		memcpy(buf + at, v->text, v->len);
		at += v->len;
	}
	return v_text(L, intern(L->arena, buf, n), (uint32_t)n);
}

static Value *
to_str(Lower *L, int n, Arg *args)
{
	PtrList parts = { 0 };

	for (int i = 0; i < n; i++)
		if (!append_text(L, args[i].value, &parts))
			return &v_error;
	return join_texts(L, &parts);
}

static Value *
concat(Lower *L, int n, Arg *args)
{
	PtrList all = { 0 };
	bool texts = true;

	for (int i = 0; i < n; i++)
		if (has_floats(args[i].value))
			return float_concat(L, n, args);
	for (int i = 0; i < n; i++)
		texts &= args[i].value->kind == V_TEXT;
	if (texts)
		return to_str(L, n, args);
	for (int i = 0; i < n; i++) {
		Value *v = as_array(L, args[i].value);
		if (v->kind != V_ARRAY)
			return v->kind == V_ERROR ? v : wrong_argument(L, B_CONCAT, "arrays", v);
		for (int k = 0; k < v->n; k++)
			list_push(L, &all, v->item[k]);
		if (all.n > ITEMS_MAX)
			return fail_here(L, "this makes more than %d elements", ITEMS_MAX);
	}
	return make_array(L, &all);
}

/* One application of fold's function, to be done again for another position (reevaluate.c). */
typedef struct FoldStep {
	Value *f;
	Arg pair[2];
} FoldStep;

static Value *
find_step(Lower *L, void *data)
{
	FoldStep *s = data;

	for (int i = 0; i < 2; i++)
		if (s->pair[i].origin)
			s->pair[i].value = reevaluate(L, s->pair[i].origin);
	return call_value(L, s->f, 2, s->pair);
}

static Origin *
origin_of_step(Lower *L, Value *f, const Arg *pair)
{
	FoldStep *s = NEW(L->arena, FoldStep);

	*s = (FoldStep){ f, { pair[0], pair[1] } };
	return origin_new(L, find_step, s);
}

static Value *
fold_or_scan(Lower *L, Builtin b, Arg *args)
{
	Value *xs = as_array(L, args[2].value), *v = args[1].value;
	Origin *from = args[1].origin;
	PtrList all = { 0 };

	if (xs->kind != V_ARRAY)
		return xs->kind == V_ERROR ? xs : wrong_argument(L, b, "an array last", xs);
	for (int i = 0; i < xs->n; i++) {
		Arg pair[2] = { { NULL, v, L->span, from },
			        { NULL, xs->item[i], L->span,
			          origin_of_item(L, args[2].origin, i) } };
		const Path here = { L->floats.path, "", i };
		L->floats.path = &here;
		v = call_value(L, args[0].value, 2, pair);
		L->floats.path = here.up;
		if (v->kind == V_ERROR)
			return v;
		from = L->facts ? origin_of_step(L, args[0].value, pair) : NULL;
		list_push(L, &all, v);
	}
	return b == B_FOLD ? v : v_array(L, all.n, (Value **)all.item);
}

/* ---- over the elements of an array ---- */

/* From left to right. Many are added by halves: each sum on the way is a form of as many terms, so
 * that a chain of n would cost n^2. */
static Value *
sum_values(Lower *L, int n, Value **item)
{
	enum { CHAIN_MAX = 64 };
	Value *sum = v_int(L, 0);

	if (n > CHAIN_MAX) {
		Value *left = sum_values(L, n / 2, item),
		      *right = sum_values(L, n - n / 2, item + n / 2);
		return arith(L, N_ADD, left, right, NULL, NULL);
	}
	for (int i = 0; i < n; i++)
		sum = arith(L, N_ADD, sum, item[i], NULL, NULL);
	return sum;
}

static Value *
add_all(Lower *L, int n, Value **item)
{
	for (int i = 0; i < n; i++)
		if (item[i]->kind == V_BOOL)
			return wrong_argument(L, B_SUM, "numbers", item[i]);
	return sum_values(L, n, item);
}

static Value *
count_all(Lower *L, int n, Value **item)
{
	Value **number = NEWS(L->arena, Value *, n);

	for (int i = 0; i < n; i++) {
		if (item[i]->kind != V_BOOL)
			return wrong_argument(L, B_COUNT, "conditions", item[i]);
		number[i] = to_int(L, item[i]);
	}
	return sum_values(L, n, number);
}

static Value *
any_or_all(Lower *L, Builtin b, int n, Value **item)
{
	Node **arg = NEWS(L->arena, Node *, n);
	int m = 0;

	for (int i = 0; i < n; i++) {
		if (item[i]->kind != V_BOOL)
			return wrong_argument(L, b, "conditions", item[i]);
		if (item[i]->known && item[i]->num == (b == B_ANY))
			return item[i];
		if (!item[i]->known)
			arg[m++] = item[i]->node;
	}
	if (!m)
		return v_bool(L, b == B_ALL);
	return v_stream(L, V_BOOL, m == 1 ? arg[0] : op(L, b == B_ANY ? OP_OR : OP_AND, m, arg));
}

static Value *
extreme_of_elements(Lower *L, Builtin b, int n, Value **item)
{
	Node **arg = NEWS(L->arena, Node *, n);
	Value *best = NULL;
	int m = 0;

	if (!n)
		return fail_here(L, "the %s of no elements", b == B_MIN ? "least" : "greatest");
	bool real = false, known = true;
	for (int i = 0; i < n; i++) {
		if (!is_numeric(item[i]))
			return wrong_argument(L, b, "numbers", item[i]);
		real |= item[i]->kind == V_REAL;
		known &= item[i]->known;
	}
	for (int i = 0; i < n; i++) {
		if (real && !known) {
			best = best ? real_extreme(L, best, item[i], b == B_MIN) : item[i];
			continue;
		}
		if (!item[i]->known)
			arg[m++] = item[i]->node;
		else if (!best || known_compare(item[i], best) * (b == B_MIN ? 1 : -1) < 0)
			best = item[i];
	}
	if (!m)
		return best;
	if (best && !(arg[m++] = node_of(L, best)))
		return &v_error;
	return v_stream(L, V_INT, m == 1 ? arg[0] : op(L, b == B_MIN ? OP_MIN : OP_MAX, m, arg));
}

static Value *
mean_all(Lower *L, int n, Value **item)
{
	Value *sum = v_int(L, 0);

	if (!n)
		return fail_here(L, "the mean of no elements");
	for (int i = 0; i < n; i++)
		sum = arith(L, N_ADD, sum, item[i]->kind == V_BOOL ? to_int(L, item[i]) : item[i],
		            NULL, NULL);
	return sum->kind == V_ERROR ? sum : arith(L, N_DIV, sum, v_int(L, n), NULL, NULL);
}

enum { FEW = 8 }; /* floats, of which the greatest is found one by one */

static Value *
over_elements(Lower *L, Builtin b, int n, Value **item)
{
	bool floats = false;

	for (int i = 0; i < n; i++) {
		if (item[i]->kind == V_ERROR)
			return item[i];
		floats |= has_floats(item[i]);
	}
	if (floats && (b == B_MIN || b == B_MAX) && n <= FEW)
		return float_extreme(L, n, item, b == B_MIN);
	if (floats && b != B_SUM && b != B_MEAN)
		return float_reduce(L, builtin[b].name, to_rows(L, v_array(L, n, item)));
	switch (b) {
	case B_SUM: return add_all(L, n, item);
	case B_COUNT: return count_all(L, n, item);
	case B_ANY:
	case B_ALL: return any_or_all(L, b, n, item);
	case B_MIN:
	case B_MAX: return extreme_of_elements(L, b, n, item);
	case B_MEAN: return mean_all(L, n, item);
	default: assert(false); return &v_error;
	}
}

static Value *
over_array(Lower *L, Builtin b, int n, Arg *args)
{
	if (n == 1 && args[0].value->kind == V_ROWS)
		return float_reduce(L, builtin[b].name, args[0].value);
	Value **item = NEWS(L->arena, Value *, n), *xs = as_array(L, args[0].value);

	if (xs->kind == V_ERROR)
		return xs;
	if (n == 1 && xs->kind == V_ARRAY)
		return over_elements(L, b, xs->n, xs->item);
	if (b != B_MIN && b != B_MAX)
		return wrong_argument(L, b, "an array", xs);
	for (int i = 0; i < n; i++)
		item[i] = args[i].value;
	return over_elements(L, b, n, item);
}

/* ---- sum(e for … where c): where c depends on the text, an element counts if it holds ---- */

static Value *
guard_item(Lower *L, Builtin b, Value *guard, Value *v)
{
	if (!guard)
		return v;
	switch (b) {
	case B_SUM: return if_value(L, guard->node, v, v_int(L, 0));
	case B_ALL: return v_or(L, v_not(L, guard), v);
	default: return v_and(L, guard, v);
	}
}

static bool
some_guard(const Items *items)
{
	for (int i = 0; i < items->guards.n; i++)
		if (items->guards.item[i])
			return true;
	return false;
}

/* A number that no element is beyond: what stands for those whose condition fails. */
static Value *
farthest(Lower *L, bool least, const PtrList *values)
{
	Value *far = NULL;

	for (int i = 0; i < values->n; i++) {
		Value *v = values->item[i], *end = v;
		if (!is_numeric(v))
			return NULL;
		if (!v->known && v->kind == V_INT)
			end = v_int(L, least ? v->node->type.hi : v->node->type.lo);
		else if (!v->known)
			end = v_int(L, (int64_t)(least ? ceil(v->node->type.max)
			                               : floor(v->node->type.min)));
		if (!far || known_compare(end, far) * (least ? 1 : -1) > 0)
			far = end;
	}
	return far;
}

/* min(e for … where c else d): of the elements whose condition holds; d if none does. */
static Value *
guarded_extreme(Lower *L, Builtin b, Env *env, const Ast *otherwise, Items *items)
{
	Value *any = v_bool(L, false), *far = farthest(L, b == B_MIN, &items->values);
	int n = items->values.n;

	for (int i = 0; i < n; i++) {
		Value *guard = items->guards.item[i], *v = items->values.item[i];
		any = v_or(L, any, guard ? guard : v_bool(L, true));
		if (guard && far)
			items->values.item[i] = if_value(L, guard->node, v, far);
	}
	Value *v = over_elements(L, b, n, (Value **)items->values.item);
	bool always = any->known ? any->num : bounds_here(L, any->node).lo == 1;
	if (v->kind == V_ERROR || always)
		return v;
	if (!otherwise)
		return fail_here(L, "there may be no such element: say what then, %s(… else d)",
		                 builtin[b].name);
	GuardFact *old = assume_condition(L, any->node, false);
	Value *d = eval(L, env, otherwise);
	L->facts = old;
	return d->kind == V_ERROR ? d : if_value(L, any->node, v, d);
}

static bool
takes_for(Builtin b)
{
	return b == B_SUM || b == B_COUNT || b == B_ANY || b == B_ALL || b == B_MIN || b == B_MAX
	       || b == B_MEAN;
}

/* The index of the first 'for' without 'in', which runs over positions; -1 if there is none. */
static int
position_clause(const Ast *clauses)
{
	for (int i = 0; i < clauses->n; i++)
		if (!clauses->kid[i]->kid[1])
			return i;
	return -1;
}

/* A copy of `over` with the clauses from..<to, and e as its expression. */
static Ast *
with_clauses(Lower *L, const Ast *over, const Ast *e, int from, int to)
{
	Ast *part = NEW(L->arena, Ast), *clauses = NEW(L->arena, Ast);

	*clauses = *over->kid[1];
	clauses->kid += from;
	clauses->n = clauses->cap = to - from;
	*part = *over;
	part->kid = NEWS(L->arena, Ast *, 3);
	part->kid[0] = (Ast *)(uintptr_t)e;
	part->kid[1] = clauses;
	part->kid[2] = over->kid[2];
	return part;
}

static Value *
total_positions(Lower *L, Builtin b, Env *env, const Ast *over)
{
	switch (b) {
	case B_COUNT: return over_positions(L, T_COUNT, env, over);
	case B_SUM: return over_positions(L, T_SUM, env, over);
	case B_ANY: return over_positions(L, T_ANY, env, over);
	case B_ALL: return over_positions(L, T_ALL, env, over);
	case B_MIN: return over_positions(L, T_MIN, env, over);
	case B_MAX: return over_positions(L, T_MAX, env, over);
	default: return over_positions(L, T_MEAN, env, over);
	}
}

/* sum(e for i in … for j for k in …), of which clause number `at` runs over positions. The clauses
 * behind it become one expression, summed for each position; the clauses before it sum the
 * results: sum(sum(sum(e for k in …) for j) for i in …). A count of counts is a sum. */
static Value *
over_nested(Lower *L, Builtin b, Env *env, const Ast *over, int at)
{
	const Ast *clauses = over->kid[1];
	Builtin outside = b == B_COUNT ? B_SUM : b;

	if (b == B_MEAN && clauses->n > 1)
		return fail_here(L, "mean over positions has one 'for'");
	if (at + 1 < clauses->n) {
		Ast *inside = with_clauses(L, over, over->kid[0], at + 1, clauses->n);
		if (position_clause(inside->kid[1]) >= 0)
			return fail_three_positions(L);
		inside->num = b;
		over = with_clauses(L, over, inside, 0, at + 1);
		b = outside;
	}
	if (!at)
		return total_positions(L, b, env, over);
	Ast *inside = with_clauses(L, over, over->kid[0], at, at + 1);
	inside->num = b;
	return builtin_over(L, (int)outside, env, with_clauses(L, over, inside, 0, at));
}

Value *
builtin_over(Lower *L, int which, Env *env, const Ast *over)
{
	Builtin b = (Builtin)which;
	Items items = { 0 };
	int at = position_clause(over->kid[1]);

	if (!takes_for(b))
		return fail_here(L, "%s takes no 'for'", builtin[b].name);
	if (at >= 0)
		return over_nested(L, b, env, over, at);
	bool extreme = b == B_MIN || b == B_MAX, guards = b != B_MEAN;
	Rolled whole;
	switch (take_items(L, env, over, guards, &items, &whole)) {
	case TAKEN_WHOLE: return reduce_rolled(L, builtin[b].name, env, over, &whole);
	case TAKEN_NOT: return &v_error;
	case TAKEN_APART: break;
	}
	if (!items.values.n && over->kid[2])
		return eval(L, env, over->kid[2]);
	if (extreme && some_guard(&items))
		return guarded_extreme(L, b, env, over->kid[2], &items);
	for (int i = 0; i < items.values.n; i++)
		items.values.item[i] = guard_item(L, b, items.guards.item[i], items.values.item[i]);
	return over_elements(L, b, items.values.n, (Value **)items.values.item);
}

/* ---- the dispatch ---- */

static Value *
absolute(Lower *L, Value *v)
{
	if (v->kind == V_FLOAT || v->kind == V_INDEX)
		return float_size(L, v);
	if (!is_numeric(v))
		return wrong_argument(L, B_ABS, "a number", v);
	if (v->known)
		return v->num < 0 ? known_arith(L, N_SUB, v_int(L, 0), v) : v;
	if (v->kind == V_REAL)
		return real_size(L, v);
	return v_stream(L, V_INT, op1(L, OP_ABS, v->node));
}

static Value *
round_number(Lower *L, Builtin b, Value *v)
{
	Value *one = v_int(L, 1), *zero = v_int(L, 0);

	if (!is_numeric(v))
		return wrong_argument(L, b, "a number", v);
	if (!v->known && v->kind == V_INT)
		return v;
	if (!v->known && b == B_FLOOR)
		return real_floor(L, v);
	if (!v->known)
		return arith(L, N_SUB, zero, real_floor(L, arith(L, N_SUB, zero, v, NULL, NULL)),
		             NULL, NULL);
	if (b == B_FLOOR)
		return known_arith(L, N_FLOOR, v, one);
	return known_arith(L, N_SUB, zero,
	                   known_arith(L, N_FLOOR, known_arith(L, N_SUB, zero, v), one));
}

static Value *
length_of(Lower *L, Value *v)
{
	if (v->kind == V_ROWS)
		return v_int(L, v->n);
	v = as_array(L, v);
	if (v->kind == V_ERROR)
		return v;
	return v->kind == V_ARRAY ? v_int(L, v->n)
	                          : wrong_argument(L, B_LEN, "an array or a text", v);
}

/* Of a float, or exact. */
static Value *
smooth_function(Lower *L, CurveKind exact, TensorOp of_floats, Value *v)
{
	return has_floats(v) ? float_function(L, of_floats, v) : real_function(L, exact, v);
}

Value *
call_builtin(Lower *L, int which, int n, Arg *args)
{
	Builtin b = (Builtin)which;
	Value *v = n ? args[0].value : NULL;

	if (n < builtin[b].least || n > builtin[b].most)
		return fail_here(L, "%s takes %d argument%s%s, not %d", builtin[b].name,
		                 builtin[b].least, builtin[b].least == 1 ? "" : "s",
		                 builtin[b].most > builtin[b].least ? " or more" : "", n);
	if (b == B_ATTEND)
		return eval_attend_call(L, n, args);
	for (int i = 0; i < n; i++)
		if (args[i].name)
			return fail_at(L, args[i].span, "the arguments of %s have no names",
			               builtin[b].name);
	switch (b) {
	case B_MIN:
	case B_MAX:
	case B_COUNT:
	case B_SUM:
	case B_ANY:
	case B_ALL:
	case B_MEAN: return over_array(L, b, n, args);
	case B_ABS: return absolute(L, v);
	case B_INT: return to_int(L, v);
	case B_ORD: return to_ord(L, v);
	case B_CHR: return to_chr(L, exact_choice(L, v));
	case B_ID: return to_id(L, v);
	case B_FROM_ID: return to_from_id(L, exact_choice(L, v));
	case B_LEN: return length_of(L, v);
	case B_CONCAT: return concat(L, n, args);
	case B_STR: return to_str(L, n, args);
	case B_NUMBER: return to_number(L, v);
	case B_FOLD:
	case B_SCAN: return fold_or_scan(L, b, args);
	case B_REACHABLE: return reachable_states(L, args);
	case B_EXISTS: return pos_exists(L, v);
	case B_AT:
		return v->kind == V_INT ? pos_at(L, v)
		                        : wrong_argument(L, b, "the number of a position", v);
	case B_FLOOR:
	case B_CEIL: return round_number(L, b, v);
	case B_SQRT: return smooth_function(L, CURVE_SQRT, X_SQRT, v);
	case B_EXP: return smooth_function(L, CURVE_EXP, X_EXP, v);
	case B_LOG: return smooth_function(L, CURVE_LOG, X_LOG, v);
	case B_SIN: return smooth_function(L, CURVE_SIN, X_SIN, v);
	case B_COS: return real_function(L, CURVE_COS, v);
	case B_APPROX: return approximate(L, v, args[1].value);
	case B_LINEAR: return eval_linear_call(L, n, args);
	case B_RELU: return eval_relu_call(L, v);
	case B_LOAD:
		return n == 1 ? eval_load_call(L, v)
		              : fail_here(L, "load(file, name) is how a param begins: param w: [n] "
		                             "float = load(\"model.safetensors\", \"w\")");
	case B_BYTE_PAIRS:
		return fail_here(L,
		                 "byte_pairs(...) is a vocabulary, all of it: model NAME { vocab "
		                 "byte_pairs(\"vocab.json\", \"merges.txt\") ...");
	case B_FLOAT: return to_float(L, v);
	case B_TANH: return float_function(L, X_TANH, v);
	case B_SOFTMAX: return float_softmax(L, v);
	case B_LIKELY: return likely_token(L, v);
	case B_NORMAL:
		return fail_here(
			L, "normal(s) is how a param begins: param w: [n] float = normal(0.02)");
	default: assert(false); return &v_error;
	}
}
