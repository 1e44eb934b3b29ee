/* What is said of two positions at once, as a sum of products, each of a stream
 * here and one there:
 *
 *     q * k[j] + 3 * x[j] - y     (q, k) and (3, x); -y stands alone
 *     max(x[j] - x, 0)            the row of each value, where it is: (max(v - x, 0), [x == v])
 *                                 for each v that x can be there, or the other way round
 *
 * A head's score adds up such products, one a dimension; of a sum over positions
 * what is here stands outside. */

#include "backend/circuit/circuit.h"

#include <string.h>

enum {
	MAX_STREAMS = 4, /* of one position, in one function */
	MAX_TERMS = 512,
	MAX_STEPS = 4096, /* operators that are looked at */
};

typedef struct Split {
	Circuit *c;
	int steps; /* left */
	bool failed;
} Split;

static Node *
two(Circuit *c, const Node *at, Op op, Node *x, Node *y)
{
	return mk_at(c->g, at, op, x, y, NULL);
}

static bool
is_number(const Node *n, int64_t k)
{
	return n->op == OP_CONST && n->k == k;
}

/* ---- sums of products ---- */

static Apart *
nothing(Split *s)
{
	Apart *a = NEW(s->c->arena, Apart);

	a->alone = mk_const(s->c->g, 0);
	return a;
}

static void
append(Split *s, Apart *a, Node *here, Node *there)
{
	if (a->n == MAX_TERMS) {
		s->failed = true;
		return;
	}
	a->term = grow(s->c, a->term, a->n, sizeof *a->term);
	a->term[a->n++] = (Product){ here, there };
}

/* The products that share what is there are one, as are those that have a number here. */
static void
add_product(Split *s, Apart *a, Node *here, Node *there)
{
	Circuit *c = s->c;
	const Node *at = is_literal(here) ? there : here;

	for (int i = 0; i < a->n; i++) {
		Product p = a->term[i];
		if (p.there == there) {
			p.here = two(c, at, OP_ADD, p.here, here);
		} else if (is_literal(p.here) && is_literal(here)) {
			p.there = two(c, at, OP_ADD, two(c, at, OP_MUL, p.there, p.here),
			              two(c, at, OP_MUL, there, here));
			p.here = mk_const(c->g, 1);
		} else {
			continue;
		}
		a->term[i] = a->term[--a->n];
		here = p.here;
		there = p.there;
		break;
	}
	if (is_number(here, 0) || is_number(there, 0))
		return;
	if (is_literal(there))
		a->alone = two(c, at, OP_ADD, a->alone, two(c, at, OP_MUL, here, there));
	else
		append(s, a, here, there);
}

/* a, multiplied by one more product, added to the sum. */
static void
add_times(Split *s, Apart *sum, const Apart *a, Node *here, Node *there)
{
	Circuit *c = s->c;

	add_product(s, sum, two(c, here, OP_MUL, a->alone, here), there);
	for (int i = 0; i < a->n && !s->failed; i++)
		add_product(s, sum, two(c, here, OP_MUL, a->term[i].here, here),
		            two(c, there, OP_MUL, a->term[i].there, there));
	sum->rows += a->rows;
}

/* x * a + y * b */
static Apart *
sum_of(Split *s, int64_t x, const Apart *a, int64_t y, const Apart *b)
{
	Node *one = mk_const(s->c->g, 1);
	Apart *sum = nothing(s);

	add_times(s, sum, a, mk_const(s->c->g, x), one);
	add_times(s, sum, b, mk_const(s->c->g, y), one);
	return sum;
}

static Apart *
product_of(Split *s, const Apart *a, const Apart *b)
{
	Apart *all = nothing(s);

	add_times(s, all, a, b->alone, mk_const(s->c->g, 1));
	for (int i = 0; i < b->n && !s->failed; i++)
		add_times(s, all, a, b->term[i].here, b->term[i].there);
	all->rows += b->rows;
	return all;
}

static Apart *
single(Split *s, Node *here, Node *there)
{
	Apart *a = nothing(s);

	add_product(s, a, here, there);
	return a;
}

/* ---- rows ---- */

/* The streams of one position in a function of two, and the values they have together. */
typedef struct Rows {
	Side of;
	int nstream, nroot, n;
	Node *stream[MAX_STREAMS];
	int64_t *value; /* (n, nstream) */
} Rows;

/* What speaks of one position alone, as large as can be, as a plain stream. */
static Node *
stream_of(Circuit *c, Node *n, Side of)
{
	return !is_literal(n) && side(n) == of ? replace_there(c->g, n, NULL) : NULL;
}

static int
find_stream(const Rows *r, const Node *x)
{
	int i = 0;

	while (i < r->nstream && r->stream[i] != x)
		i++;
	return i;
}

static bool
collect(Circuit *c, Node *n, Rows *r, int *steps)
{
	Node *x = stream_of(c, n, r->of);

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
		if (!collect(c, n->arg[i], r, steps))
			return false;
	return true;
}

/* The streams that are functions of the same one as stream number i, those before it
 * left out; how many. */
static int
with_root(const Rows *r, int i, int *member)
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

/* What these streams of one root are together; how many, 0 if that is too many. */
static int
joint_values(const Rows *r, const int *member, int nmember, int64_t (*tuple)[MAX_STREAMS])
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
multiply_rows(Circuit *c, Rows *r, const int *member, int nmember)
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
find_rows(Circuit *c, Node *e, Side of, Rows *r)
{
	int steps = MAX_STEPS, member[MAX_STREAMS];
	bool done[MAX_STREAMS] = { false };

	*r = (Rows){ .of = of, .n = 1 };
	if (!collect(c, e, r, &steps) || !r->nstream)
		return false;
	r->value = arena_alloc(c->arena, sizeof *r->value * (size_t)r->nstream);
	for (int i = 0; i < r->nstream; i++) {
		int n = with_root(r, i, member);
		r->nroot += !done[i];
		if (!done[i] && !multiply_rows(c, r, member, n))
			return false;
		for (int m = 0; m < n; m++)
			done[member[m]] = true;
	}
	return true;
}

/* [x == v]. Of a count by its steps, each of which stands in two columns: an order asks
 * for the same ones. */
static Node *
has_value(Circuit *c, const Node *at, Node *x, int64_t v)
{
	Node *k = mk_const(c->g, v);

	if (!x->type.root || x->type.root->op != OP_SUM)
		return two(c, at, OP_EQ, x, k);
	return two(c, at, OP_SUB, two(c, at, OP_LT, x, mk_const(c->g, v + 1)),
	           two(c, at, OP_LT, x, k));
}

static Node *
is_row(Circuit *c, const Node *at, const Rows *r, int row)
{
	const int64_t *v = r->value + row * r->nstream;
	Node *all = has_value(c, at, r->stream[0], v[0]);

	for (int i = 1; i < r->nstream; i++)
		all = two(c, at, OP_AND, all, has_value(c, at, r->stream[i], v[i]));
	return all;
}

/* The function where the streams have the values of this row: a stream of the other
 * position. */
static Node *
at_row(Circuit *c, Node *n, const Rows *r, int row)
{
	Node *x = stream_of(c, n, r->of);

	if (x)
		return mk_const(c->g, r->value[row * r->nstream + find_stream(r, x)]);
	if (n->op == OP_THERE)
		return n->arg[0];
	if (!n->two_sided)
		return n;
	Node **arg = arena_alloc(c->arena, sizeof *arg * (size_t)n->narg);
	for (int i = 0; i < n->narg; i++)
		arg[i] = at_row(c, n->arg[i], r, row);
	return mk_like(c->g, n, arg);
}

/* One row for each value of that side: whether it is so, and the function then; how many. */
static int
list_rows(Circuit *c, Node *e, Side of, Product **to)
{
	Rows r;

	if (!find_rows(c, e, of, &r))
		return 0;
	Product *row = *to = arena_alloc(c->arena, sizeof *row * (size_t)r.n);
	for (int i = 0; i < r.n; i++) {
		Node *is = is_row(c, e, &r, i), *f = at_row(c, e, &r, i);
		row[i] = of == ON_HERE ? (Product){ is, f } : (Product){ f, is };
	}
	return r.n;
}

int
rows_here(Circuit *c, Node *e, Product **row)
{
	return list_rows(c, e, ON_HERE, row);
}

/* NULL if there are no such rows. */
static Apart *
by_rows(Split *s, Node *e, Side of)
{
	Product *row;
	int n = list_rows(s->c, e, of, &row);
	Apart *a = nothing(s);

	for (int i = 0; i < n; i++)
		add_product(s, a, row[i].here, row[i].there);
	a->rows = n;
	return n ? a : NULL;
}

static int
ready_of(Circuit *c, const Apart *a)
{
	int ready = 0;

	for (int i = 0; i < a->n; i++) {
		int q = map_node(c, a->term[i].here)->ready,
		    k = map_node(c, a->term[i].there)->ready;
		ready = q > ready ? q : ready;
		ready = k > ready ? k : ready;
	}
	return ready;
}

/* A row for each value there, or here: the earlier, then the fewer. */
static Apart *
better_rows(Split *s, Node *e)
{
	Apart *there = by_rows(s, e, ON_THERE), *here = by_rows(s, e, ON_HERE);

	if (!there || !here)
		return there ? there : here;
	int a = ready_of(s->c, there), b = ready_of(s->c, here);
	return a < b || (a == b && there->rows <= here->rows) ? there : here;
}

/* ---- operators ---- */

static Apart *split(Split *, Node *);

/* All of the operands, or none of them. */
static Apart *
split_all(Split *s, Node *e, bool none)
{
	Apart *all = single(s, mk_const(s->c->g, 1), mk_const(s->c->g, 1));

	for (int i = 0; i < e->narg && !s->failed; i++)
		all = product_of(
			s, all, split(s, none ? two(s->c, e, OP_NOT, e->arg[i], NULL) : e->arg[i]));
	return all;
}

/* 1 - a */
static Apart *
opposite(Split *s, const Apart *a)
{
	Node *one = mk_const(s->c->g, 1);

	return sum_of(s, 1, single(s, one, one), -1, a);
}

/* What is too large for rows. */
static Apart *
split_logic(Split *s, Node *e)
{
	if (e->op == OP_AND)
		return split_all(s, e, false);
	if (e->op == OP_OR)
		return opposite(s, split_all(s, e, true));
	if (e->op == OP_NOT)
		return opposite(s, split(s, e->arg[0]));
	s->failed = true;
	return nothing(s);
}

static Apart *
split(Split *s, Node *e)
{
	Circuit *c = s->c;
	Side of = side(e);
	Apart *rows;

	if (--s->steps < 0)
		s->failed = true;
	if (s->failed)
		return nothing(s);
	if (!(of & ON_THERE))
		return single(s, e, mk_const(c->g, 1));
	if (of == ON_THERE)
		return single(s, mk_const(c->g, 1), replace_there(c->g, e, NULL));
	switch (e->op) {
	case OP_ADD: return sum_of(s, 1, split(s, e->arg[0]), 1, split(s, e->arg[1]));
	case OP_SUB: return sum_of(s, 1, split(s, e->arg[0]), -1, split(s, e->arg[1]));
	case OP_MUL: return product_of(s, split(s, e->arg[0]), split(s, e->arg[1]));
	case OP_IF:
		if (side(e->arg[0]) == ON_BOTH)
			break;
		return sum_of(s, 1, product_of(s, split(s, e->arg[0]), split(s, e->arg[1])), 1,
		              product_of(s, opposite(s, split(s, e->arg[0])), split(s, e->arg[2])));
	default: break;
	}
	rows = better_rows(s, e);
	return rows ? rows : split_logic(s, e);
}

const Apart *
apart(Circuit *c, Node *e)
{
	Split s = { c, MAX_STEPS, false };
	Apart *a = split(&s, e);

	return s.failed ? NULL : a;
}

bool
has_rows(Circuit *c, Node *e)
{
	Rows r;

	return (find_rows(c, e, ON_THERE, &r) && r.nroot == 1)
	       || (find_rows(c, e, ON_HERE, &r) && r.nroot == 1);
}

void
refuse_apart(Circuit *c, const Node *n, const char *what)
{
	refuse(c, n,
	       "this %s depends on too many values of both positions: of one of the two it may be "
	       "%d; "
	       "narrow that one with min, // or %%, or write a sum of products",
	       what, ROWS_MAX);
}
