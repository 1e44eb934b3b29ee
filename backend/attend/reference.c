/* References to heads.
 *
 * A head's score is a sum of exact integers, and the place it should read beats
 * every other by at least GAP, so the softmax is exactly one-hot. <bos> has
 * place 0 and sees only itself; the text has places 1, 2, …
 *
 *     offset, place   2 t p' - p'^2 is greatest at p' = t; for t <= 0 at <bos>
 *     latest          p' where the condition holds, -W below that where not;
 *                     <bos> stands between, so it is read where nothing matches
 *     first           the same with -p'
 *     best            latest, after a score that outweighs all recency: a key, or
 *                     where it depends on here a sum of products (bilinear.c)
 *     mean            no order: 0 where the condition holds, so that all matches have
 *                     equal weight; for a count (counting.c) <bos> too, for a mean it
 *                     stands between
 *
 * A condition is a penalty of W or more where it fails: predicate.c. */

#include "backend/attend/attend.h"
#include "backend/map/map.h"

#include <string.h>

enum {
	GAP = 104,  /* exp(-104) is 0 in float32 */
	STEP = 128, /* of recency, a place */
};

static const Form *
feature_by_place(Circuit *c, int64_t (*f)(int64_t place, int64_t arg), int64_t arg)
{
	int64_t *t = arena_alloc(c->arena, sizeof *t * (size_t)c->places);

	for (int p = 0; p < c->places; p++)
		t[p] = f(p, arg);
	return place_feature(c, t);
}

static int64_t
square_of(int64_t p, int64_t m)
{
	p %= m;
	return p * p;
}
static int64_t
low_of(int64_t p, int64_t m)
{
	return p % m;
}
static int64_t
high_of(int64_t p, int64_t m)
{
	return p / m;
}
static int64_t
high_square(int64_t p, int64_t m)
{
	p /= m;
	return p * p;
}

static Lookup *
lookup_new(Circuit *c, const char *intent, const Node *ref)
{
	Lookup *s = NEW(c->arena, Lookup);

	s->intent = intent;
	s->ref = ref;
	s->gap = STEP;
	return s;
}

/* ---- by number ---- */

/* Squares of whole places stay exact up to here; beyond, a place is two digits. */
enum { ONE_DIGIT = 200 };

static int64_t
digit_base(const Circuit *c)
{
	int64_t b = 2;

	if (c->places <= ONE_DIGIT)
		return c->places;
	while (b * b < c->places)
		b++;
	return b;
}

static void
match_digit(Circuit *c, Lookup *s, const Form *want, const Form *digit, const Form *square)
{
	add_dim(c, s, want, form_scale(c, 2 * STEP, digit, 0));
	add_dim(c, s, form_const(c, 1), form_scale(c, -STEP, square, 0));
}

/* The place whose digits are low and high; high is NULL where one digit does. */
static Lookup *
lookup_place(Circuit *c, const char *intent, const Node *ref, const Form *low, const Form *high)
{
	Lookup *s = lookup_new(c, intent, ref);
	int64_t b = digit_base(c);

	const Form *digit = feature_by_place(c, low_of, b),
		   *square = feature_by_place(c, square_of, b);
	match_digit(c, s, low, digit, square);
	if (!high)
		return s;
	digit = feature_by_place(c, high_of, b);
	square = feature_by_place(c, high_square, b);
	match_digit(c, s, high, digit, square);
	return s;
}

static int64_t
low_before(int64_t p, int64_t arg)
{
	p -= (int32_t)arg;
	return max_int64(p, 0) % (arg >> 32);
}

static int64_t
high_before(int64_t p, int64_t arg)
{
	p -= (int32_t)arg;
	return max_int64(p, 0) / (arg >> 32);
}

/* The place `back` before this one; <bos> where that is before the text. Ahead of
 * this one (back < 0) the last place stands for all that are beyond the text. */
static const Lookup *
lookup_offset(Circuit *c, int back)
{
	int64_t b = digit_base(c), arg = b << 32 | (uint32_t)back;
	const Lookup **known = &c->offset[c->places + back];

	if (*known)
		return *known;
	const Form *low = form_scale(c, 1, c->place, -back), *high = NULL;
	if (b < c->places) {
		low = feature_by_place(c, low_before, arg);
		high = feature_by_place(c, high_before, arg);
	}
	Lookup *s = lookup_place(c, "offset", NULL, low, high);
	s->offset = -back;
	return *known = s;
}

/* How far f is outside of the places of a text. */
static int64_t
beyond_text(const Circuit *c, const Form *f)
{
	int64_t over = f->hi - (c->places - 1);

	return -f->lo > over ? -f->lo : over;
}

/* Beyond its ends the nearest place is the one that is read, with f as it is, while scores
 * stay exact. */
static bool
reads_nearest(const Circuit *c, const Form *f)
{
	return STEP * (int64_t)c->places * (c->places + 2 * beyond_text(c, f)) < EXACT_MAX / 8 * 7;
}

/* f, or what is nearest to it of 0 and the first place behind the longest text. */
static const Form *
beside_text(Circuit *c, const Form *f)
{
	int64_t x[4] = { f->lo, 0, c->places, f->hi }, y[4] = { 0, 0, c->places, c->places };
	int from = f->lo >= 0, to = f->hi <= c->places ? 3 : 4;

	if (f->lo >= 0)
		x[1] = y[1] = f->lo;
	if (f->hi <= c->places)
		x[2] = y[2] = f->hi;
	return staircase(c, f, to - from, x + from, y + from);
}

/* The place of e, the number e as a form f less 1; 0, that of <bos>, where e is negative or
 * ahead of this position. Where all can be seen it may be behind the text. */
static const Form *
visible_place(Circuit *c, const Form *f, bool ahead)
{
	bool all = c->g->bidirectional;
	int64_t m = f->hi, last = c->places - 1;

	if (!ahead && !all)
		f = form_within(c, f, f->lo, last);
	if (!ahead && reads_nearest(c, f))
		return f;
	if (all)
		return beside_text(c, f);
	const Form *q = relu(c, f);
	if (ahead) { /* less f itself where it is */
		const Form *w = form_add(c, 1, f, -1, c->place, 0);
		const Form *with = relu(c, form_add(c, m, w, 1, f, -m));
		q = form_add(c, 1, q, -1,
		             form_add(c, 1, with, -1, relu(c, form_scale(c, m, w, -m)), 0), 0);
	}
	return form_within(c, q, 0, last);
}

/* The place of e as this one plus a function of one stream, which is below any place
 * where e is ahead; NULL if e is not of this form. */
static const Form *
place_by_distance(Circuit *c, Node *ref, Node *e)
{
	Node *index = make_node(c, ref, OP_INDEX, NULL, NULL);
	Node *w = simplified(c->g, make_node(c, ref, OP_SUB, e, index));

	if (!w->type.root || !w->type.image)
		return NULL;
	Node *far = make_node(c, ref, OP_LT, mk_const(c->g, 0), w),
	     *least = mk_const(c->g, -(int64_t)c->places);
	Node *off = mk_at(c->g, ref, OP_IF, far, least, make_node(c, ref, OP_MAX, w, least));
	return form_add(c, 1, c->place, 1, map_node(c, off), 0);
}

/* The place of e where the condition holds, one before the text where it fails, should
 * that be earlier than the choice itself. */
static const Form *
place_behind_condition(Circuit *c, Node *ref, Node *e)
{
	Node *index = make_node(c, ref, OP_INDEX, NULL, NULL);

	if (e->arg[2]->op != OP_CONST || e->arg[2]->k >= 0)
		return NULL;
	bool ahead = !c->g->bidirectional && most_of_difference(c->g, e->arg[1], index) > 0;
	const Form *f = form_scale(c, 1, map_node(c, e->arg[1]), 1),
		   *place = visible_place(c, f, ahead);
	const Form *fails = form_scale(c, -1, map_node(c, e->arg[0]), 1);
	place = form_add(c, 1, place, -place->hi - 1, fails, 0);
	return reads_nearest(c, place) && place->ready < map_node(c, e)->ready ? place : NULL;
}

static const Lookup *
lookup_at(Circuit *c, Node *ref)
{
	Graph *g = c->g;
	Node *e = ref->arg[0], *index = make_node(c, ref, OP_INDEX, NULL, NULL);
	Node *far = make_node(c, ref, OP_LT, index, e);
	bool ahead = !g->bidirectional && !(is_int_const(far) && !far->k)
	             && most_of_difference(g, e, index) > 0;

	if (digit_base(c) == c->places) {
		const Form *place = e->op == OP_IF ? place_behind_condition(c, ref, e) : NULL;
		if (!place && ahead)
			place = place_by_distance(c, ref, e);
		if (!place)
			place = visible_place(c, form_scale(c, 1, map_node(c, e), 1), ahead);
		return lookup_place(c, "place", ref, place, NULL);
	}
	Node *b = mk_const(g, digit_base(c)), *one = mk_const(g, 1), *zero = mk_const(g, 0);
	if (ahead)
		e = mk_at(c->g, ref, OP_IF, far, mk_const(g, -1), e);
	Node *p = make_node(c, ref, OP_MAX, make_node(c, ref, OP_ADD, e, one), zero);
	const Form *low = map_node(c, make_node(c, ref, OP_MOD, p, b)),
		   *high = map_node(c, make_node(c, ref, OP_DIV, p, b));
	return lookup_place(c, "place", ref, low, high);
}

/* ---- by condition ---- */

/* What a later place adds to the score, queries apart. */
static int64_t
gain_of_place(const Lookup *s, int from, int to)
{
	int64_t gain = 0;

	for (int d = 0; d < s->ndim; d++) {
		if (!form_is_const(s->q[d]))
			continue;
		for (int i = 0; i < s->k[d]->n; i++) {
			const Term *t = &s->k[d]->term[i];
			if (t->atom->kind == PLACE_FEATURE)
				gain += s->q[d]->k * t->c
				        * (t->atom->table[to] - t->atom->table[from]);
		}
	}
	return gain;
}

/* Do scores run against the order, from each place to the next? In a short context a
 * condition that speaks of the place may have it so, and nobody can tell it from the weights. */
static bool
runs_against(const Circuit *c, const Lookup *s, int order)
{
	bool against = true;

	for (int p = 2; p < c->places && against; p++)
		against = order * gain_of_place(s, p - 1, p) < 0;
	return against;
}

/* ---- by score ---- */

/* A score as a sum of products, less what is the same wherever one looks. */
typedef struct ScoreTerms {
	const Bilinear *of;
	int64_t lo, hi;
	double terms; /* their largest absolute values, added up */
} ScoreTerms;

/* The least and the greatest of all products together. */
static void
range_of_products(Circuit *c, const Bilinear *a, ScoreTerms *s)
{
	const double most = 4.0 * EXACT_MAX; /* beyond, nothing is proved */

	s->lo = s->hi = 0;
	s->terms = 0;
	for (int i = 0; i < a->n; i++) {
		const Form *q = map_node(c, a->term[i].here), *k = map_node(c, a->term[i].there);
		double end[4] = { (double)q->lo * (double)k->lo, (double)q->lo * (double)k->hi,
			          (double)q->hi * (double)k->lo, (double)q->hi * (double)k->hi };
		double lo = end[0], hi = end[0];
		for (int e = 1; e < 4; e++) {
			lo = min_double(end[e], lo);
			hi = max_double(end[e], hi);
		}
		s->lo += (int64_t)max_double(lo, -most);
		s->hi += (int64_t)min_double(hi, most);
		s->terms += value_max_abs(q) * value_max_abs(k);
	}
}

static bool
score_products(Circuit *c, Node *e, ScoreTerms *s)
{
	s->of = bilinear_form(c, e);
	if (!s->of)
		return false;
	range_of_products(c, s->of, s);
	const Type *all = &e->type, *alone = &s->of->alone->type;
	s->lo = all->lo - alone->hi > s->lo ? all->lo - alone->hi : s->lo;
	s->hi = all->hi - alone->lo < s->hi ? all->hi - alone->lo : s->hi;
	return true;
}

/* |u| or -|u| as u * u or -u * u, which is in the same order: one product or two, if u
 * is a sum. False if it is not so. */
static bool
score_square(Circuit *c, Node *e, ScoreTerms *s)
{
	Node *size = e->op == OP_SUB && is_literal(e->arg[0]) ? e->arg[1] : e;

	if (size->op != OP_ABS)
		return false;
	Node *square = make_node(c, e, OP_MUL, size->arg[0], size->arg[0]);
	if (size != e)
		square = make_node(c, e, OP_SUB, mk_const(c->g, 0), square);
	const Bilinear *a = bilinear_form(c, square);
	if (!a || a->rows)
		return false;
	for (int i = 0; i < a->n; i++)
		if (!a->term[i].there->type.nset)
			return false;
	return score_products(c, square, s);
}

/* The greatest score wins, wherever it stands; a condition outweighs both: what it weighs. */
static int64_t
condition_weight(Circuit *c, const ScoreTerms *s)
{
	return STEP * (int64_t)(c->places + 1) * (s->hi - s->lo + 2);
}

/* The score of a BEST; of two ways the one with fewer terms, if it stays exact. */
static bool
best_score(Circuit *c, const Node *ref, const Conjunction *where, ScoreTerms *s)
{
	double recent = STEP * (double)(c->places + 1);
	int parts = 2 + where->nthere + where->nhere + 4 * where->nboth;

	if (score_square(c, ref->arg[0], s)
	    && recent * s->terms + parts * (double)condition_weight(c, s) < (double)(1 << 28))
		return true;
	return score_products(c, ref->arg[0], s);
}

bool
has_score(Circuit *c, Node *best)
{
	Conjunction where = { 0 };
	ScoreTerms s;

	return split_condition(c, best, best->arg[1], &where) && best_score(c, best, &where, &s);
}

static const Lookup *
lookup_where(Circuit *c, Node *ref)
{
	bool best = ref->op == OP_BEST, first = ref->op == OP_FIRST;
	int64_t recent = STEP * (int64_t)(c->places + 1), w = recent;
	Conjunction where = { 0 };
	ScoreTerms score;
	const Form *key = form_scale(c, first ? -STEP : STEP, c->place, 0);

	if (!split_condition(c, ref, ref->arg[best], &where))
		return NULL;
	Lookup *s = lookup_new(c, best ? "best" : first ? "first" : "latest", ref);
	if (best) {
		if (!best_score(c, ref, &where, &score)) {
			refuse_bilinear(c, ref, "score");
			return NULL;
		}
		w = condition_weight(c, &score);
		key = form_scale(c, 1, key, -recent * score.lo);
		add_products(c, s, score.of, recent, &key);
	}
	key = key_penalty(c, &where, key, w);
	add_dim(c, s, form_const(c, 1),
	        form_set_bos(c, key, first ? -STEP * (int64_t)c->places : 0));
	add_dim(c, s, query_deficit(c, &where), form_scale(c, w, c->is_bos, 0));
	if (!add_relations(c, s, &where, w))
		return NULL;
	if (!best && runs_against(c, s, first ? -1 : 1))
		s->intent = "search";
	return s;
}

static const Lookup *
lookup_matches(Circuit *c, Node *sum)
{
	Conjunction where = { 0 };

	if (!split_condition(c, sum, sum->arg[1], &where))
		return NULL;
	Lookup *s = lookup_new(c, "mean", sum);
	add_dim(c, s, form_const(c, 1),
	        form_set_bos(c, key_penalty(c, &where, form_const(c, 0), STEP), 0));
	add_dim(c, s, query_deficit(c, &where), form_scale(c, STEP, c->is_bos, -STEP));
	return add_relations(c, s, &where, STEP) ? s : NULL;
}

/* All places where the condition holds, and <bos>, with one score; the others GAP
 * below it. Sums of one condition share it. */
const Lookup *
lookup_for_sum(Circuit *c, Node *sum)
{
	int id = sum->arg[1]->id;

	GROW(c->arena, c->lookup, c->caplookup, id + 1);
	if (!c->lookup[id]) {
		const Lookup *s = lookup_matches(c, sum);
		c->lookup[id] = s; /* mapping may have moved the table */
	}
	return c->lookup[id];
}

/* All places where the condition holds with one score, <bos> GAP below them and the
 * others below that. Means of one condition share it. */
const Lookup *
lookup_for_mean(Circuit *c, Node *mean)
{
	Conjunction where = { 0 };
	int64_t w = 2 * STEP;

	for (int i = 0; i < c->nhead; i++) {
		const Lookup *s = c->head[i]->lookup;
		if (s->ref && s->ref->op == OP_MEAN && s->ref->arg[1] == mean->arg[1])
			return s;
	}
	if (!split_condition(c, mean, mean->arg[1], &where))
		return NULL;
	Lookup *s = lookup_new(c, "mean", mean);
	add_dim(c, s, form_const(c, 1),
	        form_set_bos(c, key_penalty(c, &where, form_const(c, 0), w), -STEP));
	add_dim(c, s, query_deficit(c, &where), form_scale(c, w, c->is_bos, -w));
	return add_relations(c, s, &where, w) ? s : NULL;
}

static bool
same_scores(const Node *a, const Node *b)
{
	return a->op == OP_ATTEND && a->narg == b->narg
	       && !memcmp(a->arg + 1, b->arg + 1, sizeof *a->arg * (size_t)(a->narg - 1));
}

static double
form_error(const Form *f)
{
	return f->real ? real_error(f) : 0;
}

/* The scores as they are; <bos> is so far below that its weight is 0. */
const Lookup *
lookup_for_attend(Circuit *c, Node *n, double *error)
{
	double most = 0;
	const Lookup *known = NULL;

	*error = 0;
	for (int i = 1; i < n->narg; i += 2) {
		const Form *q = map_node(c, n->arg[i]), *k = map_node(c, n->arg[i + 1]);
		most += value_max_abs(q) * value_max_abs(k);
		*error += value_max_abs(q) * form_error(k) + value_max_abs(k) * form_error(q)
		          + form_error(q) * form_error(k);
	}
	*error += (n->narg + 8) * most / EXACT_MAX + 8.0 / EXACT_MAX;
	for (int i = 0; i < c->nhead && !known; i++)
		if (c->head[i]->lookup->ref && same_scores(c->head[i]->lookup->ref, n))
			known = c->head[i]->lookup;
	if (known)
		return known;
	Lookup *s = lookup_new(c, "softmax", n);
	s->gap = 0;
	for (int i = 1; i < n->narg; i += 2) {
		const Form *q = map_node(c, n->arg[i]), *k = map_node(c, n->arg[i + 1]);
		add_dim(c, s, q, k);
	}
	add_dim(c, s, form_const(c, 1),
	        form_scale(c, -(int64_t)(2 * most + 2 * GAP), c->is_bos, 0));
	return s;
}

const Lookup *
lookup_for(Circuit *c, Node *ref)
{
	GROW(c->arena, c->lookup, c->caplookup, ref->id + 1);
	if (!c->lookup[ref->id]) {
		const Lookup *s = ref->op == OP_AT ? lookup_at(c, ref) : lookup_where(c, ref);
		c->lookup[ref->id] = s;
	}
	return c->lookup[ref->id];
}

/* ---- reading ---- */

/* f where the head points, the constant d where it points nowhere. */
static const Form *
fetch_value(Circuit *c, const Lookup *s, const Form *f, const Node *d)
{
	return f->real ? real_head_value(c, s, f, d->real[0].x) : head_value(c, s, f, d->k);
}

/* Where the text ends before the place that is wanted, its last token is read: the
 * number of what was read tells. For a bidirectional model, which may look ahead. */
static const Form *
read_ahead(Circuit *c, const Lookup *s, const Form *want, const Form *f, const Node *d)
{
	const Form *short_of = form_add(c, 1, want, -1, head_value(c, s, c->place, 0), 0);
	int64_t absent = d->k;

	if (f->real) {
		double none = d->real[0].x;
		const Form *far = real_form(c, 1, (RealTerm[]){ { fetch_value(c, s, f, d), 1 } },
		                            -none);
		return real_form(c, 1, (RealTerm[]){ { real_gate(c, relu(c, short_of), far), 1 } },
		                 none);
	}
	const Form *over = form_scale(c, 1, head_value(c, s, f, absent), -absent);

	return form_scale(c, 1, gate(c, relu(c, short_of), over), absent);
}

static const Form *
read_by_offset(Circuit *c, Node *x, int64_t k, Node *d)
{
	const Type *t = &x->type;
	bool by_place = x->op == OP_CONST || (t->root && t->root->op == OP_INDEX && t->image);
	int64_t absent = d->k;

	if (k >= c->places || -k >= c->places || (k > 0 && !c->g->bidirectional))
		return map_node(c, d);
	if (k > 0 || !by_place) {
		const Form *f = map_node(c, x), *want = form_scale(c, 1, c->place, k);
		const Lookup *s = lookup_offset(c, (int)-k);
		return k > 0 ? read_ahead(c, s, want, f, d) : fetch_value(c, s, f, d);
	}
	int64_t *v = arena_alloc(c->arena, sizeof *v * (size_t)c->places);
	for (int p = 0; p < c->places; p++)
		v[p] = p - 1 + k < 0 ? absent : x->op == OP_CONST ? x->k : t->image[p - 1 + k];
	return place_feature(c, v);
}

/* `latest j where C and j < p` is what `latest j where C` was just before p, if
 * C looks only there. Gives the equal READ, or NULL. */
static Node *
read_just_before(Circuit *c, Node *n)
{
	Node *ref = n->arg[1], *bound = NULL, *cond = NULL, *flags = NULL;

	if (c->g->bidirectional || ref->op != OP_LATEST || ref->arg[0]->op != OP_AND)
		return NULL;
	for (int i = 0; i < ref->arg[0]->narg; i++) {
		Node *lit = ref->arg[0]->arg[i], *number = order_bound(lit);
		Side s = side(lit);
		if (number && !bound
		    && (number->op == OP_INDEX
		        || (number->op == OP_READ && number->arg[0]->op == OP_INDEX)))
			bound = number;
		else if (s == ON_THERE)
			cond = cond ? make_node(c, ref, OP_AND, cond, lit) : lit;
		else if (s == ON_HERE)
			flags = flags ? make_node(c, ref, OP_AND, flags, lit) : lit;
		else
			return NULL;
	}
	if (!bound || !cond)
		return NULL;
	bool here = bound->op == OP_INDEX;
	Node *p = here ? make_node(c, n, OP_HERE, NULL, NULL) : bound->arg[1], *d = n->arg[2];
	if (!here && p->op == OP_FIRST)
		return NULL;
	if (!here && bound->arg[2]->type.hi > 0 && !flags)
		return NULL;
	int64_t k = here ? -1 : bound->k - 1;
	Node *latest = make_node(c, ref, OP_LATEST, cond, NULL);
	Node *then = make_read(c, n, n->arg[0], latest, d, n->k);
	Node *read = make_read(c, n, then, p, d, k);
	return flags ? mk_at(c->g, n, OP_IF, flags, read, d) : read;
}

/* No text of a bidirectional model ends before the place e. */
static bool
surely_in_text(Circuit *c, Node *at, Node *e)
{
	Node *end = make_node(c, at, OP_LATEST, mk_const(c->g, 1), NULL);

	return most_of_difference(c->g, e, make_number_of(c, at, end, 0)) <= 0;
}

/* Does the condition relate j to here otherwise than by j < here? */
static bool
relates_positions(const Node *cond)
{
	if (cond->op != OP_AND)
		return side(cond) == ON_BOTH;
	for (int i = 0; i < cond->narg; i++)
		if (side(cond->arg[i]) == ON_BOTH && !order_bound(cond->arg[i]))
			return true;
	return false;
}

static const Form *
map_plain_read(Circuit *c, Node *n)
{
	Node *x = n->arg[0], *p = n->arg[1], *d = n->arg[2], *other;

	if (!is_literal(d)) {
		Node *there = make_found(c, n, p, n->k);
		Node *any = x->type.real ? mk_real(c->g, (Real){ 0, 1 })
		                         : mk_const(c->g, x->type.lo);
		Node *read = make_read(c, n, x, p, any, n->k);
		return map_node(c, mk_at(c->g, n, OP_IF, there, read, d));
	}
	if (p->op == OP_HERE)
		return n->k ? read_by_offset(c, x, n->k, d) : map_node(c, x);
	if (n->k > 0) { /* what stands behind p may be later than p: by its number */
		Node *e = p->op == OP_AT ? p->arg[0] : make_number_of(c, n, p, -1);
		Node *none = make_node(c, n, OP_LT, e, mk_const(c->g, 0));
		Node *behind = make_node(c, n, OP_ADD, e, mk_const(c->g, n->k));
		e = mk_at(c->g, n, OP_IF, none, mk_const(c->g, -1), behind);
		return map_node(c, make_read(c, n, x, make_node(c, n, OP_AT, e, NULL), d, 0));
	}
	if ((other = read_just_before(c, n)))
		return map_node(c, other);
	if (n->k) { /* shift, then read */
		Node *shifted = make_read(c, n, x, make_node(c, n, OP_HERE, NULL, NULL), d, n->k);
		return map_node(c, make_read(c, n, shifted, p, d, 0));
	}
	const Form *found = map_read_by_heads(c, n);
	if (found)
		return found;
	const Lookup *s = lookup_for(c, p);
	if (!s)
		return NULL;
	const Form *f = map_node(c, x);
	if (p->op != OP_AT || !c->g->bidirectional || surely_in_text(c, n, p->arg[0]))
		return fetch_value(c, s, f, d);
	return read_ahead(c, s, form_scale(c, 1, map_node(c, p->arg[0]), 1), f, d);
}

/* One place behind, `j < here` need not be said: where that is not later, or where there
 * are more places than the relation has room to tell apart. */
const Form *
map_read(Circuit *c, Node *n)
{
	Node *other = is_literal(n->arg[2]) ? read_one_behind(c->g, n) : NULL;

	if (!other
	    || (n->k <= 0 && n->arg[1]->op != OP_BEST && !relates_positions(n->arg[1]->arg[0])))
		return map_plain_read(c, n);
	const Form *f = map_node(c, other);
	if (c->places > ROWS_MAX)
		return f;
	const Form *there = map_plain_read(c, n);
	return f && there && there->ready < f->ready ? there : f;
}
