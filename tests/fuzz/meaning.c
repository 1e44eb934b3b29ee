/* What a program means, by the manual: the test oracle. A denotational semantics, written as a walk
 * over the tree that gives one scalar at one position. A name stands for its expression, evaluated
 * where it is read; so does a parameter (call by name). Nothing is inferred or folded, and nothing
 * is kept but the values of the file's own names. It shares no code with the compiler. */

#include "tests/fuzz/program.h"

#include <math.h>
#include <string.h>

/* What a name of a function, a comprehension or a search stands for. */
typedef struct Bindings Bindings;
struct Bindings {
	const Bindings *up;
	const Decl *def;
	const Expr *e;       /* NULL: value */
	const Bindings *env; /* of e */
	int item;            /* of the array e; -1: e itself */
	int64_t value;
};

typedef struct Memo {
	int nleaf;
	int64_t *value; /* (nleaf, CONTEXT) */
	bool *known;
} Memo;

struct Meaning {
	Arena *arena;
	const Sample *p;
	int64_t *fed; /* (n, width) */
	int n, width;
	long fuel;
	Memo memo[DEFS]; /* by the statement's id */
};

static int64_t meaning_at(Meaning *, const Expr *, int leaf, int at, const Bindings *);
static int count_visible(const Meaning *, int at);

Sort
item_of(const Sort *t)
{
	return (Sort){ .kind = t->item, .def = t->def };
}

int
before_field(const Decl *d, int i)
{
	int n = 0;

	while (i-- > 0)
		n += leaves_of_sort(&d->field[i].type);
	return n;
}

int
leaves_of_sort(const Sort *t)
{
	Sort item = item_of(t);

	return t->kind == T_ARRAY    ? t->n * leaves_of_sort(&item)
	       : t->kind == T_RECORD ? before_field(t->def, t->def->n)
	                             : 1;
}

int
width_of(const Sample *s)
{
	return s->token ? before_field(s->token, s->token->n) : s->nfed ? s->nfed : 1;
}

Meaning *
meaning_new(Arena *arena, const Sample *p)
{
	Meaning *m = NEW(arena, Meaning);

	m->arena = arena;
	m->p = p;
	m->width = width_of(p);
	m->fed = NEWS(arena, int64_t, m->width * CONTEXT);
	for (int i = 0; i < p->ndef; i++) {
		const Decl *d = p->def[i];
		if (d->kind != D_LET && d->kind != D_CONST)
			continue;
		Memo *memo = &m->memo[d->id];
		memo->nleaf = leaves_of_sort(&d->type);
		memo->value = NEWS(arena, int64_t, memo->nleaf * CONTEXT + 1);
		memo->known = NEWS(arena, bool, memo->nleaf *CONTEXT + 1);
	}
	return m;
}

void
meaning_text(Meaning *m, const int64_t *fed, int n)
{
	memcpy(m->fed, fed, sizeof *fed * (size_t)n * (size_t)m->width);
	m->n = n;
	for (int i = 0; i < DEFS; i++)
		if (m->memo[i].nleaf)
			memset(m->memo[i].known, 0, (size_t)(m->memo[i].nleaf * CONTEXT));
}

static int
count_visible(const Meaning *m, int at)
{
	return m->p->bidirectional ? m->n : at + 1;
}

static bool
is_in_text(const Meaning *m, int64_t p, int at)
{
	return p >= 0 && p < count_visible(m, at);
}

/* A position that was chosen: by an if, a match, from a list, or read elsewhere. Outside of the
 * text it is absent, and so it stays wherever it is moved from there. */
static int64_t
chosen(const Meaning *m, const Sort *t, int64_t v, int at)
{
	bool position = (t->kind == T_ARRAY ? t->item : t->kind) == T_POS;

	return position && !is_in_text(m, v, at) ? ABSENT : v;
}

static int64_t
floor_quotient(int64_t a, int64_t b)
{
	return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static bool
order_holds(int64_t order, int64_t a, int64_t b)
{
	switch (order) {
	case EQ: return a == b;
	case NE: return a != b;
	case LT: return a < b;
	case LE: return a <= b;
	case GT: return a > b;
	default: return a >= b;
	}
}

/* ---- reals ---- */

double
real_of_bits(int64_t bits)
{
	return ((union {
		       int64_t bits;
		       double x;
	       }){ .bits = bits })
	        .x;
}

int64_t
bits_of_real(double x)
{
	return ((union {
		       int64_t bits;
		       double x;
	       }){ .x = x })
	        .bits;
}

static bool
is_real_sort(const Sort *t)
{
	return (t->kind == T_ARRAY ? t->item : t->kind) == T_REAL;
}

/* An expression of integers or of reals as a real. */
static double
meaning_number(Meaning *m, const Expr *e, int leaf, int at, const Bindings *env)
{
	int64_t v = meaning_at(m, e, leaf, at, env);

	return is_real_sort(&e->type) ? real_of_bits(v) : (double)v;
}

/* A value of kid as one of e's type: an integer may have to become a real. */
static int64_t
meaning_as_type(Meaning *m, const Expr *e, const Expr *kid, int leaf, int at, const Bindings *env)
{
	return is_real_sort(&e->type) ? bits_of_real(meaning_number(m, kid, leaf, at, env))
	                              : meaning_at(m, kid, leaf, at, env);
}

/* A real that is compared or rounded is a fraction with a small denominator: so near to an integer
 * it is one. */
static double
snapped(double x)
{
	double whole = round(x);

	return fabs(x - whole) < 1e-9 ? whole : x;
}

static double
meaning_curve(int64_t which, double x)
{
	switch ((CurveName)which) {
	case SQRT: return sqrt(x);
	case EXP: return exp(x);
	case LOG: return log(x);
	case SIN: return sin(x);
	default: return cos(x);
	}
}

static double
meaning_linear(Meaning *m, const Expr *e, int row, int at, const Bindings *env)
{
	int n = e->kid[0]->type.n;
	const int64_t *w = e->weights + row * (n + 1);
	double sum = (double)w[n];

	for (int i = 0; i < n; i++)
		sum += (double)w[i] * meaning_number(m, e->kid[0], i, at, env);
	return sum / 4;
}

static double
meaning_attend(Meaning *m, const Expr *e, int leaf, int at, const Bindings *env)
{
	double sum = 0, all = 0;

	for (int j = 0; j < count_visible(m, at); j++) {
		double score = 0;
		for (int i = 0; i < leaves_of_sort(&e->kid[0]->type); i++)
			score += meaning_number(m, e->kid[0], i, at, env)
			         * meaning_number(m, e->kid[1], i, j, env);
		sum += exp(score) * meaning_number(m, e->kid[2], leaf, j, env);
		all += exp(score);
	}
	return sum / all;
}

static double meaning_mean(Meaning *, const Expr *, int at, const Bindings *);
static double meaning_real_total(Meaning *, const Expr *, int at, const Bindings *);

/* The value of a real that an arithmetic form computes; false if e is of another form. */
static bool
meaning_real(Meaning *m, const Expr *e, int leaf, int at, const Bindings *env, double *x)
{
#define KID(i) meaning_number(m, e->kid[i], leaf, at, env)
	switch (e->form) {
	case F_REAL: *x = (double)e->num / (double)e->num2; return true;
	case F_ADD: *x = KID(0) + KID(1); return true;
	case F_SUB: *x = KID(0) - KID(1); return true;
	case F_MUL: *x = KID(0) * KID(1); return true;
	case F_RATIO: *x = KID(0) / KID(1); return true;
	case F_MOD: *x = KID(0) - KID(1) * floor(snapped(KID(0) / KID(1))); return true;
	case F_NEG: *x = -KID(0); return true;
	case F_POW: *x = pow(KID(0), (double)e->num); return true;
	case F_APPROX: *x = KID(0); return true;
	case F_ABS: *x = fabs(KID(0)); return true;
	case F_CURVE: *x = meaning_curve(e->num, KID(0)); return true;
	case F_RELU: *x = fmax(KID(0), 0); return true;
	case F_MIN:
	case F_MAX:
		*x = KID(0);
		for (int i = 1; i < e->n; i++)
			*x = e->form == F_MIN ? fmin(*x, KID(i)) : fmax(*x, KID(i));
		return true;
	case F_LINEAR: *x = meaning_linear(m, e, leaf, at, env); return true;
	case F_ATTEND: *x = meaning_attend(m, e, leaf, at, env); return true;
	case F_MEAN: *x = meaning_mean(m, e, at, env); return true;
	case F_OVER:
	case F_TOTAL: *x = meaning_real_total(m, e, at, env); return true;
	default: return false;
	}
#undef KID
}

/* ---- names ---- */

static int64_t
meaning_name(Meaning *m, const Decl *d, int leaf, int at, const Bindings *env)
{
	const Bindings *e = env;

	if (d->kind == D_INPUT)
		return m->fed[at * m->width + (int)d->num + leaf];
	if (d->kind == D_LET || d->kind == D_CONST) {
		Memo *memo = &m->memo[d->id];
		int i = leaf * CONTEXT + at;
		if (!memo->known[i]) {
			memo->value[i] = meaning_at(m, d->body, leaf, at, NULL);
			memo->known[i] = m->fuel > 0;
		}
		return memo->value[i];
	}
	while (e && e->def != d)
		e = e->up;
	if (!e)
		return 0;
	if (!e->e)
		return e->value;
	return meaning_at(m, e->e, e->item >= 0 ? e->item * leaves_of_sort(&d->type) + leaf : leaf,
	                  at, e->env);
}

static int64_t
meaning_call(Meaning *m, const Expr *e, int leaf, int at, const Bindings *env)
{
	const Decl *f = e->def;
	Bindings own[PARAMS + LOCALS];
	const Bindings *in = NULL;

	for (int i = 0; i < f->nparam; i++) {
		const Expr *arg = e->kid[i];
		own[i] = (Bindings){
			in, f->param[i], arg ? arg : f->param[i]->body, arg ? env : in, -1, 0
		};
		in = &own[i];
	}
	for (int i = 0; i < f->nlocal; i++) {
		Bindings *to = &own[f->nparam + i];
		*to = (Bindings){ in, f->local[i], f->local[i]->body, in, -1, 0 };
		in = to;
	}
	return meaning_at(m, f->body, leaf, at, in);
}

static int64_t
meaning_apply(Meaning *m, const Decl *f, int64_t a, int64_t b, int at)
{
	Bindings x = { NULL, f->param[0], NULL, NULL, -1, a },
		 y = { &x, f->param[1], NULL, NULL, -1, b };

	return meaning_at(m, f->body, 0, at, &y);
}

/* ---- comprehensions ---- */

typedef struct Tally {
	Aggregate which;
	int64_t n, total, least, most;
	bool any, all;
} Tally;

static void
tally_add(Tally *s, int64_t v)
{
	s->least = s->n && s->least < v ? s->least : v;
	s->most = s->n && s->most > v ? s->most : v;
	s->total += v;
	s->any |= v != 0;
	s->all &= v != 0;
	s->n++;
}

static int64_t
tally_result(const Tally *s)
{
	switch (s->which) {
	case SUM:
	case COUNT: return s->total;
	case ANY: return s->any;
	case ALL: return s->all;
	case MIN: return s->least;
	default: return s->most;
	}
}

static Tally
tally_new(int64_t which)
{
	return (Tally){ .which = (Aggregate)which, .all = true };
}

/* Binds def to the i-th of what a clause runs over. */
static Bindings
bind_element(const Expr *e, const Expr *array, int64_t from, int i, const Bindings *env)
{
	if (array)
		return (Bindings){ env, e->def, array, env, i, 0 };
	return (Bindings){ env, e->def, NULL, NULL, -1, from + i };
}

static int64_t
meaning_build(Meaning *m, const Expr *e, int leaf, int at, const Bindings *env)
{
	const Expr *array = e->kid[1];
	int k = leaves_of_sort(&e->kid[0]->type), i = leaf / k;

	if (!array && e->skip >= e->num && e->skip <= e->num + i)
		i++;
	Bindings x = bind_element(e, array, e->num, i, env);
	return meaning_at(m, e->kid[0], leaf % k, at, &x);
}

static int64_t
meaning_total_for(Meaning *m, const Expr *e, int at, const Bindings *env)
{
	const Expr *array = e->kid[1];
	int n = array ? array->type.n : (int)e->skip + 1;
	Tally s = tally_new(e->num);

	for (int i = 0; i < n; i++) {
		Bindings x = bind_element(e, array, e->num2, i, env);
		if (!e->kid[2] || meaning_at(m, e->kid[2], 0, at, &x))
			tally_add(&s, meaning_at(m, e->kid[0], 0, at, &x));
	}
	return tally_result(&s);
}

static int64_t
meaning_total(Meaning *m, const Expr *e, int at, const Bindings *env)
{
	Tally s = tally_new(e->num);

	for (int i = 0; i < e->kid[0]->type.n; i++)
		tally_add(&s, meaning_at(m, e->kid[0], i, at, env));
	return tally_result(&s);
}

static int64_t
meaning_fold(Meaning *m, const Expr *e, int steps, int at, const Bindings *env)
{
	int64_t v = meaning_at(m, e->kid[0], 0, at, env);

	for (int i = 0; i < steps; i++)
		v = meaning_apply(m, e->def, v, meaning_at(m, e->kid[1], i, at, env), at);
	return v;
}

static bool
is_better_score(const int64_t *a, const int64_t *b, int n)
{
	for (int i = 0; i < n; i++)
		if (a[i] != b[i])
			return a[i] > b[i];
	return true; /* the latest of equals */
}

static int64_t
meaning_choose(Meaning *m, const Expr *e, int at, const Bindings *env)
{
	int64_t found = -1, best = 0;

	for (int64_t i = 0; i < e->num2; i++) {
		Bindings x = { env, e->def, NULL, NULL, -1, i };
		if (e->kid[0] && !meaning_at(m, e->kid[0], 0, at, &x))
			continue;
		int64_t score = e->kid[1] ? meaning_at(m, e->kid[1], 0, at, &x) : 0;
		if (e->num == 0 ? found < 0 : found < 0 || score >= best) {
			found = i;
			best = score;
		}
	}
	return found;
}

/* ---- positions ---- */

static int64_t
meaning_search(Meaning *m, const Expr *e, int at, const Bindings *env)
{
	int64_t found = ABSENT, best[4], score[4];

	for (int j = 0; j < count_visible(m, at); j++) {
		Bindings x = { env, e->def, NULL, NULL, -1, j };
		if (e->kid[0] && !meaning_at(m, e->kid[0], 0, at, &x))
			continue;
		if (e->form == F_FIRST)
			return j;
		for (int i = 1; i < e->n; i++)
			score[i - 1] = meaning_at(m, e->kid[i], 0, at, &x);
		if (found == ABSENT || is_better_score(score, best, e->n - 1)) {
			found = j;
			memcpy(best, score, sizeof best);
		}
	}
	return found;
}

static int64_t
meaning_over(Meaning *m, const Expr *e, int at, const Bindings *env)
{
	Tally s = tally_new(e->num);

	for (int j = 0; j < count_visible(m, at); j++) {
		Bindings x = { env, e->def, NULL, NULL, -1, j };
		if (!e->kid[1] || meaning_at(m, e->kid[1], 0, at, &x))
			tally_add(&s, meaning_at(m, e->kid[0], 0, at, &x));
	}
	return !s.n && e->kid[2] ? meaning_at(m, e->kid[2], 0, at, env) : tally_result(&s);
}

/* The sum of a body of numbers over positions, and of how many. */
static double
meaning_sum_over(Meaning *m, const Expr *e, int at, const Bindings *env, int *n)
{
	double sum = 0;

	*n = 0;
	for (int j = 0; j < count_visible(m, at); j++) {
		Bindings x = { env, e->def, NULL, NULL, -1, j };
		if (e->kid[1] && !meaning_at(m, e->kid[1], 0, at, &x))
			continue;
		sum += meaning_number(m, e->kid[0], 0, at, &x);
		++*n;
	}
	return sum;
}

static double
meaning_mean(Meaning *m, const Expr *e, int at, const Bindings *env)
{
	int n;
	double sum = meaning_sum_over(m, e, at, env, &n);

	return n ? sum / n : 0;
}

static double
meaning_real_total(Meaning *m, const Expr *e, int at, const Bindings *env)
{
	double sum = 0, x;
	int n;

	if (e->form == F_OVER)
		return meaning_sum_over(m, e, at, env, &n);
	for (int i = 0; i < e->kid[0]->type.n; i++) {
		x = meaning_number(m, e->kid[0], i, at, env);
		sum = e->num == SUM   ? sum + x
		      : !i            ? x
		      : e->num == MIN ? fmin(sum, x)
		                      : fmax(sum, x);
	}
	return sum;
}

/* x[p else d]. */
static int64_t
meaning_read(Meaning *m, const Expr *e, int leaf, int at, const Bindings *env)
{
	int64_t p = meaning_at(m, e->kid[1], 0, at, env);

	if (is_in_text(m, p, at))
		return chosen(m, &e->type, meaning_at(m, e->kid[0], leaf, (int)p, env), (int)p);
	if (e->n < 3)
		return ABSENT;
	return chosen(m, &e->type, meaning_as_type(m, e, e->kid[2], leaf, at, env), at);
}

/* ---- the library ---- */

static int64_t
meaning_digits(Meaning *m, const Expr *e, int n, int at, const Bindings *env)
{
	int64_t v = 0;

	for (int i = n - 1; i >= 0; i--)
		v = 10 * v + meaning_at(m, e, i, at, env);
	return v;
}

static int64_t
int_power(int64_t base, int k)
{
	int64_t v = 1;

	while (k-- > 0)
		v *= base;
	return v;
}

static int64_t
count_truths(Meaning *m, const Expr *e, int at, const Bindings *env)
{
	int64_t n = 0;

	for (int i = 0; i < e->type.n; i++)
		n += meaning_at(m, e, i, at, env);
	return n;
}

static int64_t
meaning_frequency(Meaning *m, const Expr *e, int at, const Bindings *env)
{
	int64_t n = 0, mine = meaning_at(m, e, 0, at, env);

	for (int j = 0; j < count_visible(m, at); j++)
		n += meaning_at(m, e, 0, j, env) == mine;
	return n;
}

static bool
meaning_is_first(Meaning *m, const Expr *e, int at, const Bindings *env)
{
	int64_t mine = meaning_at(m, e, 0, at, env);

	for (int j = 0; j < at; j++)
		if (meaning_at(m, e, 0, j, env) == mine)
			return false;
	return true;
}

/* How many visible keys come before that of `at`. */
static int64_t
meaning_rank(Meaning *m, const Expr *key, int at, const Bindings *env)
{
	int64_t n = 0, mine = meaning_at(m, key, 0, at, env), other;

	for (int j = 0; j < count_visible(m, at); j++) {
		other = meaning_at(m, key, 0, j, env);
		n += other < mine || (other == mine && j < at);
	}
	return n;
}

static int64_t
meaning_sorted(Meaning *m, const Expr *e, int at, const Bindings *env)
{
	for (int j = count_visible(m, at) - 1; j >= 0; j--)
		if (meaning_rank(m, e->kid[1], j, env) == at)
			return meaning_at(m, e->kid[0], 0, j, env);
	return meaning_at(m, e->kid[0], 0, at, env);
}

static bool
meaning_is_last(Meaning *m, const Expr *e, int at, const Bindings *env)
{
	int64_t mine = meaning_at(m, e, 0, at, env);

	for (int j = at + 1; j < count_visible(m, at); j++)
		if (meaning_at(m, e, 0, j, env) == mine)
			return false;
	return true;
}

static int64_t
meaning_distinct(Meaning *m, const Expr *e, int at, const Bindings *env)
{
	int64_t n = 0;

	for (int j = 0; j < count_visible(m, at); j++)
		n += meaning_is_first(m, e, j, env);
	return n;
}

static int64_t
meaning_nearest(Meaning *m, const Expr *e, int at, const Bindings *env)
{
	int64_t found = ABSENT, least = 0, mine = meaning_at(m, e, 0, at, env);

	for (int j = 0; j < at; j++) {
		int64_t d = meaning_at(m, e, 0, j, env) - mine;
		d = d < 0 ? -d : d;
		if (found == ABSENT || d <= least) {
			found = j;
			least = d;
		}
	}
	return found;
}

static int64_t
meaning_argmax(Meaning *m, const Expr *e, int at, const Bindings *env)
{
	int64_t best = 0;

	for (int i = 1; i < e->type.n; i++)
		if (meaning_at(m, e, i, at, env) > meaning_at(m, e, (int)best, at, env))
			best = i;
	return best;
}

/* A word as a number. */
static int64_t
meaning_word(Meaning *m, const Expr *e, int at, const Bindings *env)
{
	int64_t v = 0;

	for (int i = 0; i < e->type.n; i++)
		v += meaning_at(m, e, i, at, env) * int_power(2, i);
	return v;
}

static int64_t
meaning_library(Meaning *m, const Expr *e, int leaf, int at, const Bindings *env)
{
	const Expr *a = e->kid[0], *b = e->n > 1 ? e->kid[1] : NULL;
	int64_t x, lo, hi;

	switch ((Library)e->num) {
	case XOR: return meaning_at(m, a, 0, at, env) != meaning_at(m, b, 0, at, env);
	case IMPLIES: return !meaning_at(m, a, 0, at, env) || meaning_at(m, b, 0, at, env);
	case EXACTLY: return count_truths(m, b, at, env) == a->num;
	case ODD: return count_truths(m, a, at, env) % 2;
	case MAJORITY: return 2 * count_truths(m, a, at, env) > a->type.n;
	case GATE: return meaning_at(m, a, 0, at, env) ? meaning_at(m, b, 0, at, env) : 0;
	case CLAMP:
		x = meaning_at(m, a, 0, at, env);
		lo = meaning_at(m, b, 0, at, env);
		hi = meaning_at(m, e->kid[2], 0, at, env);
		x = x < hi ? x : hi;
		return x > lo ? x : lo;
	case BITS_OF: return floor_quotient(meaning_at(m, a, 0, at, env), int_power(2, leaf)) & 1;
	case BITS_VALUE: return meaning_word(m, a, at, env);
	case BITS_ADD:
		return (meaning_word(m, a, at, env) + meaning_word(m, b, at, env)) >> leaf & 1;
	case BITS_SUB:
		return (meaning_word(m, a, at, env) - meaning_word(m, b, at, env)) >> leaf & 1;
	case BITS_MUL:
		return (meaning_word(m, a, at, env) * meaning_word(m, b, at, env)) >> leaf & 1;
	case BITS_LESS: return meaning_word(m, a, at, env) < meaning_word(m, b, at, env);
	case BITS_XOR: return meaning_at(m, a, leaf, at, env) != meaning_at(m, b, leaf, at, env);
	case BITS_ROTL:
		x = (leaf - b->num) % a->type.n;
		return meaning_at(m, a, (int)(x < 0 ? x + a->type.n : x), at, env);
	case ONE_HOT: return meaning_at(m, a, 0, at, env) == leaf;
	case BLEND:
		return meaning_at(m, meaning_at(m, a, leaf, at, env) ? b : e->kid[2], leaf, at,
		                  env);
	case ARGMAX: return meaning_argmax(m, a, at, env);
	case DIGITS_DISTANCE:
		x = meaning_digits(m, a, a->type.n, at, env)
		    - meaning_digits(m, b, b->type.n, at, env);
		return (x < 0 ? -x : x) / int_power(10, leaf) % 10;
	case DIGITS_MUL:
		x = meaning_digits(m, a, a->type.n, at, env)
		    * meaning_digits(m, b, b->type.n, at, env);
		return x / int_power(10, leaf) % 10;
	case IS_LAST: return meaning_is_last(m, a, at, env);
	case DISTINCT: return meaning_distinct(m, a, at, env);
	case RANK: return meaning_rank(m, a, at, env);
	case SORT: return meaning_sorted(m, e, at, env);
	case SINCE: x = meaning_at(m, a, 0, at, env); return is_in_text(m, x, at) ? at - x : 0;
	case NEAREST: return meaning_nearest(m, a, at, env);
	case POPCOUNT: return count_truths(m, a, at, env);
	case DIGITS_OF:
		x = floor_quotient(meaning_at(m, a, 0, at, env), int_power(10, leaf));
		return x - 10 * floor_quotient(x, 10);
	case DIGITS_VALUE: return meaning_digits(m, a, a->type.n, at, env);
	case DIGITS_LESS:
		return meaning_digits(m, a, a->type.n, at, env)
		       < meaning_digits(m, b, b->type.n, at, env);
	case DIGITS_ADD:
		x = meaning_digits(m, a, a->type.n, at, env)
		    + meaning_digits(m, b, b->type.n, at, env);
		return x / int_power(10, leaf) % 10;
	case SHIFT:
		x = at - b->num;
		return is_in_text(m, x, at) ? meaning_at(m, a, 0, (int)x, env)
		                            : meaning_at(m, e->kid[2], 0, at, env);
	case FREQUENCY: return meaning_frequency(m, a, at, env);
	case IS_FIRST: return meaning_is_first(m, a, at, env);
	case RUNNING_SUM:
		x = 0;
		for (int j = 0; j <= at; j++)
			x += meaning_at(m, a, 0, j, env);
		return x;
	case LIBRARIES: break;
	}
	return 0;
}

/* ---- the rest ---- */

static bool
pattern_fits(const Sample *p, const ArmPattern *x, int64_t v)
{
	if (x->codes)
		v = v < p->nvocab ? p->vocab[v].code : -1;
	return x->any || (x->lo <= v && v <= x->hi);
}

static bool
arm_takes(const Meaning *m, const Expr *e, const Arm *a, const int64_t *v)
{
	for (int i = 0; i < a->n; i++) {
		bool all = true;
		for (int k = 0; k < e->num; k++)
			all &= pattern_fits(m->p, &a->row[i][k], v[k]);
		if (all)
			return true;
	}
	return a->rest;
}

static int64_t
meaning_match(Meaning *m, const Expr *e, int leaf, int at, const Bindings *env)
{
	int64_t v[2] = { 0, 0 };

	for (int k = 0; k < e->num; k++)
		v[k] = meaning_at(m, e->kid[k], 0, at, env);
	for (int i = (int)e->num; i < e->n; i++)
		if (arm_takes(m, e, &e->arm[i - e->num], v))
			return chosen(m, &e->type, meaning_at(m, e->kid[i], leaf, at, env), at);
	return 0;
}

/* -1, 0 or 1. */
static int64_t
meaning_difference(Meaning *m, const Expr *a, const Expr *b, int at, const Bindings *env)
{
	if (is_real_sort(&a->type) || is_real_sort(&b->type)) {
		double d = snapped(meaning_number(m, a, 0, at, env)
		                   - meaning_number(m, b, 0, at, env));
		return (d > 0) - (d < 0);
	}
	int64_t x = meaning_at(m, a, 0, at, env), y = meaning_at(m, b, 0, at, env);
	return (x > y) - (x < y);
}

static bool
meaning_compare(Meaning *m, const Expr *e, int at, const Bindings *env)
{
	if (e->kid[0]->type.kind == T_ARRAY || e->kid[0]->type.kind == T_RECORD) {
		bool same = true;
		for (int i = 0; i < leaves_of_sort(&e->kid[0]->type); i++)
			same &= meaning_at(m, e->kid[0], i, at, env)
			        == meaning_at(m, e->kid[1], i, at, env);
		return same == (e->num == EQ);
	}
	for (int i = 1; i < e->n; i++)
		if (!order_holds(i == 1 ? e->num : e->num2,
		                 meaning_difference(m, e->kid[i - 1], e->kid[i], at, env), 0))
			return false;
	return true;
}

static int64_t
meaning_extreme(Meaning *m, const Expr *e, int at, const Bindings *env)
{
	Tally s = tally_new(e->form == F_MIN ? MIN : MAX);

	for (int i = 0; i < e->n; i++)
		tally_add(&s, meaning_at(m, e->kid[i], 0, at, env));
	return tally_result(&s);
}

static int64_t
meaning_if(Meaning *m, const Expr *e, int leaf, int at, const Bindings *env)
{
	int64_t v = meaning_as_type(m, e, e->kid[meaning_at(m, e->kid[0], 0, at, env) ? 1 : 2],
	                            leaf, at, env);

	return chosen(m, &e->type, v, at);
}

/* The element of an array that an index chooses, or what there is otherwise. */
static int64_t
meaning_pick(Meaning *m, const Expr *e, int leaf, int at, const Bindings *env)
{
	const Expr *xs = e->kid[0];
	int64_t i = meaning_at(m, e->kid[1], 0, at, env), v = 0;

	if (i >= 0 && i < xs->type.n)
		v = meaning_at(m, xs, (int)i * leaves_of_sort(&e->type) + leaf, at, env);
	else if (e->n > 2)
		v = meaning_as_type(m, e, e->kid[2], leaf, at, env);
	return chosen(m, &e->type, v, at);
}

/* The field that has the leaf, of which it is leaf *leaf then. */
static int
field_with(const Decl *d, int *leaf)
{
	int i = 0;

	while (*leaf >= leaves_of_sort(&d->field[i].type))
		*leaf -= leaves_of_sort(&d->field[i++].type);
	return i;
}

static int64_t
meaning_record(Meaning *m, const Expr *e, int leaf, int at, const Bindings *env)
{
	int i = field_with(e->type.def, &leaf);

	return meaning_at(m, e->kid[i], leaf, at, env);
}

static int64_t
meaning_with(Meaning *m, const Expr *e, int leaf, int at, const Bindings *env)
{
	int own = leaf, i = field_with(e->type.def, &own);

	return i == e->num ? meaning_at(m, e->kid[1], own, at, env)
	                   : meaning_at(m, e->kid[0], leaf, at, env);
}

static bool
meaning_in_array(Meaning *m, const Expr *e, int at, const Bindings *env)
{
	int64_t x = meaning_at(m, e->kid[0], 0, at, env);
	bool found = false;

	for (int i = 0; i < e->kid[1]->type.n; i++)
		found |= meaning_at(m, e->kid[1], i, at, env) == x;
	return found != (bool)e->num;
}

static int64_t
meaning_at(Meaning *m, const Expr *e, int leaf, int at, const Bindings *env)
{
	const Sample *p = m->p;
	Sort item = item_of(&e->type);
	int k = e->type.kind == T_ARRAY ? leaves_of_sort(&item) : 1;
	int64_t x, y;
	double real;

	if (--m->fuel <= 0)
		return 0;
	if (is_real_sort(&e->type) && meaning_real(m, e, leaf, at, env, &real))
		return bits_of_real(real);
#define KID(i) meaning_at(m, e->kid[i], 0, at, env)
	switch (e->form) {
	case F_INT:
	case F_BOOL:
	case F_MEMBER: return e->num;
	case F_WORD: return e->type.kind == T_TOKEN ? e->num : ENDED;
	case F_TOKEN: return m->fed[at * m->width + leaf];
	case F_INDEX:
	case F_HERE: return at;
	case F_LENGTH: return count_visible(m, at);
	case F_NAME: return meaning_name(m, e->def, leaf, at, env);
	case F_ADD:
		return meaning_at(m, e->kid[0], leaf, at, env)
		       + meaning_at(m, e->kid[1], leaf, at, env);
	case F_SUB:
		return meaning_at(m, e->kid[0], leaf, at, env)
		       - meaning_at(m, e->kid[1], leaf, at, env);
	case F_MUL: return KID(0) * KID(1);
	case F_DIV:
	case F_MOD:
		if (is_real_sort(&e->kid[0]->type) || is_real_sort(&e->kid[1]->type))
			return (int64_t)floor(snapped(meaning_number(m, e->kid[0], 0, at, env)
			                              / meaning_number(m, e->kid[1], 0, at, env)));
		x = KID(0);
		y = KID(1);
		if (!y)
			return 0;
		return e->form == F_DIV ? floor_quotient(x, y) : x - y * floor_quotient(x, y);
	case F_POW: return int_power(KID(0), (int)e->num);
	case F_NEG: return -KID(0);
	case F_ABS: x = KID(0); return x < 0 ? -x : x;
	case F_RELU: x = meaning_at(m, e->kid[0], leaf, at, env); return x < 0 ? 0 : x;
	case F_FLOOR: return (int64_t)floor(snapped(meaning_number(m, e->kid[0], 0, at, env)));
	case F_CEIL: return (int64_t)ceil(snapped(meaning_number(m, e->kid[0], 0, at, env)));
	case F_MIN:
	case F_MAX: return meaning_extreme(m, e, at, env);
	case F_TO_INT:
	case F_ID:
	case F_FROM_ID: return KID(0);
	case F_ORD: x = KID(0); return x < p->nvocab ? p->vocab[x].code : -1;
	case F_CHR:
		x = KID(0);
		for (int i = 0; i < p->nvocab; i++)
			if (p->vocab[i].code == x)
				return i;
		return -1;
	case F_CMP: return meaning_compare(m, e, at, env);
	case F_IN_SPAN: x = KID(0); return KID(1) <= x && (e->num ? x < KID(2) : x <= KID(2));
	case F_IN_ARRAY: return meaning_in_array(m, e, at, env);
	case F_IN_TEXT: return e->num >> KID(0) & 1;
	case F_IN_CODES:
		x = KID(0);
		x = x < p->nvocab ? p->vocab[x].code : -1;
		return e->num <= x && x <= e->num2;
	case F_AND: return KID(0) && KID(1);
	case F_OR: return KID(0) || KID(1);
	case F_NOT: return !KID(0);
	case F_IF: return meaning_if(m, e, leaf, at, env);
	case F_MATCH: return meaning_match(m, e, leaf, at, env);
	case F_ARRAY: return meaning_as_type(m, e, e->kid[leaf / k], leaf % k, at, env);
	case F_RECORD: return meaning_record(m, e, leaf, at, env);
	case F_BUILD: return meaning_build(m, e, leaf, at, env);
	case F_ELEM:
		x = meaning_at(m, e->kid[0], (int)e->num * leaves_of_sort(&e->type) + leaf, at,
		               env);
		return chosen(m, &e->type, x, at);
	case F_FIELD:
		return meaning_at(m, e->kid[0],
		                  before_field(e->kid[0]->type.def, (int)e->num) + leaf, at, env);
	case F_PICK: return meaning_pick(m, e, leaf, at, env);
	case F_SLICE: return meaning_at(m, e->kid[0], leaf + (int)e->num * k, at, env);
	case F_CONCAT:
		x = leaves_of_sort(&e->kid[0]->type);
		return leaf < x ? meaning_at(m, e->kid[0], leaf, at, env)
		                : meaning_at(m, e->kid[1], leaf - (int)x, at, env);
	case F_TOTAL: return meaning_total(m, e, at, env);
	case F_TOTAL_FOR: return meaning_total_for(m, e, at, env);
	case F_FOLD: return meaning_fold(m, e, e->kid[1]->type.n, at, env);
	case F_SCAN: return meaning_fold(m, e, leaf + 1, at, env);
	case F_WITH: return meaning_with(m, e, leaf, at, env);
	case F_READ: return meaning_read(m, e, leaf, at, env);
	case F_AT: return KID(0);
	case F_LATEST:
	case F_FIRST:
	case F_ONLY:
	case F_BEST: return meaning_search(m, e, at, env);
	case F_SHIFT: x = KID(0); return x == ABSENT ? ABSENT : e->num ? x - KID(1) : x + KID(1);
	case F_THERE:
		return meaning_at(m, e->kid[0], leaf, (int)meaning_name(m, e->def, 0, at, env),
		                  env);
	case F_BOUND: return meaning_name(m, e->def, 0, at, env);
	case F_EXISTS: return is_in_text(m, KID(0), at);
	case F_ORDER:
		x = KID(0);
		y = KID(1);
		return is_in_text(m, x, at) && is_in_text(m, y, at) && order_holds(e->num, x, y);
	case F_DISTANCE: return KID(0) - KID(1);
	case F_OVER: return meaning_over(m, e, at, env);
	case F_CHOOSE: return meaning_choose(m, e, at, env);
	case F_CALL: return meaning_call(m, e, leaf, at, env);
	case F_LIBRARY: return meaning_library(m, e, leaf, at, env);
	default: return 0;
	}
#undef KID
	return 0;
}

bool
meaning_of(Meaning *m, const Expr *e, int leaf, int at, int64_t *v)
{
	m->fuel = 1000000;
	*v = meaning_at(m, e, leaf, at, NULL);
	return m->fuel > 0;
}

/* A record's leaf, or ENDED; a token's row. */
bool
meaning_emit(Meaning *m, const Decl *d, int leaf, int at, int64_t *v)
{
	Sort item = d->after ? item_of(&d->body->type) : d->body->type;
	int64_t p;

	m->fuel = 1000000;
	*v = m->p->token ? ENDED : m->p->nvocab;
	if (!d->after)
		*v = meaning_at(m, d->body, leaf, at, NULL);
	else {
		p = meaning_at(m, d->after, 0, at, NULL);
		if (is_in_text(m, p, at) && at - p < d->body->type.n)
			*v = meaning_at(m, d->body, (int)(at - p) * leaves_of_sort(&item) + leaf,
			                (int)p, NULL);
	}
	return m->fuel > 0;
}
