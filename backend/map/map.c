/* Instruction selection: every node of the graph becomes an affine form over atoms.
 *
 * For one node there are often several forms. A function of one stream of few values is a
 * staircase over that stream; what depends on the token or on the position alone is a feature;
 * and every operator has a form of its own, made by emit_NAME below. The earliest is taken, and
 * of equals the one of fewest terms. Forms are kept by node, so each is made once. */

#include "backend/attend/attend.h"
#include "backend/map/map.h"
#include "backend/target/target.h"
#include "lang/int_division.h"

#include <string.h>

enum { DEEP = 1000 }; /* calls of map_node in one another */
enum { LARGE = EXACT_MAX / 16, LESS_LARGE = EXACT_MAX / 256 }; /* materialized by itself */

/* What `twc explain` says of the ways to make a node; the others are said by operator. */
static const Rule
	by_place = { "feature", "depends on the position alone: columns of the position table" },
	by_truth_table = { "truth table", "a function of two or three values: a neuron for each "
	                                  "block of the table" },
	by_late_choice = { "late choice",
	                   "indexed in both lists first, then the choice between the two" },
	by_pairs = { "pairs", "each of the others compared with the one that may be greatest" },
	by_gated_step = { "gated step", "what a count reaches, where all else holds" },
	by_gates = { "gates", "a neuron for each element, held at 0 where the index is another" };

/* A reference has no value of its own, and a THERE has one only in a search. */
#define EMIT_LITERAL(name) [OP_##name] = emit_##name,
#define EMIT_POINTWISE(name) [OP_##name] = emit_##name,
#define EMIT_STREAM(name) [OP_##name] = emit_##name,
#define EMIT_REFERENCE(name)
#define EMIT_THERE(name)

static const Form *(*const emitters[NUM_OPS])(Circuit *, Node *) = {
#define OP(name, nargs, attr, class, ...) EMIT_##class(name)
#include "lang/ops.h"
#undef OP
};

/* The rule of a node that is made by its operator's own emitter. */
static const Rule by_op[NUM_OPS] = {
#define OP(name, nargs, attr, class, traits, fold, type, range, doc, rule, how) \
	[OP_##name] = { rule, how },
#include "lang/ops.h"
#undef OP
};

void
error_at_node(Circuit *c, const Node *n, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	error_in_node(c->g, n, c->diags, fmt, ap);
	va_end(ap);
}

const Form *
form_better_by(Circuit *c, const Form *best, const Form *f, const Rule *rule)
{
	const Form *better = form_better(best, f);

	if (c->effort.materialize && best && f && !best->real && !f->real) {
		bool large = form_reader_sum(best) >= EXACT_MAX;
		if (large != (form_reader_sum(f) >= EXACT_MAX))
			better = large ? f : best; /* exact is better than early */
	}
	if (better != best)
		c->made = rule;
	return better;
}

/* ---- functions of one stream ---- */

static const Form *
embedded_form(Circuit *c, const Node *n)
{
	const Node *root = n->type.root;
	bool token = root->op == OP_TOKEN;
	int size = token ? c->rows : c->places, first = token ? first_row(c->g, (int)root->k) : 1;
	int64_t *t = arena_alloc(c->arena, sizeof *t * (size_t)size);

	for (int i = 0; i < root->type.nset; i++)
		t[first + root->type.set[i]] = n->type.image[i];
	/* at <bos> as at the first place: a flag and its opposite are then in one column */
	if (!token)
		t[0] = t[1];
	return token ? token_feature(c, (int)root->k, t) : c->target->place_function(c, t);
}

/* f(x[p else d]) as f(x)[p else f(d)]: a function of what is read is read itself, which takes no
 * neuron and no layer where x is a feature. */
static const Form *
read_of_function(Circuit *c, const Node *n)
{
	const Node *read = n->type.root, *x = read->arg[0], *d = read->arg[2];
	const Type *t = &read->type;
	int64_t span = x->type.hi - x->type.lo + 1;

	if (d->op != OP_CONST || span > SET_MAX
	    || !(is_feature(x) || (x->type.root && x->type.root != x)))
		return NULL;
	int64_t *y = arena_alloc(c->arena, sizeof *y * (size_t)span), absent = n->type.lo;
	for (int i = 0; i < span; i++)
		y[i] = n->type.image[0]; /* where x has no such value: any */
	for (int i = 0; i < t->nset; i++) {
		if (t->set[i] >= x->type.lo && t->set[i] <= x->type.hi)
			y[t->set[i] - x->type.lo] = n->type.image[i];
		if (t->set[i] == d->k)
			absent = n->type.image[i];
	}
	Node *there = mk_table(c->g, n->span, n->site, (Node *)x, x->type.lo, y, (int)span);
	Node *arg[3] = { there, read->arg[1], mk_const(c->g, absent) };
	return map_node(c, mk(c->g, OP_READ, read->span, read->site, 3, arg, read->k));
}

static const Form *
table_of_root(Circuit *c, Node *n)
{
	const Type *t = &n->type;

	if (!t->root || t->root == n || !t->image || t->root->two_sided || !t->root->type.nset)
		return NULL;
	if (t->root->op == OP_SUM)
		return table_of_sum(c, (Node *)t->root, t->image);
	const Form *read = t->root->op == OP_READ ? read_of_function(c, n) : NULL;
	if (read && read->ready <= map_node(c, (Node *)t->root)->ready)
		return read;
	return form_better(read, staircase(c, map_node(c, (Node *)t->root), t->root->type.nset,
	                                   t->root->type.set, t->image));
}

const Form *
emit_IF(Circuit *c, Node *n)
{
	Node *yes = n->arg[1], *no = n->arg[2];

	if (n->type.real)
		return map_real_if(c, n);
	if (!is_int_const(yes) || !is_int_const(no))
		return map_if(c, n);
	c->made = &by_op[OP_ADD];
	return form_scale(c, yes->k - no->k, map_node(c, n->arg[0]), no->k);
}

/* ---- arithmetic ---- */

const Form *
emit_CONST(Circuit *c, Node *n)
{
	return form_const(c, n->k);
}

const Form *
emit_TOKEN(Circuit *c, Node *n)
{
	return embedded_form(c, n);
}

const Form *
emit_INDEX(Circuit *c, Node *n)
{
	(void)n;
	return form_scale(c, 1, c->place, -1);
}

const Form *
emit_ADD(Circuit *c, Node *n)
{
	const Form *x = map_node(c, n->arg[0]), *y = map_node(c, n->arg[1]);

	return form_add(c, 1, x, 1, y, 0);
}

const Form *
map_difference(Circuit *c, Node *x, Node *y, int64_t k)
{
	const Form *f = map_node(c, x), *g = map_node(c, y);

	return form_add(c, 1, f, -1, g, k);
}

const Form *
emit_SUB(Circuit *c, Node *n)
{
	return map_difference(c, n->arg[0], n->arg[1], 0);
}

/* A product too large to be made at once, term by term of an operand that is a sum; else NULL. */
static const Form *
product_of_terms(Circuit *c, Node *n)
{
	for (int i = 0; i < 2; i++) {
		Node *x = n->arg[i], *y = n->arg[1 - i];
		bool scaled = x->op == OP_MUL && is_literal(x->arg[1]);
		if (x->op != OP_ADD && x->op != OP_SUB && !scaled)
			continue;
		const Form *f = map_node(c, mk_at(c->g, n, OP_MUL, x->arg[0], y, NULL));
		if (scaled)
			return form_scale(c, x->arg[1]->k, f, 0);
		return form_add(c, 1, f, x->op == OP_ADD ? 1 : -1,
		                map_node(c, mk_at(c->g, n, OP_MUL, x->arg[1], y, NULL)), 0);
	}
	return NULL;
}

const Form *
emit_MUL(Circuit *c, Node *n)
{
	const Form *x = map_node(c, n->arg[0]), *y = map_node(c, n->arg[1]);
	const Form *f = form_product(c, x, y);

	if (!f)
		f = product_of_terms(c, n);
	if (!f)
		error_at_node(c, n,
		              "this product of int %lld..%lld and int %lld..%lld has too many "
		              "values to be made in one step; bound one of them with min or %%, or "
		              "multiply digit by digit with digits.mul",
		              (long long)n->arg[0]->type.lo, (long long)n->arg[0]->type.hi,
		              (long long)n->arg[1]->type.lo, (long long)n->arg[1]->type.hi);
	return f;
}

const Form *
emit_ABS(Circuit *c, Node *n)
{
	const Form *f = map_node(c, n->arg[0]);

	return form_add(c, 1, f, 2, relu(c, form_scale(c, -1, f, 0)), 0);
}

/* ---- comparison and logic ---- */

const Form *
emit_EQ(Circuit *c, Node *n)
{
	const Form *equal = is_zero(c, map_difference(c, n->arg[0], n->arg[1], 0)),
		   *beaten = equal->ready > deadline(c) ? deficit_of_greatest(c, n) : NULL;

	if (!beaten || computed_from(beaten->ready) >= equal->ready)
		return equal;
	c->hurried = true;
	beaten = relu(c, form_scale(c, -1, beaten, 1));
	return form_better_by(c, equal, form_within(c, beaten, 0, 1), &by_pairs);
}

const Form *
emit_LT(Circuit *c, Node *n)
{
	const Form *less = threshold(c, map_difference(c, n->arg[1], n->arg[0], 0), 1);

	return less->ready <= deadline(c)
	               ? less
	               : form_better_by(c, less, map_found(c, n), &by_op[OP_READ]);
}

const Form *
emit_NOT(Circuit *c, Node *n)
{
	return form_scale(c, -1, map_node(c, n->arg[0]), 1);
}

const Form *
emit_AND(Circuit *c, Node *n)
{
	const Form *none = relu(c, form_scale(c, -1, deficit_all(c, n, true), 1));
	const Form *best = map_nested(c, n, form_within(c, none, 0, 1));

	return form_better_by(c, best, and_step(c, n, best), &by_gated_step);
}

const Form *
emit_OR(Circuit *c, Node *n)
{
	const Form *none = relu(c, form_scale(c, -1, deficit_all(c, n, false), 1));

	const Form *best = map_nested(c, n, form_within(c, form_scale(c, -1, none, 1), 0, 1));

	return form_better_by(c, best, and_step(c, n, best), &by_gated_step);
}

/* ---- tables and indexing ---- */

/* Below and above the table its first and last values go on. */
const Form *
emit_TABLE(Circuit *c, Node *n)
{
	const Form *f = map_node(c, n->arg[0]);
	int64_t last = n->k + n->ntable - 1;
	int64_t lo = max_int64(f->lo, n->k), hi = min_int64(f->hi, last);
	int64_t *x = NEWS(c->arena, int64_t, 2 * (n->ntable + 2)), *y = x + n->ntable + 2;
	int at = 0;

	if (hi < lo)
		return form_const(c, n->table[f->hi < n->k ? 0 : n->ntable - 1]);
	if (f->lo < lo)
		x[at++] = f->lo;
	for (int64_t v = lo; v <= hi; v++)
		x[at++] = v;
	if (f->hi > hi)
		x[at++] = f->hi;
	for (int i = 0; i < at; i++)
		y[i] = n->table[max_int64(min_int64(x[i], last), n->k) - n->k];
	return staircase(c, f, at, x, y);
}

/* Element k of the list that PICK chooses from; its default outside. */
static Node *
listed_element(const Node *n, int64_t k)
{
	return n->arg[k < 0 || k >= n->narg - 2 ? 1 : k + 2];
}

/* A gate for each element, where the index is a feature. */
static const Form *
pick_by_flags(Circuit *c, Node *n)
{
	const Form *from = map_node(c, n->arg[1]), *sum = from;

	if (!is_feature(n->arg[0]))
		return NULL;
	for (int k = 0; k < n->narg - 2; k++) {
		Node *hit = mk_at(c->g, n, OP_EQ, n->arg[0], mk_const(c->g, k), NULL);
		const Form *over = form_add(c, 1, map_node(c, n->arg[k + 2]), -1, from, 0);
		sum = form_add(c, 1, sum, 1, gate(c, form_scale(c, -1, map_node(c, hit), 1), over),
		               0);
	}
	return sum;
}

/* The list as a telescoping sum: x_k - x_{k-1} comes in where the index i reaches k, as
 * relu(M(i-k) + x_k) - relu(M(i-k) + x_{k-1}), with all of x in 0..M. */
static const Form *
pick_telescoped(Circuit *c, Node *n)
{
	const Form *i = map_node(c, n->arg[0]), *sum, *f, *before;
	int64_t first = max_int64(i->lo, -1), last = i->hi > n->narg - 2 ? n->narg - 2 : i->hi;
	int64_t lo = INT64_MAX, hi = INT64_MIN;

	if (first > last)
		return map_node(c, n->arg[1]);
	for (int64_t k = first; k <= last; k++) {
		f = map_node(c, listed_element(n, k));
		lo = min_int64(f->lo, lo);
		hi = max_int64(f->hi, hi);
	}
	int64_t m = hi - lo;
	sum = before = map_node(c, listed_element(n, first));
	for (int64_t k = first + 1; k <= last; k++, before = f) {
		f = map_node(c, listed_element(n, k));
		const Form *now = relu(c, form_add(c, m, i, 1, f, -m * k - lo));
		const Form *then = relu(c, form_add(c, m, i, 1, before, -m * k - lo));
		sum = form_add(c, 1, sum, 1, form_add(c, 1, now, -1, then, 0), 0);
	}
	return form_within(c, sum, lo, hi);
}

/* The condition by which elements of the list are chosen, if it is ready after the index. */
static Node *
late_choice(Circuit *c, const Node *n)
{
	int ready = map_node(c, n->arg[0])->ready;

	for (int i = 1; i < n->narg; i++)
		if (n->arg[i]->op == OP_IF && !n->arg[i]->type.real
		    && map_node(c, n->arg[i]->arg[0])->ready > ready)
			return n->arg[i]->arg[0];
	return NULL;
}

/* The list with its choices made as if the condition held, or not. */
static Node *
pick_where(Circuit *c, const Node *n, const Node *cond, bool holds)
{
	Node **arg = arena_alloc(c->arena, sizeof *arg * (size_t)n->narg);

	for (int i = 0; i < n->narg; i++)
		arg[i] = n->arg[i]->op == OP_IF && n->arg[i]->arg[0] == cond
		                 ? n->arg[i]->arg[holds ? 1 : 2]
		                 : n->arg[i];
	return mk_like(c->g, n, arg);
}

/* if c then x[i] else y[i] in the place of [if c then x_k else y_k][i], where c is what it waits
 * for. */
static const Form *
pick_before_choice(Circuit *c, Node *n)
{
	Node *cond = late_choice(c, n);

	if (!cond)
		return NULL;
	Node *yes = pick_where(c, n, cond, true), *no = pick_where(c, n, cond, false);
	return map_node(c, mk_at(c->g, n, OP_IF, cond, yes, no));
}

/* A list of constants is a table of its index, wherever that may point. */
static const Form *
pick_of_constants(Circuit *c, Node *n)
{
	const Form *i = map_node(c, n->arg[0]);
	int64_t first = max_int64(i->lo, -1), last = min_int64(i->hi, n->narg - 2);

	for (int k = 1; k < n->narg; k++)
		if (!is_int_const(n->arg[k]))
			return NULL;
	if (first > last)
		return map_node(c, n->arg[1]);
	int size = (int)(last - first + 1), at = 0;
	int64_t *x = NEWS(c->arena, int64_t, 2 * (size + 2)), *y = x + size + 2;
	if (i->lo < first)
		x[at++] = i->lo;
	for (int64_t k = first; k <= last; k++)
		x[at++] = k;
	if (i->hi > last)
		x[at++] = i->hi;
	for (int k = 0; k < at; k++)
		y[k] = listed_element(n, x[k])->k;
	return staircase(c, i, at, x, y);
}

const Form *
emit_PICK(Circuit *c, Node *n)
{
	if (n->type.real)
		return map_real_pick(c, n);
	const Form *table = pick_of_constants(c, n);
	if (table) {
		c->made = &by_op[OP_TABLE];
		return table;
	}
	const Form *flags = pick_by_flags(c, n);

	if (flags)
		c->made = &by_gates;
	const Form *best = form_better_by(c, flags, pick_telescoped(c, n), &by_op[OP_PICK]);
	const Form *before = best->ready > deadline(c) ? pick_before_choice(c, n) : NULL;
	if (!before || before->ready >= best->ready)
		return best;
	c->hurried = true;
	return form_better_by(c, best, before, &by_late_choice);
}

const Form *
emit_AS(Circuit *c, Node *n)
{
	const Form *f = map_node(c, n->arg[1]);

	return n->arg[0]->op == OP_MOD && !n->type.real ? remainder_form(c, n, f) : f;
}

/* ---- sums over positions ---- */

const Form *
emit_SUM(Circuit *c, Node *n)
{
	Node *all, *mine, *cases[2];

	if (sum_before(c->g, n, &all, &mine))
		return map_difference(c, all, mine, 0);
	if (!two_cases(c, n->arg[1], cases))
		return map_sum(c, n);
	for (int i = 0; i < 2; i++)
		cases[i] = mk_at(c->g, n, OP_SUM, n->arg[0], cases[i], NULL);
	const Form *first = map_node(c, cases[0]), *second = map_node(c, cases[1]);
	return form_add(c, 1, first, 1, second, 0);
}

/* ---- the stage ---- */

/* Operators that are sums, or reads: a table would gain nothing. */
bool
costs_nothing(const Node *n)
{
	return has_trait(n->op, T_FREE)
	       || (n->op == OP_MUL && (is_int_const(n->arg[0]) || is_int_const(n->arg[1])));
}

/* Is a truth table of several streams worth a try? */
static bool
may_tabulate(const Node *n)
{
	return n->op == OP_READ ? !is_int_const(n->arg[2]) : !costs_nothing(n) && n->op != OP_SUM;
}

/* Operators whose own form is no earlier than a table of what they are a function of. */
static bool
is_as_good_as_table(const Node *n)
{
	return n->op == OP_TABLE || n->op == OP_DIV || n->op == OP_MOD
	       || (n->op == OP_MUL && !costs_nothing(n));
}

static const Form *
map_uncached(Circuit *c, Node *n)
{
	if (!emitters[n->op]) {
		error_at_node(c, n, "internal: %s has no value of its own", op_info[n->op].name);
		return NULL;
	}
	bool same_column = n->op == OP_NOT; /* as its operand */
	if (!n->narg || n->type.real || same_column)
		return emitters[n->op](c, n);
	const Form *digit = n->op == OP_MOD || n->op == OP_DIV ? c->target->index_division(c, n)
	                                                       : NULL;
	if (digit) {
		c->made = &by_place;
		return digit;
	}
	const Form *counted = compare_by_steps(c, n);
	if (!counted)
		counted = map_of_long_count(c, n);
	if (counted)
		return counted;
	if (is_feature(n)) {
		c->made = n->type.root->op == OP_TOKEN ? &by_op[OP_TOKEN] : &by_place;
		return embedded_form(c, n);
	}
	if (n->op == OP_READ && n->type.nset == 1)
		return form_const(c, n->type.lo);

	const Form *table = costs_nothing(n) ? NULL : table_of_root(c, n);
	if (table && is_as_good_as_table(n)) {
		int root = map_node(c, (Node *)n->type.root)->ready;
		if (table->ready <= computed_from(computed_from(root))) { /* by two digits */
			c->made = &by_op[OP_TABLE];
			return table;
		}
	}
	const Form *best = form_better_by(c, emitters[n->op](c, n), table, &by_op[OP_TABLE]);
	return best && may_tabulate(n)
	               ? form_better_by(c, best, map_truth_table(c, n, best), &by_truth_table)
	               : best;
}

/* A step within a smooth function, which is made as a whole and has no form of its own. */
static bool
is_curve_step(const Node *n)
{
	return has_trait(n->op, T_CURVED) || (n->op == OP_LINEAR && n->type.of);
}

/* Maps what n is made of, the deepest first, with a stack of its own: so a chain of any length
 * does not exhaust the machine's. It may map what n does not ask for, and so is only for where
 * calls are deep already. What an APPROX is made of is left out: it makes that anew. */
static void
map_operands_first(Circuit *c, Node *n)
{
	int top = 0;
	char *seen = arena_alloc(c->arena, (size_t)n->id + 1);
	Node **stack = arena_alloc(c->arena, sizeof *stack * ((size_t)n->id + 1));
	int *next = arena_alloc(c->arena, sizeof *next * ((size_t)n->id + 1));

	stack[top++] = n;
	while (top) {
		Node *x = stack[top - 1];
		int i = next[top - 1]++;
		if (i == x->narg || (x->op == OP_APPROX && !x->k)) {
			if (--top && !x->two_sided && !is_reference(x->op) && !is_curve_step(x))
				map_node(c, x);
			continue;
		}
		Node *arg = x->arg[i];
		if (seen[arg->id] || (arg->id < c->capform && c->form[arg->id]))
			continue;
		seen[arg->id] = 1;
		stack[top] = arg;
		next[top++] = 0;
	}
}

/* At the higher levels of c->effort.materialize; and where forms would grow from step to step. */
static const Form *
materialized_where_large(Circuit *c, const Node *n, const Form *f)
{
	int level = c->effort.materialize, longest = c->effort.longest;

	if (longest && f && f->n > longest)
		return materialized(c, f);
	if (level < 2 || !f || f->real || f->near || costs_nothing(n))
		return f;
	return form_abs_sum(f) >= (level == 2 ? LARGE : LESS_LARGE) ? materialized(c, f) : f;
}

const Form *
map_node(Circuit *c, Node *n)
{
	GROW(c->arena, c->form, c->capform, n->id + 1);
	GROW(c->arena, c->rule, c->caprule, n->id + 1);
	if (c->form[n->id])
		return c->form[n->id];
	if (c->terms > c->effort.terms && !c->exhausted)
		c->exhausted = n;
	if (c->exhausted)
		return n->type.real ? real_form(c, 0, NULL, n->type.min)
		                    : form_const(c, n->type.lo);

	if (++c->depth == DEEP) {
		c->depth = 0;
		map_operands_first(c, n);
		c->depth = DEEP;
	}
	const Node *outer = c->node;
	const Rule *made = c->made;
	int owner = c->owner;
	c->node = n;
	c->made = by_op[n->op].name ? &by_op[n->op] : NULL;
	if (n->id < c->capnamed && c->named[n->id] >= 0)
		c->owner = c->named[n->id];
	const Form *f = materialized_where_large(c, n, map_uncached(c, n));
	c->rule[n->id] = c->made;
	c->node = outer;
	c->made = made;
	c->owner = owner;
	c->depth--;
	if (!f)
		f = n->type.real ? real_form(c, 0, NULL, n->type.min) : form_const(c, n->type.lo);
	f = n->type.real ? real_within(c, f, n->type.min, n->type.max)
	                 : form_within(c, f, n->type.lo, n->type.hi);
	return c->form[n->id] = f;
}

/* 1 at <bos>, which a model of numbers does not know by a row of its own. */
static const Form *
is_place_0(Circuit *c)
{
	int64_t *t = arena_alloc(c->arena, sizeof *t * (size_t)c->rows);

	if (c->g->ninput)
		return c->target->step_function(c, 1, 1, 0);
	t[c->rows - 1] = 1;
	return token_feature(c, 0, t);
}

static void
find_names(Circuit *c)
{
	c->capnamed = c->g->nnode;
	c->named = arena_alloc(c->arena, sizeof *c->named * (size_t)(c->capnamed + 1));
	for (int i = 0; i < c->capnamed; i++)
		c->named[i] = -1;
	for (int i = c->g->nnamed; i-- > 0;)
		c->named[c->g->named[i].node->id] = i;
}

/* What is said may be too large as well; a logit is a field's value times up to twice its rows. */
static void
materialize_outputs(Circuit *c)
{
	for (int i = 0; c->emit && i < c->g->nfield; i++)
		if (form_reader_sum(c->emit[i]) * 2 * rows_of(c->g, i) >= EXACT_MAX)
			c->emit[i] = c->form[c->g->emit[i]->id] = materialized(c, c->emit[i]);
	for (int i = 0; i < c->g->noutput; i++)
		c->output[i] = c->form[c->g->output[i].node->id] = as_readable(c, c->output[i]);
}

Circuit *
map_once(Graph *g, const struct Target *target, Arena *arena, Diags *diags, const Effort *effort)
{
	Circuit *c = NEW(arena, Circuit);

	*c = (Circuit){ .g = g,
		        .target = target,
		        .arena = arena,
		        .diags = diags,
		        .rows = g->nvocab + 2,
		        .places = g->context + 1,
		        .owner = -1,
		        .effort = *effort };
	if (effort->begun)
		*effort->begun = c;
	find_names(c);
	c->is_bos = is_place_0(c);
	c->place = c->target->place_number(c, 0);
	c->output = arena_alloc(arena, sizeof *c->output * (size_t)(g->noutput + 1));
	if (g->emit)
		c->emit = arena_alloc(arena, sizeof *c->emit * (size_t)g->nfield);
	for (int i = 0; c->emit && i < g->nfield; i++)
		c->emit[i] = map_node(c, g->emit[i]);
	for (int i = 0; i < g->noutput; i++)
		c->output[i] = map_node(c, g->output[i].node);
	if (effort->materialize)
		materialize_outputs(c);
	return c;
}
