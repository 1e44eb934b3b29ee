/* What a program means, by the manual: a walk over the tree for one single value at
 * one position. A name stands for its expression, evaluated where it is read; so
 * do parameters. Nothing is inferred, folded or kept but the file's own names. */

#include "tests/fuzz/program.h"

#include <string.h>

/* What a name of a function, a comprehension or a search stands for. */
typedef struct Env Env;
struct Env {
	const Env *up;
	const Def *def;
	const Expr *e;  /* NULL: value */
	const Env *env; /* of e */
	int item;       /* of the array e; -1: e itself */
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
	int text[CONTEXT], n;
	long fuel;
	Memo memo[DEFS]; /* by the statement's id */
};

static int64_t of(Meaning *, const Expr *, int leaf, int at, const Env *);

int
leaves(const Sort *t)
{
	return t->kind == T_ARRAY ? t->n : t->kind == T_RECORD ? t->def->n : 1;
}

Meaning *
meaning_new(Arena *arena, const Sample *p)
{
	Meaning *m = NEW(arena, Meaning);

	m->arena = arena;
	m->p = p;
	for (int i = 0; i < p->ndef; i++) {
		const Def *d = p->def[i];
		if (d->kind != D_LET && d->kind != D_CONST)
			continue;
		Memo *memo = &m->memo[d->id];
		memo->nleaf = leaves(&d->type);
		memo->value = NEWS(arena, int64_t, memo->nleaf * CONTEXT + 1);
		memo->known = NEWS(arena, bool, memo->nleaf *CONTEXT + 1);
	}
	return m;
}

void
meaning_text(Meaning *m, const int *row, int n)
{
	memcpy(m->text, row, sizeof *row * (size_t)n);
	m->n = n;
	for (int i = 0; i < DEFS; i++)
		if (m->memo[i].nleaf)
			memset(m->memo[i].known, 0, (size_t)(m->memo[i].nleaf * CONTEXT));
}

static int
visible(const Meaning *m, int at)
{
	return m->p->bidirectional ? m->n : at + 1;
}

static bool
there(const Meaning *m, int64_t p, int at)
{
	return p >= 0 && p < visible(m, at);
}

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static bool
ordered(int64_t order, int64_t a, int64_t b)
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

/* ---- names ---- */

static int64_t
named(Meaning *m, const Def *d, int leaf, int at, const Env *env)
{
	const Env *e = env;

	if (d->kind == D_LET || d->kind == D_CONST) {
		Memo *memo = &m->memo[d->id];
		int i = leaf * CONTEXT + at;
		if (!memo->known[i]) {
			memo->value[i] = of(m, d->body, leaf, at, NULL);
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
	return of(m, e->e, e->item >= 0 ? e->item : leaf, at, e->env);
}

static int64_t
call(Meaning *m, const Expr *e, int leaf, int at, const Env *env)
{
	const Def *f = e->def;
	Env own[PARAMS + LOCALS];
	const Env *in = NULL;

	for (int i = 0; i < f->nparam; i++) {
		const Expr *arg = e->kid[i];
		own[i] = (Env){ in, f->param[i], arg ? arg : f->param[i]->body, arg ? env : in, -1, 0 };
		in = &own[i];
	}
	for (int i = 0; i < f->nlocal; i++) {
		Env *to = &own[f->nparam + i];
		*to = (Env){ in, f->local[i], f->local[i]->body, in, -1, 0 };
		in = to;
	}
	return of(m, f->body, leaf, at, in);
}

static int64_t
apply(Meaning *m, const Def *f, int64_t a, int64_t b, int at)
{
	Env x = { NULL, f->param[0], NULL, NULL, -1, a }, y = { &x, f->param[1], NULL, NULL, -1, b };

	return of(m, f->body, 0, at, &y);
}

/* ---- comprehensions ---- */

typedef struct Sum {
	Total which;
	int64_t n, total, least, most;
	bool any, all;
} Sum;

static void
add(Sum *s, int64_t v)
{
	s->least = s->n && s->least < v ? s->least : v;
	s->most = s->n && s->most > v ? s->most : v;
	s->total += v;
	s->any |= v != 0;
	s->all &= v != 0;
	s->n++;
}

static int64_t
result(const Sum *s)
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

static Sum
sum_new(int64_t which)
{
	return (Sum){ .which = (Total)which, .all = true };
}

/* Binds def to the i-th of what a clause runs over. */
static Env
element(const Expr *e, const Expr *array, int64_t from, int i, const Env *env)
{
	if (array)
		return (Env){ env, e->def, array, env, i, 0 };
	return (Env){ env, e->def, NULL, NULL, -1, from + i };
}

static int64_t
build(Meaning *m, const Expr *e, int leaf, int at, const Env *env)
{
	const Expr *array = e->kid[1];
	int i = leaf;

	if (!array && e->skip >= e->num && e->skip <= e->num + leaf)
		i++;
	Env x = element(e, array, e->num, i, env);
	return of(m, e->kid[0], 0, at, &x);
}

static int64_t
total_for(Meaning *m, const Expr *e, int at, const Env *env)
{
	const Expr *array = e->kid[1];
	int n = array ? array->type.n : (int)e->skip + 1;
	Sum s = sum_new(e->num);

	for (int i = 0; i < n; i++) {
		Env x = element(e, array, e->num2, i, env);
		if (!e->kid[2] || of(m, e->kid[2], 0, at, &x))
			add(&s, of(m, e->kid[0], 0, at, &x));
	}
	return result(&s);
}

static int64_t
total(Meaning *m, const Expr *e, int at, const Env *env)
{
	Sum s = sum_new(e->num);

	for (int i = 0; i < e->kid[0]->type.n; i++)
		add(&s, of(m, e->kid[0], i, at, env));
	return result(&s);
}

static int64_t
fold(Meaning *m, const Expr *e, int steps, int at, const Env *env)
{
	int64_t v = of(m, e->kid[0], 0, at, env);

	for (int i = 0; i < steps; i++)
		v = apply(m, e->def, v, of(m, e->kid[1], i, at, env), at);
	return v;
}

static bool
better(const int64_t *a, const int64_t *b, int n)
{
	for (int i = 0; i < n; i++)
		if (a[i] != b[i])
			return a[i] > b[i];
	return true; /* the latest of equals */
}

static int64_t
choose(Meaning *m, const Expr *e, int at, const Env *env)
{
	int64_t found = -1, best = 0;

	for (int64_t i = 0; i < e->num2; i++) {
		Env x = { env, e->def, NULL, NULL, -1, i };
		if (e->kid[0] && !of(m, e->kid[0], 0, at, &x))
			continue;
		int64_t score = e->kid[1] ? of(m, e->kid[1], 0, at, &x) : 0;
		if (e->num == 0 ? found < 0 : found < 0 || score >= best) {
			found = i;
			best = score;
		}
	}
	return found;
}

/* ---- positions ---- */

static int64_t
search(Meaning *m, const Expr *e, int at, const Env *env)
{
	int64_t found = ABSENT, best[4], score[4];

	for (int j = 0; j < visible(m, at); j++) {
		Env x = { env, e->def, NULL, NULL, -1, j };
		if (e->kid[0] && !of(m, e->kid[0], 0, at, &x))
			continue;
		if (e->form == F_FIRST)
			return j;
		for (int i = 1; i < e->n; i++)
			score[i - 1] = of(m, e->kid[i], 0, at, &x);
		if (found == ABSENT || better(score, best, e->n - 1)) {
			found = j;
			memcpy(best, score, sizeof best);
		}
	}
	return found;
}

static int64_t
over(Meaning *m, const Expr *e, int at, const Env *env)
{
	Sum s = sum_new(e->num);

	for (int j = 0; j < visible(m, at); j++) {
		Env x = { env, e->def, NULL, NULL, -1, j };
		if (!e->kid[1] || of(m, e->kid[1], 0, at, &x))
			add(&s, of(m, e->kid[0], 0, at, &x));
	}
	return !s.n && e->kid[2] ? of(m, e->kid[2], 0, at, env) : result(&s);
}

static int64_t
mean(Meaning *m, const Expr *e, int at, const Env *env)
{
	Sum s = sum_new(SUM);

	for (int j = 0; j < visible(m, at); j++) {
		Env x = { env, e->def, NULL, NULL, -1, j };
		if (!e->kid[1] || of(m, e->kid[1], 0, at, &x))
			add(&s, of(m, e->kid[0], 0, at, &x));
	}
	s.n += !s.n;
	return e->type.kind == T_INT ? floor_div(s.total, s.n)
				     : ordered(e->num, s.total * e->skip, e->num2 * s.n);
}

/* A stream of references read elsewhere: what is outside of the text there is absent. */
static int64_t
read(Meaning *m, const Expr *e, int leaf, int at, const Env *env)
{
	int64_t p = of(m, e->kid[1], 0, at, env);

	if (!there(m, p, at))
		return e->n > 2 ? of(m, e->kid[2], leaf, at, env) : ABSENT;
	int64_t v = of(m, e->kid[0], leaf, (int)p, env);
	return e->type.kind != T_POS || there(m, v, (int)p) ? v : ABSENT;
}

/* ---- the library ---- */

static int64_t
digits_below(Meaning *m, const Expr *e, int n, int at, const Env *env)
{
	int64_t v = 0;

	for (int i = n - 1; i >= 0; i--)
		v = 10 * v + of(m, e, i, at, env);
	return v;
}

static int64_t
power(int64_t base, int k)
{
	int64_t v = 1;

	while (k-- > 0)
		v *= base;
	return v;
}

static int64_t
truths(Meaning *m, const Expr *e, int at, const Env *env)
{
	int64_t n = 0;

	for (int i = 0; i < e->type.n; i++)
		n += of(m, e, i, at, env);
	return n;
}

static int64_t
frequency(Meaning *m, const Expr *e, int at, const Env *env)
{
	int64_t n = 0, mine = of(m, e, 0, at, env);

	for (int j = 0; j < visible(m, at); j++)
		n += of(m, e, 0, j, env) == mine;
	return n;
}

static bool
is_first(Meaning *m, const Expr *e, int at, const Env *env)
{
	int64_t mine = of(m, e, 0, at, env);

	for (int j = 0; j < at; j++)
		if (of(m, e, 0, j, env) == mine)
			return false;
	return true;
}

static int64_t
library(Meaning *m, const Expr *e, int leaf, int at, const Env *env)
{
	const Expr *a = e->kid[0], *b = e->n > 1 ? e->kid[1] : NULL;
	int64_t x, lo, hi;

	switch ((Library)e->num) {
	case XOR: return of(m, a, 0, at, env) != of(m, b, 0, at, env);
	case IMPLIES: return !of(m, a, 0, at, env) || of(m, b, 0, at, env);
	case EXACTLY: return truths(m, b, at, env) == a->num;
	case ODD: return truths(m, a, at, env) % 2;
	case MAJORITY: return 2 * truths(m, a, at, env) > a->type.n;
	case GATE: return of(m, a, 0, at, env) ? of(m, b, 0, at, env) : 0;
	case CLAMP:
		x = of(m, a, 0, at, env);
		lo = of(m, b, 0, at, env);
		hi = of(m, e->kid[2], 0, at, env);
		x = x < hi ? x : hi;
		return x > lo ? x : lo;
	case BITS_OF: return floor_div(of(m, a, 0, at, env), power(2, leaf)) & 1;
	case BITS_VALUE:
		x = 0;
		for (int i = 0; i < a->type.n; i++)
			x += of(m, a, i, at, env) * power(2, i);
		return x;
	case POPCOUNT: return truths(m, a, at, env);
	case DIGITS_OF:
		x = floor_div(of(m, a, 0, at, env), power(10, leaf));
		return x - 10 * floor_div(x, 10);
	case DIGITS_VALUE: return digits_below(m, a, a->type.n, at, env);
	case DIGITS_LESS:
		return digits_below(m, a, a->type.n, at, env) < digits_below(m, b, b->type.n, at, env);
	case DIGITS_ADD:
		x = digits_below(m, a, a->type.n, at, env) + digits_below(m, b, b->type.n, at, env);
		return x / power(10, leaf) % 10;
	case SHIFT:
		x = at - b->num;
		return there(m, x, at) ? of(m, a, 0, (int)x, env) : of(m, e->kid[2], 0, at, env);
	case FREQUENCY: return frequency(m, a, at, env);
	case IS_FIRST: return is_first(m, a, at, env);
	case RUNNING_SUM:
		x = 0;
		for (int j = 0; j <= at; j++)
			x += of(m, a, 0, j, env);
		return x;
	}
	return 0;
}

/* ---- the rest ---- */

static bool
fits(const Sample *p, const Pattern *x, int64_t v)
{
	if (x->codes)
		v = v < p->nvocab ? p->vocab[v].code : -1;
	return x->any || (x->lo <= v && v <= x->hi);
}

static bool
takes(const Meaning *m, const Expr *e, const Arm *a, const int64_t *v)
{
	for (int i = 0; i < a->n; i++) {
		bool all = true;
		for (int k = 0; k < e->num; k++)
			all &= fits(m->p, &a->row[i][k], v[k]);
		if (all)
			return true;
	}
	return a->rest;
}

static int64_t
match(Meaning *m, const Expr *e, int leaf, int at, const Env *env)
{
	int64_t v[2] = { 0, 0 };

	for (int k = 0; k < e->num; k++)
		v[k] = of(m, e->kid[k], 0, at, env);
	for (int i = (int)e->num; i < e->n; i++)
		if (takes(m, e, &e->arm[i - e->num], v))
			return of(m, e->kid[i], leaf, at, env);
	return 0;
}

static bool
compare(Meaning *m, const Expr *e, int at, const Env *env)
{
	if (e->kid[0]->type.kind == T_ARRAY || e->kid[0]->type.kind == T_RECORD) {
		bool same = true;
		for (int i = 0; i < leaves(&e->kid[0]->type); i++)
			same &= of(m, e->kid[0], i, at, env) == of(m, e->kid[1], i, at, env);
		return same == (e->num == EQ);
	}
	for (int i = 1; i < e->n; i++)
		if (!ordered(i == 1 ? e->num : e->num2, of(m, e->kid[i - 1], 0, at, env),
			     of(m, e->kid[i], 0, at, env)))
			return false;
	return true;
}

static int64_t
extreme(Meaning *m, const Expr *e, int at, const Env *env)
{
	Sum s = sum_new(e->form == F_MIN ? MIN : MAX);

	for (int i = 0; i < e->n; i++)
		add(&s, of(m, e->kid[i], 0, at, env));
	return result(&s);
}

/* One of two references: outside of the text is absent. */
static int64_t
branch(Meaning *m, const Expr *e, int leaf, int at, const Env *env)
{
	int64_t v = of(m, e->kid[of(m, e->kid[0], 0, at, env) ? 1 : 2], leaf, at, env);

	return e->type.kind != T_POS || there(m, v, at) ? v : ABSENT;
}

static bool
in_array(Meaning *m, const Expr *e, int at, const Env *env)
{
	int64_t x = of(m, e->kid[0], 0, at, env);
	bool found = false;

	for (int i = 0; i < e->kid[1]->type.n; i++)
		found |= of(m, e->kid[1], i, at, env) == x;
	return found != (bool)e->num;
}

static int64_t
of(Meaning *m, const Expr *e, int leaf, int at, const Env *env)
{
	const Sample *p = m->p;
	int64_t x, y;

	if (--m->fuel <= 0)
		return 0;
#define KID(i) of(m, e->kid[i], 0, at, env)
	switch (e->form) {
	case F_INT:
	case F_BOOL:
	case F_WORD:
	case F_MEMBER: return e->num;
	case F_TOKEN: return m->text[at];
	case F_INDEX:
	case F_HERE: return at;
	case F_LENGTH: return visible(m, at);
	case F_NAME: return named(m, e->def, leaf, at, env);
	case F_ADD: return of(m, e->kid[0], leaf, at, env) + of(m, e->kid[1], leaf, at, env);
	case F_SUB: return of(m, e->kid[0], leaf, at, env) - of(m, e->kid[1], leaf, at, env);
	case F_MUL: return KID(0) * KID(1);
	case F_DIV:
	case F_MOD:
		x = KID(0);
		y = KID(1);
		if (!y)
			return 0;
		return e->form == F_DIV ? floor_div(x, y) : x - y * floor_div(x, y);
	case F_POW: return power(KID(0), (int)e->num);
	case F_NEG: return -KID(0);
	case F_ABS: x = KID(0); return x < 0 ? -x : x;
	case F_MIN:
	case F_MAX: return extreme(m, e, at, env);
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
	case F_CMP: return compare(m, e, at, env);
	case F_IN_SPAN: x = KID(0); return KID(1) <= x && (e->num ? x < KID(2) : x <= KID(2));
	case F_IN_ARRAY: return in_array(m, e, at, env);
	case F_IN_TEXT: return e->num >> KID(0) & 1;
	case F_IN_CODES:
		x = KID(0);
		x = x < p->nvocab ? p->vocab[x].code : -1;
		return e->num <= x && x <= e->num2;
	case F_AND: return KID(0) && KID(1);
	case F_OR: return KID(0) || KID(1);
	case F_NOT: return !KID(0);
	case F_IF: return branch(m, e, leaf, at, env);
	case F_MATCH: return match(m, e, leaf, at, env);
	case F_ARRAY:
	case F_RECORD: return KID(leaf);
	case F_BUILD: return build(m, e, leaf, at, env);
	case F_ELEM:
	case F_FIELD: return of(m, e->kid[0], (int)e->num, at, env);
	case F_PICK:
		x = KID(1);
		if (x >= 0 && x < e->kid[0]->type.n)
			return of(m, e->kid[0], (int)x, at, env);
		return e->n > 2 ? KID(2) : 0;
	case F_SLICE: return of(m, e->kid[0], leaf + (int)e->num, at, env);
	case F_CONCAT:
		x = e->kid[0]->type.n;
		return leaf < x ? of(m, e->kid[0], leaf, at, env) : of(m, e->kid[1], leaf - (int)x, at, env);
	case F_TOTAL: return total(m, e, at, env);
	case F_TOTAL_FOR: return total_for(m, e, at, env);
	case F_FOLD: return fold(m, e, e->kid[1]->type.n, at, env);
	case F_SCAN: return fold(m, e, leaf + 1, at, env);
	case F_WITH: return leaf == e->num ? KID(1) : of(m, e->kid[0], leaf, at, env);
	case F_READ: return read(m, e, leaf, at, env);
	case F_AT: x = KID(0); return there(m, x, at) ? x : ABSENT;
	case F_LATEST:
	case F_FIRST:
	case F_BEST: return search(m, e, at, env);
	case F_SHIFT: x = KID(0); return x == ABSENT ? ABSENT : e->num ? x - KID(1) : x + KID(1);
	case F_THERE: return of(m, e->kid[0], leaf, (int)named(m, e->def, 0, at, env), env);
	case F_BOUND: return named(m, e->def, 0, at, env);
	case F_EXISTS: return there(m, KID(0), at);
	case F_ORDER:
		x = KID(0);
		y = KID(1);
		return there(m, x, at) && there(m, y, at) && ordered(e->num, x, y);
	case F_DISTANCE: return KID(0) - KID(1);
	case F_MEAN: return mean(m, e, at, env);
	case F_FAULT: return 0;
	case F_OVER: return over(m, e, at, env);
	case F_CHOOSE: return choose(m, e, at, env);
	case F_CALL: return call(m, e, leaf, at, env);
	case F_LIBRARY: return library(m, e, leaf, at, env);
	}
#undef KID
	return 0;
}

bool
meaning_of(Meaning *m, const Expr *e, int leaf, int at, int64_t *v)
{
	m->fuel = 1000000;
	*v = of(m, e, leaf, at, NULL);
	return m->fuel > 0;
}

bool
meaning_emit(Meaning *m, const Def *d, int at, int64_t *row)
{
	m->fuel = 1000000;
	*row = m->p->nvocab;
	if (!d->after)
		*row = of(m, d->body, 0, at, NULL);
	else {
		int64_t p = of(m, d->after, 0, at, NULL);
		if (there(m, p, at) && at - p < d->body->type.n)
			*row = of(m, d->body, (int)(at - p), (int)p, NULL);
	}
	return m->fuel > 0;
}
