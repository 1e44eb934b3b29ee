/* Truth tables: a function of few streams of few values, in one layer, whatever chain of
 * operators it was written as.
 *
 *     match (token[mate else token], token) { ('(', ')') | ('{', '}') => false, else => true }
 *
 * is true but for some pairs of values. The table is covered by blocks, each a set of values for
 * every stream, as a two-level logic is by cubes (Quine 1952, McCluskey 1956; of many-valued
 * variables). A set of values of one stream is an indicator, 0 or 1, which is a feature or a flag
 * that is fetched; a block is an AND of indicators, one neuron. The most frequent value needs no
 * block:
 *
 *     base + sum over blocks of (value - base) * relu([x in A] + [y in B] - 1)
 *
 * The streams are found by walking down from the node to what is ready early. The cover is
 * greedy: for each order of the streams, values for which the rest of the table is the same go
 * together. */

#include "backend/map/map.h"

#include <limits.h>
#include <string.h>

enum {
	MAX_STREAMS = 8,
	MAX_VALUES = 64,    /* most values of one stream, */
	MAX_SPAN = 1 << 20, /* from the least to the greatest */
	MAX_CELLS = 1024,
	MAX_STEPS = 128,
	MAX_WALKED = 4096, /* nodes looked at, some of them again and again */
	MAX_OPERANDS = 12,
	MAX_VALUES_OUT = 16,
	MAX_LAYERS = 4,      /* most layers earlier that are tried */
	MAX_WORK = 20000000, /* steps evaluated in one compilation: some tenths of a second */
};

/* How to evaluate one node, from earlier steps. */
typedef struct EvalStep {
	enum { FIXED, STREAM, IMAGE, OR_ELSE, OPERATOR } kind;
	Node *n; /* OR_ELSE: READ with its default a stream */
	int at;  /* STREAM: which; IMAGE: step of its root; OR_ELSE: of what is read */
	int arg[MAX_OPERANDS]; /* OPERATOR; OR_ELSE: arg[0] is the default's */
} EvalStep;

typedef struct TruthTable {
	Circuit *c;
	int state; /* the state in which streams are ready */
	int nstream, nstep;
	Node *stream[MAX_STREAMS];
	EvalStep step[MAX_STEPS];
	int stride[MAX_STREAMS], order[MAX_STREAMS];
	int64_t *cell, base; /* the table; its most frequent value */
	int blocks, walked;
	const Form *sum; /* NULL: blocks are only counted */
} TruthTable;

static int
value_count(const Node *n)
{
	return n->type.nset;
}

static int walk_node(TruthTable *, Node *, bool top);

static int
add_eval_step(TruthTable *tt, EvalStep s)
{
	if (tt->nstep == MAX_STEPS)
		return -1;
	tt->step[tt->nstep] = s;
	return tt->nstep++;
}

static bool
is_ready_stream(TruthTable *tt, Node *n)
{
	return value_count(n) && value_count(n) <= MAX_VALUES && n->type.hi - n->type.lo < MAX_SPAN
	       && !n->two_sided && map_node(tt->c, n)->ready <= tt->state;
}

static int
add_stream_step(TruthTable *tt, Node *n)
{
	if (tt->nstream == MAX_STREAMS)
		return -1;
	tt->stream[tt->nstream] = n;
	return add_eval_step(tt, (EvalStep){ .kind = STREAM, .n = n, .at = tt->nstream++ });
}

/* x[p else d] where d is a stream: x[p] with a value of its own where p is absent, or else d. */
static int
walk_read_node(TruthTable *tt, Node *n)
{
	if (n->type.real)
		return -1;
	Node *x = n->arg[0], *absent = mk_const(tt->c->g, x->type.hi + 1),
	     *arg[3] = { x, n->arg[1], absent };
	Node *read = mk(tt->c->g, OP_READ, n->span, n->site, 3, arg, n->k);
	int at = walk_node(tt, read, false), d = at < 0 ? -1 : walk_node(tt, n->arg[2], false);

	return d < 0 ? -1
	             : add_eval_step(tt,
	                             (EvalStep){ .kind = OR_ELSE, .n = n, .at = at, .arg = { d } });
}

static int
walk_operator(TruthTable *tt, Node *n)
{
	EvalStep s = { .kind = OPERATOR, .n = n };

	if (n->narg > MAX_OPERANDS || n->two_sided)
		return -1;
	for (int i = 0; i < n->narg; i++)
		if ((s.arg[i] = walk_node(tt, n->arg[i], false)) < 0)
			return -1;
	return add_eval_step(tt, s);
}

/* By its root or by its operands; -1, and nothing has been walked, where that takes too much. */
static int
walk_through(TruthTable *tt, Node *n, bool image)
{
	int nstep = tt->nstep, nstream = tt->nstream;
	int at = image ? walk_node(tt, (Node *)n->type.root, false) : walk_operator(tt, n);

	if (at >= 0 && image)
		at = add_eval_step(tt, (EvalStep){ .kind = IMAGE, .n = n, .at = at });
	if (at < 0) {
		tt->nstep = nstep;
		tt->nstream = nstream;
	}
	return at;
}

/* The step that evaluates n, or -1. */
static int
walk_node(TruthTable *tt, Node *n, bool top)
{
	const Node *root = n->type.root;
	int at = -1;

	if (++tt->walked > MAX_WALKED)
		return -1;
	for (int i = 0; i < tt->nstep; i++)
		if (tt->step[i].n == n)
			return i;
	if (is_int_const(n))
		return add_eval_step(tt, (EvalStep){ .kind = FIXED, .n = n });
	if (n->op == OP_AS)
		return walk_node(tt, n->arg[1], top);
	if (n->op == OP_READ && !is_int_const(n->arg[2]))
		return walk_read_node(tt, n);
	bool ready = !top && is_ready_stream(tt, n),
	     sum = n->narg && costs_nothing(n) && n->op != OP_READ;
	bool image = root && root != n && !root->two_sided && root->type.nset <= MAX_VALUES;
	/* a sum has no flags of its own: what it adds up has */
	if (image && !(ready && costs_nothing(root)))
		at = walk_through(tt, n, true);
	if (at < 0 && sum)
		at = walk_through(tt, n, false);
	if (at >= 0)
		return at;
	if (ready)
		return add_stream_step(tt, n);
	return n->narg && is_pointwise(n->op) && !sum ? walk_operator(tt, n) : -1;
}

static int
value_index(const Type *t, int64_t v)
{
	int i = 0;

	while (i + 1 < t->nset && t->set[i] != v)
		i++;
	return i;
}

/* The value of the last step, if each stream s has its value number at[s]. */
static int64_t
evaluate_cell(const TruthTable *tt, const int *at)
{
	int64_t v[MAX_STEPS], arg[MAX_OPERANDS];

	for (int i = 0; i < tt->nstep; i++) {
		const EvalStep *s = &tt->step[i];
		switch (s->kind) {
		case FIXED: v[i] = s->n->k; break;
		case STREAM: v[i] = s->n->type.set[at[s->at]]; break;
		case IMAGE:
			v[i] = s->n->type.image[value_index(&s->n->type.root->type, v[s->at])];
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
	return v[tt->nstep - 1];
}

static int
count_cells(TruthTable *tt)
{
	int cells = 1;

	for (int s = 0; s < tt->nstream; s++) {
		tt->stride[s] = cells;
		cells *= value_count(tt->stream[s]);
		if (cells > MAX_CELLS)
			return 0;
	}
	return cells;
}

/* Fills the table in, and finds its base; false if it has too many different values. */
static bool
fill_cells(TruthTable *tt, int cells)
{
	int64_t value[MAX_VALUES_OUT] = { 0 };
	int at[MAX_STREAMS], times[MAX_VALUES_OUT] = { 0 }, n = 0, most = 0;

	tt->cell = arena_alloc(tt->c->arena, sizeof *tt->cell * (size_t)cells);
	for (int i = 0; i < cells; i++) {
		for (int s = 0; s < tt->nstream; s++)
			at[s] = i / tt->stride[s] % value_count(tt->stream[s]);
		value[n] = tt->cell[i] = evaluate_cell(tt, at);
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
	tt->base = value[most];
	return true;
}

/* Are the tables that begin at cells a and b the same, in the streams from `level` on? */
static bool
same_table(const TruthTable *tt, int level, int a, int b)
{
	if (level == tt->nstream)
		return tt->cell[a] == tt->cell[b];
	int s = tt->order[level];
	for (int i = 0; i < value_count(tt->stream[s]); i++)
		if (!same_table(tt, level + 1, a + i * tt->stride[s], b + i * tt->stride[s]))
			return false;
	return true;
}

/* [x in set], x stream number s; in[i] says whether its i-th value is in it. */
static const Form *
set_indicator(const TruthTable *tt, int s, const bool *in)
{
	Node *x = tt->stream[s];
	const Type *t = &x->type;
	int64_t span = t->hi - t->lo + 1, *y = arena_alloc(tt->c->arena, sizeof *y * (size_t)span);

	if (t->nset == 2 && span == 2 && in[0] != in[1]) {
		const Form *f = map_node(tt->c, x);
		return in[1] ? form_scale(tt->c, 1, f, -t->lo) : form_scale(tt->c, -1, f, t->hi);
	}
	for (int i = 0; i < t->nset; i++)
		y[t->set[i] - t->lo] = in[i];
	return map_node(tt->c, mk_table(tt->c->g, x->span, x->site, x, t->lo, y, (int)span));
}

static bool cover_table(TruthTable *, int level, int cell, const Form *all, int nall);

/* Adds the block where `all` holds (a sum of nall indicators) and stream s is in the set. */
static bool
cover_block(TruthTable *tt, int level, int cell, const bool *in, bool whole, const Form *all,
            int nall)
{
	Circuit *c = tt->c;
	int s = tt->order[level];

	if (!whole && tt->sum) {
		const Form *is = set_indicator(tt, s, in);
		if (is->ready > tt->state)
			return false;
		all = form_add(c, 1, all, 1, is, 0);
	}
	nall += !whole;
	if (level + 1 < tt->nstream)
		return cover_table(tt, level + 1, cell, all, nall);
	if (!tt->sum)
		return ++tt->blocks <= tt->c->effort.blocks;
	const Form *hit = nall > 1 ? form_within(c, relu(c, form_scale(c, 1, all, 1 - nall)), 0, 1)
	                  : nall   ? all
	                           : form_const(c, 1);
	tt->sum = form_add(c, 1, tt->sum, tt->cell[cell] - tt->base, hit, 0);
	return true;
}

/* Covers the part of the table that begins at this cell: one block for each set of values of the
 * stream at this level for which the rest is the same. */
static bool
cover_table(TruthTable *tt, int level, int cell, const Form *all, int nall)
{
	int s = tt->order[level], n = value_count(tt->stream[s]), step = tt->stride[s];
	bool last = level + 1 == tt->nstream, done[MAX_VALUES] = { false }, in[MAX_VALUES];

	for (int i = 0; i < n; i++) {
		int count = 0, first = cell + i * step;
		if (done[i])
			continue;
		for (int k = 0; k < n; k++) {
			in[k] = same_table(tt, level + 1, first, cell + k * step);
			done[k] |= in[k];
			count += in[k];
		}
		if (last && tt->cell[first] == tt->base)
			continue;
		if (!cover_block(tt, level, first, in, count == n, all, nall))
			return false;
	}
	return true;
}

/* How many blocks the table has in this order of streams; more than any where there are too
 * many. */
static int
blocks_in_order(TruthTable *tt, const int *order)
{
	memcpy(tt->order, order, sizeof tt->order);
	tt->blocks = 0;
	return cover_table(tt, 0, 0, NULL, 0) ? tt->blocks : INT_MAX;
}

static void
move_stream(int *order, int from, int to)
{
	int s = order[from], step = from < to ? 1 : -1;

	for (; from != to; from += step)
		order[from] = order[from + step];
	order[to] = s;
}

/* Of many streams each is moved to where the blocks are fewest (Rudell 1993, "Dynamic variable
 * ordering for ordered binary decision diagrams"). */
static int
sift_streams(TruthTable *tt, int *order)
{
	int least = blocks_in_order(tt, order);

	for (int s = 0; s < tt->nstream; s++) {
		int at = 0, best;
		while (order[at] != s)
			at++;
		best = at;
		for (int to = 0; to < tt->nstream; to++) {
			int moved[MAX_STREAMS];
			memcpy(moved, order, sizeof moved);
			move_stream(moved, at, to);
			int n = blocks_in_order(tt, moved);
			best = n < least ? to : best;
			least = min_int(n, least);
		}
		move_stream(order, at, best);
	}
	return least;
}

/* The order of streams with the fewest blocks; false if there are too many in each. */
static bool
find_best_order(TruthTable *tt)
{
	static const int orders[6][MAX_STREAMS] = { { 0, 1, 2 }, { 1, 0, 2 }, { 2, 0, 1 },
		                                    { 0, 2, 1 }, { 1, 2, 0 }, { 2, 1, 0 } };
	int n = tt->nstream == 3 ? 6 : tt->nstream == 2 ? 2 : 0, least = INT_MAX;
	int best[MAX_STREAMS] = { 0, 1, 2, 3, 4, 5, 6, 7 };

	for (int i = 0; i < n; i++) {
		int blocks = blocks_in_order(tt, orders[i]);
		if (blocks < least)
			memcpy(best, orders[i], sizeof best);
		least = min_int(blocks, least);
	}
	if (!n)
		least = sift_streams(tt, best);
	memcpy(tt->order, best, sizeof tt->order);
	return least < INT_MAX;
}

static const Form *
table_by_state(Circuit *c, Node *n, int state)
{
	TruthTable tt = { .c = c, .state = state };
	int cells;

	if (walk_node(&tt, n, true) < 0 || tt.nstream < 2 || !(cells = count_cells(&tt)))
		return NULL;
	c->work += (long)cells * (tt.nstep + tt.nstream * tt.nstream);
	if (c->work > MAX_WORK || !fill_cells(&tt, cells) || !find_best_order(&tt))
		return NULL;
	const Form *none = form_const(c, 0);
	tt.sum = form_const(c, tt.base);
	return cover_table(&tt, 0, 0, none, 0) ? form_within(c, tt.sum, n->type.lo, n->type.hi)
	                                       : NULL;
}

const Form *
map_truth_table(Circuit *c, Node *n, const Form *best)
{
	int first = max_int(mlp_layer_from(best->ready - 1) - MAX_LAYERS, 0);

	for (int layer = first; state_after_mlp(layer) < best->ready; layer++) {
		const Form *f = table_by_state(c, n, state_after_attention(layer));
		if (f)
			return f;
	}
	return NULL;
}
