/* Functions of two positions as bilinear forms: sums of products, each of a stream of the
 * position that looks (here) and one of the position looked at (there).
 *
 *     q * k[j] + 3 * x[j] - y     the products (q, k) and (3, x); -y stands alone
 *     max(x[j] - x, 0)            by rows: (max(v - x, 0), [x[j] == v]) for each value v that x can
 *                                 have there; or the other way round, by the values here
 *
 * A head's score is such a sum, one product a dimension. Of a sum over positions, what is here
 * factors out. */

#include "backend/attend/attend.h"

#include <string.h>

enum {
	MAX_STREAMS = 4, /* of one position, in one function */
	MAX_TERMS = 512,
	MAX_STEPS = 4096, /* operators that are looked at */
};

typedef struct BilinearSplit {
	Circuit *c;
	int steps; /* left */
	bool failed;
} BilinearSplit;

static bool
is_const_of(const Node *n, int64_t k)
{
	return n->op == OP_CONST && n->k == k;
}

/* ---- sums of products ---- */

static Bilinear *
bilinear_zero(BilinearSplit *s)
{
	Bilinear *a = NEW(s->c->arena, Bilinear);

	a->alone = mk_const(s->c->g, 0);
	return a;
}

static void
append_bilinear_term(BilinearSplit *s, Bilinear *a, Node *here, Node *there)
{
	if (a->n == MAX_TERMS) {
		s->failed = true;
		return;
	}
	GROW(s->c->arena, a->term, a->cap, a->n + 1);
	a->term[a->n++] = (BilinearTerm){ here, there };
}

/* Products that share what is there become one, as do those that have a number here. */
static void
add_bilinear_term(BilinearSplit *s, Bilinear *a, Node *here, Node *there)
{
	Circuit *c = s->c;
	const Node *at = is_literal(here) ? there : here;

	for (int i = 0; i < a->n; i++) {
		BilinearTerm p = a->term[i];
		if (p.there == there) {
			p.here = make_node(c, at, OP_ADD, p.here, here);
		} else if (is_literal(p.here) && is_literal(here)) {
			Node *before = make_node(c, at, OP_MUL, p.there, p.here),
			     *more = make_node(c, at, OP_MUL, there, here);
			p.there = make_node(c, at, OP_ADD, before, more);
			p.here = mk_const(c->g, 1);
		} else {
			continue;
		}
		a->term[i] = a->term[--a->n];
		here = p.here;
		there = p.there;
		break;
	}
	if (is_const_of(here, 0) || is_const_of(there, 0))
		return;
	if (is_literal(there))
		a->alone = make_node(c, at, OP_ADD, a->alone,
		                     make_node(c, at, OP_MUL, here, there));
	else
		append_bilinear_term(s, a, here, there);
}

/* sum += a * (here, there) */
static void
add_multiplied(BilinearSplit *s, Bilinear *sum, const Bilinear *a, Node *here, Node *there)
{
	Circuit *c = s->c;

	add_bilinear_term(s, sum, make_node(c, here, OP_MUL, a->alone, here), there);
	for (int i = 0; i < a->n && !s->failed; i++) {
		Node *x = make_node(c, here, OP_MUL, a->term[i].here, here),
		     *y = make_node(c, there, OP_MUL, a->term[i].there, there);
		add_bilinear_term(s, sum, x, y);
	}
	sum->rows += a->rows;
}

/* x * a + y * b */
static Bilinear *
bilinear_sum(BilinearSplit *s, int64_t x, const Bilinear *a, int64_t y, const Bilinear *b)
{
	Node *one = mk_const(s->c->g, 1);
	Bilinear *sum = bilinear_zero(s);

	add_multiplied(s, sum, a, mk_const(s->c->g, x), one);
	add_multiplied(s, sum, b, mk_const(s->c->g, y), one);
	return sum;
}

static Bilinear *
bilinear_product(BilinearSplit *s, const Bilinear *a, const Bilinear *b)
{
	Bilinear *all = bilinear_zero(s);

	add_multiplied(s, all, a, b->alone, mk_const(s->c->g, 1));
	for (int i = 0; i < b->n && !s->failed; i++)
		add_multiplied(s, all, a, b->term[i].here, b->term[i].there);
	all->rows += b->rows;
	return all;
}

static Bilinear *
bilinear_single(BilinearSplit *s, Node *here, Node *there)
{
	Bilinear *a = bilinear_zero(s);

	add_bilinear_term(s, a, here, there);
	return a;
}

/* ---- rows ---- */

/* The streams of one position that a function of two depends on, and all the values that they
 * have together, a row each. */
typedef struct CaseRows {
	Side of;
	int nstream, nroot, n;
	Node *stream[MAX_STREAMS];
	int64_t *value; /* (n, nstream) */
} CaseRows;

/* n as a plain stream, if it speaks of this one position alone; else NULL. */
static Node *
one_sided_stream(Circuit *c, Node *n, Side of)
{
	return !is_literal(n) && side(n) == of ? replace_there(c->g, n, NULL) : NULL;
}

static int
find_stream(const CaseRows *r, const Node *x)
{
	int i = 0;

	while (i < r->nstream && r->stream[i] != x)
		i++;
	return i;
}

static bool
collect_streams(Circuit *c, Node *n, CaseRows *r, int *steps)
{
	Node *x = one_sided_stream(c, n, r->of);

	if (--*steps < 0)
		return false;
	if (x) {
		int i = find_stream(r, x);
		if (i == MAX_STREAMS)
			return false;
		r->stream[i] = x;
		r->nstream += i == r->nstream;
		return true;
	}
	for (int i = 0; i < n->narg && n->two_sided && n->op != OP_THERE; i++)
		if (!collect_streams(c, n->arg[i], r, steps))
			return false;
	return true;
}

/* The streams from number i on that are functions of one root with it: they vary together. How
 * many. */
static int
streams_of_root(const CaseRows *r, int i, int *member)
{
	const Type *t = &r->stream[i]->type;
	int n = 0;

	for (int k = i; k < r->nstream; k++) {
		const Type *u = &r->stream[k]->type;
		if (k == i || (t->root && t->image && u->image && u->root == t->root))
			member[n++] = k;
	}
	return n;
}

static int
find_tuple(int64_t (*tuple)[MAX_STREAMS], int n, const int64_t *v, int width)
{
	int i = 0;

	while (i < n && memcmp(tuple[i], v, sizeof *v * (size_t)width))
		i++;
	return i;
}

/* The different tuples of values that these streams of one root have; how many, 0 if they are too
 * many. */
static int
joint_values(const CaseRows *r, const int *member, int nmember, int64_t (*tuple)[MAX_STREAMS])
{
	const Type *t = &r->stream[member[0]]->type;
	int n = 0, size = nmember == 1 ? t->nset : t->root->type.nset;

	for (int i = 0; i < size; i++) {
		int64_t v[MAX_STREAMS];
		for (int m = 0; m < nmember; m++)
			v[m] = nmember == 1 ? t->set[i] : r->stream[member[m]]->type.image[i];
		if (find_tuple(tuple, n, v, nmember) < n)
			continue;
		if (n == ROWS_MAX)
			return 0;
		memcpy(tuple[n++], v, sizeof *v * (size_t)nmember);
	}
	return n;
}

static bool
multiply_rows(Circuit *c, CaseRows *r, const int *member, int nmember)
{
	int64_t tuple[ROWS_MAX][MAX_STREAMS], *old = r->value;
	int n = joint_values(r, member, nmember, tuple), width = r->nstream;

	if (!n || n * r->n > ROWS_MAX)
		return false;
	r->value = arena_alloc(c->arena, sizeof *old * (size_t)(n * r->n * width));
	for (int i = 0; i < n * r->n; i++) {
		memcpy(r->value + i * width, old + i / n * width, sizeof *old * (size_t)width);
		for (int m = 0; m < nmember; m++)
			r->value[i * width + member[m]] = tuple[i % n][m];
	}
	r->n *= n;
	return true;
}

/* False where their values are not known, or too many. */
static bool
find_rows(Circuit *c, Node *e, Side of, CaseRows *r)
{
	int steps = MAX_STEPS, member[MAX_STREAMS];
	bool done[MAX_STREAMS] = { false };

	*r = (CaseRows){ .of = of, .n = 1 };
	if (!collect_streams(c, e, r, &steps) || !r->nstream)
		return false;
	r->value = arena_alloc(c->arena, sizeof *r->value * (size_t)r->nstream);
	for (int i = 0; i < r->nstream; i++) {
		int n = streams_of_root(r, i, member);
		r->nroot += !done[i];
		if (!done[i] && !multiply_rows(c, r, member, n))
			return false;
		for (int m = 0; m < n; m++)
			done[member[m]] = true;
	}
	return true;
}

/* [x == v]. Of a count it is [x < v + 1] - [x < v], since comparisons of the count ask for the
 * same two steps and they stand in columns anyway. */
static Node *
value_flag(Circuit *c, const Node *at, Node *x, int64_t v)
{
	Node *k = mk_const(c->g, v);

	if (!x->type.root || x->type.root->op != OP_SUM)
		return make_node(c, at, OP_EQ, x, k);
	Node *at_most = make_node(c, at, OP_LT, x, mk_const(c->g, v + 1)),
	     *below = make_node(c, at, OP_LT, x, k);
	return make_node(c, at, OP_SUB, at_most, below);
}

static Node *
row_flag(Circuit *c, const Node *at, const CaseRows *r, int row)
{
	const int64_t *v = r->value + row * r->nstream;
	Node *all = value_flag(c, at, r->stream[0], v[0]);

	for (int i = 1; i < r->nstream; i++)
		all = make_node(c, at, OP_AND, all, value_flag(c, at, r->stream[i], v[i]));
	return all;
}

/* The function with this row's values in place of the streams: a stream of the other position. */
static Node *
function_at_row(Circuit *c, Node *n, const CaseRows *r, int row)
{
	Node *x = one_sided_stream(c, n, r->of);

	if (x)
		return mk_const(c->g, r->value[row * r->nstream + find_stream(r, x)]);
	if (n->op == OP_THERE)
		return n->arg[0];
	if (!n->two_sided)
		return n;
	Node **arg = arena_alloc(c->arena, sizeof *arg * (size_t)n->narg);
	for (int i = 0; i < n->narg; i++)
		arg[i] = function_at_row(c, n->arg[i], r, row);
	return mk_like(c->g, n, arg);
}

/* A term for each row of that side: the flag that says whether it is so, and the function then.
 * How many. */
static int
list_rows(Circuit *c, Node *e, Side of, BilinearTerm **to)
{
	CaseRows r;

	if (!find_rows(c, e, of, &r))
		return 0;
	BilinearTerm *row = *to = arena_alloc(c->arena, sizeof *row * (size_t)r.n);
	for (int i = 0; i < r.n; i++) {
		Node *is = row_flag(c, e, &r, i), *f = function_at_row(c, e, &r, i);
		row[i] = of == ON_HERE ? (BilinearTerm){ is, f } : (BilinearTerm){ f, is };
	}
	return r.n;
}

int
rows_here(Circuit *c, Node *e, BilinearTerm **row)
{
	return list_rows(c, e, ON_HERE, row);
}

/* NULL if the values are not known or too many. */
static Bilinear *
split_by_rows(BilinearSplit *s, Node *e, Side of)
{
	BilinearTerm *row;
	int n = list_rows(s->c, e, of, &row);
	Bilinear *a = bilinear_zero(s);

	for (int i = 0; i < n; i++)
		add_bilinear_term(s, a, row[i].here, row[i].there);
	a->rows = n;
	return n ? a : NULL;
}

static int
bilinear_ready(Circuit *c, const Bilinear *a)
{
	int ready = 0;

	for (int i = 0; i < a->n; i++) {
		int q = map_node(c, a->term[i].here)->ready,
		    k = map_node(c, a->term[i].there)->ready;
		ready = max_int(q, ready);
		ready = max_int(k, ready);
	}
	return ready;
}

/* By the rows there or the rows here: what is ready earlier, then the fewer. */
static Bilinear *
better_rows(BilinearSplit *s, Node *e)
{
	Bilinear *there = split_by_rows(s, e, ON_THERE), *here = split_by_rows(s, e, ON_HERE);

	if (!there || !here)
		return there ? there : here;
	int a = bilinear_ready(s->c, there), b = bilinear_ready(s->c, here);
	return a < b || (a == b && there->rows <= here->rows) ? there : here;
}

/* ---- operators ---- */

static Bilinear *split_node(BilinearSplit *, Node *);

/* The AND of all operands, or of their opposites. */
static Bilinear *
split_conjunction(BilinearSplit *s, Node *e, bool none)
{
	Node *one = mk_const(s->c->g, 1);
	Bilinear *all = bilinear_single(s, one, one);

	for (int i = 0; i < e->narg && !s->failed; i++) {
		Node *x = none ? make_node(s->c, e, OP_NOT, e->arg[i], NULL) : e->arg[i];
		all = bilinear_product(s, all, split_node(s, x));
	}
	return all;
}

/* 1 - a */
static Bilinear *
bilinear_not(BilinearSplit *s, const Bilinear *a)
{
	Node *one = mk_const(s->c->g, 1);

	return bilinear_sum(s, 1, bilinear_single(s, one, one), -1, a);
}

/* AND, OR and NOT of what is too large for rows, operand by operand. */
static Bilinear *
split_logic(BilinearSplit *s, Node *e)
{
	if (e->op == OP_AND)
		return split_conjunction(s, e, false);
	if (e->op == OP_OR)
		return bilinear_not(s, split_conjunction(s, e, true));
	if (e->op == OP_NOT)
		return bilinear_not(s, split_node(s, e->arg[0]));
	s->failed = true;
	return bilinear_zero(s);
}

static Bilinear *
split_arithmetic(BilinearSplit *s, Node *e)
{
	Bilinear *a = split_node(s, e->arg[0]), *b = split_node(s, e->arg[1]);

	return e->op == OP_MUL ? bilinear_product(s, a, b)
	                       : bilinear_sum(s, 1, a, e->op == OP_SUB ? -1 : 1, b);
}

/* cond * yes + (1 - cond) * no */
static Bilinear *
split_if(BilinearSplit *s, Node *e)
{
	Bilinear *cond = split_node(s, e->arg[0]), *yes = split_node(s, e->arg[1]),
		 *no = split_node(s, e->arg[2]);
	Bilinear *holds = bilinear_product(s, cond, yes),
		 *fails = bilinear_product(s, bilinear_not(s, cond), no);

	return bilinear_sum(s, 1, holds, 1, fails);
}

static Bilinear *
split_node(BilinearSplit *s, Node *e)
{
	Side of = side(e);
	Node *one = mk_const(s->c->g, 1);

	if (--s->steps < 0)
		s->failed = true;
	if (s->failed)
		return bilinear_zero(s);
	if (!(of & ON_THERE))
		return bilinear_single(s, e, one);
	if (of == ON_THERE)
		return bilinear_single(s, one, replace_there(s->c->g, e, NULL));
	if (e->op == OP_ADD || e->op == OP_SUB || e->op == OP_MUL)
		return split_arithmetic(s, e);
	if (e->op == OP_IF && side(e->arg[0]) != ON_BOTH)
		return split_if(s, e);
	Bilinear *rows = better_rows(s, e);
	return rows ? rows : split_logic(s, e);
}

const Bilinear *
bilinear_form(Circuit *c, Node *e)
{
	BilinearSplit s = { c, MAX_STEPS, false };
	Bilinear *a = split_node(&s, e);

	return s.failed ? NULL : a;
}

bool
has_few_rows(Circuit *c, Node *e)
{
	CaseRows r;

	return (find_rows(c, e, ON_THERE, &r) && r.nroot == 1)
	       || (find_rows(c, e, ON_HERE, &r) && r.nroot == 1);
}

void
refuse_bilinear(Circuit *c, const Node *n, const char *what)
{
	error_at_node(
		c, n,
		"this %s depends on too many values of both positions: of one of the two it may be "
		"%d; "
		"narrow that one with min, // or %%, or write a sum of products",
		what, ROWS_MAX);
}
