/* A function of few streams of few values, in one layer, whatever chain of operators
 * it was written as:
 *
 *     match (token[mate else token], token) { ('(', ')') | ('{', '}') => false, else => true }
 *
 * is true but for some pairs of values. A set of values of one stream is an indicator, a
 * feature or a flag that is read; each block of the table where the value is not the most
 * frequent one is an AND of indicators, one neuron:
 *
 *     base + sum over blocks of (value - base) * relu([x in A] + [y in B] - 1)
 *
 * The streams are found by walking down from the node to what is ready early. */

#include "backend/circuit/circuit.h"

#include <string.h>

enum {
	MAX_STREAMS = 3,
	MAX_VALUES = 64,    /* of one stream, */
	MAX_SPAN = 1 << 20, /* from the least to the greatest */
	MAX_CELLS = 1024,
	MAX_STEPS = 48,
	MAX_OPERANDS = 12,
	MAX_BLOCKS = 24, /* neurons */
	MAX_VALUES_OUT = 16,
	MAX_LAYERS = 4,      /* that are tried to be saved, at most */
	MAX_WORK = 20000000, /* steps evaluated in one compilation: some tenths of a second */
};

/* How to evaluate one node, from earlier steps. */
typedef struct Step {
	enum { FIXED, STREAM, IMAGE, OR_ELSE, OPERATOR } kind;
	Node *n; /* OR_ELSE: READ with its default a stream */
	int at;  /* STREAM: which; IMAGE: step of its root; OR_ELSE: of what is read */
	int arg[MAX_OPERANDS]; /* OPERATOR; OR_ELSE: arg[0] is the default's */
} Step;

typedef struct Joint {
	Circuit *c;
	int state; /* streams are ready by then */
	int nstream, nstep;
	Node *stream[MAX_STREAMS];
	Step step[MAX_STEPS];
	int stride[MAX_STREAMS], order[MAX_STREAMS];
	int64_t *cell, base; /* the table; its most frequent value */
	int blocks;
	const Form *sum; /* NULL: only count blocks */
} Joint;

static int
values_of(const Node *n)
{
	return n->type.nset;
}

static int walk(Joint *, Node *, bool top);

static int
add_step(Joint *j, Step s)
{
	if (j->nstep == MAX_STEPS)
		return -1;
	j->step[j->nstep] = s;
	return j->nstep++;
}

static bool
is_early(Joint *j, Node *n)
{
	return values_of(n) && values_of(n) <= MAX_VALUES && n->type.hi - n->type.lo < MAX_SPAN
	       && !n->two_sided && map_node(j->c, n)->ready <= j->state;
}

static int
add_stream(Joint *j, Node *n)
{
	if (j->nstream == MAX_STREAMS)
		return -1;
	j->stream[j->nstream] = n;
	return add_step(j, (Step){ .kind = STREAM, .n = n, .at = j->nstream++ });
}

/* x[p else d] for a stream d: what is read, or a value of its own where p is absent. */
static int
walk_read(Joint *j, Node *n)
{
	if (n->type.real)
		return -1;
	Node *x = n->arg[0], *absent = mk_const(j->c->g, x->type.hi + 1),
	     *arg[3] = { x, n->arg[1], absent };
	Node *read = mk(j->c->g, OP_READ, n->span, n->file, 3, arg, n->k);
	int at = walk(j, read, false), d = at < 0 ? -1 : walk(j, n->arg[2], false);

	return d < 0 ? -1 : add_step(j, (Step){ .kind = OR_ELSE, .n = n, .at = at, .arg = { d } });
}

static int
walk_operands(Joint *j, Node *n)
{
	Step s = { .kind = OPERATOR, .n = n };

	if (n->narg > MAX_OPERANDS || n->two_sided)
		return -1;
	for (int i = 0; i < n->narg; i++)
		if ((s.arg[i] = walk(j, n->arg[i], false)) < 0)
			return -1;
	return add_step(j, s);
}

/* The step that evaluates n, or -1. */
static int
walk(Joint *j, Node *n, bool top)
{
	const Node *root = n->type.root;
	int at;

	for (int i = 0; i < j->nstep; i++)
		if (j->step[i].n == n)
			return i;
	if (is_const(n))
		return add_step(j, (Step){ .kind = FIXED, .n = n });
	if (n->op == OP_AS)
		return walk(j, n->arg[1], top);
	if (n->op == OP_READ && !is_const(n->arg[2]))
		return walk_read(j, n);
	if (root && root != n && !root->two_sided && root->type.nset <= MAX_VALUES) {
		Joint before = *j;
		if ((at = walk(j, (Node *)root, false)) >= 0)
			return add_step(j, (Step){ .kind = IMAGE, .n = n, .at = at });
		*j = before;
	}
	if (!top && is_early(j, n))
		return add_stream(j, n);
	return n->narg && is_pointwise(n->op) ? walk_operands(j, n) : -1;
}

static int
place_of(const Type *t, int64_t v)
{
	int i = 0;

	while (i + 1 < t->nset && t->set[i] != v)
		i++;
	return i;
}

/* The value of the last step, where stream s has its value number at[s]. */
static int64_t
evaluate(const Joint *j, const int *at)
{
	int64_t v[MAX_STEPS], arg[MAX_OPERANDS];

	for (int i = 0; i < j->nstep; i++) {
		const Step *s = &j->step[i];
		switch (s->kind) {
		case FIXED: v[i] = s->n->k; break;
		case STREAM: v[i] = s->n->type.set[at[s->at]]; break;
		case IMAGE:
			v[i] = s->n->type.image[place_of(&s->n->type.root->type, v[s->at])];
			break;
		case OR_ELSE:
			v[i] = v[s->at] > s->n->arg[0]->type.hi ? v[s->arg[0]] : v[s->at];
			break;
		case OPERATOR:
			for (int k = 0; k < s->n->narg; k++)
				arg[k] = v[s->arg[k]];
			v[i] = op_apply(s->n, arg);
			break;
		}
	}
	return v[j->nstep - 1];
}

static int
cells_of(Joint *j)
{
	int cells = 1;

	for (int s = 0; s < j->nstream; s++) {
		j->stride[s] = cells;
		cells *= values_of(j->stream[s]);
		if (cells > MAX_CELLS)
			return 0;
	}
	return cells;
}

/* False if it takes too many values. */
static bool
fill(Joint *j, int cells)
{
	int64_t value[MAX_VALUES_OUT] = { 0 };
	int at[MAX_STREAMS], times[MAX_VALUES_OUT] = { 0 }, n = 0, most = 0;

	j->cell = arena_alloc(j->c->arena, sizeof *j->cell * (size_t)cells);
	for (int i = 0; i < cells; i++) {
		for (int s = 0; s < j->nstream; s++)
			at[s] = i / j->stride[s] % values_of(j->stream[s]);
		value[n] = j->cell[i] = evaluate(j, at);
		int k = 0;
		while (value[k] != value[n])
			k++;
		times[k]++;
		n += k == n;
		if (n == MAX_VALUES_OUT)
			return false;
	}
	for (int k = 1; k < n; k++)
		most = times[k] > times[most] ? k : most;
	j->base = value[most];
	return true;
}

/* Are the tables that begin at cells a and b the same, in the streams from `level` on? */
static bool
same_table(const Joint *j, int level, int a, int b)
{
	if (level == j->nstream)
		return j->cell[a] == j->cell[b];
	int s = j->order[level];
	for (int i = 0; i < values_of(j->stream[s]); i++)
		if (!same_table(j, level + 1, a + i * j->stride[s], b + i * j->stride[s]))
			return false;
	return true;
}

/* [x in set], where in[i] says it of the i-th value of stream s. */
static const Form *
indicator(const Joint *j, int s, const bool *in)
{
	Node *x = j->stream[s];
	const Type *t = &x->type;
	int64_t span = t->hi - t->lo + 1, *y = arena_alloc(j->c->arena, sizeof *y * (size_t)span);

	for (int i = 0; i < t->nset; i++)
		y[t->set[i] - t->lo] = in[i];
	return map_node(j->c, mk_table(j->c->g, x->span, x->file, x, t->lo, y, (int)span));
}

static bool cover(Joint *, int level, int cell, const Form *all, int nall);

/* The block of all that is in `all` and where stream s is in the set. */
static bool
cover_set(Joint *j, int level, int cell, const bool *in, bool whole, const Form *all, int nall)
{
	Circuit *c = j->c;
	int s = j->order[level];

	if (!whole && j->sum) {
		const Form *is = indicator(j, s, in);
		if (is->ready > j->state)
			return false;
		all = form_add(c, 1, all, 1, is, 0);
	}
	nall += !whole;
	if (level + 1 < j->nstream)
		return cover(j, level + 1, cell, all, nall);
	if (!j->sum)
		return ++j->blocks <= MAX_BLOCKS;
	const Form *hit = nall > 1 ? form_within(c, relu(c, form_scale(c, 1, all, 1 - nall)), 0, 1)
	                  : nall   ? all
	                           : form_const(c, 1);
	j->sum = form_add(c, 1, j->sum, j->cell[cell] - j->base, hit, 0);
	return true;
}

/* The table that begins at this cell, by sets of values of the stream at this level for
 * which the rest is the same. */
static bool
cover(Joint *j, int level, int cell, const Form *all, int nall)
{
	int s = j->order[level], n = values_of(j->stream[s]), step = j->stride[s];
	bool last = level + 1 == j->nstream, done[MAX_VALUES] = { false }, in[MAX_VALUES];

	for (int i = 0; i < n; i++) {
		int count = 0, first = cell + i * step;
		if (done[i])
			continue;
		for (int k = 0; k < n; k++) {
			in[k] = same_table(j, level + 1, first, cell + k * step);
			done[k] |= in[k];
			count += in[k];
		}
		if (last && j->cell[first] == j->base)
			continue;
		if (!cover_set(j, level, first, in, count == n, all, nall))
			return false;
	}
	return true;
}

/* The order of streams with the fewest blocks; false if there are too many in each. */
static bool
best_order(Joint *j)
{
	static const int orders[6][MAX_STREAMS] = { { 0, 1, 2 }, { 1, 0, 2 }, { 2, 0, 1 },
		                                    { 0, 2, 1 }, { 1, 2, 0 }, { 2, 1, 0 } };
	int n = j->nstream == 3 ? 6 : j->nstream, best = -1, least = MAX_BLOCKS + 1;

	for (int i = 0; i < n; i++) {
		memcpy(j->order, orders[i], sizeof j->order);
		j->blocks = 0;
		if (cover(j, 0, 0, NULL, 0) && j->blocks < least) {
			best = i;
			least = j->blocks;
		}
	}
	if (best >= 0)
		memcpy(j->order, orders[best], sizeof j->order);
	return best >= 0;
}

static const Form *
joint_by(Circuit *c, Node *n, int state)
{
	Joint j = { .c = c, .state = state };
	int cells;

	if (walk(&j, n, true) < 0 || j.nstream < 2 || !(cells = cells_of(&j)))
		return NULL;
	c->work += (long)cells * j.nstep;
	if (c->work > MAX_WORK || !fill(&j, cells) || !best_order(&j))
		return NULL;
	const Form *none = form_const(c, 0);
	j.sum = form_const(c, j.base);
	return cover(&j, 0, 0, none, 0) ? form_within(c, j.sum, n->type.lo, n->type.hi) : NULL;
}

const Form *
joint_table(Circuit *c, Node *n, const Form *best)
{
	int late = best->ready - 1 - 2 * MAX_LAYERS;

	for (int state = late < 1 ? 1 : late | 1; (state | 1) + 1 < best->ready; state += 2) {
		const Form *f = joint_by(c, n, state);
		if (f)
			return f;
	}
	return NULL;
}
