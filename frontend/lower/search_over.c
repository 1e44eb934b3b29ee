/* What looks at all visible positions, or at all numbers of a range, at once.
 *
 *     latest j where C          LATEST(C); first: FIRST(C)
 *     only j where C            ONLY(C), and an assert that the first is the last
 *     best j by [s, t]          BEST(s * n + t), if t has n values: one number that compares as the
 *                               pair does (mixed radix)
 *     count(C for j where D)    SUM(1, C and D); sum(E for j …): SUM(E, D)
 *     any(C for j)              is there a LATEST(C)? all: is there no LATEST(not C)?
 *     max(E for j where C)      E at BEST(E, C); min: at BEST(-E, C)
 *     mean(E for j where C)     MEAN(E, C), with conditions as 0 and 1
 *     first i in 0..<n where C  a chain of ifs: n is known at compile time
 *
 * Inside, x[j] is THERE(x); everything else is of this position. */

#include <string.h>

#include "frontend/lower/lower.h"
#include "lang/interval.h"

/* ---- scores: one number that compares as a list of numbers does, left to right ---- */

#define SCORES_MAX (INT64_C(1) << 53)

/* The parts of a score, and the range that each has in all scores that are compared. */
typedef struct ScoreParts {
	int n;
	Node **part;      /* (n) */
	int64_t *lo, *hi; /* (n) */
} ScoreParts;

static bool
score_parts(Lower *L, Value *v, ScoreParts *s)
{
	v = as_array(L, v);
	if (v->kind == V_ERROR)
		return false;
	Value **part = v->kind == V_ARRAY ? v->item : &v;
	s->n = v->kind == V_ARRAY ? v->n : 1;
	s->part = NEWS(L->arena, Node *, s->n);
	s->lo = NEWS(L->arena, int64_t, s->n);
	s->hi = NEWS(L->arena, int64_t, s->n);
	for (int i = 0; i < s->n; i++) {
		if (part[i]->kind != V_INT) {
			fail_here(L, "a score is an integer, or a list of them, not %s%s",
			          v_kind(part[i]),
			          part[i]->kind == V_BOOL  ? "; write int(c)"
			          : part[i]->kind == V_POS ? "; write index[p]"
			                                   : whole_hint(part[i]));
			return false;
		}
		if (!(s->part[i] = node_of(L, part[i])))
			return false;
		s->lo[i] = s->part[i]->type.lo;
		s->hi[i] = s->part[i]->type.hi;
	}
	if (!s->n)
		fail_here(L, "a score has one part at least");
	return s->n > 0;
}

/* Gives both the ranges that hold for both, so that they compare. */
static bool
share_ranges(Lower *L, ScoreParts *a, ScoreParts *b)
{
	if (a->n != b->n) {
		fail_here(L, "scores of %d and %d parts do not compare", a->n, b->n);
		return false;
	}
	for (int i = 0; i < a->n; i++) {
		a->lo[i] = min_int64(a->lo[i], b->lo[i]);
		a->hi[i] = max_int64(a->hi[i], b->hi[i]);
	}
	b->lo = a->lo;
	b->hi = a->hi;
	return true;
}

/* A score over positions is never added up where its parts are compared one after the other, so it
 * may take more values than a float holds: `most`. */
static Node *
join_score(Lower *L, const ScoreParts *s, int64_t most)
{
	Node *sum = s->part[0];
	__int128 values = (__int128)s->hi[0] - s->lo[0] + 1;

	for (int i = 1; i < s->n; i++) {
		int64_t n = s->hi[i] - s->lo[i] + 1;
		sum = i == 1 ? op2(L, OP_SUB, sum, constant(L, s->lo[0])) : sum;
		if ((values *= n) >= most) {
			fail_here(L,
			          "these scores together take %lld values, more than the %lld "
			          "that are told apart",
			          values > INT64_MAX ? INT64_MAX : (long long)values,
			          (long long)most - 1);
			return NULL;
		}
		Node *high = op2(L, OP_MUL, sum, constant(L, n));
		sum = op2(L, OP_ADD, high, op2(L, OP_SUB, s->part[i], constant(L, s->lo[i])));
	}
	return sum;
}

/* ---- positions ---- */

/* `where cond` and an expression, of a bound position. */
typedef struct OverPosition {
	Env *env;
	Node *cond;
	Value *value;      /* of the expression; NULL if there is none */
	const Value *mask; /* the condition, if it is one of floats; then cond is NULL */
	int bound;         /* the number of the where */
} OverPosition;

/* Evaluates the where, then e under the fact that it holds, with the name bound to a position.
 * False after an error. */
static bool
eval_over_position(Lower *L, Env *env, const Ast *name, const Ast *where, const Ast *e,
                   OverPosition *to)
{
	int outer = L->bound;
	const InnerWhere in = { L->src, L->span, env, name->text, where, e }, *inner = L->inner;
	Value *j = v_pos(L, NULL, 0), *c = v_bool(L, true);
	GuardFact *old = L->facts;

	j->bound = L->bound = ++L->nbound;
	to->bound = j->bound;
	env = env_bind(L, env, name->text, j, NULL);
	L->inner = outer ? &in : NULL;
	if (where)
		c = eval_bool(L, env, where, "a where");
	if (c->node)
		assume_condition(L, c->node, true);
	to->value = e ? eval(L, env, e) : NULL;
	L->facts = old;
	L->bound = outer;
	L->inner = inner;
	to->mask = c->kind == V_MASK ? c : NULL;
	to->cond = c->kind == V_ERROR || to->mask ? NULL : node_of(L, c);
	return (to->cond || to->mask) && !(e && to->value->kind == V_ERROR);
}

static Value *
choose_position(Lower *L, Env *env, const Ast *a, Op which)
{
	OverPosition l;

	if (!eval_over_position(L, env, a->kid[1], a->kid[4], a->kid[3], &l))
		return &v_error;
	if (l.mask || (l.value && has_floats(l.value)))
		return fail_here(L, "a position is found by what is proved, and of floats nothing "
		                    "is; attend looks by floats");
	if (which == OP_ONLY)
		l.cond = assert_one_match(L, l.cond);
	if (which != OP_BEST)
		return v_pos(L, op1(L, which, l.cond), 0);
	L->span = a->kid[3]->span;
	ScoreParts parts;
	Node *s = score_parts(L, l.value, &parts) ? join_score(L, &parts, SCORES_MAX) : NULL;
	L->span = a->span;
	return s ? v_pos(L, op2(L, OP_BEST, s, l.cond), 0) : &v_error;
}

/* ---- count, sum, any, all, min, max ---- */

/* The mean times how many there are. */
static Value *
sum_of_reals(Lower *L, const OverPosition *l)
{
	Node *e = node_of(L, l->value), *arg[2] = { e, l->cond };
	Real none = { 0, 1 };

	if (!e)
		return &v_error;
	Value *mean = v_stream(L, V_REAL,
	                       mk_reals(L->g, OP_MEAN, L->span, site_here(L), 2, arg, 0, &none, 1));
	Value *n = v_stream(L, V_INT, op2(L, OP_SUM, constant(L, 1), l->cond));
	return arith(L, N_MUL, mean, n, NULL, NULL);
}

static Value *
sum_positions(Lower *L, const OverPosition *l)
{
	if (l->value->kind == V_REAL)
		return sum_of_reals(L, l);
	if (l->value->kind != V_INT)
		return fail_here(L, "sum takes numbers, not %s%s", v_show(L, l->value),
		                 l->value->kind == V_BOOL ? "; count(C for j) counts where it holds"
		                                          : "");
	Node *e = node_of(L, l->value);
	return e ? exact_int(L, op2(L, OP_SUM, e, l->cond), "sum", NULL, NULL) : &v_error;
}

/* The least or greatest value: that of the best position. */
static Value *
extreme_position(Lower *L, const OverPosition *l, bool least, Env *env, const Ast *otherwise)
{
	if (l->value->kind != V_INT)
		return fail_here(L, "%s over positions takes integers, not %s%s",
		                 least ? "min" : "max", v_show(L, l->value), whole_hint(l->value));
	Node *e = node_of(L, l->value);
	if (!e)
		return &v_error;
	Value *p = v_pos(L, op2(L, OP_BEST, least ? op2(L, OP_SUB, constant(L, 0), e) : e, l->cond),
	                 0);
	bool sure = is_present(L, p);
	Value *d = otherwise ? eval(L, env, otherwise) : v_int(L, e->type.lo);
	if (!sure && !otherwise)
		return fail_here(L, "this may be the %s of nothing: say what it is then, else d",
		                 least ? "least" : "greatest");
	if (d->kind == V_ERROR)
		return d;
	if (d->kind != V_INT)
		return fail_here(L, "what is read is %s, but the else is %s", v_show(L, l->value),
		                 v_show(L, d));
	if (side(e) == ON_THERE)
		return read_value_at(L, v_stream(L, V_INT, replace_there(L->g, e, NULL)), p,
		                     sure ? NULL : d);
	Node *v = at_reference(L, e, p->ref);
	if (!v)
		return fail_here(L, "this expression is too large");
	Value *got = v_stream(L, V_INT, v);
	return sure ? got : if_value(L, presence_node(L, p), got, d);
}

/* The mean. Of no positions it is what `else` says: a MEAN takes a constant for that, and anything
 * else is chosen by an if. */
static Value *
mean_positions(Lower *L, const OverPosition *l, Env *env, const Ast *otherwise)
{
	Value *e = l->value, *d = v_int(L, 0);
	Value *there = v_pos(L, op1(L, OP_LATEST, l->cond), 0);
	bool sure = is_present(L, there);

	if (e->kind != V_BOOL && !is_numeric(e))
		return fail_here(L, "mean takes numbers and conditions, not %s", v_show(L, e));
	if (!sure && !otherwise)
		return fail_here(L, "this may be the mean of nothing: say what it is then, else d");
	if (otherwise && !sure)
		d = eval(L, env, otherwise);
	if (d->kind == V_ERROR)
		return d;
	if (!is_numeric(d))
		return fail_here(L, "the mean is a real, but the else is %s", v_show(L, d));
	Node *x = node_of(L, e);
	if (!x)
		return &v_error;
	Real none = d->known ? real_of(d->num, d->den) : (Real){ 0, 1 };
	Node *arg[2] = { x, l->cond };
	Value *mean = v_stream(L, V_REAL,
	                       mk_reals(L->g, OP_MEAN, L->span, site_here(L), 2, arg, 0, &none, 1));
	return d->known ? mean : if_value(L, presence_node(L, there), mean, d);
}

static const char *const total_name[] = { "count", "sum", "any", "all", "min", "max", "mean" };

Value *
over_positions(Lower *L, Total t, Env *env, const Ast *over)
{
	const Ast *clause = over->kid[1]->kid[0];
	Span whole = L->span;
	OverPosition l;

	if (!may_define(L, NULL, clause->kid[0])
	    || !eval_over_position(L, env, clause->kid[0], clause->kid[2], over->kid[0], &l))
		return &v_error;
	L->span = t == T_SUM && l.value->kind == V_REAL ? whole : over->span;
	if (l.mask || has_floats(l.value)) {
		Value c = { .kind = V_BOOL, .node = l.cond };
		return float_over(L, total_name[t], l.value, l.mask ? l.mask : &c, l.bound, env,
		                  over->kid[2]);
	}
	if (t == T_SUM)
		return sum_positions(L, &l);
	if (t == T_MEAN)
		return mean_positions(L, &l, env, over->kid[2]);
	if (t == T_MIN || t == T_MAX)
		return extreme_position(L, &l, t == T_MIN, env, over->kid[2]);
	if (l.value->kind != V_BOOL)
		return fail_at(L, over->kid[0]->span, "what is %s is a condition, not %s",
		               t == T_COUNT ? "counted" : "asked", v_kind(l.value));
	Value *c = v_and(L, v_stream(L, V_BOOL, l.cond), t == T_ALL ? v_not(L, l.value) : l.value);
	Node *n = node_of(L, c);
	if (!n)
		return &v_error;
	if (t == T_COUNT)
		return exact_int(L, op2(L, OP_SUM, constant(L, 1), n), "count", NULL, NULL);
	Value *found = v_stream(L, V_BOOL, presence_node(L, v_pos(L, op1(L, OP_LATEST, n), 0)));
	return t == T_ALL ? v_not(L, found) : found;
}

/* ---- numbers of a range ---- */

typedef struct Choices {
	bool floats; /* there are some: nothing else is known */
	int64_t lo, hi;
	Value **cond;      /* (hi - lo + 1) */
	ScoreParts *score; /* (hi - lo + 1) of best */
	Value **number;    /* (hi - lo + 1) the same as it was found, */
	bool real;         /* of which one is, or has, a real: then there are no parts */
} Choices;

static bool
has_real(const Value *v)
{
	bool real = v->kind == V_REAL;

	for (int i = 0; v->kind == V_ARRAY && i < v->n; i++)
		real |= v->item[i]->kind == V_REAL;
	return real;
}

static bool
eval_choices(Lower *L, Env *env, const Ast *a, Choices *c)
{
	const Ast *span = a->kid[2];

	*c = (Choices){ 0 };
	if (span->kind != N_TO && span->kind != N_UPTO) {
		fail_at(L, span->span, "a choice is made among a range: in 0..<n");
		return false;
	}
	if (!eval_int(L, env, span->kid[0], "a bound", &c->lo)
	    || !eval_int(L, env, span->kid[1], "a bound", &c->hi))
		return false;
	c->hi -= span->kind == N_UPTO;
	if (c->hi - c->lo >= ITEMS_MAX) {
		fail_at(L, span->span, "this range is too long");
		return false;
	}
	int n = c->hi < c->lo ? 0 : (int)(c->hi - c->lo + 1);
	c->cond = NEWS(L->arena, Value *, n);
	c->score = NEWS(L->arena, ScoreParts, n);
	c->number = NEWS(L->arena, Value *, n);
	for (int i = 0; i < n; i++) {
		Env *inner = env_bind(L, env, a->kid[1]->text, v_int(L, c->lo + i), NULL);
		c->cond[i] = a->kid[4] ? eval_bool(L, inner, a->kid[4], "a where")
		                       : v_bool(L, true);
		if (c->cond[i]->kind == V_ERROR)
			return false;
		GuardFact *old = L->facts;
		if (c->cond[i]->node)
			assume_condition(L, c->cond[i]->node, true);
		c->number[i] = a->kid[3] ? as_array(L, eval(L, inner, a->kid[3])) : NULL;
		L->facts = old;
		if (a->kid[3] && c->number[i]->kind == V_ERROR)
			return false;
		if (c->cond[i]->kind == V_MASK || (a->kid[3] && has_floats(c->number[i]))) {
			c->floats = true;
			return true;
		}
		c->real |= a->kid[3] && has_real(c->number[i]);
	}
	for (int i = 0; i < n && a->kid[3] && !c->real; i++)
		if (!score_parts(L, c->number[i], &c->score[i])
		    || !share_ranges(L, &c->score[0], &c->score[i]))
			return false;
	return true;
}

/* Is the score a below b? From the first part in which they differ; NULL after an error. */
static Value *
score_below(Lower *L, Value *a, Value *b)
{
	int n = a->kind == V_ARRAY ? a->n : 1;
	Value **x = a->kind == V_ARRAY ? a->item : &a, **y = b->kind == V_ARRAY ? b->item : &b;
	Value *below = v_bool(L, false);

	if ((a->kind == V_ARRAY) != (b->kind == V_ARRAY) || a->n != b->n)
		return fail_here(L, "these scores do not compare: %s and %s", v_show(L, a),
		                 v_show(L, b));
	for (int i = n - 1; i >= 0; i--) {
		if (!is_numeric(x[i]) || !is_numeric(y[i]))
			return fail_here(L, "a score is a number, or a list of them, not %s",
			                 v_show(L, is_numeric(x[i]) ? y[i] : x[i]));
		if (below->known && below->num)
			below = compare_values(L, R_LE, x[i], y[i]);
		else if (below->known)
			below = compare_values(L, R_LT, x[i], y[i]);
		else
			below = v_or(L, compare_values(L, R_LT, x[i], y[i]),
			             v_and(L, compare_values(L, R_EQ, x[i], y[i]), below));
		if (below->kind == V_ERROR)
			return below;
	}
	return below;
}

/* The same for scores with a real, pair by pair: the differences of reals are what is compared, and
 * each has to be proved. */
static bool
keep_best_real(Lower *L, Choices *c)
{
	int n = (int)(c->hi - c->lo + 1);
	Value **best = memcpy(NEWS(L->arena, Value *, n), c->cond, sizeof(Value *) * (size_t)n);

	for (int i = 0; i < n; i++)
		for (int k = i + 1; k < n; k++) { /* of equals the later one, k */
			Value *less = score_below(L, c->number[k], c->number[i]);
			best[k] = v_and(L, best[k], v_not(L, v_and(L, c->cond[i], less)));
			best[i] = v_and(L, best[i], v_not(L, v_and(L, c->cond[k], v_not(L, less))));
			if (less->kind == V_ERROR)
				return false;
		}
	c->cond = best;
	return true;
}

/* Makes the condition of each number: it holds, and no other score is greater. A number whose own
 * condition does not hold gets a score below all others. */
static bool
keep_best(Lower *L, Choices *c)
{
	int n = (int)(c->hi - c->lo + 1);
	Node **of = NEWS(L->arena, Node *, n);
	int64_t least = INT64_MAX;

	for (int i = 0; i < n; i++) {
		if (!(of[i] = join_score(L, &c->score[i], EXACT_MAX)))
			return false;
		least = min_int64(least, of[i]->type.lo);
	}
	Node *none = constant(L, least - 1);
	for (int i = 0; i < n; i++) {
		Value *v = c->cond[i];
		of[i] = !v->known ? if_node(L, v->node, of[i], none) : v->num ? of[i] : none;
	}
	Node *most = n > 1 ? op(L, OP_MAX, n, of) : of[0];
	if (most->type.lo <= -EXACT_MAX || most->type.hi >= EXACT_MAX) {
		fail_here(L, "this score is more than a 32-bit float holds exactly (16777216)");
		return false;
	}
	for (int i = 0; i < n; i++)
		c->cond[i] = v_and(L, c->cond[i], v_stream(L, V_BOOL, op2(L, OP_EQ, of[i], most)));
	return true;
}

/* The same of floats: their scores and conditions are kept whole. */
static Value *
choose_among_floats(Lower *L, Env *env, const Ast *a, Op which, int64_t lo)
{
	Ast *clause[3] = { a->kid[1], a->kid[2], a->kid[4] };
	Ast one = { .kind = N_FOR, .span = a->span, .n = 3, .kid = clause }, *only = &one;
	Ast all = { .kind = N_LIST, .span = a->span, .n = 1, .kid = &only };
	Ast *part[2] = { a->kid[3], &all };
	Ast over = { .kind = N_OVER, .span = a->span, .n = 2, .kid = part };
	Rolled r;

	if (which == OP_ONLY)
		return fail_here(L, "'only' is proved or checked exactly; of floats nothing is");
	if (roll_comprehension(L, env, &over, true, &r))
		return float_pick(L, which == OP_FIRST, lo, &r);
	return fail_here(L, "this choice among floats cannot be made as a whole: %s", r.why);
}

/* first i in 0..<n where C: a number of the range, which is known at compile time; -1 if there is
 * none */
static Value *
choose_index(Lower *L, Env *env, const Ast *a, Op which)
{
	Choices c;
	bool sure = which == OP_BEST && !a->kid[4];

	if (!eval_choices(L, env, a, &c))
		return &v_error;
	if (c.hi < c.lo)
		return v_int(L, -1);
	if (which == OP_BEST && !c.floats && !(c.real ? keep_best_real(L, &c) : keep_best(L, &c)))
		return &v_error;
	int64_t n = c.hi - c.lo + 1;
	if (c.floats)
		return choose_among_floats(L, env, a, which, c.lo);
	if (which == OP_ONLY)
		assert_one_holds(L, (int)n, c.cond);
	Value *v = v_int(L, sure ? c.lo : -1);
	for (int64_t k = sure; k < n; k++) {
		int64_t i = which == OP_FIRST ? n - 1 - k : k;
		Value *is = c.cond[i], *number = v_int(L, c.lo + i);
		v = is->known ? is->num ? number : v : if_value(L, is->node, number, v);
	}
	return v;
}

Value *
eval_pick(Lower *L, Env *env, const Ast *a)
{
	const Ast *kind = a->kid[0], *name = a->kid[1];
	Op which = !strcmp(kind->text, "latest")  ? OP_LATEST
	           : !strcmp(kind->text, "first") ? OP_FIRST
	           : !strcmp(kind->text, "only")  ? OP_ONLY
	                                          : OP_BEST;

	if (!may_define(L, env, name))
		return &v_error;
	if (which == OP_BEST && strcmp(kind->text, "best"))
		return fail_at(L, kind->span,
		               "a reference is 'latest', 'first', 'only' or 'best', not '%s'",
		               kind->text);
	if (which == OP_BEST && !a->kid[3])
		return fail_at(L, kind->span, "'best' needs a score: best %s by S where C",
		               name->text);
	if (which != OP_BEST && a->kid[3])
		return fail_at(L, a->kid[3]->span, "'%s' has no 'by'; 'best' has", kind->text);
	return a->kid[2] ? choose_index(L, env, a, which) : choose_position(L, env, a, which);
}
