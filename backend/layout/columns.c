/* Which columns the residual stream has.
 *
 * A column is one affine form. In each state it holds those of its terms that are ready, and each
 * layer adds what it makes; so a column never moves. Readers are served from the last state to
 * the first: one that is an integer combination of the columns there needs none of its own. It
 * must be integer, since 9/28 of a column would not be exact.
 *
 *     c3 = a + b + c + d      stands; a + b + c + e is asked for: e - d may stand beside it,
 *                             and the reader adds both up */

#include "backend/layout/lattice.h"
#include "backend/target/target.h"
#include "lang/int_division.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* How a reader was served. It is kept, since columns that come later may change which combination
 * is found. Found by its primitive form and state. */
typedef struct ServedRead {
	struct ServedRead *next;
	int state;
	const Form *form; /* primitive */
	Vec w;
	double most;  /* 0, or form_max_abs(form, state) */
	bool settled; /* it was served again for being wasteful: there is no better way */
} ServedRead;

enum { BUCKETS = 4096 };

typedef struct ServedReads {
	ServedRead *at[BUCKETS];
} ServedReads;

/* Was f added up from a form that stands whole? */
static bool
reads_near(const Form *f)
{
	return !f->real && f->of[0] && (f->of[0]->near || f->of[1]->near);
}

/* The common factor of f's terms, with the sign of its first. */
static int64_t
content_of(const Form *f)
{
	int64_t g = 0;

	if (f->near || reads_near(f)) /* as it is: its error was proved of these weights */
		return 1;
	for (int i = 0; i < f->n && g != 1; i++)
		g = (int64_t)gcd(f->term[i].c, g);
	return f->term[0].c < 0 ? -g : g;
}

/* The primitive part of f: without its constant and its content g, the first term positive.
 * That is what a column is worth holding. */
static const Form *
primitive(Arena *arena, const Form *f, int64_t g)
{
	Form *p = NEW(arena, Form);
	Term *t = NEWS(arena, Term, f->n);

	*p = *f;
	p->by_group = 0;
	if (llabs(g) != 1)
		p->of[0] = p->of[1] = NULL;
	for (int i = 0; i < 2 && p->of[i]; i++)
		p->by[i] *= g;
	for (int i = 0; i < f->n; i++)
		t[i] = (Term){ f->term[i].atom, g == 1 ? f->term[i].c : f->term[i].c / g };
	p->term = t;
	p->k = 0;
	p->lo = ((g > 0 ? f->lo : f->hi) - f->k) / g;
	p->hi = ((g > 0 ? f->hi : f->lo) - f->k) / g;
	return p;
}

/* Is p the primitive part of f, whose content is g? */
static bool
is_primitive_of(const Form *p, const Form *f, int64_t g)
{
	if (p->n != f->n)
		return false;
	for (int i = 0; i < f->n; i++)
		if (p->term[i].atom != f->term[i].atom || p->term[i].c * g != f->term[i].c)
			return false;
	return true;
}

/* How f, whose content is g, is read in a state; or where that is to be noted. */
static ServedRead **
served_read(ColumnSpace *sp, int state, const Form *f, int64_t g)
{
	uint64_t h = (uint64_t)state;

	for (int i = 0; i < f->n; i++) {
		int64_t c = g == 1 ? f->term[i].c : f->term[i].c / g;
		h = (h ^ (uint64_t)f->term[i].atom->id ^ (uint64_t)c << 20) * 0x9e3779b97f4a7c15u;
	}
	ServedRead **at = &sp->answers->at[h >> 52];
	while (*at && ((*at)->state != state || !is_primitive_of((*at)->form, f, g)))
		at = &(*at)->next;
	return at;
}

const Combination *
columns_read(Columns *c, int state, const Form *f)
{
	ColumnSpace *sp = (ColumnSpace *)c;

	sp->out.n = 0;
	if (!f->n)
		return &sp->out;
	int64_t g = content_of(f);
	const ServedRead *known = *served_read(sp, state, f, g);
	if (known) {
		vec_copy(sp, &sp->out, &known->w, g);
		return &sp->out;
	}
	Arena scratch = { 0 };
	bool found = lattice_read(sp, state, primitive(&scratch, f, g));
	if (found)
		vec_copy(sp, &sp->out, &sp->w, g);
	arena_free(&scratch);
	return found ? &sp->out : NULL;
}

static void note_holders(ColumnSpace *, int column);

static int
add_column(ColumnSpace *sp, const Form *f)
{
	GROW(sp->arena, sp->c.form, sp->cap, sp->c.n + 1);
	GROW(sp->arena, sp->first, sp->cap_first, sp->c.n + 1);
	sp->c.form[sp->c.n] = f;
	sp->first[sp->c.n] = form_first_state(f);
	if (sp->holder)
		note_holders(sp, sp->c.n);
	return sp->c.n++;
}

static void require_form(ColumnSpace *, int state, const Form *);

/* w += times * the combination by which f is read, once there are columns for it. */
static void
require_part(ColumnSpace *sp, int state, const Form *f, int64_t times, Vec *w)
{
	require_form(sp, state, f);
	const Combination *one = columns_read(&sp->c, state, f);
	if (!one)
		abort(); /* require_form() makes it possible */
	vec_add(sp, w, one, times);
}

/* Is the group better off in a column of its own? */
static bool
deserves_column(const Form *group)
{
	return group->n > 1 || form_abs_sum(group) >= EXACT_MAX / 4;
}

/* A group of parallel neurons that is too large for one column, where its line comes apart. */
static bool
stand_by_runs(ColumnSpace *sp, int state, const Form *f, Vec *w)
{
	Form *run = NEWS(sp->arena, Form, f->n);
	int n = form_runs(sp->arena, f, run);

	for (int i = 0; n > 1 && i < n; i++)
		require_part(sp, state, &run[i], 1, w);
	return n > 1;
}

/* A form that is too large, by its groups: each group of parallel neurons in a column of its own,
 * as is each term that is large by itself; the rest in one. */
static bool
stand_by_groups(ColumnSpace *sp, int state, const Form *f, Vec *w)
{
	Arena *arena = sp->c.s->c->arena;
	Form *group = arena_alloc(arena, sizeof *group * (size_t)f->n), rest = { 0 };
	Term *term = arena_alloc(arena, sizeof *term * (size_t)f->n);
	int n = form_groups(arena, f, state, group);

	for (int i = 0; i < n; i++) {
		if (deserves_column(&group[i]))
			continue;
		term[rest.n++] = group[i].term[0];
		rest.lo += group[i].lo;
		rest.hi += group[i].hi;
	}
	if (n == 1 && !rest.n)
		return f->n > 1 && stand_by_runs(sp, state, f, w);
	if (rest.n == f->n)
		return false;
	sort_by_atom(term, rest.n);
	rest.term = term;
	for (int i = 0; i < n; i++)
		if (deserves_column(&group[i]))
			require_part(sp, state, &group[i], 1, w);
	require_part(sp, state, &rest, 1, w);
	return true;
}

static bool
has_real_atom(const Form *f)
{
	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom->real)
			return true;
	return false;
}

/* The bounds of a form of which only terms are known. */
static void
bound_by_groups(Arena *arena, Form *f)
{
	Form *group = NEWS(arena, Form, f->n + 1);

	f->ready = form_ready(f);
	int n = form_groups(arena, f, f->ready, group);
	for (int i = 0; i < n; i++) {
		f->lo += group[i].lo;
		f->hi += group[i].hi;
	}
}

/* f without atoms that nothing computes, since they cancel in what f is a part of. */
static const Form *
live_part(Arena *arena, const Form *f)
{
	Form *live = NEW(arena, Form);
	Term *term = NEWS(arena, Term, f->n + 1);

	live->term = term;
	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom->live)
			term[live->n++] = f->term[i];
	if (live->n == f->n)
		return f;
	bound_by_groups(arena, live);
	return live;
}

/* What nothing may be added to, each in a column of its own, and the rest. */
static void
stand_by_steps(ColumnSpace *sp, int state, const Form *f, Vec *w)
{
	Form *rest = NEW(sp->arena, Form);
	Term *term = NEWS(sp->arena, Term, f->n);

	rest->term = term;
	for (int i = 0; i < f->n; i++) {
		const Term *t = &f->term[i];
		if (t->atom->step) {
			require_part(sp, state, form_atom(sp->c.s->c, t->atom), t->c, w);
			continue;
		}
		term[rest->n++] = *t;
		rest->ready = max_int(rest->ready, t->atom->ready);
	}
	bound_by_groups(sp->arena, rest);
	if (rest->n)
		require_part(sp, state, rest, 1, w);
}

/* A form whose terms cannot be added up in one column stands in several: as the two forms that it
 * was made of if both are ready, else by its groups. */
static bool
stand_in_parts(ColumnSpace *sp, int state, const Form *f, Vec *w)
{
	if (reads_near(f)) {
		require_part(sp, state, f->of[0], f->by[0], w);
		require_part(sp, state, f->of[1], f->by[1], w);
		return true;
	}
	if (f->n > 1 && has_step(f)) {
		stand_by_steps(sp, state, f, w);
		return true;
	}
	if (f->n > 1 && has_real_atom(f)) { /* what is rounded stands alone */
		for (int i = 0; i < f->n; i++) {
			const Form *alone = form_atom(sp->c.s->c, f->term[i].atom);
			require_part(sp, state, alone, f->term[i].c, w);
		}
		return true;
	}
	if (form_abs_sum(f) < EXACT_MAX / 8 * 5)
		return false;
	while (f->of[0] && form_equal(f, f->of[0])) /* of[0] plus a constant */
		f = f->of[0];
	if (!f->of[0])
		return stand_by_groups(sp, state, f, w);
	const Form *a = live_part(sp->arena, f->of[0]), *b = live_part(sp->arena, f->of[1]);
	if (form_ready(a) > state || form_ready(b) > state)
		return stand_by_groups(sp, state, f, w);
	require_part(sp, state, a, f->by[0], w);
	require_part(sp, state, b, f->by[1], w);
	return true;
}

static void
give_column(ColumnSpace *sp, const Form *f, Vec *w)
{
	int i = f->near ? 0 : sp->c.n;

	while (i < sp->c.n && !form_equal(sp->c.form[i], f))
		i++;
	if (i == sp->c.n)
		add_column(sp, f);
	vec_copy(sp, w, &(Vec){ 1, 1, &(Entry){ i, 1 } }, 1);
}

/* ---- what stands already ---- */

enum { HOLDERS_MAX = 32 }; /* columns that are tried for one form */

static void
note_holders(ColumnSpace *sp, int column)
{
	const Form *f = sp->c.form[column];

	for (int i = 0; i < f->n; i++) {
		Holder *h = NEW(sp->arena, Holder);
		*h = (Holder){ column, f->term[i].c, sp->holder[f->term[i].atom->id] };
		sp->holder[f->term[i].atom->id] = h;
	}
}

static const Term *
earliest_term(const Form *f)
{
	const Term *first = &f->term[0];

	for (int i = 1; i < f->n; i++)
		if (f->term[i].atom->ready < first->atom->ready)
			first = &f->term[i];
	return first;
}

/* What stands in a column in this state. */
static const Form *
column_in_state(ColumnSpace *sp, int column, int state)
{
	const Form *f = sp->c.form[column];
	Form *g = NEW(sp->arena, Form);
	Term *t = NEWS(sp->arena, Term, f->n + 1);

	if (form_ready(f) <= state)
		return f;
	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom->ready <= state)
			t[g->n++] = f->term[i];
	g->term = t;
	bound_by_groups(sp->arena, g);
	return g;
}

/* Is it a sum of integers without a proof of its own? */
static bool
can_be_part(const Form *f)
{
	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom->margin || f->term[i].atom->real)
			return false;
	return true;
}

/* How many terms f - times * column has in this state. */
static int
terms_left(const Form *f, int64_t times, const Form *column, int state)
{
	int n = 0, i = 0, j = 0;

	while (i < f->n || j < column->n) {
		const Atom *a = i < f->n ? f->term[i].atom : NULL;
		const Atom *b = j < column->n ? column->term[j].atom : NULL;
		if (b && b->ready > state) {
			j++;
		} else if (a == b) {
			n += f->term[i++].c != times * column->term[j++].c;
		} else {
			n++;
			if (!b || (a && a->id < b->id))
				i++;
			else
				j++;
		}
	}
	return n;
}

/* What the terms of a combination can add up to. */
static double
combination_abs_sum(ColumnSpace *sp, int state, const Vec *w)
{
	double sum = 0;

	for (int i = 0; i < w->n; i++)
		sum += (double)llabs(w->at[i].times) * lattice_largest(sp, state, w->at[i].column);
	return sum;
}

/* Would the terms of this combination, `factor` times, add up to much more than what a column of
 * its own holds? *most: that, or 0 if it is to be found here. */
static bool
is_wasteful(ColumnSpace *sp, int state, const Form *f, int64_t factor, const Vec *w, double *most)
{
	if (w->n < 2)
		return false;
	double times = (double)llabs(factor), sum = times * combination_abs_sum(sp, state, w);
	if (sum < EXACT_MAX / 2)
		return false;
	if (*most <= 0)
		*most = form_max_abs(f, state);
	return sum > 2 * times * *most;
}

/* Of the columns that have f's earliest term, the one that leaves least of f, taken `times`; -1:
 * all leave as much. */
static int
nearest_column(ColumnSpace *sp, int state, const Form *f, int64_t *times)
{
	const Term *first = earliest_term(f);
	const Holder *h = sp->holder[first->atom->id];
	int least = f->n, best = -1;

	for (int i = 0; h && i < HOLDERS_MAX; h = h->next, i++) {
		const Form *column = sp->c.form[h->column];
		if (first->c % h->c || column->near || !can_be_part(column))
			continue;
		int n = terms_left(f, first->c / h->c, column, state);
		if (n >= least)
			continue;
		least = n;
		best = h->column;
		*times = first->c / h->c;
	}
	return best;
}

/* f, `factor` times of which is read, as a multiple of a column that begins as early, and the
 * little that is left. So a running sum stands once, not in each column that it is a part of. What
 * the model says stands whole: its logits are large multiples. */
static bool
stand_beside(ColumnSpace *sp, int state, const Form *f, int64_t factor, Vec *w)
{
	int64_t times;

	if (!sp->holder || f->n < 2 || state == last_state(sp->c.s->nlayer) || !can_be_part(f))
		return false;
	int best = nearest_column(sp, state, f, &times);
	if (best < 0)
		return false;
	const Form *column = column_in_state(sp, best, state);
	const Form *rest = form_add(sp->c.s->c, 1, f, -times, column, 0);
	if (form_abs_sum(rest) >= EXACT_MAX / 8 * 5)
		return false;
	vec_copy(sp, w, &(Vec){ 1, 1, &(Entry){ best, times } }, 1);
	if (rest->n)
		require_part(sp, state, rest, 1, w);
	return (double)llabs(factor) * combination_abs_sum(sp, state, w) < EXACT_MAX / 8 * 5;
}

/* The error of a real was proved of its terms as they are: each in one column, not in a
 * combination. */
static void
require_whole(ColumnSpace *sp, int state, const Form *f)
{
	require_form(sp, state, f);
	if (!f->n)
		return;
	ServedRead *answer = *served_read(sp, state, f, content_of(f));
	if (answer->w.n > 1 && form_abs_sum(answer->form) < EXACT_MAX / 8 * 5
	    && !has_step(answer->form))
		give_column(sp, answer->form, &answer->w);
}

static void
require_form(ColumnSpace *sp, int state, const Form *f)
{
	Vec w = { 0 };
	double most = 0;

	for (int i = 0; f->real && i < f->real->n; i++)
		require_whole(sp, state, f->real->term[i].f);
	if (!f->n || f->real)
		return;
	int64_t g = content_of(f);
	ServedRead *answer = *served_read(sp, state, f, g);
	if (answer
	    && (answer->settled
	        || !is_wasteful(sp, state, answer->form, g, &answer->w, &answer->most)))
		return;
	const Form *p = primitive(sp->arena, f, g);
	if (answer && !is_wasteful(sp, state, p, g, &answer->w, &most))
		return;
	if (!answer && !p->near && !reads_near(p) && lattice_read(sp, state, p)
	    && !is_wasteful(sp, state, p, g, &sp->w, &most))
		vec_copy(sp, &w, &sp->w, 1);
	else if (p->near
	         || (!stand_in_parts(sp, state, p, &w) && !stand_beside(sp, state, p, g, &w)))
		give_column(sp, p, &w);
	if (!answer) {
		answer = NEW(sp->arena, ServedRead);
		*answer = (ServedRead){ .state = state, .form = p };
		*served_read(sp, state, f, g) = answer;
	} else
		answer->settled = true;
	answer->w = (Vec){ 0 }; /* what stands in w may be a basis's, which is forgotten */
	vec_copy(sp, &answer->w, &w, 1);
}

/* All forms that are read in one state. */
typedef struct StateReads {
	int n;
	const Form **form;
} StateReads;

static int
most_readers(const Schedule *s)
{
	int n = s->c->g->nfield + s->c->g->noutput + 2 * s->c->natom;

	for (int i = 0; i < s->c->nhead; i++)
		n += 2 * s->c->head[i]->lookup->ndim;
	return n;
}

static void
find_readers(const Schedule *s, int state, StateReads *r)
{
	const Circuit *c = s->c;
	int l = state / 2;

	r->n = 0;
	if (state == last_state(s->nlayer)) {
		for (int i = 0; c->emit && i < c->g->nfield; i++)
			r->form[r->n++] = c->emit[i];
		for (int i = 0; i < c->g->noutput; i++)
			r->form[r->n++] = c->output[i];
	} else if (is_after_attention(state)) {
		for (int i = 0; i < s->nneuron[l]; i++) {
			r->form[r->n++] = s->neuron[l][i]->in;
			if (s->neuron[l][i]->times)
				r->form[r->n++] = s->neuron[l][i]->times;
		}
	} else {
		for (int h = 0; h < s->nhead[l]; h++) {
			const Head *head = s->head[l][h];
			for (int v = 0; v < head->nvalue; v++)
				if (head->value[v]->live)
					r->form[r->n++] = head->value[v]->in;
			for (int d = 0; d < head->lookup->ndim; d++) {
				r->form[r->n++] = head->lookup->q[d];
				r->form[r->n++] = head->lookup->k[d];
			}
		}
	}
}

static int
by_terms(const void *p, const void *q)
{
	const Form *f = *(const Form *const *)p, *g = *(const Form *const *)q;

	if (f->n != g->n)
		return f->n - g->n;
	for (int i = 0; i < f->n; i++) {
		if (f->term[i].atom != g->term[i].atom)
			return f->term[i].atom->id - g->term[i].atom->id;
		if (f->term[i].c != g->term[i].c)
			return f->term[i].c < g->term[i].c ? -1 : 1;
	}
	return 0;
}

/* Gives columns to the terms that many forms have in common, before the forms themselves are
 * asked for. */
static void
require_common_terms(ColumnSpace *sp, int state, const StateReads *r)
{
	Arena scratch = { 0 };
	const Form **left = NEWS(&scratch, const Form *, r->n + 1);
	int n = 0, terms = 0;

	for (int i = 0; i < r->n; i++) {
		if (!r->form[i]->n)
			continue;
		const Form *p = primitive(&scratch, r->form[i], content_of(r->form[i]));
		if (p->near || has_real_atom(p) || form_abs_sum(p) >= EXACT_MAX / 8 * 5
		    || lattice_read(sp, state, p))
			continue;
		left[n++] = p;
	}
	qsort(left, (size_t)n, sizeof *left, by_terms);
	int distinct = 0;
	for (int i = 0; i < n; i++) {
		if (distinct && !by_terms(&left[i], &left[distinct - 1]))
			continue;
		left[distinct++] = left[i];
		terms += left[i]->n;
	}
	const Form **common = NEWS(&scratch, const Form *, terms + 1);
	int ncommon = common_terms(&scratch, left, distinct, sp->c.s->c->natom, common);
	for (int i = 0; i < ncommon; i++)
		require_form(sp, state, common[i]);
	if (ncommon || sp->c.s->c->natom <= MANY_ATOMS)
		lattice_rebuild(sp, state);
	for (int i = 0; i < distinct; i++)
		require_form(sp, state, left[i]);
	arena_free(&scratch);
}

static void
find_last_reads(ColumnSpace *sp)
{
	Columns *c = &sp->c;

	c->last = NEWS(sp->arena, int, c->n + 1);
	c->slot = NEWS(sp->arena, int, c->n + 1);
	c->cleared = NEWS(sp->arena, int, c->n + 1);
	c->least = NEWS(sp->arena, int64_t, c->n + 1);
	for (int i = 0; i < BUCKETS; i++)
		for (const ServedRead *a = sp->answers->at[i]; a; a = a->next)
			for (int k = 0; k < a->w.n; k++)
				if (c->last[a->w.at[k].column] < a->state)
					c->last[a->w.at[k].column] = a->state;
}

Columns *
allocate_columns(Schedule *s, bool beside)
{
	Circuit *c = s->c;
	ColumnSpace *sp = NEW(c->arena, ColumnSpace);
	int last = last_state(s->nlayer);

	sp->c.s = s;
	sp->arena = c->arena;
	sp->answers = NEW(c->arena, ServedReads);
	if (beside)
		sp->holder = NEWS(c->arena, Holder *, c->natom + 1);
	lattice_begin(sp);

	StateReads r = { .form = NEWS(c->arena, const Form *, most_readers(s) + 1) };
	for (int state = last; state >= 0; state--) {
		find_readers(s, state, &r);
		require_common_terms(sp, state, &r);
		for (int i = 0; i < r.n; i++)
			require_form(sp, state, r.form[i]);
	}
	find_last_reads(sp);
	share_columns(&sp->c, INT_MAX);
	return &sp->c;
}

/* ---- how many weights that is ---- */

enum { WEIGHTS_TO_CLEAR = 4 }; /* a column: column_reuse.c */

static long
weights_of_reader(Columns *c, int state, const Form *f)
{
	const Combination *read = f->real ? NULL : columns_read(c, state, f);
	long n = read ? read->n : 0;

	for (int i = 0; f->real && i < f->real->n; i++) {
		read = columns_read(c, state, f->real->term[i].f);
		n += read ? read->n : 0;
	}
	return n + (f->k != 0);
}

/* Of its tables by digit; each feature has its own. */
static long
nonzeros_by_digit(const Atom *a)
{
	long n = 0;

	for (int i = 0; i < a->npart; i++)
		for (int d = 0; d < a->part[i].digit.modulo; d++)
			n += a->part[i].value[d] != 0;
	return n;
}

/* Features without a table stand for themselves. */
static bool
has_table(const Form *column, AtomKind kind)
{
	for (int i = 0; i < column->n; i++)
		if (column->term[i].atom->kind == kind && column->term[i].atom->table)
			return true;
	return false;
}

/* The rows of the token or position table where this column is not 0. */
static long
weights_of_feature(const Circuit *c, const Form *column, AtomKind kind)
{
	int rows = !has_table(column, kind) ? 0 : kind == TOKEN_FEATURE ? c->rows : c->places;
	int64_t *sum = NEWS(c->arena, int64_t, rows);
	long n = 0;

	for (int i = 0; i < column->n; i++) {
		const Atom *a = column->term[i].atom;
		for (int r = 0; a->kind == kind && a->table && r < rows; r++)
			sum[r] += column->term[i].c * a->table[r];
		n += nonzeros_by_digit(a);
	}
	for (int r = 0; r < rows; r++)
		n += sum[r] != 0;
	return n;
}

static long
weights_of_column(const Circuit *c, const Form *column)
{
	bool token = false, place = false;
	long n = 0;

	for (int i = 0; i < column->n; i++) {
		token |= column->term[i].atom->kind == TOKEN_FEATURE;
		place |= column->term[i].atom->kind == PLACE_FEATURE;
		n += (column->term[i].atom->in != NULL) + column->term[i].atom->step;
	}
	n += token ? weights_of_feature(c, column, TOKEN_FEATURE) : 0;
	return n + (place ? weights_of_feature(c, column, PLACE_FEATURE) : 0);
}

long
count_nonzeros(Columns *cols)
{
	const Schedule *s = cols->s;
	const Graph *g = s->c->g;
	StateReads r = { .form = NEWS(s->c->arena, const Form *, most_readers(s) + 1) };
	long n = 0;

	for (int state = 0; state <= 2 * s->nlayer; state++) {
		find_readers(s, state, &r);
		for (int i = 0; i < r.n; i++) {
			bool logit = state == 2 * s->nlayer && s->c->emit && i < g->nfield;
			n += (logit ? rows_of(g, i) : 1)
			     * weights_of_reader(cols, state, r.form[i]);
		}
	}
	for (int i = 0; i < cols->n; i++)
		n += weights_of_column(s->c, cols->form[i])
		     + (cols->cleared[i] < INT_MAX ? WEIGHTS_TO_CLEAR : 0);
	return n;
}

double
columns_size(Columns *cols, const Limits *limits)
{
	bool nonzeros = limits->fewest == FEWEST_NONZEROS;
	const Target *target = cols->s->c->target;

	if (target->size && !nonzeros)
		return target->size(cols);

	return (nonzeros ? 1 : cols->width) * (double)count_nonzeros(cols);
}
