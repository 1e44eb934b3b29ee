/* Types: which values a node takes, over all texts and positions (an abstract
 * interpretation; Cousot and Cousot 1977; the domains are intervals, small sets, and
 * functions of one stream).
 *
 * Where all operands are functions of one stream, the root, the node is computed for each
 * of the root's values. That is its image, and it is why t - t // 10 * 10 is known to be a
 * digit. With several roots all combinations of their values are tried while they are few.
 * Otherwise the operands' intervals decide (range.c), and a short interval is taken as the
 * set of all its values.
 *
 * A set is never too small. It may be too large, since streams with different roots are
 * taken as independent. TOKEN and INDEX have sets of up to ROOT_MAX values, all others of
 * up to SET_MAX. */

#include "ir/internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- sets ---- */

static int
by_set_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Sorts v and drops repeats; the number left. */
static int
unique(Graph *g, int64_t *v, int n)
{
	Range r = values_range(v, n);
	int m = 0;

	if (r.hi - r.lo < 4 * (int64_t)n + 1024) {
		int size = (int)(r.hi - r.lo) + 1;
		char *seen = scratch(g, SCRATCH_BITS, (size_t)size);
		memset(seen, 0, (size_t)size);
		for (int i = 0; i < n; i++)
			seen[v[i] - r.lo] = 1;
		for (int i = 0; i < size; i++)
			if (seen[i])
				v[m++] = r.lo + i;
		return m;
	}
	qsort(v, (size_t)n, sizeof *v, by_set_value);
	for (int i = 0; i < n; i++)
		if (!m || v[i] != v[m - 1])
			v[m++] = v[i];
	return m;
}

static Type
from_interval(Range r)
{
	return (Type){ .lo = r.lo, .hi = r.hi };
}

/* The type of a node that takes the values v, which are sorted here. If they are few enough it is
 * its own root. */
static Type
from_values(Graph *g, const Node *self, int64_t *v, int n, int max)
{
	int m = unique(g, v, n);
	Type t = from_interval((Range){ v[0], v[m - 1] });

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
	int64_t *v = scratch(g, SCRATCH_OUT, (size_t)n * sizeof *v);
	for (int i = 0; i < n; i++)
		v[i] = r.lo + i;
	return from_values(g, self, v, n, max);
}

static Type
from_image(Graph *g, const Node *root, const int64_t *image)
{
	int n = root->type.nset;
	size_t size = (size_t)n * sizeof *image;
	int64_t *v = memcpy(scratch(g, SCRATCH_SORT, size), image, size);
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
	int64_t *out = scratch(g, SCRATCH_OUT, (size_t)size * sizeof *out);
	int64_t *v = scratch(g, SCRATCH_ARG, (size_t)n->narg * sizeof *v);

	for (int i = 0; i < size; i++) {
		for (int j = 0; j < n->narg; j++)
			v[j] = n->arg[j]->op == OP_CONST ? n->arg[j]->k : n->arg[j]->type.image[i];
		out[i] = op_apply(n, v);
	}
	return from_image(g, root, out);
}

/* ---- functions of several roots: every combination ---- */

/* The operands of one root, and the combinations of values that they take together. */
typedef struct RootGroup {
	const Node *root;
	int nmember, *member; /* operands, by number */
	int ntuple;
	int64_t *tuple; /* (ntuple, nmember) */
	int at;
} RootGroup;

enum { GROUP_MAX = 16 }; /* more groups would be 2^16 combinations at least, which are too many */

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
	int *slot = scratch(g, SCRATCH_HASH, (size_t)cap * sizeof *slot);
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
find_groups(const Node *n, RootGroup *group, int *member)
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
			group[ngroup++] = (RootGroup){ .root = root };
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
tuple_room(const Node *n, const RootGroup *gr)
{
	const Type *t = &n->arg[gr->member[0]]->type;
	int rows = gr->nmember == 1 && t->nset ? t->nset : gr->root->type.nset;

	return (size_t)rows * (size_t)gr->nmember;
}

static void
fill_tuples(Graph *g, const Node *n, RootGroup *gr)
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
			gr->tuple[(size_t)i * gr->nmember + j] =
				n->arg[gr->member[j]]->type.image[i];
	gr->ntuple = unique_tuples(g, gr->tuple, gr->ntuple, gr->nmember);
}

static void
load_tuple(const RootGroup *gr, int64_t *v)
{
	for (int j = 0; j < gr->nmember; j++)
		v[gr->member[j]] = gr->tuple[(size_t)gr->at * gr->nmember + j];
}

static bool
next_combination(RootGroup *group, int ngroup, int64_t *v)
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

/* Is it the sum of two whole ranges? Then it takes a whole range, and no values need be tried. */
static bool
adds_ranges(const Node *n)
{
	if (n->op != OP_ADD && n->op != OP_SUB)
		return false;
	return is_contiguous(&n->arg[0]->type) && is_contiguous(&n->arg[1]->type);
}

enum { STEPS_A_COMBINATION = 16 }; /* of work */

static bool
by_combinations(Graph *g, const Node *n, Type *result)
{
	RootGroup group[GROUP_MAX];
	size_t room = 0;
	int64_t total = 1;
	int *member = scratch(g, SCRATCH_KEEP, (size_t)n->narg * sizeof *member);
	int ngroup = find_groups(n, group, member);

	if (!ngroup || adds_ranges(n))
		return false;
	for (int j = 0; j < ngroup; j++)
		room += tuple_room(n, &group[j]);
	if (room > 64 * PAIRS_MAX)
		return false;
	int64_t *tuple = scratch(g, SCRATCH_TUPLE, room * sizeof *tuple);
	for (int j = 0; j < ngroup; j++) {
		group[j].tuple = tuple;
		tuple += tuple_room(n, &group[j]);
		fill_tuples(g, n, &group[j]);
		if ((total *= group[j].ntuple) > PAIRS_MAX)
			return false;
	}
	arena_work(g->arena, (uint64_t)total * STEPS_A_COMBINATION);
	int64_t *v = scratch(g, SCRATCH_ARG, (size_t)n->narg * sizeof *v);
	int64_t *out = scratch(g, SCRATCH_OUT, (size_t)total * sizeof *out);
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

typedef struct ValueBag {
	Graph *g;
	int64_t *v; /* in SCRATCH_OUT */
	int n, cap;
	Range range;    /* of all that was put in */
	bool any, open; /* open: of some operand only an interval is known */
} ValueBag;

/* Room for the values of all operands, up to a limit. */
static ValueBag
bag_new(Graph *g, const Node *n)
{
	ValueBag b = { .g = g };

	for (int i = 0; i < n->narg && b.cap < 2 * ROOT_MAX; i++) {
		const Node *root = n->arg[i]->type.root;
		b.cap += 2 * (root ? root->type.nset : 1); /* a default comes twice */
	}
	b.v = scratch(g, SCRATCH_OUT, (size_t)b.cap * sizeof *b.v);
	return b;
}

static void
bag_range(ValueBag *b, int64_t lo, int64_t hi)
{
	b->range.lo = b->any ? min_int64(b->range.lo, lo) : lo;
	b->range.hi = b->any ? max_int64(b->range.hi, hi) : hi;
	b->any = true;
}

static void
bag_add(ValueBag *b, int64_t v)
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
bag_all(ValueBag *b, const Node *x)
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

/* Puts in the values of x where c is in lo..hi. */
static void
bag_where(ValueBag *b, const Node *c, int64_t lo, int64_t hi, const Node *x)
{
	const Node *root = c->type.root;

	if (!may_be_within(&c->type, lo, hi))
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
bag_type(ValueBag *b, const Node *self)
{
	if (b->open)
		return from_range(b->g, self, b->range, SET_MAX);
	return from_values(b->g, self, b->v, b->n, SET_MAX);
}

Type
type_if(Graph *g, const Node *n)
{
	const Node *root = common_root(n);
	ValueBag b;
	Type t;

	if (type_real_choice(n, 1, 1, &t))
		return t;
	if (root)
		return by_root(g, n, root);
	b = bag_new(g, n);
	bag_where(&b, n->arg[0], 1, 1, n->arg[1]);
	bag_where(&b, n->arg[0], 2, VALUE_MAX, n->arg[2]);
	bag_where(&b, n->arg[0], -VALUE_MAX, 0, n->arg[2]);
	return bag_type(&b, n);
}

static Type
type_pick(Graph *g, const Node *n)
{
	const Node *i = n->arg[0], *root = common_root(n);
	ValueBag b;
	Type t;

	if (type_real_choice(n, 1, 1, &t))
		return t;
	if (root)
		return by_root(g, n, root);
	b = bag_new(g, n);
	bag_where(&b, i, -VALUE_MAX, -1, n->arg[1]);
	bag_where(&b, i, n->narg - 2, VALUE_MAX, n->arg[1]);
	for (int j = 2; j < n->narg; j++)
		bag_where(&b, i, j - 2, j - 2, n->arg[j]);
	return bag_type(&b, n);
}

/* here - p, or here - j: not negative in a causal model, which sees nothing ahead. */
static bool
distance_back(Graph *g, const Node *n, Range *r)
{
	if (n->op != OP_SUB || g->bidirectional)
		return false;
	const Node *index = n->arg[0], *p = n->arg[1];
	if (index->op != OP_INDEX || (p->op != OP_READ && p->op != OP_THERE) || p->arg[0] != index)
		return false;
	if (p->op == OP_THERE) {
		*r = (Range){ 0, index->type.hi };
		return true;
	}
	const Type *d = &p->arg[2]->type;
	*r = (Range){ min_int64(max_int64(0, -p->k), -d->hi),
		      max_int64(index->type.hi, index->type.hi - d->lo) };
	return true;
}

/* Its own root: it is computed as arg[1] says, so not as a function of the root of arg[0]. */
static Type
type_as(Graph *g, const Node *n)
{
	const Type *x = &n->arg[0]->type, *y = &n->arg[1]->type;
	Range r = { max_int64(x->lo, y->lo), min_int64(x->hi, y->hi) };

	if (x->nset) {
		size_t size = (size_t)x->nset * sizeof *x->set;
		return from_values(g, n, memcpy(scratch(g, SCRATCH_OUT, size), x->set, size),
		                   x->nset, SET_MAX);
	}
	return from_range(g, n, r, SET_MAX);
}

/* What is known of a pointwise node whatever its operator. True: that is its type. False: no more
 * than the range r is known so far. */
static bool
pointwise_type(Graph *g, const Node *n, Type *t, Range *r)
{
	const Node *root = common_root(n);
	int64_t b;

	if (root) {
		*t = by_root(g, n, root);
		return true;
	}
	bool remainder = n->op == OP_SUB && (b = remainder_divisor(n));
	if (remainder) {
		const Type *x = &n->arg[0]->type;
		*r = (Range){ 0, x->lo >= 0 ? min_int64(b - 1, x->hi) : b - 1 };
	}
	if (remainder || distance_back(g, n, r)) {
		*t = from_range(g, n, *r, SET_MAX);
		return true;
	}
	*r = operand_range(n);
	Range j = joint_interval(n, *r);
	if (j.lo > r->lo || j.hi < r->hi) {
		*t = from_range(g, n, j, SET_MAX);
		return true;
	}
	return by_combinations(g, n, t);
}

static Type
type_pointwise(Graph *g, const Node *n)
{
	Type t;
	Range r;

	return pointwise_type(g, n, &t, &r) ? t : from_range(g, n, r, SET_MAX);
}

/* The least of several values is one of them. */
static Type
type_extreme(Graph *g, const Node *n)
{
	Type t;
	Range r;

	if (pointwise_type(g, n, &t, &r))
		return t;
	ValueBag all = bag_new(g, n);
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

/* TABLE of an argument of which only the interval is known: the entries in reach. */
static Type
type_table(Graph *g, const Node *n)
{
	Type known;
	Range r;

	if (pointwise_type(g, n, &known, &r))
		return known;
	const Type *t = &n->arg[0]->type;
	int64_t last = n->ntable - 1;
	int lo = (int)max_int64(0, min_int64(last, clamp((__int128)t->lo - n->k)));
	int hi = (int)max_int64(0, min_int64(last, clamp((__int128)t->hi - n->k)));
	size_t size = (size_t)(hi - lo + 1) * sizeof(int64_t);

	if (hi - lo >= 1 << 20)
		return from_range(g, n, r, SET_MAX);
	int64_t *v = memcpy(scratch(g, SCRATCH_OUT, size), n->table + lo, size);
	return from_values(g, n, v, hi - lo + 1, SET_MAX);
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

/* Does the condition hold between a position and itself, surely? */
static bool
holds_here(const Node *c)
{
	if (c->op == OP_NOT && c->arg[0]->op == OP_LT)
		return same_there(c->arg[0]->arg[0], c->arg[0]->arg[1]);
	return is_const(c, 1) || (c->op == OP_EQ && same_there(c->arg[0], c->arg[1]));
}

static bool
surely_present(const Node *p)
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

/* Strikes out of keep[] the values of the root with which a position fails the test, and so is not
 * found. */
static void
strike_failing(const Node *root, const Node *test, char *keep)
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

/* Puts in the values of x at positions where p may point. */
static void
bag_read(ValueBag *b, const Node *x, const Node *p, int64_t k)
{
	const Node *root = x->type.root;
	Node *const *list, *single;

	if (!root || k != 0 || !is_search(p->op)) {
		bag_all(b, x);
		return;
	}
	char *keep = scratch(b->g, SCRATCH_KEEP, (size_t)root->type.nset);
	memset(keep, 1, (size_t)root->type.nset);
	single = condition_of(p);
	int n = conjuncts(single, &list, &single);
	for (int i = 0; i < n; i++)
		strike_failing(root, list[i], keep);
	for (int i = 0; i < root->type.nset; i++)
		if (keep[i])
			bag_add(b, x->type.image[i]);
}

/* A function of the position, read a fixed distance back, is a function of the position again. */
static Type
type_shifted(Graph *g, const Node *n)
{
	const Node *root = n->arg[0]->type.root;
	int64_t *out = scratch(g, SCRATCH_OUT, (size_t)root->type.nset * sizeof *out);

	for (int i = 0; i < root->type.nset; i++)
		out[i] = i + n->k < 0 ? n->arg[2]->k : n->arg[0]->type.image[i + n->k];
	return from_image(g, root, out);
}

static Type
type_read(Graph *g, const Node *n)
{
	const Type *x = &n->arg[0]->type;
	Type t;

	if (type_real_choice(n, 0, 2, &t))
		return t;
	if (n->arg[1]->op == OP_HERE && n->k <= 0 && n->arg[2]->op == OP_CONST && x->image
	    && x->root->op == OP_INDEX)
		return type_shifted(g, n);
	ValueBag b = bag_new(g, n);

	bag_read(&b, n->arg[0], n->arg[1], n->k);
	if (!b.any || n->k != 0 || !surely_present(n->arg[1]))
		bag_all(&b, n->arg[2]);
	return bag_type(&b, n);
}

/* ---- sums ---- */

/* The range of what is summed, at positions where the condition may hold. */
static Range
summand_range(const Node *e, const Node *c)
{
	Range r = { e->type.lo, e->type.hi };
	const Node *root = e->type.root;
	bool any = false;

	if (!root || c->type.root != root || !c->type.image)
		return r;
	for (int i = 0; i < root->type.nset; i++)
		if (c->type.image[i] == 1) {
			Range v = { e->type.image[i], e->type.image[i] };
			r = any ? range_hull(r, v) : v;
			any = true;
		}
	return any ? r : (Range){ 0, 0 };
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
	Range e = summand_range(n->arg[0], single), r;
	int terms = max_int64(1, g->context), parts = conjuncts(single, &list, &single);
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
type_there(Graph *g, const Node *n)
{
	Type t;

	(void)g;
	if (type_real_choice(n, 0, 1, &t))
		return t;
	t = n->arg[0]->type;
	t.root = t.nset ? n : NULL;
	t.image = t.set;
	return t;
}

/* ---- what has no operands, and references ---- */

static Type
type_const(Graph *g, const Node *n)
{
	Type t = { .lo = n->k, .hi = n->k, .nset = 1 };

	t.set = intern_values(g, &n->k, 1);
	return t;
}

static Type
type_token(Graph *g, const Node *n)
{
	return from_range(g, n, (Range){ 0, max_int64(0, rows_of(g, (int)n->k) - 1) }, ROOT_MAX);
}

static int64_t
last_position(const Graph *g)
{
	return max_int64(0, g->context - 1);
}

static Type
type_index(Graph *g, const Node *n)
{
	return from_range(g, n, (Range){ 0, last_position(g) }, ROOT_MAX);
}

static Type
type_fed(Graph *g, const Node *n, const Input *in)
{
	Range r = { (int64_t)in->min, (int64_t)in->max };

	return in->kind == K_REAL ? type_real_input(in) : from_range(g, n, r, SET_MAX);
}

static Type
type_input(Graph *g, const Node *n)
{
	return type_fed(g, n, &g->input[n->k]);
}

static Type
type_learned(Graph *g, const Node *n)
{
	return type_fed(g, n, &g->chosen[n->k]);
}

static Type
type_here(Graph *g, const Node *n)
{
	(void)n;
	return from_interval((Range){ 0, last_position(g) });
}

static Type
type_reference(Graph *g, const Node *n)
{
	(void)n;
	return from_interval((Range){ -1, last_position(g) });
}

/* ---- all of them ---- */

Type
infer_type(Graph *g, const Node *n)
{
	static Type (*const rule[NUM_OPS])(Graph *, const Node *) = {
#define OP(name, nargs, attr, class, traits, fold, type, ...) [OP_##name] = type_##type,
#include "lang/ops.h"
#undef OP
	};

	return rule[n->op](g, n);
}
