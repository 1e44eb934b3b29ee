/* Random well-typed programs, made from the top down: gen(g, type, depth) gives an expression of
 * the type. Every expression knows an interval of its integers, by simple rules of interval
 * arithmetic; where a range matters (indices, rows, arguments, sizes) what may leave it is clamped.
 */

#include "tests/fuzz/gen.h"

#include <string.h>

enum { PARTS = 12 };

static Expr *gen_position(Gen *, int depth);

int
roll_below(uint64_t *state, int n)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (int)((*state >> 33) % (uint64_t)n);
}

int
gen_roll(Gen *g, int n)
{
	return roll_below(&g->state, n);
}

bool
gen_chance(Gen *g, int percent)
{
	return gen_roll(g, 100) < percent;
}

const Sort t_int = { .kind = T_INT }, t_bool = { .kind = T_BOOL }, t_token = { .kind = T_TOKEN },
	   t_pos = { .kind = T_POS }, t_real = { .kind = T_REAL };

static Sort
items_of(Sort item, int n)
{
	return (Sort){ .kind = T_ARRAY, .item = item.kind, .n = n, .def = item.def };
}

Sort
sort_of_array(TypeKind item, int n)
{
	return (Sort){ .kind = T_ARRAY, .item = item, .n = n };
}

static bool
same_type(const Sort *a, const Sort *b)
{
	return a->kind == b->kind && a->def == b->def
	       && (a->kind != T_ARRAY || (a->item == b->item && a->n == b->n));
}

/* ---- making expressions ---- */

Expr *
new_expr(Gen *g, ExprForm form, Sort t, int n)
{
	Expr *e = NEW(g->arena, Expr);

	e->form = form;
	e->type = t;
	e->n = n;
	e->skip = -1;
	e->kid = NEWS(g->arena, Expr *, n + 1);
	return e;
}

Expr *
ranged(Expr *e, int64_t lo, int64_t hi)
{
	e->lo = lo;
	e->hi = hi;
	return e;
}

Expr *
gen_unary(Gen *g, ExprForm form, Sort t, Expr *a)
{
	Expr *e = new_expr(g, form, t, 1);

	e->kid[0] = a;
	return e;
}

Expr *
gen_binary(Gen *g, ExprForm form, Sort t, Expr *a, Expr *b)
{
	Expr *e = new_expr(g, form, t, 2);

	e->kid[0] = a;
	e->kid[1] = b;
	return e;
}

static Expr *
gen_ternary(Gen *g, ExprForm form, Sort t, Expr *a, Expr *b, Expr *c)
{
	Expr *e = new_expr(g, form, t, 3);

	e->kid[0] = a;
	e->kid[1] = b;
	e->kid[2] = c;
	return e;
}

Expr *
gen_literal(Gen *g, int64_t v)
{
	Expr *e = new_expr(g, F_INT, t_int, 0);

	e->num = v;
	return ranged(e, v, v);
}

static Expr *
gen_name(Gen *g, Decl *d)
{
	Expr *e = new_expr(g, F_NAME, d->type, 0);

	e->def = d;
	return ranged(e, d->lo, d->hi);
}

static Expr *
gen_library(Gen *g, Library which, Sort t, int n)
{
	Expr *e = new_expr(g, F_LIBRARY, t, n);

	e->num = which;
	return e;
}

Expr *
ranged_hull(Expr *e, const Expr *a, const Expr *b)
{
	return ranged(e, min_int64(a->lo, b->lo), max_int64(a->hi, b->hi));
}

static Expr *
gen_remainder(Gen *g, Expr *e, int64_t n)
{
	if (e->lo >= 0 && e->hi < n)
		return e;
	return ranged(gen_binary(g, F_MOD, t_int, e, gen_literal(g, n)), 0, n - 1);
}

/* e within lo..hi. */
Expr *
gen_fitted(Gen *g, Expr *e, int64_t lo, int64_t hi)
{
	if (e->lo >= lo && e->hi <= hi)
		return e;
	if (!lo && e->type.kind == T_INT && gen_chance(g, 50))
		return gen_remainder(g, e, hi + 1);
	Expr *low = ranged(gen_binary(g, F_MIN, e->type, e, gen_literal(g, hi)),
	                   min_int64(e->lo, hi), min_int64(e->hi, hi));
	return ranged(gen_binary(g, F_MAX, e->type, low, gen_literal(g, lo)),
	              max_int64(low->lo, lo), max_int64(low->hi, lo));
}

Expr *
gen_modest(Gen *g, Expr *e)
{
	return e->lo < -g->large || e->hi > g->large ? gen_fitted(g, e, 0, 5 + gen_roll(g, 60)) : e;
}

Expr *
gen_small_int(Gen *g, int64_t lo, int64_t hi, int depth)
{
	return gen_fitted(g, gen(g, t_int, depth), lo, hi);
}

/* ---- names ---- */

Decl *
def_new(Gen *g, DefKind kind, const char *stem, Sort t)
{
	Decl *d = NEW(g->arena, Decl);

	d->kind = kind;
	d->name = arena_fmt(g->arena, "%s%d", stem, g->names++);
	d->type = t;
	return d;
}

static void
add_statement(Gen *g, Decl *d)
{
	d->id = g->p->ndef;
	g->p->def[g->p->ndef++] = d;
}

/* A name of this type, or NULL. The bound position and, where reading is not
 * allowed, what is read there are no streams. */
static Decl *
some_name(Gen *g, Sort t)
{
	Decl *found = NULL;
	int n = 0;

	for (int i = 0; i < g->nscope; i++) {
		Decl *d = g->scope[i];
		if (d->kind != D_FN && d->kind != D_ENUM && d->kind != D_TYPE && d->kind != D_BOUND
		    && same_type(&d->type, &t) && !gen_roll(g, ++n))
			found = d;
	}
	return found;
}

static Decl *
some_def(Gen *g, DefKind kind)
{
	Decl *found = NULL;
	int n = 0;

	for (int i = 0; i < g->p->ndef; i++)
		if (g->p->def[i]->kind == kind && !gen_roll(g, ++n))
			found = g->p->def[i];
	return found;
}

/* A record's type: a declared one, or the token's; NULL if there is none. */
static const Decl *
some_record(Gen *g)
{
	const Decl *d = some_def(g, D_TYPE);

	return g->p->token && (!d || gen_chance(g, 60)) ? g->p->token : d;
}

/* ---- what is fed ---- */

/* The type of `token`; of an integer where there is none. */
static Sort
token_type(const Gen *g)
{
	return g->p->token  ? (Sort){ .kind = T_RECORD, .def = g->p->token }
	       : g->p->nfed ? t_int
	                    : t_token;
}

static TypeKind
some_item(Gen *g)
{
	if (g->reals && gen_chance(g, 15))
		return T_REAL;
	return (TypeKind)gen_roll(g, g->words ? 3 : 2);
}

/* ---- leaves ---- */

static Expr *
gen_word(Gen *g, int64_t row)
{
	Expr *e = new_expr(g, F_WORD, t_token, 0);

	e->num = row;
	return e;
}

static int64_t
some_word(Gen *g)
{
	return gen_roll(g, g->p->nvocab);
}

static Expr *
array_with(Gen *g, Sort t, Expr *(*make)(Gen *, Sort))
{
	Expr *e = new_expr(g, F_ARRAY, t, t.n);

	for (int i = 0; i < t.n; i++) {
		e->kid[i] = make(g, item_of(&t));
		ranged_hull(e, i ? e : e->kid[0], e->kid[i]);
	}
	return e;
}

static Expr *
gen_simplest_slot(Gen *g, const Slot *p)
{
	Sort item = item_of(&p->type);

	if (p->type.kind == T_INT)
		return gen_literal(g, p->lo + gen_roll(g, (int)(p->hi - p->lo + 1)));
	if (p->type.kind != T_ARRAY)
		return gen_simplest(g, p->type);
	Expr *e = new_expr(g, F_ARRAY, p->type, p->type.n);
	for (int i = 0; i < e->n; i++)
		e->kid[i] = gen_simplest_slot(g, &(Slot){ item, p->lo, p->hi });
	return ranged(e, p->lo, p->hi);
}

Expr *
gen_simplest(Gen *g, Sort t)
{
	Expr *e;

	switch (t.kind) {
	case T_INT: return gen_literal(g, gen_roll(g, 8) ? gen_roll(g, 10) : gen_roll(g, 60) - 30);
	case T_BOOL:
		e = new_expr(g, F_BOOL, t, 0);
		e->num = gen_roll(g, 2);
		return e;
	case T_TOKEN: return gen_word(g, gen_chance(g, 8) ? g->p->nvocab : some_word(g));
	case T_ENUM:
		e = new_expr(g, F_MEMBER, t, 0);
		e->num = gen_roll(g, t.def->n);
		return e;
	case T_POS: return new_expr(g, F_HERE, t, 0);
	case T_REAL:
		e = new_expr(g, F_REAL, t, 0);
		e->num = gen_roll(g, 19) - 6;
		e->num2 = 1 + gen_roll(g, 4);
		return ranged(e, -6, 12);
	case T_ARRAY: return array_with(g, t, gen_simplest);
	default:
		e = new_expr(g, F_RECORD, t, t.def->n);
		for (int i = 0; i < t.def->n; i++)
			e->kid[i] = gen_simplest_slot(g, &t.def->field[i]);
		return e;
	}
}

static Expr *
gen_field(Gen *g, Expr *record, int i)
{
	const Slot *p = &record->type.def->field[i];
	Expr *e = gen_unary(g, F_FIELD, p->type, record);

	e->num = i;
	return ranged(e, p->lo, p->hi);
}

/* A field of the token, or an element of one; NULL if there is none of this type. */
static Expr *
gen_part_of_token(Gen *g, Sort t)
{
	const Decl *d = g->p->token;
	Expr *found = NULL, *e;

	for (int i = 0, n = 0; d && i < d->n; i++) {
		Sort field = d->field[i].type, item = item_of(&field);
		bool array = field.kind == T_ARRAY && same_type(&item, &t);
		if ((!array && !same_type(&field, &t)) || gen_roll(g, ++n))
			continue;
		found = gen_field(g, new_expr(g, F_TOKEN, (Sort){ .kind = T_RECORD, .def = d }, 0),
		                  i);
		if (!array)
			continue;
		e = gen_unary(g, F_ELEM, t, found);
		e->num = gen_roll(g, field.n);
		found = ranged(e, found->lo, found->hi);
	}
	return found;
}

static Expr *
gen_leaf_bool(Gen *g)
{
	Expr *e = gen_part_of_token(g, t_bool);

	if (e && gen_chance(g, 60))
		return e;
	if (g->p->nfed) {
		e = gen_binary(g, F_CMP, t_bool, gen_leaf(g, t_int),
		               gen_literal(g, gen_roll(g, 6)));
		e->num = gen_roll(g, 6);
		return e;
	}
	e = gen_binary(g, F_CMP, t_bool, new_expr(g, F_TOKEN, token_type(g), 0),
	               gen_simplest(g, token_type(g)));
	e->num = gen_chance(g, 80) ? EQ : NE;
	return e;
}

Expr *
gen_leaf(Gen *g, Sort t)
{
	Decl *d = gen_chance(g, 60) ? some_name(g, t) : NULL;
	Expr *e;

	if (d)
		return gen_name(g, d);
	if (gen_chance(g, 20))
		return gen_simplest(g, t);
	switch (t.kind) {
	case T_TOKEN: return new_expr(g, F_TOKEN, t, 0);
	case T_INT:
		if (gen_chance(g, 8))
			return ranged(new_expr(g, F_LENGTH, t, 0), 1, g->p->context);
		e = gen_chance(g, 40) ? NULL : gen_part_of_token(g, t);
		if (e)
			return e;
		if (!g->words || gen_chance(g, 40))
			return ranged(new_expr(g, F_INDEX, t, 0), 0, g->p->context - 1);
		return ranged(gen_unary(g, F_ID, t, new_expr(g, F_TOKEN, t_token, 0)), 0,
		              g->p->nvocab - 1);
	case T_BOOL: return gen_leaf_bool(g);
	case T_ARRAY:
		e = gen_chance(g, 50) ? gen_part_of_token(g, t) : NULL;
		return e ? e : array_with(g, t, gen_leaf);
	case T_ENUM: e = gen_part_of_token(g, t); return e ? e : gen_simplest(g, t);
	case T_RECORD:
		return t.def == g->p->token && gen_chance(g, 70) ? new_expr(g, F_TOKEN, t, 0)
		                                                 : gen_simplest(g, t);
	default: return gen_simplest(g, t);
	}
}

/* ---- of two positions: in a where ---- */

/* Something that does not depend on the bound position, though inside of a where. */
Expr *
gen_one_sided(Gen *g, Sort t, int depth)
{
	Decl *bound = g->bound;

	g->bound = NULL;
	Expr *e = gen(g, t, depth);
	g->bound = bound;
	return e;
}

static Expr *
gen_two_sided_leaf(Gen *g, Sort t, int depth)
{
	if (gen_chance(g, 30) || t.kind == T_POS)
		return gen_one_sided(g, t, depth);
	Expr *x = gen_one_sided(g, t, depth), *e = gen_unary(g, F_THERE, t, x);
	e->def = g->bound;
	return ranged(e, x->lo, x->hi);
}

static Expr *
gen_bound_order(Gen *g, int depth)
{
	Expr *j = new_expr(g, F_BOUND, t_pos, 0),
	     *p = gen_chance(g, 60) ? new_expr(g, F_HERE, t_pos, 0) : NULL;
	Decl *bound = g->bound;

	j->def = bound;
	g->bound = NULL;
	if (!p)
		p = gen_position(g, depth);
	g->bound = bound;
	Expr *e = gen_chance(g, 50) ? gen_binary(g, F_ORDER, t_bool, j, p)
	                            : gen_binary(g, F_ORDER, t_bool, p, j);
	e->num = gen_roll(g, 6);
	return e;
}

/* ---- integers ---- */

static Expr *
gen_sum(Gen *g, ExprForm form, int depth)
{
	Expr *a = gen(g, t_int, depth), *b = gen(g, t_int, depth),
	     *e = gen_binary(g, form, t_int, a, b);

	if (form == F_ADD)
		return gen_modest(g, ranged(e, a->lo + b->lo, a->hi + b->hi));
	return gen_modest(g, ranged(e, a->lo - b->hi, a->hi - b->lo));
}

static Expr *
gen_product(Gen *g, int depth)
{
	Expr *a = gen(g, t_int, depth), *b = gen_chance(g, 50) ? gen_literal(g, gen_roll(g, 9) - 3)
	                                                       : gen_small_int(g, 0, 6, depth);

	if (gen_chance(g, 30))
		a = gen_small_int(g, 0, 9, depth);
	int64_t p[4] = { a->lo * b->lo, a->lo * b->hi, a->hi * b->lo, a->hi * b->hi };
	Expr *e = ranged(gen_binary(g, F_MUL, t_int, a, b), p[0], p[0]);
	for (int i = 1; i < 4; i++)
		ranged(e, min_int64(e->lo, p[i]), max_int64(e->hi, p[i]));
	return gen_modest(g, e);
}

static Expr *
gen_quotient(Gen *g, ExprForm form, int depth)
{
	Expr *a = gen(g, t_int, depth), *b;

	if (gen_chance(g, 80)) {
		int64_t n = gen_chance(g, 15) ? -1 - gen_roll(g, 4)
		                              : 1 + gen_roll(g, gen_chance(g, 10) ? 100 : 9);
		b = gen_literal(g, n);
		if (form == F_MOD && n > 0)
			return ranged(gen_binary(g, form, t_int, a, b),
			              a->lo >= 0 && a->hi < n ? a->lo : 0,
			              min_int64(n - 1, a->lo >= 0 ? a->hi : n - 1));
	} else {
		a = gen_fitted(g, a, 0, 12);
		b = gen_fitted(g, gen_small_int(g, 0, 8, depth), 1, 8);
	}
	int64_t far = max_int64(max_int64(a->hi, -a->lo), max_int64(b->hi, -b->lo));
	return ranged(gen_binary(g, form, t_int, a, b), -far, far);
}

static Expr *
gen_extreme(Gen *g, int depth)
{
	int n = 2 + gen_roll(g, 2);
	bool least_ = gen_chance(g, 50);
	Expr *e = new_expr(g, least_ ? F_MIN : F_MAX, t_int, n);

	for (int i = 0; i < n; i++) {
		Expr *x = e->kid[i] = gen(g, t_int, depth);
		if (!i)
			ranged(e, x->lo, x->hi);
		else if (least_)
			ranged(e, min_int64(e->lo, x->lo), min_int64(e->hi, x->hi));
		else
			ranged(e, max_int64(e->lo, x->lo), max_int64(e->hi, x->hi));
	}
	return e;
}

static Expr *
gen_absolute(Gen *g, Expr *x)
{
	return ranged(gen_unary(g, F_ABS, t_int, x), 0, max_int64(x->hi, -x->lo));
}

static Expr *
gen_power(Gen *g, int depth)
{
	Expr *x = gen_small_int(g, -4, 8, depth), *e = gen_unary(g, F_POW, t_int, x);

	e->num = gen_roll(g, 4);
	return ranged(e, e->num % 2 ? -64 : 0, 512);
}

static Expr *
gen_ord(Gen *g, int depth)
{
	Expr *e = gen_unary(g, F_ORD, t_int, gen(g, t_token, depth));

	ranged(e, -1, -1);
	for (int i = 0; i < g->p->nvocab; i++)
		ranged(e, e->lo, max_int64(e->hi, g->p->vocab[i].code));
	return e;
}

/* ---- conditions ---- */

static Expr *
gen_comparison(Gen *g, int depth)
{
	int n = 2 + gen_chance(g, 15);
	Expr *e = new_expr(g, F_CMP, t_bool, n);

	for (int i = 0; i < n; i++)
		e->kid[i] = gen(g, t_int, depth);
	e->num = gen_roll(g, 6);
	e->num2 = e->num >= GT ? GT + gen_roll(g, 2) : LT + gen_roll(g, 2);
	return e;
}

static Expr *
gen_equality(Gen *g, Sort t, int depth)
{
	Expr *e = gen_binary(g, F_CMP, t_bool, gen(g, t, depth), gen(g, t, depth));

	e->num = gen_chance(g, 70) ? EQ : NE;
	return e;
}

static Expr *
gen_in_codes(Gen *g, int depth)
{
	Expr *e = gen_unary(g, F_IN_CODES, t_bool, gen(g, t_token, depth));
	const VocabWord *v = g->p->vocab;
	int64_t a = v[some_word(g)].code, b = v[some_word(g)].code;

	a = a < 0 ? 'a' : a;
	b = b < 0 ? 'z' : b;
	e->num = min_int64(a, b);
	e->num2 = max_int64(a, b);
	return e;
}

static Expr *
gen_in_text(Gen *g, int depth)
{
	Expr *e = gen_unary(g, F_IN_TEXT, t_bool, gen(g, t_token, depth));

	for (int i = 0; i < g->p->nvocab; i++)
		if (g->p->vocab[i].code >= 0 && gen_chance(g, 40))
			e->num |= 1 << i;
	return e;
}

static Expr *
gen_in_span(Gen *g, int depth)
{
	Expr *e = gen_ternary(g, F_IN_SPAN, t_bool, gen(g, t_int, depth), gen(g, t_int, 0),
	                      gen(g, t_int, 0));

	e->num = gen_roll(g, 2);
	return e;
}

static Expr *
gen_in_array(Gen *g, int depth)
{
	TypeKind item = (TypeKind)gen_roll(g, g->words ? 3 : 2);
	Expr *e = gen_binary(g, F_IN_ARRAY, t_bool, gen(g, (Sort){ .kind = item }, depth),
	                     gen(g, sort_of_array(item, 1 + gen_roll(g, 3)), depth));

	e->num = gen_chance(g, 20);
	return e;
}

static Expr *
gen_membership(Gen *g, int depth)
{
	switch (g->words ? gen_roll(g, 4) : 2 + gen_roll(g, 2)) {
	case 0: return gen_in_codes(g, depth);
	/* 1 and 0 may be a word */
	case 1: return g->p->listed ? gen_in_array(g, depth) : gen_in_text(g, depth);
	case 2: return gen_in_span(g, depth);
	default: return gen_in_array(g, depth);
	}
}

static Expr *
gen_logic(Gen *g, int depth)
{
	switch (gen_roll(g, 4)) {
	case 0: return gen_unary(g, F_NOT, t_bool, gen(g, t_bool, depth));
	case 1: return gen_binary(g, F_OR, t_bool, gen(g, t_bool, depth), gen(g, t_bool, depth));
	default: return gen_binary(g, F_AND, t_bool, gen(g, t_bool, depth), gen(g, t_bool, depth));
	}
}

/* ---- if and match: of any type ---- */

Expr *
gen_if(Gen *g, Sort t, int depth)
{
	Expr *c = gen(g, t_bool, depth), *a = gen(g, t, depth), *b = gen(g, t, depth);

	return ranged_hull(gen_ternary(g, F_IF, t, c, a, b), a, b);
}

static ArmPattern
gen_pattern(Gen *g, const Expr *x, bool may_be_any)
{
	ArmPattern p = { 0 };

	if (may_be_any && gen_chance(g, 25))
		p.any = true;
	else if (x->type.kind == T_TOKEN) {
		p.lo = p.hi = some_word(g);
		if (gen_chance(g, 25)) {
			Expr *e = gen_in_codes(g, 0);
			p = (ArmPattern){ .codes = true, .lo = e->num, .hi = e->num2 };
		}
	} else if (x->type.kind == T_BOOL)
		p.lo = p.hi = gen_roll(g, 2);
	else if (x->type.kind == T_ENUM)
		p.lo = p.hi = gen_roll(g, x->type.def->n);
	else {
		p.lo = p.hi = x->lo + gen_roll(g, (int)min_int64(x->hi - x->lo + 2, 30));
		if (gen_chance(g, 30))
			p.hi += 1 + gen_roll(g, 4);
	}
	return p;
}

Expr *
gen_match(Gen *g, Sort t, int depth)
{
	int subjects = 1 + gen_chance(g, 40), arms = 2 + gen_roll(g, 3);
	Expr *e = new_expr(g, F_MATCH, t, subjects + arms);
	static const Sort kinds[3] = { { .kind = T_BOOL }, { .kind = T_INT }, { .kind = T_TOKEN } };

	e->num = subjects;
	for (int i = 0; i < subjects; i++) {
		Decl *en = gen_chance(g, 20) ? some_def(g, D_ENUM) : NULL;
		e->kid[i] = gen(g,
		                en ? (Sort){ .kind = T_ENUM, .def = en }
		                   : kinds[gen_roll(g, g->words ? 3 : 2)],
		                depth);
	}
	e->arm = NEWS(g->arena, Arm, arms);
	for (int i = 0; i < arms; i++) {
		Arm *a = &e->arm[i];
		a->rest = i == arms - 1;
		a->n = a->rest ? 0 : 1 + gen_roll(g, 2);
		a->row = arena_alloc(g->arena, sizeof *a->row * (size_t)(a->n + 1));
		for (int k = 0; k < a->n; k++)
			for (int s = 0; s < subjects; s++)
				a->row[k][s] = gen_pattern(g, e->kid[s], subjects > 1);
		Expr *v = e->kid[subjects + i] = gen(g, t, depth);
		if (i)
			ranged_hull(e, e, v);
		else
			ranged(e, v->lo, v->hi);
	}
	return e;
}

/* ---- positions ---- */

static Expr *
gen_search(Gen *g, ExprForm form, int depth)
{
	int scores = form == F_BEST ? 1 + gen_chance(g, 25) : 0;
	Expr *e = new_expr(g, form, t_pos, 1 + scores);

	e->def = g->bound = def_new(g, D_BOUND, "j", t_pos);
	if (form != F_BEST || gen_chance(g, 60))
		e->kid[0] = gen(g, t_bool, depth);
	for (int i = 0; i < scores; i++)
		e->kid[i + 1] = gen_fitted(g, gen(g, t_int, depth - 1), 0, 20);
	g->bound = NULL;
	return e;
}

/* Mostly of one number, so that no two positions match; a text where two do ends before that. */
static Expr *
gen_only(Gen *g, int depth)
{
	Expr *e = gen_search(g, F_ONLY, depth), *index = new_expr(g, F_INDEX, t_int, 0),
	     *there = gen_unary(g, F_THERE, t_int, index),
	     *which = gen_binary(g, F_CMP, t_bool, there,
	                         gen_small_int(g, 0, g->p->context - 1, depth - 1));

	there->def = e->def;
	ranged(index, 0, g->p->context - 1);
	ranged(there, 0, g->p->context - 1);
	which->num = EQ;
	if (gen_chance(g, 80))
		e->kid[0] = gen_binary(g, F_AND, t_bool, which, e->kid[0]);
	return e;
}

/* Moved to where it may be outside of the text, and perhaps back. */
static Expr *
gen_shifted(Gen *g, int depth)
{
	Expr *p = depth <= 0 || gen_chance(g, 40) ? new_expr(g, F_HERE, t_pos, 0)
	          : gen_chance(g, 70)
	                  ? gen_position(g, depth - 1)
	                  : gen_unary(g, F_AT, t_pos,
	                              gen_small_int(g, -3, g->p->context + 1, depth - 1));
	Expr *by = gen_chance(g, 75) ? gen_literal(g, 1 + gen_roll(g, 3))
	                             : gen_small_int(g, 0, 5, depth - 1);
	Expr *e = gen_binary(g, F_SHIFT, t_pos, p, by);

	e->num = gen_chance(g, p->form == F_SHIFT ? 50 : 75);
	return e;
}

/* A condition that ranges decide, mostly. */
static Expr *
gen_decided(Gen *g, int depth)
{
	Expr *x = gen(g, t_int, depth), *e;
	bool above = gen_chance(g, 50);

	if (gen_chance(g, 15))
		return gen_simplest(g, t_bool);
	e = gen_binary(g, F_CMP, t_bool, x,
	               gen_literal(g, above ? x->hi + gen_roll(g, 2) : x->lo - gen_roll(g, 2)));
	e->num = above ? (gen_chance(g, 50) ? LE : GT) : (gen_chance(g, 50) ? GE : LT);
	return e;
}

static Expr *
gen_positions(Gen *g, int n, int depth)
{
	Expr *e = new_expr(g, F_ARRAY, sort_of_array(T_POS, n), n);

	for (int i = 0; i < n; i++)
		e->kid[i] = gen_position(g, depth);
	return e;
}

/* One of two positions, the first if it is `surely` decided while the program is compiled. */
static Expr *
gen_choice(Gen *g, Expr *p, Expr *q, bool surely, int depth)
{
	Expr *c = surely ? gen_decided(g, depth) : gen(g, t_bool, depth), *e;

	switch (gen_roll(g, 4)) {
	case 0: return gen_ternary(g, F_IF, t_pos, c, p, q);
	case 1:
		e = new_expr(g, F_MATCH, t_pos, 3);
		e->num = 1;
		e->kid[0] = c;
		e->kid[1] = p;
		e->kid[2] = q;
		e->arm = NEWS(g->arena, Arm, 2);
		e->arm[0] = (Arm){ .n = 1, .row = arena_alloc(g->arena, sizeof *e->arm->row) };
		e->arm[0].row[0][0] = gen_pattern(g, c, false);
		e->arm[1].rest = true;
		return e;
	case 2:
		e = new_expr(g, F_ARRAY, sort_of_array(T_POS, 1), 1);
		e->kid[0] = p;
		c = surely ? gen_literal(g, gen_roll(g, 2)) : gen_small_int(g, -1, 1, depth);
		return gen_ternary(g, F_PICK, t_pos, e, c, q);
	default:
		return gen_ternary(g, F_READ, t_pos, p, surely ? new_expr(g, F_HERE, t_pos, 0) : q,
		                   q);
	}
}

/* Out of the text, perhaps; chosen; and back again. */
static Expr *
gen_returning(Gen *g, int depth)
{
	Expr *p = gen_chance(g, 50) ? new_expr(g, F_HERE, t_pos, 0) : gen_position(g, depth - 1),
	     *e;
	bool minus = gen_chance(g, 75);

	e = gen_binary(g, F_SHIFT, t_pos, p, gen_literal(g, 1 + gen_roll(g, 3)));
	e->num = minus;
	e = gen_choice(g, e, gen_position(g, 0), gen_chance(g, 70), depth - 1);
	p = gen_binary(g, F_SHIFT, t_pos, e,
	               gen_chance(g, 70) ? gen_literal(g, 1 + gen_roll(g, 3))
	                                 : gen_small_int(g, 0, 3, depth - 1));
	p->num = !minus;
	return p;
}

/* Out of two or three. */
static Expr *
gen_chosen_position(Gen *g, int depth)
{
	int n = 1 + gen_roll(g, 3);
	Expr *p = gen_position(g, depth - 1), *xs, *e, *i;

	if (gen_chance(g, 50))
		return gen_choice(g, p, gen_position(g, depth - 1), gen_chance(g, 50), depth - 1);
	if (gen_chance(g, 20))
		return gen_match(g, t_pos, depth - 1);
	xs = gen_positions(g, n, depth - 1);
	if (gen_chance(g, 30)) {
		i = gen_decided(g, depth - 1);
		xs = gen_ternary(g, F_IF, xs->type, i, xs, gen_positions(g, n, depth - 1));
	}
	if (gen_chance(g, 30)) {
		e = gen_unary(g, F_ELEM, t_pos, xs);
		e->num = gen_roll(g, n);
		return e;
	}
	i = gen_chance(g, 30) ? gen_literal(g, gen_roll(g, n + 1))
	                      : gen_small_int(g, -1, n, depth - 1);
	return gen_ternary(g, F_PICK, t_pos, xs, i, p);
}

static Expr *
gen_position(Gen *g, int depth)
{
	if (depth <= 0) {
		Decl *p = some_name(g, t_pos);
		return p && gen_chance(g, 50) ? gen_name(g, p) : gen_shifted(g, 0);
	}
	switch (gen_roll(g, 15)) {
	case 14: return gen_only(g, depth);
	case 0:
	case 1:
	case 2: return gen_search(g, F_LATEST, depth);
	case 3: return gen_search(g, F_FIRST, depth);
	case 4: return gen_search(g, F_BEST, depth);
	case 5:
		if (gen_chance(g, 20)) {
			Expr *e = gen_library(g, NEAREST, t_pos, 1);
			e->kid[0] = gen_small_int(g, 0, 20, depth - 1);
			return e;
		}
		return gen_unary(g, F_AT, t_pos,
		                 gen_small_int(g, -3, g->p->context + 1, depth - 1));
	case 6: {
		Expr *p = gen_position(g, depth - 1), *q = gen_position(g, depth - 1);
		Expr *d = gen_chance(g, 50) ? new_expr(g, F_HERE, t_pos, 0)
		                            : gen_position(g, depth - 1);
		return gen_ternary(g, F_READ, t_pos, p, q, d);
	}
	case 7:
	case 8: return gen_chosen_position(g, depth);
	case 9:
	case 10: return gen_returning(g, depth);
	default: return gen_shifted(g, depth);
	}
}

Expr *
gen_read(Gen *g, Sort t, int depth)
{
	Expr *x = gen(g, t, depth), *p = gen_position(g, depth);

	if (p->form == F_HERE || gen_chance(g, 10)) {
		p = new_expr(g, F_HERE, t_pos, 0);
		return ranged(gen_binary(g, F_READ, t, x, p), x->lo, x->hi);
	}
	Expr *d = gen_chance(g, 60) ? gen_simplest(g, t) : gen(g, t, depth - 1);
	return ranged_hull(gen_ternary(g, F_READ, t, x, p, d), x, d);
}

/* What is allowed only because a guard holds: x[p], p - q, a // b, xs[i] without an else. */
static Expr *
gen_guarded(Gen *g, Sort t, int depth)
{
	Decl *p = some_name(g, t_pos), *n = some_name(g, t_int);
	Expr *x, *d = gen(g, t, depth);

	if (p && gen_chance(g, 50)) {
		x = gen(g, t, depth);
		Expr *c = gen_unary(g, F_EXISTS, t_bool, gen_name(g, p)),
		     *got = gen_binary(g, F_READ, t, x, gen_name(g, p));
		if (t.kind == T_INT && gen_chance(g, 40)) {
			Expr *here = new_expr(g, F_HERE, t_pos, 0);
			got = gen_binary(g, F_DISTANCE, t, here, gen_name(g, p));
			x = ranged(got, -g->p->context, g->p->context);
			if (gen_chance(g, 50)) {
				c = gen_binary(g, F_ORDER, t_bool, gen_name(g, p), here);
				c->num = gen_roll(g, 6);
			}
		}
		ranged(got, x->lo, x->hi);
		return ranged_hull(gen_ternary(g, F_IF, t, c, got, d), got, d);
	}
	if (n && t.kind == T_INT && n->hi - n->lo < 20 && gen_chance(g, 60)) {
		Expr *c = gen_binary(g, F_CMP, t_bool, gen_name(g, n), gen_literal(g, 0)),
		     *a = gen_small_int(g, 0, 12, depth);
		c->num = gen_chance(g, 50) && n->lo >= 0 ? GT : NE;
		x = ranged(gen_binary(g, gen_chance(g, 70) ? F_DIV : F_MOD, t, a, gen_name(g, n)),
		           -20, 20);
		return ranged_hull(gen_ternary(g, F_IF, t, c, x, d), x, d);
	}
	if (n && t.kind != T_ARRAY && t.kind != T_RECORD && t.kind != T_ENUM && n->lo > -50
	    && n->hi < 50) {
		int size = 1 + gen_roll(g, 4);
		Expr *c = new_expr(g, F_CMP, t_bool, 3),
		     *xs = gen(g, sort_of_array(t.kind, size), depth);
		c->kid[0] = gen_literal(g, 0);
		c->kid[1] = gen_name(g, n);
		c->kid[2] = gen_literal(g, size);
		c->num = LE;
		c->num2 = LT;
		x = ranged(gen_binary(g, F_PICK, t, xs, gen_name(g, n)), xs->lo, xs->hi);
		return ranged_hull(gen_ternary(g, F_IF, t, c, x, d), x, d);
	}
	return d;
}

/* ---- over positions ---- */

static Decl *
bind_var(Gen *g, Sort t, int64_t lo, int64_t hi)
{
	Decl *d = def_new(g, D_VAR, "i", t);

	d->lo = lo;
	d->hi = hi;
	g->scope[g->nscope++] = d;
	return d;
}

/* sum(x for i in 0..2), printed as one with the sum over positions around it. */
static Expr *
gen_sum_of_few(Gen *g, int depth)
{
	Expr *e = new_expr(g, F_TOTAL_FOR, t_int, 3);
	int n = 1 + gen_roll(g, 3);

	e->num = SUM;
	e->num2 = gen_roll(g, 3);
	e->skip = n - 1;
	e->def = bind_var(g, t_int, e->num2, e->num2 + e->skip);
	e->kid[0] = gen_fitted(g, gen_one_sided(g, t_int, depth), -1, 3);
	g->nscope--;
	return e;
}

static Expr *
gen_over(Gen *g, Aggregate which, int depth)
{
	Sort t = which == COUNT || which == ANY || which == ALL ? t_bool : t_int;
	Expr *e = new_expr(g, F_OVER, which == ANY || which == ALL ? t_bool : t_int, 3), *x;
	int64_t n = g->p->context;

	e->num = which;
	e->def = g->bound = def_new(g, D_BOUND, "j", t_pos);
	if (gen_chance(g, 40))
		e->kid[1] = gen(g, t_bool, depth - 1);
	if (which == SUM && gen_chance(g, 50)) {
		x = gen_chance(g, 25) ? gen_sum_of_few(g, depth - 1)
		                      : gen_fitted(g, gen_one_sided(g, t_int, depth - 1), -3, 9);
		x = e->kid[0] = gen_unary(g, F_THERE, t_int, x);
		x->def = g->bound;
		ranged(x, -3, 9);
	} else
		x = e->kid[0] = gen(g, t, depth - 1);
	if (which == SUM)
		x = e->kid[0] = gen_fitted(g, x, -3, 9);
	if (which == MIN || which == MAX)
		x = e->kid[0] = gen_fitted(g, x, -20, 40);
	g->bound = NULL;
	if (which == SUM || which == COUNT)
		return ranged(e, which == SUM ? -3 * n : 0, 9 * n);
	if (which == ANY || which == ALL)
		return e;
	ranged(e, x->lo, x->hi);
	return e->kid[1] ? ranged_hull(e, x, e->kid[2] = gen(g, t_int, 0)) : e;
}

/* The mean of conditions, of integers, or of reals. */
Expr *
gen_mean(Gen *g, int depth)
{
	Expr *e = new_expr(g, F_MEAN, t_real, 2), *x;

	e->def = g->bound = def_new(g, D_BOUND, "j", t_pos);
	if (gen_chance(g, 30))
		e->kid[1] = gen(g, t_bool, depth - 1);
	if (gen_chance(g, 50))
		e->kid[0] = gen(g, t_bool, depth - 1);
	else {
		x = gen_fitted(
			g,
			gen_one_sided(g, g->reals && gen_chance(g, 30) ? t_real : t_int, depth - 1),
			-3, 9);
		e->kid[0] = gen_unary(g, F_THERE, x->type, x);
		e->kid[0]->def = g->bound;
		if (gen_chance(g, 25))
			e->kid[0] = gen_fitted(g, gen(g, t_int, depth - 1), -3, 9);
	}
	g->bound = NULL;
	return ranged(e, -3, 9);
}

/* ---- arrays and records ---- */

/* Of the type of a field or parameter, with its numbers within its range. */
static Expr *
gen_slot(Gen *g, const Slot *p, int depth)
{
	Sort t = p->type;
	Expr *e = gen(g, t, depth);
	bool within = e->lo >= p->lo && e->hi <= p->hi;

	if (t.kind == T_INT || t.kind == T_REAL)
		return gen_fitted(g, e, p->lo, p->hi);
	if (t.kind != T_ARRAY || (t.item != T_INT && t.item != T_REAL) || within)
		return e;
	e = new_expr(g, F_ARRAY, t, t.n);
	for (int i = 0; i < t.n; i++)
		e->kid[i] = gen_fitted(g, gen(g, item_of(&t), depth - 1), p->lo, p->hi);
	return ranged(e, p->lo, p->hi);
}

static Expr *
gen_build(Gen *g, Sort t, int depth)
{
	Sort item = item_of(&t);
	Expr *e = new_expr(g, F_BUILD, t, 2);

	if (gen_chance(g, 35)) {
		Expr *xs = e->kid[1] = gen(g, sort_of_array(some_item(g), t.n), depth);
		e->def = bind_var(g, (Sort){ .kind = xs->type.item }, xs->lo, xs->hi);
	} else {
		e->num = gen_roll(g, 3);
		e->num2 = e->num + t.n - 1;
		if (gen_chance(g, 25)) {
			e->num2++;
			e->skip = e->num + gen_roll(g, t.n + 1);
		}
		e->def = bind_var(g, t_int, e->num, e->num2);
	}
	e->kid[0] = gen(g, item, depth);
	g->nscope--;
	return ranged(e, e->kid[0]->lo, e->kid[0]->hi);
}

static Expr *
gen_array_literal(Gen *g, Sort t, int depth)
{
	Expr *e = new_expr(g, F_ARRAY, t, t.n);

	for (int i = 0; i < t.n; i++) {
		Expr *x = e->kid[i] = gen(g, item_of(&t), depth);
		ranged_hull(e, i ? e : x, x);
	}
	return e;
}

static Expr *
gen_slice(Gen *g, Sort t, int depth)
{
	int more = gen_roll(g, 3), from = gen_roll(g, more + 1);
	Expr *xs = gen(g, items_of(item_of(&t), t.n + more), depth),
	     *e = gen_unary(g, F_SLICE, t, xs);

	e->num = from;
	e->num2 = from + t.n;
	return ranged(e, xs->lo, xs->hi);
}

static Expr *
gen_concat(Gen *g, Sort t, int depth)
{
	int n = 1 + gen_roll(g, t.n - 1);
	Expr *a = gen(g, items_of(item_of(&t), n), depth),
	     *b = gen(g, items_of(item_of(&t), t.n - n), depth);

	return ranged_hull(gen_binary(g, F_CONCAT, t, a, b), a, b);
}

static Decl *
step_fn(Gen *g)
{
	Decl *found = NULL;
	int n = 0;

	for (int i = 0; i < g->p->ndef; i++)
		if (g->p->def[i]->kind == D_FN && g->p->def[i]->name[0] == 's' && !gen_roll(g, ++n))
			found = g->p->def[i];
	return found;
}

static Expr *
gen_fold(Gen *g, ExprForm form, Sort t, int depth)
{
	Decl *f = step_fn(g);
	Expr *e;

	if (!f || depth <= 0)
		return gen_leaf(g, t);
	e = gen_binary(
		g, form, t, gen_small_int(g, f->lo, f->hi, depth - 1),
		gen(g, sort_of_array(T_INT, form == F_SCAN ? t.n : 1 + gen_roll(g, 4)), depth - 1));
	e->def = f;
	return ranged(e, f->lo, f->hi);
}

static Expr *
gen_added_arrays(Gen *g, Sort t, int depth)
{
	Expr *a = gen(g, t, depth), *b = gen(g, t, depth);
	bool minus = gen_chance(g, 40);

	if (a->lo < -g->large || b->lo < -g->large || a->hi > g->large || b->hi > g->large)
		return a;
	Expr *e = gen_binary(g, minus ? F_SUB : F_ADD, t, a, b);
	return minus ? ranged(e, a->lo - b->hi, a->hi - b->lo)
	             : ranged(e, a->lo + b->lo, a->hi + b->hi);
}

static Expr *
gen_library_word(Gen *g, Sort t, int depth)
{
	static const Library of_two_words[] = { BITS_ADD, BITS_SUB, BITS_XOR, BITS_MUL };
	Expr *e;

	if (gen_chance(g, 20)) {
		e = gen_library(g, ONE_HOT, t, 2);
		e->kid[0] = gen_small_int(g, -1, 5, depth);
		e->kid[1] = gen_literal(g, t.n);
		return e;
	}
	if (gen_chance(g, 20)) {
		e = gen_library(g, BLEND, t, 3);
		e->kid[2] = gen(g, t, depth);
	} else
		e = gen_library(g, of_two_words[gen_roll(g, 4)], t, 2);
	e->kid[0] = gen(g, t, depth);
	e->kid[1] = gen(g, t, depth);
	if (e->num != BLEND && gen_chance(g, 20)) {
		e->num = BITS_ROTL;
		e->kid[1] = gen_literal(g, gen_roll(g, 7) - 3);
	}
	return e;
}

/* Digits, the lowest first. */
static Expr *
gen_digits(Gen *g, int n, int depth)
{
	Expr *e = new_expr(g, F_ARRAY, sort_of_array(T_INT, n), n);

	for (int i = 0; i < n; i++)
		e->kid[i] = gen_small_int(g, 0, 9, depth - 1);
	return ranged(e, 0, 9);
}

static Expr *
gen_library_digits(Gen *g, Sort t, int depth)
{
	bool times = gen_chance(g, 50);
	Expr *e = gen_library(g, times ? DIGITS_MUL : DIGITS_DISTANCE, t, 2);

	for (int i = 0; i < 2; i++)
		e->kid[i] = gen_digits(g, times ? t.n / 2 : t.n, depth);
	return ranged(e, 0, 9);
}

/* Library functions over all visible positions. */
static Expr *
gen_library_over(Gen *g, int depth)
{
	Expr *e;

	switch (gen_roll(g, 4)) {
	case 0: e = gen_library(g, DISTINCT, t_int, 1); break;
	case 1: e = gen_library(g, RANK, t_int, 1); break;
	case 2:
		e = gen_library(g, SINCE, t_int, 1);
		e->kid[0] = gen_position(g, depth);
		return ranged(e, -g->p->context, g->p->context);
	default:
		e = gen_library(g, SORT, t_int, 2);
		e->kid[1] = gen_small_int(g, 0, 8, depth);
		e->kid[0] = gen_small_int(g, -9, 20, depth);
		return ranged(e, -9, 20);
	}
	e->kid[0] = gen_small_int(g, 0, 8, depth);
	return ranged(e, 0, g->p->context);
}

static Expr *
gen_library_array(Gen *g, Sort t, int depth)
{
	Expr *e;

	if (t.item == T_BOOL && gen_chance(g, 60))
		return gen_library_word(g, t, depth);
	if (t.item == T_INT && t.n % 2 == 0 && gen_chance(g, 30))
		return gen_library_digits(g, t, depth);
	if (t.item == T_BOOL) {
		e = gen_library(g, BITS_OF, t, 2);
		e->kid[0] = gen(g, t_int, depth);
		e->kid[1] = gen_literal(g, t.n);
		return e;
	}
	if (t.n > 1 && gen_chance(g, 40)) {
		e = gen_library(g, DIGITS_ADD, t, 2);
		for (int i = 0; i < 2; i++)
			e->kid[i] = gen_digits(g, t.n - 1, depth);
		return ranged(e, 0, 9);
	}
	e = gen_library(g, DIGITS_OF, t, 2);
	e->kid[0] = gen_small_int(g, 0, 300, depth);
	e->kid[1] = gen_literal(g, t.n);
	return ranged(e, 0, 9);
}

static Expr *
gen_array(Gen *g, Sort t, int depth)
{
	if (t.item == T_REAL && gen_chance(g, 40))
		return gen_real_array(g, t, depth);
	if (t.item == T_ENUM || t.item == T_RECORD)
		return gen_chance(g, 70) ? gen_array_literal(g, t, depth) : gen_if(g, t, depth);
	switch (gen_roll(g, 12)) {
	case 0:
	case 1: return gen_array_literal(g, t, depth);
	case 2:
	case 3: return gen_build(g, t, depth);
	case 4: return gen_slice(g, t, depth);
	case 5: return t.n > 1 ? gen_concat(g, t, depth) : gen_array_literal(g, t, depth);
	case 6: return t.item == T_INT ? gen_added_arrays(g, t, depth) : gen_build(g, t, depth);
	case 7: return t.item == T_INT ? gen_fold(g, F_SCAN, t, depth) : gen_if(g, t, depth);
	case 8:
		return t.item == T_INT || t.item == T_BOOL ? gen_library_array(g, t, depth)
		                                           : gen_array_literal(g, t, depth);
	case 9: return gen_if(g, t, depth);
	case 10: return gen_match(g, t, depth);
	default: return gen_read(g, t, depth);
	}
}

static Expr *
gen_record(Gen *g, Sort t, int depth)
{
	Expr *e;
	int i;

	switch (gen_roll(g, 6)) {
	case 0: return gen_if(g, t, depth);
	case 1: return gen_read(g, t, depth);
	case 2:
		i = gen_roll(g, t.def->n);
		e = gen_binary(g, F_WITH, t, gen(g, t, depth),
		               gen_slot(g, &t.def->field[i], depth));
		e->num = i;
		return e;
	case 3: return gen_match(g, t, depth);
	default:
		e = new_expr(g, F_RECORD, t, t.def->n);
		for (i = 0; i < t.def->n; i++)
			e->kid[i] = gen_slot(g, &t.def->field[i], depth);
		return e;
	}
}

/* One of an array's elements, or a field of a record; NULL if there is none. */
Expr *
gen_part(Gen *g, Sort t, int depth)
{
	int n = 1 + gen_roll(g, 4);
	Expr *xs, *e;

	if (gen_chance(g, 25)) {
		const Decl *r = some_record(g);
		for (int i = 0; r && i < r->n; i++)
			if (same_type(&r->field[i].type, &t))
				return gen_field(
					g, gen(g, (Sort){ .kind = T_RECORD, .def = r }, depth), i);
	}
	xs = gen(g, items_of(t, n), depth);
	if (gen_chance(g, 30)) {
		e = gen_unary(g, F_ELEM, t, xs);
		e->num = gen_roll(g, n);
		return ranged(e, xs->lo, xs->hi);
	}
	Expr *i = gen(g, t_int, depth);
	if (gen_chance(g, 30))
		return ranged(gen_binary(g, F_PICK, t, xs, gen_fitted(g, i, 0, n - 1)), xs->lo,
		              xs->hi);
	if (i->lo < -100 || i->hi > 100)
		i = gen_fitted(g, i, 0, n);
	Expr *d = gen(g, t, 0);
	return ranged_hull(gen_ternary(g, F_PICK, t, xs, i, d), xs, d);
}

static Expr *
gen_total(Gen *g, Aggregate which, int depth)
{
	TypeKind item = which == COUNT || which == ANY || which == ALL ? T_BOOL : T_INT;
	Expr *xs = gen(g, sort_of_array(item, 1 + gen_roll(g, 4)), depth);
	Expr *e = gen_unary(g, F_TOTAL, which == ANY || which == ALL ? t_bool : t_int, xs);

	e->num = which;
	if (which == SUM)
		return gen_modest(g, ranged(e, min_int64(xs->lo * xs->type.n, xs->lo),
		                            max_int64(xs->hi * xs->type.n, xs->hi)));
	return which == COUNT ? ranged(e, 0, xs->type.n) : ranged(e, xs->lo, xs->hi);
}

static Expr *
gen_total_for(Gen *g, Aggregate which, int depth)
{
	Sort t = which == COUNT || which == ANY || which == ALL ? t_bool : t_int;
	Expr *e = new_expr(g, F_TOTAL_FOR, which == ANY || which == ALL ? t_bool : t_int, 3);
	int n = 1 + gen_roll(g, 4);

	e->num = which;
	e->skip = n - 1;
	if (gen_chance(g, 35)) {
		Expr *xs = e->kid[1] = gen(g, sort_of_array(some_item(g), n), depth);
		e->def = bind_var(g, (Sort){ .kind = xs->type.item }, xs->lo, xs->hi);
	} else {
		e->num2 = gen_roll(g, 3);
		e->def = bind_var(g, t_int, e->num2, e->num2 + e->skip);
	}
	Expr *x = e->kid[0] = gen(g, t, depth);
	if (which != MIN && which != MAX && gen_chance(g, 40))
		e->kid[2] = gen(g, t_bool, depth);
	g->nscope--;
	if (which == SUM)
		return gen_modest(g, ranged(e, min_int64(0, x->lo * n), max_int64(0, x->hi * n)));
	return which == COUNT ? ranged(e, 0, n) : ranged(e, x->lo, x->hi);
}

static Expr *
gen_choose(Gen *g, int depth)
{
	Expr *e = new_expr(g, F_CHOOSE, t_int, 2);

	e->num = gen_roll(g, 3);
	e->num2 = 1 + gen_roll(g, 4);
	e->def = bind_var(g, t_int, 0, e->num2 - 1);
	if (e->num < 2 || gen_chance(g, 40))
		e->kid[0] = gen(g, t_bool, depth);
	if (e->num == 2)
		e->kid[1] = gen(g, t_int, depth);
	g->nscope--;
	return ranged(e, -1, e->num2 - 1);
}

/* ---- the library ---- */

static Expr *
gen_library_int(Gen *g, int depth)
{
	Expr *e;

	if (!g->still && gen_chance(g, 25))
		return gen_library_over(g, depth);
	switch (gen_roll(g, 8)) {
	case 7:
		e = gen_library(g, ARGMAX, t_int, 1);
		e->kid[0] = gen(g, sort_of_array(T_INT, 1 + gen_roll(g, 4)), depth);
		return ranged(e, 0, e->kid[0]->type.n - 1);
	case 0:
		e = gen_library(g, GATE, t_int, 2);
		e->kid[0] = gen(g, t_bool, depth);
		e->kid[1] = gen(g, t_int, depth);
		return ranged(e, min_int64(0, e->kid[1]->lo), max_int64(0, e->kid[1]->hi));
	case 1:
		e = gen_library(g, CLAMP, t_int, 3);
		e->kid[0] = gen(g, t_int, depth);
		e->kid[1] = gen_literal(g, gen_roll(g, 5));
		e->kid[2] = gen_literal(g, 5 + gen_roll(g, 9));
		return ranged(e, e->kid[1]->num, e->kid[2]->num);
	case 2:
	case 3:
		e = gen_library(g, gen_chance(g, 50) ? BITS_VALUE : POPCOUNT, t_int, 1);
		e->kid[0] = gen(g, sort_of_array(T_BOOL, 1 + gen_roll(g, 4)), depth);
		return ranged(e, 0, 15);
	case 4:
		e = gen_library(g, DIGITS_VALUE, t_int, 1);
		e->kid[0] = gen_library_array(g, sort_of_array(T_INT, 2), depth);
		return ranged(e, 0, 99);
	case 5:
		if (g->still)
			return gen_leaf(g, t_int);
		e = gen_library(g, FREQUENCY, t_int, 1);
		e->kid[0] = g->words && gen_chance(g, 50) ? gen(g, t_token, depth)
		                                          : gen_small_int(g, 0, 8, depth);
		return ranged(e, 1, g->p->context);
	default:
		if (g->still)
			return gen_leaf(g, t_int);
		e = gen_library(g, gen_chance(g, 50) ? SHIFT : RUNNING_SUM, t_int, 1);
		e->kid[0] = gen_small_int(g, 0, 9, depth);
		if (e->num == RUNNING_SUM)
			return ranged(e, 0, 9 * g->p->context);
		e->n = 3;
		e->kid = NEWS(g->arena, Expr *, 3);
		e->kid[0] = gen(g, t_int, depth);
		e->kid[1] = gen_literal(g, 1 + gen_roll(g, 3));
		e->kid[2] = gen_literal(g, gen_roll(g, 5) - 1);
		return ranged_hull(e, e->kid[0], e->kid[2]);
	}
}

static Expr *
gen_library_bool(Gen *g, int depth)
{
	Expr *e;

	switch (gen_roll(g, 6)) {
	case 5:
		e = gen_library(g, BITS_LESS, t_bool, 2);
		e->kid[0] = gen(g, sort_of_array(T_BOOL, 1 + gen_roll(g, 4)), depth);
		e->kid[1] = gen(g, e->kid[0]->type, depth);
		return e;
	case 0:
		e = gen_library(g, gen_chance(g, 50) ? XOR : IMPLIES, t_bool, 2);
		e->kid[0] = gen(g, t_bool, depth);
		e->kid[1] = gen(g, t_bool, depth);
		return e;
	case 1:
		e = gen_library(g, gen_chance(g, 50) ? ODD : MAJORITY, t_bool, 1);
		e->kid[0] = gen(g, sort_of_array(T_BOOL, 1 + gen_roll(g, 4)), depth);
		return e;
	case 2:
		e = gen_library(g, EXACTLY, t_bool, 2);
		e->kid[0] = gen_literal(g, gen_roll(g, 4));
		e->kid[1] = gen(g, sort_of_array(T_BOOL, 1 + gen_roll(g, 4)), depth);
		return e;
	case 3:
		e = gen_library(g, DIGITS_LESS, t_bool, 2);
		e->kid[0] = gen_library_array(g, sort_of_array(T_INT, 2), depth);
		e->kid[1] = gen_library_array(g, sort_of_array(T_INT, 2), depth);
		return e;
	default:
		if (g->still)
			return gen_leaf(g, t_bool);
		e = gen_library(g, gen_chance(g, 60) ? IS_FIRST : IS_LAST, t_bool, 1);
		e->kid[0] = g->words && gen_chance(g, 50) ? gen(g, t_token, depth)
		                                          : gen_small_int(g, 0, 8, depth);
		return e;
	}
}

/* ---- calls ---- */

static Decl *
fn_of(Gen *g, Sort t)
{
	Decl *found = NULL;
	int n = 0;

	for (int i = 0; i < g->p->ndef; i++) {
		Decl *d = g->p->def[i];
		if (d->kind == D_FN && !d->partial && same_type(&d->type, &t) && !gen_roll(g, ++n))
			found = d;
	}
	return found;
}

static Expr *
gen_argument(Gen *g, const Decl *p, int depth)
{
	if (p->type.kind == T_POS)
		return gen_position(g, depth);
	if (p->constant)
		return gen_literal(g, p->lo + gen_roll(g, (int)(p->hi - p->lo + 1)));
	return gen_slot(g, &(Slot){ p->type, p->lo, p->hi }, depth);
}

static Expr *
gen_call_to(Gen *g, Decl *f, int depth)
{
	Expr *e = new_expr(g, F_CALL, f->type, f->nparam);

	e->def = f;
	e->num = gen_chance(g, 15);
	for (int i = 0; i < f->nparam; i++)
		if (!f->param[i]->body || gen_chance(g, 60))
			e->kid[i] = gen_argument(g, f->param[i], depth);
	return ranged(e, f->lo, f->hi);
}

Expr *
gen_call(Gen *g, Sort t, int depth)
{
	Decl *f = g->still ? NULL : fn_of(g, t);

	return f ? gen_call_to(g, f, depth) : gen_leaf(g, t);
}

/* ---- any expression ---- */

static Expr *
gen_int(Gen *g, int depth)
{
	if (g->reals && !g->still && gen_chance(g, 10))
		return gen_real_int(g, depth);
	if (g->wide && !g->still && gen_chance(g, 10))
		return gen_wide_int(g, depth);
	switch (gen_roll(g, 35)) {
	case 0:
	case 1:
	case 2: return gen_sum(g, F_ADD, depth);
	case 3:
	case 4: return gen_sum(g, F_SUB, depth);
	case 5:
	case 6: return gen_product(g, depth);
	case 7: return gen_quotient(g, F_DIV, depth);
	case 8: return gen_quotient(g, F_MOD, depth);
	case 9: return gen_extreme(g, depth);
	case 10: return gen_absolute(g, gen(g, t_int, depth));
	case 11: return gen_power(g, depth);
	case 12: return g->words ? gen_ord(g, depth) : gen_leaf(g, t_int);
	case 13:
		return g->words ? ranged(gen_unary(g, F_ID, t_int, gen(g, t_token, depth)), 0,
		                         g->p->nvocab)
		                : gen_leaf(g, t_int);
	case 14:
	case 15: return ranged(gen_unary(g, F_TO_INT, t_int, gen(g, t_bool, depth)), 0, 1);
	case 16:
	case 17: return gen_if(g, t_int, depth);
	case 18:
	case 19: return gen_match(g, t_int, depth);
	case 20:
	case 21: return gen_part(g, t_int, depth);
	case 22: return gen_total(g, (Aggregate[]){ SUM, COUNT, MIN, MAX }[gen_roll(g, 4)], depth);
	case 23:
		return gen_total_for(g, (Aggregate[]){ SUM, COUNT, MIN, MAX }[gen_roll(g, 4)],
		                     depth);
	case 24: return gen_choose(g, depth);
	case 25: return gen_fold(g, F_FOLD, t_int, depth);
	case 26: return gen_library_int(g, depth);
	case 27: return gen_call(g, t_int, depth);
	case 28: {
		Expr *x = gen(g, t_int, depth);
		return gen_modest(g, ranged(gen_unary(g, F_NEG, t_int, x), -x->hi, -x->lo));
	}
	case 29:
	case 30:
		return g->still ? gen_leaf(g, t_int)
		                : gen_over(g, (Aggregate[]){ SUM, COUNT, MIN, MAX }[gen_roll(g, 4)],
		                           depth);
	case 31: return g->still ? gen_leaf(g, t_int) : gen_guarded(g, t_int, depth);
	default: return g->still ? gen_leaf(g, t_int) : gen_read(g, t_int, depth);
	}
}

static Expr *
gen_bool(Gen *g, int depth)
{
	Decl *en;
	const Decl *r;

	if (g->reals && !g->still && gen_chance(g, 15))
		return gen_real_bool(g, depth);
	if (g->wide && !g->still && gen_chance(g, 10))
		return gen_wide_bool(g, depth);
	switch (gen_roll(g, 23)) {
	case 0:
	case 1:
	case 2:
	case 3: return gen_comparison(g, depth);
	case 4:
	case 5: return gen_equality(g, token_type(g), depth);
	case 6: return gen_equality(g, t_bool, depth);
	case 7:
		en = some_def(g, D_ENUM);
		return en ? gen_equality(g, (Sort){ .kind = T_ENUM, .def = en }, depth)
		          : gen_comparison(g, depth);
	case 8:
		r = some_record(g);
		return r && !g->bound && has_no_reals(r)
		               ? gen_equality(g, (Sort){ .kind = T_RECORD, .def = r }, depth)
		               : gen_equality(g,
		                              sort_of_array((TypeKind)gen_roll(g, g->words ? 3 : 2),
		                                            1 + gen_roll(g, 3)),
		                              depth);
	case 9:
	case 10: return gen_membership(g, depth);
	case 11:
	case 12:
	case 13: return gen_logic(g, depth);
	case 14: return gen_if(g, t_bool, depth);
	case 15: return gen_match(g, t_bool, depth);
	case 16: return gen_part(g, t_bool, depth);
	case 17:
		return gen_chance(g, 50) ? gen_total(g, ANY + (Aggregate)gen_roll(g, 2), depth)
		                         : gen_total_for(g, ANY + (Aggregate)gen_roll(g, 2), depth);
	case 18: return gen_library_bool(g, depth);
	case 19:
		return g->still ? gen_leaf(g, t_bool)
		                : gen_over(g, ANY + (Aggregate)gen_roll(g, 2), depth);
	case 20:
		if (g->still)
			return gen_leaf(g, t_bool);
		if (gen_chance(g, 50))
			return gen_unary(g, F_EXISTS, t_bool, gen_position(g, depth));
		Expr *e = gen_binary(g, F_ORDER, t_bool, gen_position(g, depth),
		                     gen_position(g, depth));
		e->num = gen_roll(g, 6);
		return e;
	default:
		return g->still            ? gen_call(g, t_bool, depth)
		       : gen_chance(g, 30) ? gen_guarded(g, t_bool, depth)
		                           : gen_read(g, t_bool, depth);
	}
}

/* How many characters the vocabulary has with the codes first, first + 1, … */
static int
run_of_codes(Gen *g, int64_t first)
{
	int n = 0;

	for (bool found = true; found; n += found) {
		found = false;
		for (int i = 0; i < g->p->nvocab; i++)
			found |= g->p->vocab[i].code == first + n;
	}
	return n;
}

static Expr *
gen_token(Gen *g, int depth)
{
	int64_t code;

	switch (gen_roll(g, 9)) {
	case 0: return gen_if(g, t_token, depth);
	case 1: return gen_match(g, t_token, depth);
	case 2: return gen_unary(g, F_FROM_ID, t_token, gen_small_int(g, 0, g->p->nvocab, depth));
	case 3:
		code = g->p->vocab[some_word(g)].code;
		if (code < 0)
			return gen_leaf(g, t_token);
		Expr *i = gen_small_int(g, 0, run_of_codes(g, code) - 1, depth);
		return gen_unary(g, F_CHR, t_token,
		                 ranged(gen_binary(g, F_ADD, t_int, gen_literal(g, code), i), code,
		                        code + i->hi));
	case 4: return gen_part(g, t_token, depth);
	case 5: return gen_call(g, t_token, depth);
	default: return g->still ? gen_leaf(g, t_token) : gen_read(g, t_token, depth);
	}
}

static Expr *
gen_enum(Gen *g, Sort t, int depth)
{
	switch (gen_roll(g, 4)) {
	case 0: return gen_if(g, t, depth);
	case 1: return gen_match(g, t, depth);
	case 2: return g->still ? gen_leaf(g, t) : gen_read(g, t, depth);
	default: return gen_leaf(g, t);
	}
}

/* An expression inside of a where, of this position and the bound one: mostly what attention can
 * compute. */
static Expr *
gen_bound(Gen *g, Sort t, int depth)
{
	Expr *e;
	bool still = g->still;

	if (t.kind == T_BOOL && depth > 0 && gen_chance(g, 55)) {
		switch (gen_roll(g, 5)) {
		case 0: return gen_bound_order(g, depth - 1);
		case 1:
			return gen_binary(g, F_AND, t_bool, gen(g, t_bool, depth - 1),
			                  gen(g, t_bool, depth - 1));
		case 2: return gen_equality(g, token_type(g), 0);
		case 3: return gen_logic(g, depth - 1);
		default:
			e = gen_comparison(g, 0);
			e->num = gen_chance(g, 60) ? EQ : e->num;
			return e;
		}
	}
	if (depth <= 0 || gen_chance(g, 85) || t.kind == T_RECORD || t.kind == T_POS
	    || t.kind == T_REAL)
		return gen_two_sided_leaf(g, t, depth > 0 ? depth - 1 : 0);
	g->still = true;
	e = t.kind == T_INT     ? gen_sum(g, gen_chance(g, 50) ? F_ADD : F_SUB, depth - 1)
	    : t.kind == T_BOOL  ? gen_logic(g, depth - 1)
	    : t.kind == T_ARRAY ? gen_array_literal(g, t, 0)
	                        : gen_if(g, t, depth - 1);
	g->still = still;
	return e;
}

Expr *
gen(Gen *g, Sort t, int depth)
{
	if (g->bound)
		return gen_bound(g, t, depth);
	if (t.kind == T_POS)
		return g->still ? new_expr(g, F_HERE, t, 0) : gen_position(g, depth);
	if (depth <= 0 || gen_chance(g, 12))
		return gen_leaf(g, t);
	depth--;
	switch (t.kind) {
	case T_INT: return gen_int(g, depth);
	case T_BOOL: return gen_bool(g, depth);
	case T_TOKEN: return gen_token(g, depth);
	case T_ENUM: return gen_enum(g, t, depth);
	case T_ARRAY: return g->still ? gen_array_literal(g, t, depth) : gen_array(g, t, depth);
	case T_REAL: return g->still ? gen_leaf(g, t) : gen_real(g, depth);
	default: return g->still ? gen_leaf(g, t) : gen_record(g, t, depth);
	}
}

/* ---- statements ---- */

static Sort
any_type(Gen *g)
{
	Decl *d;

	if (g->reals && gen_chance(g, 25))
		return t_real;
	switch (gen_roll(g, 12)) {
	case 0:
	case 1:
	case 2:
	case 3: return t_int;
	case 4:
	case 5:
	case 6: return t_bool;
	case 7: return token_type(g);
	case 8: d = some_def(g, D_ENUM); return d ? (Sort){ .kind = T_ENUM, .def = d } : t_bool;
	case 9: d = some_def(g, D_TYPE); return d ? (Sort){ .kind = T_RECORD, .def = d } : t_int;
	default: return sort_of_array(some_item(g), 1 + gen_roll(g, 4));
	}
}

static void
take_body(Gen *g, Decl *d, Expr *body)
{
	d->body = body;
	d->type = body->type;
	d->lo = body->lo;
	d->hi = body->hi;
	d->annotated = d->type.kind != T_REAL && (d->type.kind != T_ARRAY || d->type.item != T_REAL)
	               && gen_chance(g, 20);
}

static void
make_let(Gen *g)
{
	Sort t = gen_chance(g, 22) ? t_pos : any_type(g);
	Decl *d = def_new(g, D_LET, t.kind == T_POS ? "p" : "v", t);

	take_body(g, d, gen(g, t, 2 + gen_roll(g, 3)));
	add_statement(g, d);
	g->scope[g->nscope++] = d;
}

static void
make_const(Gen *g)
{
	Sort t = gen_chance(g, 50) ? t_int : sort_of_array(T_INT, 1 + gen_roll(g, 4));
	Decl *d = def_new(g, D_CONST, "k", t);

	take_body(g, d, gen_simplest(g, t));
	add_statement(g, d);
	g->scope[g->nscope++] = d;
}

static Decl *
make_param(Gen *g, Decl *f, Sort t)
{
	Decl *d = f->param[f->nparam++] = def_new(g, D_PARAM, "x", t);

	if (t.kind == T_INT || t.kind == T_REAL
	    || (t.kind == T_ARRAY && (t.item == T_INT || t.item == T_REAL))) {
		d->lo = -gen_roll(g, 3) * 5;
		d->hi = 1 + gen_roll(g, 20);
	}
	d->annotated = gen_chance(g, 50);
	g->scope[g->nscope++] = d;
	return d;
}

/* fn s(total, x): for fold and scan. */
static void
make_step(Gen *g)
{
	Decl *f = def_new(g, D_FN, "step", t_int), *x;
	int top = 1 + gen_roll(g, 30), outer = g->nscope;

	for (int i = 0; i < 2; i++) {
		x = make_param(g, f, t_int);
		x->annotated = false;
		x->lo = i ? -100 : 0;
		x->hi = i ? 100 : top;
	}
	g->still = true;
	Expr *e = gen(g, t_int, 2);
	g->still = false;
	if (e->form != F_ADD)
		e = gen_binary(g, F_ADD, t_int, gen_name(g, f->param[0]), e);
	f->body = ranged(e, -g->large, g->large);
	f->body = gen_remainder(g, f->body, top + 1);
	f->lo = 0;
	f->hi = top;
	f->partial = true;
	g->nscope = outer;
	add_statement(g, f);
}

/* x[p else d], x a parameter. */
static Expr *
gen_read_param(Gen *g, Decl *f)
{
	Decl *x = f->param[gen_roll(g, f->nparam)];

	if (x->type.kind == T_POS || x->constant)
		return gen(g, any_type(g), 2);
	Expr *p = gen_position(g, 1), *d = gen(g, x->type, 1),
	     *e = gen_ternary(g, F_READ, x->type, gen_name(g, x), p, d);
	return ranged_hull(e, e->kid[0], d);
}

static void
make_fn(Gen *g)
{
	Decl *f = def_new(g, D_FN, "f", t_int);
	int outer = g->nscope, n = 1 + gen_roll(g, PARAMS);

	for (int i = 0; i < n; i++) {
		Decl *x = make_param(g, f, gen_chance(g, 15) ? t_pos : any_type(g));
		if (x->type.kind == T_INT && gen_chance(g, 20)) {
			x->constant = true;
			x->lo = 1;
			x->hi = 3;
		}
		if (i && i == n - 1 && x->type.kind == T_INT && gen_chance(g, 40))
			x->body = gen_literal(g, x->lo + gen_roll(g, (int)(x->hi - x->lo + 1)));
	}
	for (int i = 0; i < LOCALS && gen_chance(g, 35); i++) {
		Sort t = gen_chance(g, 15) ? t_pos : any_type(g);
		Decl *y = f->local[f->nlocal++] = def_new(g, D_LOCAL, "y", t);
		take_body(g, y, gen(g, t, 2));
		g->scope[g->nscope++] = y;
	}
	take_body(g, f,
	          gen_chance(g, 25) ? gen_read_param(g, f)
	                            : gen(g, any_type(g), 1 + gen_roll(g, 3)));
	g->nscope = outer;
	add_statement(g, f);
}

static void
make_output(Gen *g)
{
	Sort t = any_type(g);
	Decl *d = def_new(g, D_OUTPUT, "o", t);

	take_body(g, d, gen(g, t, 1 + gen_roll(g, 3)));
	add_statement(g, d);
}

/* Makes outputs of some of the names, so that ONNX Runtime is asked for them too. */
static void
show_names(Gen *g)
{
	for (int i = 0, n = g->p->ndef; i < n; i++) {
		Decl *d = g->p->def[i];
		if (d->kind != D_LET || d->type.kind == T_POS || d->type.kind == T_ENUM
		    || gen_chance(g, 50))
			continue;
		Decl *o = def_new(g, D_OUTPUT, "o", d->type);
		take_body(g, o, gen_name(g, d));
		add_statement(g, o);
	}
}

/* Calls functions in outputs: one that is never called has no meaning to compare. */
static void
show_functions(Gen *g)
{
	for (int i = 0, n = g->p->ndef; i < n; i++) {
		Decl *f = g->p->def[i], *o;
		if (f->kind != D_FN || f->partial || f->type.kind == T_POS || gen_chance(g, 25))
			continue;
		o = def_new(g, D_OUTPUT, "o", f->type);
		take_body(g, o, gen_call_to(g, f, 1 + gen_roll(g, 2)));
		add_statement(g, o);
	}
}

/* An assertion that an integer is in its range. */
static void
make_assert(Gen *g)
{
	Decl *d = def_new(g, D_ASSERT, "", t_bool);
	Expr *x = gen(g, t_int, 2), *e = gen_ternary(g, F_IN_SPAN, t_bool, x, gen_literal(g, x->lo),
	                                             gen_literal(g, x->hi));

	if (e->kid[0]->form == F_INT)
		return;
	d->body = e;
	add_statement(g, d);
}

/* A token as it may be emitted: <end> among the records. */
static Expr *
gen_emitted(Gen *g, int depth)
{
	Sort t = token_type(g);

	if (!g->p->token)
		return gen(g, t, depth);
	Expr *end = new_expr(g, F_WORD, t, 0), *e = gen(g, t, depth);
	if (gen_chance(g, 40))
		return e;
	bool swapped = gen_chance(g, 50);
	return gen_ternary(g, F_IF, t, gen(g, t_bool, depth), swapped ? e : end, swapped ? end : e);
}

static void
make_emit(Gen *g)
{
	Decl *d = def_new(g, D_EMIT, "", token_type(g));

	if (gen_chance(g, 50)) {
		Sort t = items_of(d->type, 1 + gen_roll(g, 4));
		d->after = gen_position(g, 2);
		d->body = g->p->token ? new_expr(g, F_ARRAY, t, t.n) : gen(g, t, 2);
		for (int i = 0; g->p->token && i < t.n; i++)
			d->body->kid[i] = gen_emitted(g, 1);
	} else
		d->body = gen_emitted(g, 3);
	add_statement(g, d);
}

static void
make_enum(Gen *g)
{
	Decl *d = def_new(g, D_ENUM, "e", t_int);

	d->n = 2 + gen_roll(g, 4);
	add_statement(g, d);
}

static Sort
some_slot_type(Gen *g)
{
	Decl *d = gen_chance(g, 25) ? some_def(g, D_ENUM) : NULL;
	Sort t = d ? (Sort){ .kind = T_ENUM, .def = d }
	           : (Sort){ .kind = (TypeKind)gen_roll(g, 2) };

	return gen_chance(g, 25) ? items_of(t, 1 + gen_roll(g, 4)) : t;
}

static void
make_type(Gen *g)
{
	Decl *d = def_new(g, D_TYPE, "r", t_int);

	d->n = 1 + gen_roll(g, FIELDS);
	for (int i = 0; i < d->n; i++) {
		Sort t = some_slot_type(g);
		if (g->words && gen_chance(g, 25))
			t = t_token;
		if (g->reals && gen_chance(g, 15))
			t = t_real;
		d->field[i] = (Slot){ t, -gen_roll(g, 10), 1 + gen_roll(g, 20) };
	}
	add_statement(g, d);
}

/* model { token {…} } */
static void
make_token(Gen *g)
{
	Decl *d = def_new(g, D_TYPE, "", t_int);

	d->name = "token";
	d->id = -1;
	d->n = 1 + gen_roll(g, FIELDS);
	for (int i = 0; i < d->n; i++) {
		int64_t lo = gen_chance(g, 70) ? 0 : gen_roll(g, 30) - 15;
		d->field[i] = (Slot){ some_slot_type(g), lo,
			              lo + 1 + gen_roll(g, gen_chance(g, 90) ? 12 : 300) };
	}
	g->p->token = d;
}

/* input x: … */
static void
make_input(Gen *g)
{
	Decl *d = def_new(g, D_INPUT, "n", t_int);
	Decl *r = gen_chance(g, 20) ? some_def(g, D_TYPE)
	                            : NULL; /* no enum is declared yet, so its fields have none */
	static const TypeKind kinds[] = { T_REAL, T_REAL, T_REAL, T_INT, T_INT, T_BOOL };
	Sort t = { .kind = kinds[gen_roll(g, 6)] };

	d->type = r                   ? (Sort){ .kind = T_RECORD, .def = r }
	          : gen_chance(g, 40) ? items_of(t, 1 + gen_roll(g, 3))
	                              : t;
	d->lo = -gen_roll(g, 4);
	d->hi = 1 + gen_roll(g, 9);
	d->num = g->p->nfed;
	g->p->nfed += leaves_of_sort(&d->type);
	add_statement(g, d);
	g->scope[g->nscope++] = d;
}

static void
make_words(Gen *g)
{
	static const VocabWord chars[] = {
		{ "a", 'a' },   { "b", 'b' },  { "c", 'c' },  { "d", 'd' },   { "0", '0' },
		{ "1", '1' },   { "2", '2' },  { "3", '3' },  { "+", '+' },   { "=", '=' },
		{ " ", ' ' },   { "\"", '"' }, { "'", '\'' }, { "\\", '\\' }, { "é", 0xe9 },
		{ "\n", '\n' }, { "#", '#' },  { "{", '{' },
	};
	static const VocabWord words[] = { { "go", -1 },    { "stop", -1 }, { "10", -1 },
		                           { "aa", -1 },    { "<end", -1 }, { "x", 'x' },
		                           { "go on", -1 }, { "y", 'y' } };
	Sample *p = g->p;
	int n = 2 + gen_roll(g, VOCAB - 2), first;

	p->listed = gen_chance(g, 35);
	first = p->listed && gen_chance(g, 50) ? 0 : gen_roll(g, 9);
	for (int i = 0; i < n; i++) {
		VocabWord w = p->listed && i < 4 && first < 8 ? words[(first + i) % 8]
		                                              : chars[(first + i) % 18];
		bool known = false;
		for (int k = 0; k < p->nvocab; k++)
			known |= !strcmp(p->vocab[k].spelling, w.spelling);
		if (!known)
			p->vocab[p->nvocab++] = w;
	}
}

/* What is fed, and the types that it may be of. */
static void
make_model(Gen *g)
{
	Sample *p = g->p;
	int fed = gen_roll(g, 10);

	p->context = gen_chance(g, 80) ? 1 + gen_roll(g, 10)
	                               : 10 + gen_roll(g, gen_chance(g, 90) ? 30 : CONTEXT - 10);
	p->bidirectional = gen_chance(g, 25);
	bool enums = gen_chance(g, 40);
	g->words = fed < 7;
	if (enums && fed < 9)
		make_enum(g);
	if (gen_chance(g, 35))
		make_type(g);
	if (g->words)
		make_words(g);
	else if (fed < 9)
		make_token(g);
	for (int i = 1 + gen_roll(g, 3); fed == 9 && i > 0; i--)
		make_input(g);
	if (enums && fed == 9)
		make_enum(g);
}

Sample *
generate(Arena *arena, uint64_t seed)
{
	Gen g = { .state = seed * 0x9e3779b97f4a7c15u + 1442695040888963407u,
		  .arena = arena,
		  .p = NEW(arena, Sample) };

	for (int i = 0; i < 4; i++)
		gen_roll(&g, 2);
	g.large = gen_chance(&g, 80) ? 3000 : 60000000;
	g.p->arena = arena;
	g.p->seed = seed;
	g.reals = gen_chance(&g, 35);
	g.near = gen_chance(&g, 40);
	g.wide = gen_chance(&g, 25);
	make_model(&g);
	g.reals |= g.p->nfed > 0;
	int n = 3 + gen_roll(&g, PARTS);
	for (int i = 0; i < n; i++)
		switch (gen_roll(&g, 10)) {
		case 0:
			if (gen_chance(&g, 50)) {
				make_const(&g);
				break;
			}
			/* fall through */
		case 1: make_step(&g); break;
		case 2:
		case 3: make_fn(&g); break;
		case 4: make_output(&g); break;
		case 5:
			if (gen_chance(&g, 50)) {
				make_assert(&g);
				break;
			}
			/* fall through */
		default: make_let(&g);
		}
	if (!g.p->bidirectional && !g.p->nfed && gen_chance(&g, 60))
		make_emit(&g);
	for (int i = 1 + gen_roll(&g, 3); i > 0; i--)
		make_output(&g);
	show_names(&g);
	show_functions(&g);
	return g.p;
}

/* ---- one mistake ---- */

typedef struct FaultPlace {
	uint64_t state;
	Expr *e; /* one of those seen, each as likely */
	int n;
} FaultPlace;

static void
look_for_place(FaultPlace *p, Expr *e)
{
	if (!e)
		return;
	if (e->type.kind <= T_TOKEN && !roll_below(&p->state, ++p->n))
		p->e = e;
	for (int i = 0; i < e->n; i++)
		look_for_place(p, e->kid[i]);
}

Sample *
faulty(Arena *arena, uint64_t seed)
{
	Sample *s = generate(arena, seed);
	FaultPlace p = { .state = seed };

	for (int i = 0; i < s->ndef; i++) {
		for (int k = 0; k < s->def[i]->nlocal; k++)
			look_for_place(&p, s->def[i]->local[k]->body);
		look_for_place(&p, s->def[i]->body);
		look_for_place(&p, s->def[i]->after);
	}
	*p.e = (Expr){ .form = F_FAULT, .type = p.e->type, .num = roll_below(&p.state, FAULTS) };
	return s;
}
