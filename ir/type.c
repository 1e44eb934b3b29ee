/* Types: which values a node takes, over all texts and positions.
 *
 * An operator whose operands are functions of one stream, the root, is computed
 * for each of the root's values: that is its image, and knows that t - t // 10 *
 * 10 is a digit. With several roots, all combinations of their values are tried
 * while they are few; else the operands' intervals decide, and a short interval
 * is taken as the set of all its values.
 *
 * Sets are never too small. They may be too large: streams with different roots
 * are taken as independent. TOKEN and INDEX are sets of up to ROOT_MAX values,
 * all others of up to SET_MAX. */

#include "ir/impl.h"

#include <stdlib.h>
#include <string.h>

typedef struct Range {
	int64_t lo, hi;
} Range;

/* ---- sets ---- */

static int
by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static Range
range_of(const int64_t *v, int n)
{
	Range r = {v[0], v[0]};

	for (int i = 1; i < n; i++) {
		r.lo = v[i] < r.lo ? v[i] : r.lo;
		r.hi = v[i] > r.hi ? v[i] : r.hi;
	}
	return r;
}

/* Sorts v and drops repeats; the number left. */
static int
unique(Graph *g, int64_t *v, int n)
{
	Range r = range_of(v, n);
	int m = 0;

	if (r.hi - r.lo < 4 * (int64_t)n + 1024) {
		int size = (int)(r.hi - r.lo) + 1;
		char *seen = scratch(g, S_BITS, (size_t)size);
		memset(seen, 0, (size_t)size);
		for (int i = 0; i < n; i++)
			seen[v[i] - r.lo] = 1;
		for (int i = 0; i < size; i++)
			if (seen[i])
				v[m++] = r.lo + i;
		return m;
	}
	qsort(v, (size_t)n, sizeof *v, by_value);
	for (int i = 0; i < n; i++)
		if (!m || v[i] != v[m - 1])
			v[m++] = v[i];
	return m;
}

static Type
from_interval(Range r)
{
	return (Type){.lo = r.lo, .hi = r.hi};
}

/* Its own root, where the values are few enough. v is sorted by this. */
static Type
from_values(Graph *g, const Node *self, int64_t *v, int n, int max)
{
	int m = unique(g, v, n);
	Type t = from_interval((Range){v[0], v[m - 1]});

	if (m > max)
		return t;
	t.nset = m;
	t.set = t.image = intern_values(g, v, m);
	t.root = self;
	return t;
}

static Type
from_range(Graph *g, const Node *self, Range r, int max)
{
	if (r.hi - r.lo >= max)
		return from_interval(r);
	int n = (int)(r.hi - r.lo) + 1;
	int64_t *v = scratch(g, S_OUT, (size_t)n * sizeof *v);
	for (int i = 0; i < n; i++)
		v[i] = r.lo + i;
	return from_values(g, self, v, n, max);
}

static Type
from_image(Graph *g, const Node *root, const int64_t *image)
{
	int n = root->type.nset;
	size_t size = (size_t)n * sizeof *image;
	int64_t *v = memcpy(scratch(g, S_SORT, size), image, size);
	Type t = from_values(g, root, v, n, SET_MAX);

	t.root = root;
	t.image = intern_values(g, image, n);
	return t;
}

static int
set_find(const Type *t, int64_t v)
{
	int lo = 0, hi = t->nset - 1;

	while (lo < hi) {
		int mid = (lo + hi) / 2;
		if (t->set[mid] < v)
			lo = mid + 1;
		else
			hi = mid;
	}
	return t->nset && t->set[lo] == v ? lo : -1;
}

/* ---- functions of one root ---- */

static const Node *
common_root(const Node *n)
{
	const Node *root = NULL;

	for (int i = 0; i < n->narg; i++) {
		const Node *x = n->arg[i];
		if (x->op == OP_CONST)
			continue;
		if (!x->type.root || (root && x->type.root != root))
			return NULL;
		root = x->type.root;
	}
	return root;
}

static Type
by_root(Graph *g, const Node *n, const Node *root)
{
	int size = root->type.nset;
	int64_t *out = scratch(g, S_OUT, (size_t)size * sizeof *out);
	int64_t *v = scratch(g, S_ARG, (size_t)n->narg * sizeof *v);

	for (int i = 0; i < size; i++) {
		for (int j = 0; j < n->narg; j++)
			v[j] = n->arg[j]->op == OP_CONST ? n->arg[j]->k : n->arg[j]->type.image[i];
		out[i] = op_apply(n, v);
	}
	return from_image(g, root, out);
}

/* ---- functions of several roots: every combination ---- */

/* The operands with one root, and the combinations of values they take. */
typedef struct Group {
	const Node *root;
	int nmember, *member;   /* operands, by number */
	int ntuple;
	int64_t *tuple;         /* (ntuple, nmember) */
	int at;
} Group;

enum { GROUP_MAX = 16 };        /* 2^16 combinations at least: no more can be tried */

static uint64_t
tuple_hash(const int64_t *v, int n)
{
	uint64_t h = 0;

	for (int i = 0; i < n; i++)
		h = (h ^ (uint64_t)v[i]) * 0x9e3779b97f4a7c15 ^ (h >> 29);
	return h ^ (h >> 32);
}

/* Keeps the first of equal tuples; the number left. */
static int
unique_tuples(Graph *g, int64_t *tuple, int n, int width)
{
	int cap = 16, m = 0;
	size_t size = (size_t)width * sizeof *tuple;

	while (cap < 2 * n)
		cap *= 2;
	int *slot = scratch(g, S_HASH, (size_t)cap * sizeof *slot);
	memset(slot, 0xff, (size_t)cap * sizeof *slot);
	for (int i = 0; i < n; i++) {
		int64_t *v = tuple + (size_t)i * width;
		int at = (int)(tuple_hash(v, width) & (uint64_t)(cap - 1));
		while (slot[at] >= 0 && memcmp(tuple + (size_t)slot[at] * width, v, size))
			at = (at + 1) & (cap - 1);
		if (slot[at] >= 0)
			continue;
		slot[at] = m;
		memmove(tuple + (size_t)m++ * width, v, size);
	}
	return m;
}

static int
find_groups(const Node *n, Group *group, int *member)
{
	int ngroup = 0, used = 0;

	for (int i = 0; i < n->narg; i++) {
		const Node *root = n->arg[i]->type.root;
		int j = 0;
		if (n->arg[i]->op == OP_CONST)
			continue;
		if (!root)
			return 0;
		while (j < ngroup && group[j].root != root)
			j++;
		if (j == GROUP_MAX)
			return 0;
		if (j == ngroup)
			group[ngroup++] = (Group){.root = root};
		group[j].nmember++;
	}
	for (int j = 0; j < ngroup; j++) {
		group[j].member = member + used;
		for (int i = 0; i < n->narg; i++)
			if (n->arg[i]->op != OP_CONST && n->arg[i]->type.root == group[j].root)
				member[used++] = i;
	}
	return ngroup;
}

static size_t
tuple_room(const Node *n, const Group *gr)
{
	const Type *t = &n->arg[gr->member[0]]->type;
	int rows = gr->nmember == 1 && t->nset ? t->nset : gr->root->type.nset;

	return (size_t)rows * (size_t)gr->nmember;
}

static void
fill_tuples(Graph *g, const Node *n, Group *gr)
{
	const Type *t = &n->arg[gr->member[0]]->type;

	if (gr->nmember == 1 && t->nset) {
		gr->ntuple = t->nset;
		memcpy(gr->tuple, t->set, (size_t)t->nset * sizeof *t->set);
		return;
	}
	gr->ntuple = gr->root->type.nset;
	for (int i = 0; i < gr->ntuple; i++)
		for (int j = 0; j < gr->nmember; j++)
			gr->tuple[(size_t)i * gr->nmember + j] = n->arg[gr->member[j]]->type.image[i];
	gr->ntuple = unique_tuples(g, gr->tuple, gr->ntuple, gr->nmember);
}

static void
load_tuple(const Group *gr, int64_t *v)
{
	for (int j = 0; j < gr->nmember; j++)
		v[gr->member[j]] = gr->tuple[(size_t)gr->at * gr->nmember + j];
}

static bool
next_combination(Group *group, int ngroup, int64_t *v)
{
	for (int j = 0; j < ngroup; j++) {
		group[j].at = group[j].at + 1 < group[j].ntuple ? group[j].at + 1 : 0;
		load_tuple(&group[j], v);
		if (group[j].at)
			return true;
	}
	return false;
}

static bool
is_contiguous(const Type *t)
{
	return t->nset && t->hi - t->lo + 1 == t->nset;
}

/* Sums of all of a range and all of another need no trying. */
static bool
adds_ranges(const Node *n)
{
	if (n->op != OP_ADD && n->op != OP_SUB)
		return false;
	return is_contiguous(&n->arg[0]->type) && is_contiguous(&n->arg[1]->type);
}

static bool
by_combinations(Graph *g, const Node *n, Type *result)
{
	Group group[GROUP_MAX];
	size_t room = 0;
	int64_t total = 1;
	int *member = scratch(g, S_KEEP, (size_t)n->narg * sizeof *member);
	int ngroup = find_groups(n, group, member);

	if (!ngroup || adds_ranges(n))
		return false;
	for (int j = 0; j < ngroup; j++)
		room += tuple_room(n, &group[j]);
	if (room > 64 * PAIRS_MAX)
		return false;
	int64_t *tuple = scratch(g, S_TUPLE, room * sizeof *tuple);
	for (int j = 0; j < ngroup; j++) {
		group[j].tuple = tuple;
		tuple += tuple_room(n, &group[j]);
		fill_tuples(g, n, &group[j]);
		if ((total *= group[j].ntuple) > PAIRS_MAX)
			return false;
	}
	int64_t *v = scratch(g, S_ARG, (size_t)n->narg * sizeof *v);
	int64_t *out = scratch(g, S_OUT, (size_t)total * sizeof *out);
	for (int i = 0; i < n->narg; i++)
		v[i] = n->arg[i]->k;
	for (int j = 0; j < ngroup; j++)
		load_tuple(&group[j], v);
	int m = 0;
	do
		out[m++] = op_apply(n, v);
	while (next_combination(group, ngroup, v));
	*result = from_values(g, n, out, m, SET_MAX);
	return true;
}

/* ---- choices: IF and PICK take values only from the branch that is chosen ---- */

typedef struct Bag {
	Graph *g;
	int64_t *v;             /* scratch S_OUT */
	int n, cap;
	Range range;            /* of all that was put in */
	bool any, open;         /* open: something is known by its interval only */
} Bag;

/* Room for what the operands of n can bring, within reason. */
static Bag
bag_new(Graph *g, const Node *n)
{
	Bag b = {.g = g};

	for (int i = 0; i < n->narg && b.cap < 2 * ROOT_MAX; i++) {
		const Node *root = n->arg[i]->type.root;
		b.cap += 2 * (root ? root->type.nset : 1);     /* a default comes twice */
	}
	b.v = scratch(g, S_OUT, (size_t)b.cap * sizeof *b.v);
	return b;
}

static void
bag_range(Bag *b, int64_t lo, int64_t hi)
{
	b->range.lo = b->any && b->range.lo < lo ? b->range.lo : lo;
	b->range.hi = b->any && b->range.hi > hi ? b->range.hi : hi;
	b->any = true;
}

static void
bag_add(Bag *b, int64_t v)
{
	bag_range(b, v, v);
	if (b->open)
		return;
	if (b->n == b->cap) {
		b->n = unique(b->g, b->v, b->n);
		b->open = b->n > b->cap / 2;
	}
	if (!b->open)
		b->v[b->n++] = v;
}

static void
bag_all(Bag *b, const Node *x)
{
	const Type *t = &x->type;

	if (x->op == OP_CONST) {
		bag_add(b, x->k);
	} else if (t->nset) {
		for (int i = 0; i < t->nset; i++)
			bag_add(b, t->set[i]);
	} else if (t->root) {
		for (int i = 0; i < t->root->type.nset; i++)
			bag_add(b, t->image[i]);
	} else {
		bag_range(b, t->lo, t->hi);
		b->open = true;
	}
}

static bool
takes(const Type *t, int64_t lo, int64_t hi)
{
	if (!t->nset)
		return t->lo <= hi && t->hi >= lo;
	for (int i = 0; i < t->nset; i++)
		if (t->set[i] >= lo && t->set[i] <= hi)
			return true;
	return false;
}

/* The values of x where c is in lo..hi. */
static void
bag_where(Bag *b, const Node *c, int64_t lo, int64_t hi, const Node *x)
{
	const Node *root = c->type.root;

	if (!takes(&c->type, lo, hi))
		return;
	if (!root || x->type.root != root) {
		bag_all(b, x);
		return;
	}
	for (int i = 0; i < root->type.nset; i++)
		if (c->type.image[i] >= lo && c->type.image[i] <= hi)
			bag_add(b, x->type.image[i]);
}

static Type
bag_type(Bag *b, const Node *self)
{
	if (b->open)
		return from_range(b->g, self, b->range, SET_MAX);
	return from_values(b->g, self, b->v, b->n, SET_MAX);
}

static Type
type_if(Graph *g, const Node *n)
{
	Bag b = bag_new(g, n);

	bag_where(&b, n->arg[0], 1, 1, n->arg[1]);
	bag_where(&b, n->arg[0], 2, VALUE_MAX, n->arg[2]);
	bag_where(&b, n->arg[0], -VALUE_MAX, 0, n->arg[2]);
	return bag_type(&b, n);
}

static Type
type_pick(Graph *g, const Node *n)
{
	Bag b = bag_new(g, n);
	const Node *i = n->arg[0];

	bag_where(&b, i, -VALUE_MAX, -1, n->arg[1]);
	bag_where(&b, i, n->narg - 2, VALUE_MAX, n->arg[1]);
	for (int j = 2; j < n->narg; j++)
		bag_where(&b, i, j - 2, j - 2, n->arg[j]);
	return bag_type(&b, n);
}

/* ---- intervals ---- */

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static Range
join(Range a, Range b)
{
	return (Range){least(a.lo, b.lo), most(a.hi, b.hi)};
}

/* op at the four corners */
static Range
corners(Op op, Range a, Range b)
{
	const Node n = {.op = op, .narg = 2};
	int64_t v[4] = {
		op_apply(&n, (int64_t[]){a.lo, b.lo}), op_apply(&n, (int64_t[]){a.lo, b.hi}),
		op_apply(&n, (int64_t[]){a.hi, b.lo}), op_apply(&n, (int64_t[]){a.hi, b.hi}),
	};

	return range_of(v, 4);
}

static Range
range_square(Range a)
{
	Range r = corners(OP_MUL, a, a);

	return (Range){most(r.lo, 0), r.hi};
}

static Range
range_mod1(Range a, Range b)
{
	if (b.lo == b.hi) {
		Range q = corners(OP_DIV, a, b);
		if (q.lo == q.hi)
			return corners(OP_MOD, a, b);
	}
	if (b.lo > 0)
		return (Range){0, a.lo >= 0 ? least(a.hi, b.hi - 1) : b.hi - 1};
	return (Range){a.hi <= 0 ? most(a.lo, b.lo + 1) : b.lo + 1, 0};
}

/* DIV and MOD on each side of 0, which is not a divisor. */
static Range
range_quotient(Op op, Range a, Range b)
{
	Range r = {0, 0};
	bool any = false;

	for (int side = -1; side <= 1; side += 2) {
		Range s = side < 0 ? (Range){b.lo, least(b.hi, -1)} : (Range){most(b.lo, 1), b.hi};
		if (s.lo > s.hi)
			continue;
		Range one = op == OP_DIV ? corners(op, a, s) : range_mod1(a, s);
		r = any ? join(r, one) : one;
		any = true;
	}
	return b.lo <= 0 && b.hi >= 0 ? join(r, (Range){0, 0}) : r;
}

static bool
disjoint(const Type *a, const Type *b)
{
	if (a->hi < b->lo || b->hi < a->lo)
		return true;
	if (!a->nset || !b->nset)
		return false;
	for (int i = 0, j = 0; i < a->nset && j < b->nset;) {
		if (a->set[i] == b->set[j])
			return false;
		if (a->set[i] < b->set[j])
			i++;
		else
			j++;
	}
	return true;
}

/* AND, OR: the operands' values that would decide, and whether one surely does. */
static Range
range_logic(const Node *n)
{
	bool and = n->op == OP_AND, sure = false, may = false;

	for (int i = 0; i < n->narg; i++) {
		const Type *t = &n->arg[i]->type;
		bool is1 = t->lo == 1 && t->hi == 1, can1 = takes(t, 1, 1);
		sure |= and ? !can1 : is1;
		may |= and ? !is1 : can1;
	}
	return and ? (Range){!may, !sure} : (Range){sure, may};
}

static Range
range_extreme(const Node *n)
{
	Range r = {n->arg[0]->type.lo, n->arg[0]->type.hi};

	for (int i = 1; i < n->narg; i++) {
		const Type *t = &n->arg[i]->type;
		r.lo = n->op == OP_MIN ? least(r.lo, t->lo) : most(r.lo, t->lo);
		r.hi = n->op == OP_MIN ? least(r.hi, t->hi) : most(r.hi, t->hi);
	}
	return r;
}

static Range
range_table(const Node *n)
{
	const Type *t = &n->arg[0]->type;
	int64_t last = n->ntable - 1;
	int64_t lo = most(0, least(last, clamp((__int128)t->lo - n->k)));
	int64_t hi = most(0, least(last, clamp((__int128)t->hi - n->k)));

	return range_of(n->table + lo, (int)(hi - lo) + 1);
}

static Range
interval(const Node *n)
{
	const Type *x = &n->arg[0]->type, *y = n->narg > 1 ? &n->arg[1]->type : x;
	Range a = {x->lo, x->hi}, b = {y->lo, y->hi};

	switch (n->op) {
	case OP_ADD: case OP_SUB:
		return corners(n->op, a, b);
	case OP_MUL:
		return n->arg[0] == n->arg[1] ? range_square(a) : corners(OP_MUL, a, b);
	case OP_DIV: case OP_MOD:
		return range_quotient(n->op, a, b);
	case OP_MIN: case OP_MAX:
		return range_extreme(n);
	case OP_ABS:
		return (Range){a.lo > 0 ? a.lo : a.hi < 0 ? -a.hi : 0, most(-a.lo, a.hi)};
	case OP_EQ:
		return (Range){a.lo == a.hi && b.lo == b.hi && a.lo == b.lo, !disjoint(x, y)};
	case OP_LT:
		return (Range){a.hi < b.lo, a.lo < b.hi};
	case OP_NOT:
		return (Range){clamp((__int128)1 - a.hi), clamp((__int128)1 - a.lo)};
	case OP_AND: case OP_OR:
		return range_logic(n);
	case OP_TABLE:
		return range_table(n);
	default:
		return (Range){-VALUE_MAX, VALUE_MAX};
	}
}

/* The least of several is one of them. */
static Type
type_extreme(Graph *g, const Node *n, Range r)
{
	Bag all = bag_new(g, n);
	int m = 0;

	for (int i = 0; i < n->narg; i++)
		bag_all(&all, n->arg[i]);
	if (all.open)
		return from_range(g, n, r, SET_MAX);
	for (int i = 0; i < all.n; i++)
		if (all.v[i] >= r.lo && all.v[i] <= r.hi)
			all.v[m++] = all.v[i];
	return from_values(g, n, all.v, m, SET_MAX);
}

/* TABLE of an interval: the entries in reach. */
static Type
type_table(Graph *g, const Node *n, Range r)
{
	const Type *t = &n->arg[0]->type;
	int64_t last = n->ntable - 1;
	int lo = (int)most(0, least(last, clamp((__int128)t->lo - n->k)));
	int hi = (int)most(0, least(last, clamp((__int128)t->hi - n->k)));
	size_t size = (size_t)(hi - lo + 1) * sizeof(int64_t);

	if (hi - lo >= 1 << 20)
		return from_range(g, n, r, SET_MAX);
	int64_t *v = memcpy(scratch(g, S_OUT, size), n->table + lo, size);
	return from_values(g, n, v, hi - lo + 1, SET_MAX);
}

/* here - p: what a causal model sees is not ahead of it. */
static bool
distance_back(Graph *g, const Node *n, Range *r)
{
	const Node *index = n->arg[0], *p = n->arg[1];

	if (n->op != OP_SUB || g->bidirectional || index->op != OP_INDEX || p->op != OP_READ || p->arg[0] != index)
		return false;
	const Type *d = &p->arg[2]->type;
	*r = (Range){ least(most(0, -p->k), -d->hi), most(index->type.hi, index->type.hi - d->lo) };
	return true;
}

/* ---- sums of choices that hang together ---- */

enum { FACTS_MAX = 4, WALK_MAX = 48 };

/* lo <= e <= hi: what a condition that is an order says on one of its sides. */
typedef struct Fact {
	Affine e;
	int64_t lo, hi;
} Fact;

static Range
affine_range(const Affine *a)
{
	__int128 lo = a->c, hi = a->c;

	for (int i = 0; i < a->n; i++) {
		const Type *t = &a->term[i].n->type;
		__int128 c = a->term[i].c;
		lo += c * (c > 0 ? t->lo : t->hi);
		hi += c * (c > 0 ? t->hi : t->lo);
	}
	return (Range){ clamp(lo), clamp(hi) };
}

/* a = times * e + rest? */
static bool
multiple_of(const Affine *a, const Affine *e, int times, int64_t *rest)
{
	if (a->n != e->n)
		return false;
	for (int i = 0; i < a->n; i++)
		if (a->term[i].n != e->term[i].n || a->term[i].c != times * e->term[i].c)
			return false;
	*rest = a->c - times * e->c;
	return true;
}

static Range
narrowed(Range r, const Affine *a, const Fact *f)
{
	int64_t rest;

	if (multiple_of(a, &f->e, 1, &rest))
		return (Range){ most(r.lo, clamp((__int128)f->lo + rest)), least(r.hi, clamp((__int128)f->hi + rest)) };
	if (multiple_of(a, &f->e, -1, &rest))
		return (Range){ most(r.lo, clamp((__int128)rest - f->hi)), least(r.hi, clamp((__int128)rest - f->lo)) };
	return r;
}

/* a with each choice by `cond` taken: its arm `arm`, 1 where the condition holds. */
static bool
take_side(const Affine *a, const Node *cond, int arm, Affine *side)
{
	*side = (Affine){ .c = a->c };
	for (int i = 0; i < a->n; i++) {
		const Node *x = a->term[i].n;
		if (x->op == OP_IF && x->arg[0] == cond)
			x = x->arg[arm];
		if (!affine_add(side, a->term[i].c, x))
			return false;
	}
	return true;
}

/* The range of a, both sides of one condition after the other, with what each says. */
static Range
joint_range(const Affine *a, Fact *fact, int nfact)
{
	const Node *cond = NULL;
	Range r = affine_range(a), side[2];

	for (int i = 0; i < nfact; i++)
		r = narrowed(r, a, &fact[i]);
	for (int i = 0; i < a->n && !cond; i++)
		if (a->term[i].n->op == OP_IF)
			cond = a->term[i].n->arg[0];
	if (!cond || nfact == FACTS_MAX)
		return r;
	Fact *f = &fact[nfact];
	const Node *test = meant(cond);
	bool order = test->op == OP_LT && affine_of(test->arg[1], &f->e) && affine_add(&f->e, -1, test->arg[0]);
	for (int no = 0; no < 2; no++) {
		Affine taken;
		f->lo = no || !order ? -VALUE_MAX : 1;
		f->hi = no && order ? 0 : VALUE_MAX;
		if (!take_side(a, cond, 1 + no, &taken))
			return r;
		side[no] = joint_range(&taken, fact, nfact + 1);
	}
	return (Range){ most(r.lo, least(side[0].lo, side[1].lo)), least(r.hi, most(side[0].hi, side[1].hi)) };
}

/* Does the sum n add a carry, or two choices by one condition? Looks at its nearest
 * nodes only. */
static bool
hangs_together(const Node *n)
{
	const Node *todo[WALK_MAX] = { n }, *cond[WALK_MAX];
	int ntodo = 1, ncond = 0;
	int64_t by;

	for (int at = 0; at < ntodo; at++) {
		const Node *x = todo[at];
		bool sum = x->op == OP_ADD || x->op == OP_SUB || (x->op == OP_MUL && x->arg[1]->op == OP_CONST);
		if (at && divides_const(meant(x), &by))
			return true;
		for (int i = 0; x->op == OP_IF && i < ncond; i++)
			if (cond[i] == x->arg[0])
				return true;
		if (x->op == OP_IF)
			cond[ncond++] = x->arg[0];
		for (int i = 0; (sum || !at) && i < x->narg && ntodo < WALK_MAX; i++)
			todo[ntodo++] = x->arg[i];
	}
	return false;
}

/* (x + y // m) // by as (x * m + y) // (by * m), as often as it goes. */
static void
without_carries(Affine *a, int64_t *by)
{
	Affine all;
	int64_t m;

	for (int i = 0; i < a->n; i++) {
		const Term t = a->term[i];
		const Node *d = meant(t.n);
		if (t.c != 1 || !divides_const(d, &m) || *by >= COEF_MAX / m || !affine_fits(a, m))
			continue;
		all = *a;
		all.term[i] = all.term[--all.n];
		affine_scale(&all, m);
		if (!affine_add(&all, 1, d->arg[0]))
			return;
		*by *= m;
		*a = all;
		i = -1;
	}
}

/* The range of a sum or a quotient, sharper than r where what it adds hangs together:
 * if a < b then b - a else a - b, taken apart into digits, is not below 0. */
static Range
joint(const Node *n, Range r)
{
	Fact fact[FACTS_MAX + 1];
	Affine a;
	int64_t by = 1;
	bool quotient = divides_const(n, &by);

	if ((n->op != OP_ADD && n->op != OP_SUB && !quotient) || !hangs_together(n))
		return r;
	if (!affine_of(quotient ? n->arg[0] : n, &a))
		return r;
	without_carries(&a, &by);
	Range q = corners(OP_DIV, joint_range(&a, fact, 0), (Range){ by, by });
	return (Range){ most(r.lo, q.lo), least(r.hi, q.hi) };
}

/* Its own root: what x is a function of is not computed. */
static Type
type_as(Graph *g, const Node *n)
{
	const Type *x = &n->arg[0]->type, *y = &n->arg[1]->type;
	Range r = {most(x->lo, y->lo), least(x->hi, y->hi)};

	if (x->nset) {
		size_t size = (size_t)x->nset * sizeof *x->set;
		return from_values(g, n, memcpy(scratch(g, S_OUT, size), x->set, size), x->nset, SET_MAX);
	}
	return from_range(g, n, r, SET_MAX);
}

static Type
type_pointwise(Graph *g, const Node *n)
{
	const Node *root = common_root(n);
	int64_t b;
	Type t;

	if (n->op == OP_AS)
		return type_as(g, n);
	if (root)
		return by_root(g, n, root);
	if (n->op == OP_IF)
		return type_if(g, n);
	if (n->op == OP_PICK)
		return type_pick(g, n);
	if (n->op == OP_SUB && (b = remainder_of(n))) {
		const Type *x = &n->arg[0]->type;
		return from_range(g, n, (Range){0, x->lo >= 0 ? least(b - 1, x->hi) : b - 1}, SET_MAX);
	}
	Range r;
	if (distance_back(g, n, &r))
		return from_range(g, n, r, SET_MAX);
	r = interval(n);
	Range j = joint(n, r);
	if (j.lo > r.lo || j.hi < r.hi)
		return from_range(g, n, j, SET_MAX);
	if (by_combinations(g, n, &t))
		return t;
	if (n->op == OP_MIN || n->op == OP_MAX)
		return type_extreme(g, n, r);
	if (n->op == OP_TABLE)
		return type_table(g, n, r);
	return from_range(g, n, r, SET_MAX);
}

/* ---- reading ---- */

static int
conjuncts(const Node *c, Node *const **list, Node **single)
{
	if (c->op == OP_AND) {
		*list = c->arg;
		return c->narg;
	}
	*list = single;
	return 1;
}

static bool
same_there(const Node *a, const Node *b)
{
	return (a->op == OP_THERE && a->arg[0] == b) || (b->op == OP_THERE && b->arg[0] == a);
}

/* Does a test hold between a position and itself? */
static bool
holds_here(const Node *c)
{
	if (c->op == OP_NOT && c->arg[0]->op == OP_LT)
		return same_there(c->arg[0]->arg[0], c->arg[0]->arg[1]);
	return is_const(c, 1) || (c->op == OP_EQ && same_there(c->arg[0], c->arg[1]));
}

static bool
surely_there(const Node *p)
{
	Node *const *list, *single;

	if (p->op == OP_HERE)
		return true;
	if (p->op == OP_AT)
		return is_const(p->arg[0], 0);
	single = condition_of(p);
	int n = conjuncts(single, &list, &single);
	for (int i = 0; i < n; i++)
		if (!holds_here(list[i]))
			return false;
	return true;
}

/* Strikes out the values of the root that fail a test of what is looked for. */
static void
narrow(const Node *root, const Node *test, char *keep)
{
	const Node *there = test->type.root;

	if (!test->two_sided || !there || there->op != OP_THERE)
		return;
	const Type *y = &there->arg[0]->type;
	if (y->root != root)
		return;
	for (int i = 0; i < root->type.nset; i++) {
		int at = set_find(&there->type, y->image[i]);
		if (at < 0 || test->type.image[at] != 1)
			keep[i] = 0;
	}
}

/* The values of x where p points. */
static void
bag_read(Bag *b, const Node *x, const Node *p, int64_t k)
{
	const Node *root = x->type.root;
	Node *const *list, *single;

	if (!root || k != 0 || !is_search(p->op)) {
		bag_all(b, x);
		return;
	}
	char *keep = scratch(b->g, S_KEEP, (size_t)root->type.nset);
	memset(keep, 1, (size_t)root->type.nset);
	single = condition_of(p);
	int n = conjuncts(single, &list, &single);
	for (int i = 0; i < n; i++)
		narrow(root, list[i], keep);
	for (int i = 0; i < root->type.nset; i++)
		if (keep[i])
			bag_add(b, x->type.image[i]);
}

/* A function of the position, read a fixed way back, is one again. */
static Type
type_shifted(Graph *g, const Node *n)
{
	const Node *root = n->arg[0]->type.root;
	int64_t *out = scratch(g, S_OUT, (size_t)root->type.nset * sizeof *out);

	for (int i = 0; i < root->type.nset; i++)
		out[i] = i + n->k < 0 ? n->arg[2]->k : n->arg[0]->type.image[i + n->k];
	return from_image(g, root, out);
}

static Type
type_read(Graph *g, const Node *n)
{
	const Type *x = &n->arg[0]->type;

	if (n->arg[1]->op == OP_HERE && n->k <= 0 && n->arg[2]->op == OP_CONST && x->image && x->root->op == OP_INDEX)
		return type_shifted(g, n);
	Bag b = bag_new(g, n);

	bag_read(&b, n->arg[0], n->arg[1], n->k);
	if (!b.any || n->k != 0 || !surely_there(n->arg[1]))
		bag_all(&b, n->arg[2]);
	return bag_type(&b, n);
}

/* ---- sums ---- */

/* The values of what is summed, where the condition may hold. */
static Range
summand(const Node *e, const Node *c)
{
	Range r = {e->type.lo, e->type.hi};
	const Node *root = e->type.root;
	bool any = false;

	if (!root || c->type.root != root || !c->type.image)
		return r;
	for (int i = 0; i < root->type.nset; i++)
		if (c->type.image[i] == 1) {
			Range v = {e->type.image[i], e->type.image[i]};
			r = any ? join(r, v) : v;
			any = true;
		}
	return any ? r : (Range){0, 0};
}

static bool
is_elsewhere(const Node *c)
{
	return c->op == OP_LT && (same_there(c->arg[0], c->arg[1]));
}

/* Of `context` terms at most; of one at least if here itself is surely counted. */
static Type
type_sum(Graph *g, const Node *n)
{
	Node *const *list, *single = condition_of(n);
	Range e = summand(n->arg[0], single), r;
	int terms = most(1, g->context), parts = conjuncts(single, &list, &single);
	bool sure = true, elsewhere = false;

	for (int i = 0; i < parts; i++) {
		sure &= holds_here(list[i]);
		elsewhere |= is_elsewhere(list[i]);
	}
	terms -= elsewhere;
	r.lo = clamp((__int128)e.lo * (e.lo < 0 ? terms : sure));
	r.hi = clamp((__int128)e.hi * (e.hi > 0 ? terms : sure));
	return from_range(g, n, r, SET_MAX);
}

static Type
type_there(const Node *n)
{
	Type t = n->arg[0]->type;

	t.root = t.nset ? n : NULL;
	t.image = t.set;
	return t;
}

Type
infer_type(Graph *g, const Node *n)
{
	switch (n->op) {
	case OP_CONST: {
		Type t = {.lo = n->k, .hi = n->k, .nset = 1};
		t.set = intern_values(g, &n->k, 1);
		return t;
	}
	case OP_TOKEN:
		return from_range(g, n, (Range){0, most(0, rows_of(g, (int)n->k) - 1)}, ROOT_MAX);
	case OP_INDEX:
		return from_range(g, n, (Range){0, most(0, g->context - 1)}, ROOT_MAX);
	case OP_HERE:
		return from_interval((Range){0, most(0, g->context - 1)});
	case OP_AT: case OP_LATEST: case OP_FIRST: case OP_BEST:
		return from_interval((Range){-1, most(0, g->context - 1)});
	case OP_THERE:
		return type_there(n);
	case OP_READ:
		return type_read(g, n);
	case OP_SUM:
		return type_sum(g, n);
	default:
		return type_pointwise(g, n);
	}
}
