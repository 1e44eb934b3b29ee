/* Type narrowing: what is known inside a branch, because its condition holds there.
 *
 *     if t in '0'..'9' then ord(t) - ord('0') else 0
 *
 * The type of a node is what holds of it at every position. The first branch needs more: there t
 * is a digit, so the difference is 0..9. So while a branch is lowered, the facts that follow from
 * its condition are on a list, the innermost first: which values of a root are possible, between
 * which bounds a node is, which references are there. Checks (annotations, chr, indexing, reads
 * without else) ask here, and bounds_here computes ranges under the facts, by interval
 * arithmetic over the node's operands. The nodes themselves do not change: what a program
 * means never depends on a fact. (Flow-sensitive or occurrence typing: Tobin-Hochstadt and
 * Felleisen 2010; ranges under conditions: Harrison, "Compiler analysis of the value ranges for
 * variables", 1977.) */

#include "frontend/lower/lower.h"
#include "lang/interval.h"

static void
fact_push(Lower *L, GuardFact f)
{
	GuardFact *to = NEW(L->arena, GuardFact);

	*to = f;
	to->up = L->facts;
	L->facts = to;
}

const bool *
allowed_values(Lower *L, const Node *root)
{
	const GuardFact *f = L->facts;

	while (f && (f->node != root || !f->allowed))
		f = f->up;
	return f ? f->allowed : NULL;
}

/* Only the values of root that test(, data) holds of are possible, of those that were: the
 * innermost fact of a root says all. */
static void
learn_values(Lower *L, const Node *root, bool (*test)(int i, void *data), void *data)
{
	const bool *before = allowed_values(L, root);
	bool *allowed = NEWS(L->arena, bool, root->type.nset);

	for (int i = 0; i < root->type.nset; i++)
		allowed[i] = (!before || before[i]) && test(i, data);
	fact_push(L, (GuardFact){ .node = root, .allowed = allowed });
}

typedef struct ValueBounds {
	const int64_t *set;
	int64_t lo, hi;
} ValueBounds;

static bool
is_within_bounds(int i, void *data)
{
	const ValueBounds *w = data;

	return w->lo <= w->set[i] && w->set[i] <= w->hi;
}

static void
learn_bounds(Lower *L, const Node *n, int64_t lo, int64_t hi)
{
	if (n->op == OP_CONST)
		return;
	if (n->type.root == n && n->type.nset)
		learn_values(L, n, is_within_bounds, &(ValueBounds){ n->type.set, lo, hi });
	else
		fact_push(L, (GuardFact){ .node = n, .lo = lo, .hi = hi });
}

static void
learn_order(Lower *L, const Node *c, bool holds)
{
	const Node *a = c->arg[0], *b = c->arg[1];

	if (c->op == OP_EQ && holds) {
		learn_bounds(L, a, b->type.lo, b->type.hi);
		learn_bounds(L, b, a->type.lo, a->type.hi);
	} else if (c->op == OP_LT && holds) {
		learn_bounds(L, a, a->type.lo, b->type.hi - 1);
		learn_bounds(L, b, a->type.lo + 1, b->type.hi);
	} else if (c->op == OP_LT) {
		learn_bounds(L, a, b->type.lo, a->type.hi);
		learn_bounds(L, b, b->type.lo, a->type.hi);
	}
}

typedef struct Agrees {
	const int64_t *image; /* of the condition */
	bool holds;
} Agrees;

static bool
agrees(int i, void *data)
{
	const Agrees *a = data;

	return a->image[i] == a->holds;
}

static void
learn(Lower *L, const Node *c, bool holds, int depth)
{
	if (depth > 100 || c->op == OP_CONST)
		return;
	if (c->op == OP_NOT) {
		learn(L, c->arg[0], !holds, depth + 1);
		return;
	}
	if ((c->op == OP_AND && holds) || (c->op == OP_OR && !holds))
		for (int i = 0; i < c->narg; i++)
			learn(L, c->arg[i], holds, depth + 1);
	if (c->op == OP_READ && holds && c->arg[0]->op == OP_CONST && c->arg[0]->k == 1
	    && c->arg[2]->op == OP_CONST && c->arg[2]->k == 0)
		fact_push(L, (GuardFact){ .node = c->arg[1],
		                          .present = true,
		                          .lo = c->k < 0 ? c->k : 0,
		                          .hi = c->k > 0 ? c->k : 0 });
	if (c->op == OP_EQ || c->op == OP_LT)
		learn_order(L, c, holds);
	if (c->type.root && c->type.image && c->type.root->type.nset)
		learn_values(L, c->type.root, agrees, &(Agrees){ c->type.image, holds });
}

GuardFact *
assume_condition(Lower *L, Node *cond, bool holds)
{
	GuardFact *old = L->facts;

	if (cond->op != OP_CONST)
		fact_push(L, (GuardFact){ .cond = cond, .holds = holds });
	learn(L, cond, holds, 0);
	return old;
}

bool
is_known_present(Lower *L, const Node *ref, int64_t offset)
{
	for (const GuardFact *f = L->facts; f; f = f->up)
		if (f->present && f->node == ref && f->lo <= offset && offset <= f->hi)
			return true;
	return false;
}

bool
is_beside_present(Lower *L, const Node *e, int64_t k, bool at_most)
{
	for (const GuardFact *f = L->facts; f; f = f->up) {
		if (!f->present || f->node->op != OP_AT)
			continue;
		const Node *there = f->node->arg[0];
		if (at_most ? most_of_difference(L->g, e, there) <= f->hi - k
		            : most_of_difference(L->g, there, e) <= k - f->lo)
			return true;
	}
	return false;
}

const int64_t *
values_here(Lower *L, const Node *n, int *count)
{
	const Node *root = n->type.root;

	if (n->op == OP_CONST)
		return *count = 1, &n->type.lo;
	if (!root || !n->type.image || !root->type.nset)
		return NULL;
	const bool *allowed = allowed_values(L, root);
	if (!allowed && n->type.nset)
		return *count = n->type.nset, n->type.set;
	int64_t *v = NEWS(L->arena, int64_t, root->type.nset + 1);
	*count = 0;
	for (int i = 0; i < root->type.nset; i++)
		if (!allowed || allowed[i])
			v[(*count)++] = n->type.image[i];
	return v;
}

typedef struct BoundsSearch {
	Lower *L;
	int budget; /* nodes left to look at */
} BoundsSearch;

static Bounds search_bounds(BoundsSearch *, const Node *, int depth);

static Bounds
bounds_meet(Bounds a, int64_t lo, int64_t hi)
{
	a.lo = max_int64(lo, a.lo);
	a.hi = min_int64(hi, a.hi);
	a.never |= a.lo > a.hi;
	return a;
}

static Bounds
bounds_hull(Bounds a, Bounds b)
{
	if (a.never || b.never)
		return a.never ? b : a;
	return (Bounds){ min_int64(a.lo, b.lo), max_int64(a.hi, b.hi), false };
}

static Bounds
bounds_product(Bounds a, Bounds b)
{
	__int128 p[4] = { (__int128)a.lo * b.lo, (__int128)a.lo * b.hi, (__int128)a.hi * b.lo,
		          (__int128)a.hi * b.hi };
	__int128 lo = p[0], hi = p[0];

	for (int i = 1; i < 4; i++) {
		lo = p[i] < lo ? p[i] : lo;
		hi = p[i] > hi ? p[i] : hi;
	}
	const __int128 top = (int64_t)1 << 61;
	return (Bounds){ (int64_t)(lo < -top ? -top : lo), (int64_t)(hi > top ? top : hi), false };
}

/* The bounds of an IF: of each branch under the fact that leads to it. */
static Bounds
search_bounds_if(BoundsSearch *s, const Node *n, int depth)
{
	Bounds c = search_bounds(s, n->arg[0], depth + 1), r[2];

	for (int i = 0; i < 2; i++) {
		bool holds = i == 0;
		if (c.never || (holds ? c.hi == 0 : c.lo == 1)) {
			r[i] = (Bounds){ 0, 0, true };
			continue;
		}
		GuardFact *old = assume_condition(s->L, n->arg[0], holds);
		r[i] = search_bounds(s, n->arg[i + 1], depth + 1);
		s->L->facts = old;
	}
	return bounds_hull(r[0], r[1]);
}

static Bounds
search_bounds_parts(BoundsSearch *s, const Node *n, int depth)
{
	Bounds all = { n->type.lo, n->type.hi, false };

	if (depth > 60 || s->budget <= 0)
		return all;
	if (n->op == OP_IF) {
		Bounds r = search_bounds_if(s, n, depth);
		return r.never ? r : bounds_meet(all, r.lo, r.hi);
	}
	if (n->op != OP_ADD && n->op != OP_SUB && n->op != OP_MUL && n->op != OP_MIN
	    && n->op != OP_MAX)
		return all;
	Bounds a = search_bounds(s, n->arg[0], depth + 1);
	for (int i = 1; i < n->narg && !a.never; i++) {
		Bounds b = search_bounds(s, n->arg[i], depth + 1);
		if (b.never)
			return b;
		switch (n->op) {
		case OP_ADD: a = (Bounds){ a.lo + b.lo, a.hi + b.hi, false }; break;
		case OP_SUB: a = (Bounds){ a.lo - b.hi, a.hi - b.lo, false }; break;
		case OP_MUL: a = bounds_product(a, b); break;
		case OP_MIN:
			a = (Bounds){ min_int64(a.lo, b.lo), min_int64(a.hi, b.hi), false };
			break;
		default: a = (Bounds){ max_int64(a.lo, b.lo), max_int64(a.hi, b.hi), false }; break;
		}
	}
	return a.never ? a : bounds_meet(all, a.lo, a.hi);
}

/* The bounds of a function of one root, by the values that it can have here. */
static Bounds
bounds_by_root(Lower *L, const Node *n)
{
	const Node *root = n->type.root;
	const bool *allowed = root ? allowed_values(L, root) : NULL;
	Bounds r = { 0, 0, true };

	if (!allowed || !n->type.image)
		return (Bounds){ n->type.lo, n->type.hi, false };
	for (int i = 0; i < root->type.nset; i++)
		if (allowed[i])
			r = bounds_hull(r, (Bounds){ n->type.image[i], n->type.image[i], false });
	return r;
}

static Bounds
search_bounds(BoundsSearch *s, const Node *n, int depth)
{
	Bounds b = { n->type.lo, n->type.hi, false };

	s->budget--;
	for (const GuardFact *f = s->L->facts; f; f = f->up)
		if (f->node == n && !f->allowed && !f->present)
			b = bounds_meet(b, f->lo, f->hi);
	if (b.never || b.lo == b.hi)
		return b;
	Bounds r = bounds_by_root(s->L, n);
	if (r.never)
		return r;
	b = bounds_meet(b, r.lo, r.hi);
	Bounds p = search_bounds_parts(s, n, depth);
	return p.never ? p : bounds_meet(b, p.lo, p.hi);
}

/* The least and the greatest value that n can have where the facts hold. */
Bounds
bounds_here(Lower *L, const Node *n)
{
	BoundsSearch s = { .L = L, .budget = 500 };

	return search_bounds(&s, n, 0);
}
