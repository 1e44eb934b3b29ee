/* Random graphs, as the evaluator means them and as a transformer computes them.
 *
 * Each graph is built of a few dozen random nodes, all of which are named; it goes
 * through the passes and the backend, its bytes are loaded by the runtime, and on
 * random texts every output and every named value that stands in the stream must be
 * what the evaluator says of the graph before the passes; a real, within the error
 * bound of its output.
 *
 *     build/unit/backend_test [COUNT [SEED]] */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/backend.h"
#include "backend/file/write.h"
#include "backend/target/target.h"
#include "ir/ir.h"
#include "runtime/tw.h"

enum { VOCAB = 5, FIRST = 3, POOL = 64, TEXTS = 12 };

static int count = 250;
static unsigned seed = 1;

typedef struct Random {
	uint64_t state;
	Graph *g;
	int nint, nbool, nreal; /* nreal is 0 where the graph has none */
	Node *ints[POOL], *bools[POOL], *reals[POOL];
} Random;

static int
draw_below(Random *r, int n)
{
	r->state = r->state * 6364136223846793005u + 1442695040888963407u;
	return (int)((r->state >> 33) % (uint64_t)n);
}

static Node *
graph_node(Random *r, Op op, int n, Node *a, Node *b, Node *c, int64_t k)
{
	Node *arg[3] = { a, b, c };

	return mk(r->g, op, (Span){ 0, 0 }, 0, n, arg, k);
}

static Node *
some_int(Random *r)
{
	return r->ints[draw_below(r, r->nint)];
}

static Node *
some_bool(Random *r)
{
	return r->bools[draw_below(r, r->nbool)];
}

static Node *
any_const(Random *r, int lo, int hi)
{
	return mk_const(r->g, lo + draw_below(r, hi - lo + 1));
}

/* The token, or one of the two fields that it has. */
static Node *
any_token(Random *r, int field)
{
	return graph_node(r, OP_TOKEN, 0, NULL, NULL, NULL, field);
}

static Node *
node_there(Random *r, Node *x)
{
	return graph_node(r, OP_THERE, 1, x, NULL, NULL, 0);
}

static Node *
condition(Random *r)
{
	Node *c = node_there(r, some_bool(r));

	switch (draw_below(r, 6)) {
	case 0: return graph_node(r, OP_AND, 2, c, some_bool(r), NULL, 0);
	case 1:
		return graph_node(
			r, OP_AND, 2, c,
			graph_node(r, OP_NOT, 1, node_there(r, some_bool(r)), NULL, NULL, 0), NULL,
			0);
	case 2:
		return graph_node(r, OP_EQ, 2,
		                  node_there(r, any_token(r, draw_below(r, r->g->nfield))),
		                  any_const(r, 0, VOCAB - 1), NULL, 0);
	case 3: {
		Node *x = some_int(r);
		if (!x->type.nset || x->type.nset > 12)
			return c;
		return graph_node(r, OP_EQ, 2, node_there(r, x), some_int(r), NULL, 0);
	}
	case 4: {
		Node *index = graph_node(r, OP_INDEX, 0, NULL, NULL, NULL, 0);
		return graph_node(r, OP_AND, 2, c,
		                  graph_node(r, OP_LT, 2, node_there(r, index), index, NULL, 0),
		                  NULL, 0);
	}
	default: return c;
	}
}

static Node *
reference(Random *r)
{
	switch (draw_below(r, 5)) {
	case 4: return graph_node(r, OP_BEST, 2, node_there(r, some_int(r)), condition(r), NULL, 0);
	case 0: return graph_node(r, OP_HERE, 0, NULL, NULL, NULL, 0);
	case 1: return graph_node(r, OP_AT, 1, some_int(r), NULL, NULL, 0);
	case 2: return graph_node(r, OP_FIRST, 1, condition(r), NULL, NULL, 0);
	default: return graph_node(r, OP_LATEST, 1, condition(r), NULL, NULL, 0);
	}
}

/* What is read where a condition holds that may speak of the position read. */
static Node *
read_if(Random *r)
{
	Node *p = reference(r), *first = graph_node(r, OP_FIRST, 1, condition(r), NULL, NULL, 0);
	Node *index = graph_node(r, OP_INDEX, 0, NULL, NULL, NULL, 0), *zero = mk_const(r->g, 0),
	     *one = mk_const(r->g, 1);
	Node *d = any_const(r, -1, 3), *read = graph_node(r, OP_READ, 3, some_int(r), p, d, 0),
	     *cond = some_bool(r);
	Node *there = graph_node(r, OP_READ, 3, index, p, any_const(r, -1, 0), 0),
	     *at = graph_node(r, OP_READ, 3, index, first, any_const(r, -1, 1), 0);
	Node *found = graph_node(r, OP_READ, 3, one, first, zero, 0);

	switch (draw_below(r, 4)) {
	case 0:
		cond = graph_node(r, OP_AND, 2, found, graph_node(r, OP_LT, 2, at, there, NULL, 0),
		                  NULL, 0);
		break;
	case 1:
		cond = graph_node(r, OP_AND, 2, cond, graph_node(r, OP_LT, 2, there, at, NULL, 0),
		                  NULL, 0);
		break;
	case 2: cond = graph_node(r, OP_LT, 2, there, at, NULL, 0); break;
	}
	return graph_node(r, OP_IF, 3, cond, read, d, 0);
}

static Node *
any_int(Random *r)
{
	Node *arg[8], *a = some_int(r), *b = some_int(r);
	int n = 2 + draw_below(r, 4);

	switch (draw_below(r, 16)) {
	case 15: return read_if(r);
	case 14:
		a = draw_below(r, 2) ? mk_const(r->g, 1)
		                     : node_there(r, draw_below(r, 2) ? some_bool(r) : a);
		return graph_node(r, OP_SUM, 2, a, condition(r), NULL, 0);
	case 0:
	case 1: return graph_node(r, OP_ADD, 2, a, b, NULL, 0);
	case 2: return graph_node(r, OP_SUB, 2, a, b, NULL, 0);
	case 3:
		return graph_node(r, OP_MUL, 2, a, draw_below(r, 2) ? b : any_const(r, -3, 3), NULL,
		                  0);
	case 4: return graph_node(r, OP_DIV, 2, a, any_const(r, 1, 7), NULL, 0);
	case 5: return graph_node(r, OP_MOD, 2, a, any_const(r, 1, 7), NULL, 0);
	case 6: return graph_node(r, OP_ABS, 1, a, NULL, NULL, 0);
	case 7:
	case 8: return graph_node(r, OP_IF, 3, some_bool(r), a, b, 0);
	case 9:
	case 10:
		return graph_node(r, OP_READ, 3, a, reference(r),
		                  draw_below(r, 2) ? b : any_const(r, -2, 5), draw_below(r, 5) - 3);
	case 11:
		for (int i = 0; i < n; i++)
			arg[i] = some_int(r);
		return mk(r->g, draw_below(r, 2) ? OP_MAX : OP_MIN, (Span){ 0, 0 }, 0, n, arg, 0);
	case 12:
		for (int i = 0; i < n + 2; i++)
			arg[i] = some_int(r);
		return mk(r->g, OP_PICK, (Span){ 0, 0 }, 0, n + 2, arg, 0);
	default: {
		int64_t t[6];
		for (int i = 0; i < 6; i++)
			t[i] = draw_below(r, 10) - 2;
		return mk_table(r->g, (Span){ 0, 0 }, 0, a, draw_below(r, 4) - 1, t, 6);
	}
	}
}

static Node *
any_bool(Random *r)
{
	Node *arg[4];
	int n = 2 + draw_below(r, 3);

	switch (draw_below(r, 6)) {
	case 0: return graph_node(r, OP_NOT, 1, some_bool(r), NULL, NULL, 0);
	case 1:
	case 2:
		for (int i = 0; i < n; i++)
			arg[i] = some_bool(r);
		return mk(r->g, draw_below(r, 2) ? OP_AND : OP_OR, (Span){ 0, 0 }, 0, n, arg, 0);
	case 3:
		return graph_node(r, OP_EQ, 2, some_int(r),
		                  draw_below(r, 2) ? some_int(r) : any_const(r, -1, 6), NULL, 0);
	case 4:
		return graph_node(r, OP_READ, 3, some_bool(r), reference(r), any_const(r, 0, 1),
		                  -draw_below(r, 2));
	default:
		return graph_node(r, OP_LT, 2, some_int(r),
		                  draw_below(r, 2) ? some_int(r) : any_const(r, -1, 6), NULL, 0);
	}
}

/* ---- reals ---- */

static Real
some_number(Random *r)
{
	return draw_below(r, 4) ? real_of(draw_below(r, 13) - 6, 1 + draw_below(r, 4))
	                        : (Real){ draw_below(r, 1000) / 777.0 - 0.5, 0 };
}

/* A value of any kind; what is real takes those of all. */
static Node *
any_real_operand(Random *r)
{
	int kind = draw_below(r, 4);

	return kind == 0   ? some_bool(r)
	       : kind == 1 ? some_int(r)
	                   : r->reals[draw_below(r, r->nreal)];
}

static Node *
make_reals(Random *r, Op op, int n, Node **arg, int64_t k, const Real *real, int nreal)
{
	return mk_reals(r->g, op, (Span){ 0, 0 }, 0, n, arg, k, real, nreal);
}

static Node *
any_linear(Random *r, int n)
{
	Node *arg[3];
	Real c[4];

	for (int i = 0; i < n; i++) {
		arg[i] = any_real_operand(r);
		c[i] = some_number(r);
	}
	c[n] = some_number(r);
	return make_reals(r, OP_LINEAR, n, arg, 0, c, n + 1);
}

/* A curve or a product, of what may be one; the same where it has no value or a large one. */
static Node *
bent(Random *r, int depth)
{
	Node *x = depth ? bent(r, depth - 1) : any_real_operand(r), *y = x;
	CurveKind k = (CurveKind)draw_below(r, NUM_CURVES);

	switch (draw_below(r, 3)) {
	case 0:
		y = draw_below(r, 2) ? x : depth ? bent(r, depth - 1) : any_real_operand(r);
		y = graph_node(r, OP_TIMES, 2, x, y, NULL, 0);
		break;
	case 1:
		if (curve_has(k, node_min(x), node_max(x)) && (k != CURVE_EXP || node_max(x) < 5))
			y = graph_node(r, OP_CURVE, 1, x, NULL, NULL, k);
		break;
	default:
		y = make_reals(r, OP_LINEAR, 1, &x, 0, (Real[]){ some_number(r), some_number(r) },
		               2);
	}
	return node_min(y) > -60 && node_max(y) < 60 ? y : x;
}

static Node *
any_near(Random *r)
{
	Node *x = bent(r, draw_below(r, 4));
	Real t = { 0.01 * (1 + draw_below(r, 100)), 0 };

	return make_reals(r, OP_APPROX, 1, &x, 0, &t, 1);
}

static Node *
any_real(Random *r)
{
	Node *a = r->reals[draw_below(r, r->nreal)], *b = r->reals[draw_below(r, r->nreal)],
	     *x = some_int(r), *arg[3];
	Real table[32];

	switch (draw_below(r, 11)) {
	case 9:
	case 10: return any_near(r);
	case 0:
	case 1: return any_linear(r, 1 + draw_below(r, 3));
	case 2:
	case 3:
		arg[0] = node_there(r, any_real_operand(r));
		arg[1] = condition(r);
		table[0] = some_number(r);
		return make_reals(r, OP_MEAN, 2, arg, 0, table, 1);
	case 4: return graph_node(r, OP_RELU, 1, a, NULL, NULL, 0);
	case 5: return graph_node(r, OP_IF, 3, some_bool(r), a, b, 0);
	case 6:
		return graph_node(r, OP_READ, 3, a, reference(r),
		                  draw_below(r, 2) ? b : mk_real(r->g, some_number(r)),
		                  draw_below(r, 5) - 3);
	case 7:
		arg[0] = a;
		arg[1] = any_linear(r, 1);
		arg[2] = any_real_operand(r);
		return mk(r->g, OP_ATTEND, (Span){ 0, 0 }, 0, 3, arg, 0);
	default:
		if (x->type.hi - x->type.lo >= 32)
			return a;
		for (int i = 0; i < 32; i++)
			table[i] = some_number(r);
		return make_reals(r, OP_VALUES, 1, &x, x->type.lo, table,
		                  (int)(x->type.hi - x->type.lo) + 1);
	}
}

/* What is exact again; a comparison that cannot be proved is not tried. */
static Node *
from_real(Random *r)
{
	Node *x = r->reals[draw_below(r, r->nreal)];
	int64_t grid = real_grid(&x->type);

	if (!grid || grid > 400 || x->type.max - x->type.min > 40)
		return some_bool(r);
	return graph_node(r, draw_below(r, 2) ? OP_ABOVE : OP_FLOOR, 1, x, NULL, NULL, 0);
}

/* Into the pool, if it is not too large. */
static bool
keep_real(Random *r, Node *n)
{
	bool fits = n->type.real && n->type.min > -60 && n->type.max < 60 && r->nreal < POOL;

	if (fits)
		r->reals[r->nreal++] = n;
	return fits;
}

static void
name(Graph *g, Node *n, Kind kind)
{
	char *s = arena_alloc(g->arena, 16);

	snprintf(s, 16, "v%d", g->nnamed);
	g->named[g->nnamed++] = (Named){ .name = s, .kind = kind, .node = n };
}

static Graph *
random_graph(Random *r, Arena *arena)
{
	static const char *const spell[VOCAB] = { "a", "b", "c", "d", "e" };
	static const char *const words[VOCAB] = { "x: a", "x: b", "x: c", "y: 0", "y: 1" };
	static Field fields[] = { { "x", 0, FIRST }, { "y", FIRST, VOCAB - FIRST } };
	static const Source src = { .path = "random", .text = "", .len = 0 };
	static const Source *files[1] = { &src };
	Graph *g = r->g = graph_new(arena);
	int nodes = 4 + draw_below(r, 24);

	g->name = "random";
	g->nvocab = VOCAB;
	g->vocab = (const char **)(uintptr_t)spell;
	if (!draw_below(r, 3)) {
		g->vocab = (const char **)(uintptr_t)words;
		g->field = fields;
		g->nfield = 2;
	}
	/* beyond 199 a place is matched by two digits */
	g->context = draw_below(r, 10) ? 2 + draw_below(r, 14) : 190 + draw_below(r, 40);
	g->bidirectional = !draw_below(r, 4);
	g->files = files;
	g->nfile = 1;
	g->named = arena_alloc(arena, sizeof *g->named * 2 * POOL);
	g->output = arena_alloc(arena, sizeof *g->output * 2 * POOL);
	r->nint = r->nbool = 0;
	for (int i = 0; i < g->nfield; i++)
		r->ints[r->nint++] = any_token(r, i);
	r->ints[r->nint++] = graph_node(r, OP_INDEX, 0, NULL, NULL, NULL, 0);
	r->ints[r->nint++] = mk_table(g, (Span){ 0, 0 }, 0, any_token(r, 0), 0,
	                              (int64_t[]){ 3, 0, 7, 1, 1 }, rows_of(g, 0));
	r->bools[r->nbool++] = graph_node(r, OP_EQ, 2, any_token(r, g->nfield - 1), mk_const(g, 1),
	                                  NULL, 0);
	r->bools[r->nbool++] = graph_node(r, OP_LT, 2, any_token(r, 0), mk_const(g, 2), NULL, 0);
	r->nreal = 0;
	if (!draw_below(r, 3))
		keep_real(r, make_reals(r, OP_MEAN, 2,
		                        (Node *[]){ node_there(r, r->bools[0]), mk_const(g, 1) }, 0,
		                        (Real[]){ { 0, 1 } }, 1));
	for (int i = 0; i < nodes; i++) {
		Node *n = r->nreal && draw_below(r, 2) ? any_real(r) : NULL;
		if (n && keep_real(r, n))
			name(g, n, K_REAL);
		if (n)
			continue;
		n = r->nreal && !draw_below(r, 4) ? from_real(r)
		    : draw_below(r, 3)            ? any_int(r)
		                                  : any_bool(r);
		if (n->type.lo < -400 || n->type.hi > 400 || r->nint == POOL || r->nbool == POOL)
			continue;
		bool flag = n->type.lo >= 0 && n->type.hi <= 1;
		if (flag)
			r->bools[r->nbool++] = n;
		else
			r->ints[r->nint++] = n;
		name(g, n, flag ? K_BOOL : K_INT);
	}
	for (int i = 0; i < g->nnamed; i++)
		if (i + 2 >= g->nnamed || !draw_below(r, 6))
			g->output[g->noutput++] = g->named[i];
	return g;
}

/* Disagreements on random texts, each said once. */
static int
count_disagreements(Random *r, TwSession *s, const TwModel *m, Node *const *named,
                    Node *const *output)
{
	Graph *g = r->g;
	Eval *e = eval_new(g);
	int row[512], bad = 0;

	for (int text = 0; text < TEXTS && !bad; text++) {
		int n = 1 + draw_below(r, g->context);
		tw_reset(s);
		for (int i = 0; i < n; i++) {
			for (int f = 0; f < g->nfield; f++)
				row[i * g->nfield + f] = first_row(g, f)
				                         + draw_below(r, rows_of(g, f));
			assert_true(tw_feed_token(s, row + i * g->nfield));
		}
		eval_text(e, row, n);
		for (int i = 0; i < n && !bad; i++) {
			for (int o = 0; o < g->noutput; o++) {
				bool real = g->output[o].kind == K_REAL;
				int64_t meant = eval_at(e, output[o], i);
				double got = (double)*tw_label(s, o, i),
				       want = real ? real_value(meant) : (double)meant;
				if (fabs(got - want) <= (double)m->label[o].error)
					continue;
				bad++;
				fprintf(stderr, "output %s at %d: %g, not %g\n", m->label[o].name,
				        i, got, want);
			}
			for (int v = 0; v < g->nnamed; v++) {
				if (!tw_has_value(s, &m->named[v]) || m->named[v].kind == TW_REAL)
					continue;
				double got = (double)tw_value(s, &m->named[v], i),
				       want = (double)eval_at(e, named[v], i);
				if (got == want)
					continue;
				bad++;
				fprintf(stderr, "%s at %d: %g, not %g\n", m->named[v].name, i, got,
				        want);
			}
		}
	}
	eval_free(e);
	return bad;
}

/* The kernels for several processors give the same bits for the last text of s. */
static void
expect_same_bits(TwSession *s, const TwModel *m)
{
	static const unsigned flags[] = { TW_V3, TW_PORTABLE };
	int n = tw_count(s);

	for (int k = 0; k < 2; k++) {
		char *error = NULL;
		TwSession *other = tw_open(m, flags[k], &error), *first = tw_open(m, 0, &error);
		assert_true(tw_feed_tokens(other, tw_token(s, 0), n));
		assert_true(tw_feed_tokens(first, tw_token(s, 0), n));
		for (int i = 0; i < n; i++)
			for (int l = 0; l < m->nlabel; l++)
				assert_memory_equal(tw_label(first, l, i), tw_label(other, l, i),
				                    (size_t)m->label[l].columns * sizeof(float));
		tw_close(first);
		tw_close(other);
	}
}

/* 1 if it was compiled, 0 if it was refused as not exact or not built. */
/* Most graphs must do with few heads or few neurons in a layer, or with few columns. */
static Limits
limits_of(unsigned n)
{
	Limits l = { 0 };

	if (n % 4 == 1)
		l.heads = 1 + (int)(n / 4 % 3);
	if (n % 4 == 2 || n % 12 == 1)
		l.neurons = 1 + (int)(n / 4 % 6);
	if (n % 4 == 3)
		l.d_model = 6 + (int)(n / 4 % 24);
	return l;
}

static bool
within_limits(const TwModel *m, const Limits *l)
{
	if (l->d_model && m->d_model > l->d_model)
		return false;
	for (int i = 0; i < m->nlayer; i++)
		if ((l->heads && m->layer[i].heads > l->heads)
		    || (l->neurons && m->layer[i].neurons > l->neurons))
			return false;
	return true;
}

/* Is it refused as too narrow? Then the width that is said to do. */
static bool
takes_more(const Diags *diags, Limits *limits)
{
	const char *least = strstr(diags->first->msg, "the least that was found to do is ");

	if (least)
		limits->d_model = atoi(strpbrk(least, "0123456789"));
	return least;
}

/* Reals may ask for what a float does not bear. */
static bool
is_beyond_floats(const char *said)
{
	return strstr(said, "cannot be bounded") || strstr(said, "cannot be computed to within")
	       || strstr(said, "larger parts than its error bound");
}

static int
try_graph(unsigned number_)
{
	Arena arena = { 0 };
	Random r = { .state = number_ * 2654435761u + 12345 };
	Graph *g = random_graph(&r, &arena);
	Diags diags = { .arena = &arena };
	Report report;
	Node *named[2 * POOL], *output[2 * POOL];
	char *error = NULL;
	int compiled = 0;

	if (!g->noutput)
		goto out;
	diags.src = g->files[0];
	for (int i = 0; i < g->nnamed; i++)
		named[i] = g->named[i].node;
	for (int i = 0; i < g->noutput; i++)
		output[i] = g->output[i].node;
	run_passes(g, &diags, NULL, NULL);
	Limits limits = limits_of(number_);
	const Inspect verify = { .verify = true };
	TwModel *model = compile_within(g, &plain_target, &arena, &diags, &limits, &verify,
	                                &report);
	if (!model && takes_more(&diags, &limits)) {
		diags = (Diags){ .arena = &arena, .src = g->files[0] };
		model = compile_within(g, &plain_target, &arena, &diags, &limits, &verify, &report);
	}
	if (!model && !is_beyond_floats(diags.first->msg))
		fail_msg("graph %u: %s", number_, diags.first->msg);
	if (!model)
		goto out;
	assert_true(within_limits(model, &limits));
	size_t n;
	unsigned char *bytes = onnx_bytes(&arena, model, &n);
	TwModel *loaded = tw_load_memory(bytes, n, &error);
	if (!loaded)
		fail_msg("graph %u: %s", number_, error);
	TwSession *s = tw_open(loaded, true, &error);
	if (count_disagreements(&r, s, loaded, named, output)) {
		graph_print(g, stderr);
		fail_msg("graph %u: the transformer and the evaluator disagree", number_);
	}
	if (tw_stats(s).broken && !strstr(loaded->certificate, "\"softmax\""))
		fail_msg("graph %u: a head is less far ahead than was proved", number_);
	expect_same_bits(s, loaded);
	tw_close(s);
	tw_free(loaded);
	compiled = 1;
out:
	arena_free(&arena);
	return compiled;
}

static void
test_random_graphs(void **state)
{
	int compiled = 0;

	(void)state;
	for (int i = 0; i < count; i++)
		compiled += try_graph(seed + (unsigned)i);
	printf("%d of %d random graphs compiled, and agreed\n", compiled, count);
	assert_true(compiled >= count * 95 / 100);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random_graphs) };

	if (argc > 1)
		count = atoi(argv[1]);
	if (argc > 2)
		seed = (unsigned)atoi(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
