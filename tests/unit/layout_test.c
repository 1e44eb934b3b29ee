/* The algorithms between circuit and weights, each alone, on random circuits of a few atoms.
 *
 *     lattice        a combination that is found is one; of independent columns every one is found
 *                    that a search over small coefficients finds
 *     common terms   as many as there are classes of atoms that occur together, and they make
 *                    up the forms again
 *     schedule       without limits as deep as the longest chain; within limits what the verifier
 *                    accepts, and mostly no deeper than an exhaustive search finds possible
 *     column reuse   never two in one slot; as few slots as most columns stand at once
 *
 *     build/unit/layout_test [COUNT [SEED]] */

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/attend/attend.h"
#include "backend/layout/lattice.h"
#include "backend/target/target.h"
#include "backend/verify/verify.h"

enum { VOCAB = 4, CONTEXT = 5 };

static int count = 300;
static unsigned seed = 1;

/* An empty graph, and a circuit that is made by hand. */
typedef struct Fixture {
	Arena arena;
	Diags diags;
	Graph *g;
	Circuit *c;
	uint64_t state;
	Named output[1];
} Fixture;

static int
roll(Fixture *y, int n)
{
	y->state = y->state * 6364136223846793005u + 1442695040888963407u;
	return (int)((y->state >> 33) % (uint64_t)n);
}

static int
roll_between(Fixture *y, int lo, int hi)
{
	return lo + roll(y, hi - lo + 1);
}

static void
fixture_open(Fixture *y, unsigned number)
{
	static const char *const spell[VOCAB] = { "a", "b", "c", "d" };
	static const Source src = { .path = "fixture", .text = "", .len = 0 };
	static const Source *files[1] = { &src };

	*y = (Fixture){ .state = number * 2654435761u + 99 };
	Graph *g = y->g = graph_new(&y->arena);
	y->diags = (Diags){ .arena = &y->arena, .src = &src };
	g->name = "fixture";
	g->nvocab = VOCAB;
	g->vocab = (const char **)(uintptr_t)spell;
	g->context = CONTEXT;
	g->files = files;
	g->nfile = 1;
	y->output[0] = (Named){ .name = "o", .kind = K_INT, .node = mk_const(g, 0) };
	g->output = y->output;
	g->noutput = 1;
	y->c = NEW(&y->arena, Circuit);
	*y->c = (Circuit){ .g = g,
		           .target = &plain_target,
		           .arena = &y->arena,
		           .diags = &y->diags,
		           .rows = VOCAB + 2,
		           .places = CONTEXT + 1,
		           .owner = -1 };
	y->c->output = NEWS(&y->arena, const Form *, 1);
	y->c->output[0] = form_const(y->c, 0);
}

static void
fixture_close(Fixture *y)
{
	arena_free(&y->arena);
}

static Atom *
new_feature(Fixture *y, bool place)
{
	int64_t table[VOCAB + 2 + CONTEXT + 1] = { 0 };

	for (int i = place; i < (place ? CONTEXT + 1 : VOCAB); i++)
		table[i] = roll_between(y, -2, 2);
	table[1] = roll_between(y, 1, 3); /* not all of it is 0 */
	const Form *f = place ? plain_target.place_function(y->c, table)
	                      : token_feature(y->c, 0, table);
	return f->term[0].atom;
}

/* A form of some atoms. */
static const Form *
some_form(Fixture *y, Atom *const *atom, int natom, int terms)
{
	const Form *f = form_const(y->c, 0);

	for (int i = 0; i < terms; i++) {
		int64_t c = roll_between(y, 1, 3) * (roll(y, 2) ? 1 : -1);
		const Form *one = form_atom(y->c, atom[roll(y, natom)]);
		f = form_add(y->c, 1, f, c, one, 0);
	}
	return f;
}

static Atom *
new_neuron(Fixture *y, const Form *in)
{
	Atom a = { .kind = NEURON,
		   .in = form_scale(y->c, 1, in, -(1 + roll(y, 1000))),
		   .lo = 0,
		   .hi = roll_between(y, 1, 9),
		   .ready = computed_from(form_ready(in)) };

	return atom_intern(y->c, a);
}

static Lookup *
new_lookup(Fixture *y, const Form *key)
{
	Lookup *s = NEW(&y->arena, Lookup);

	*s = (Lookup){ .intent = "latest", .gap = 128, .ready = form_ready(key) };
	add_dim(y->c, s, form_const(y->c, 1), key);
	return s;
}

static Atom *
new_value(Fixture *y, const Lookup *s, const Form *in)
{
	return head_atom(y->c, s, in, (Atom){ .lo = -9, .hi = 9 })->term[0].atom;
}

/* ---- lattice ---- */

enum { ATOMS = 8, FEATURES = 5, COLUMNS = 4, MOST = 3, STATES = 7 };

/* What is there of a form in a state, as numbers: by row, by place, by other atom. Of few features
 * of the place the lattice does not ask whether one is a sum of others: then each is an atom. */
typedef struct Vector {
	int64_t at[VOCAB + 2 + CONTEXT + 1 + ATOMS];
} Vector;

static Vector
vector_of(const Fixture *y, Atom *const *atom, bool by_place, const Form *f, int state)
{
	Vector n = { 0 };
	AtomKind last_table = by_place ? PLACE_FEATURE : TOKEN_FEATURE;

	for (int t = 0; t < f->n; t++) {
		const Atom *a = f->term[t].atom;
		if (a->ready > state)
			continue;
		for (int i = 0; a->kind == TOKEN_FEATURE && i < y->c->rows; i++)
			n.at[i] += f->term[t].c * a->table[i];
		for (int i = 0; by_place && a->kind == PLACE_FEATURE && i < y->c->places; i++)
			n.at[VOCAB + 2 + i] += f->term[t].c * a->table[i];
		for (int i = 0; a->kind > last_table && i < ATOMS; i++)
			if (atom[i] == a)
				n.at[VOCAB + 2 + CONTEXT + 1 + i] += f->term[t].c;
	}
	return n;
}

static Vector
vector_add(Vector a, Vector b, int64_t times)
{
	for (size_t i = 0; i < sizeof a.at / sizeof *a.at; i++)
		a.at[i] += times * b.at[i];
	return a;
}

static bool
is_zero_vector(const Vector *a)
{
	for (size_t i = 0; i < sizeof a->at / sizeof *a->at; i++)
		if (a->at[i])
			return false;
	return true;
}

/* Are there times of at most MOST, of columns from i on, that add up to `left`? */
static bool
is_sum(const Vector *column, int ncolumn, int i, Vector left)
{
	bool found = false;

	if (i == ncolumn)
		return is_zero_vector(&left);
	for (int times = -MOST; times <= MOST && !found; times++)
		found = is_sum(column, ncolumn, i + 1, vector_add(left, column[i], -times));
	return found;
}

/* By elimination without fractions: numbers stay small, there are few of them. */
static bool
are_independent(const Vector *column, int ncolumn)
{
	const size_t size = sizeof column->at / sizeof *column->at;
	Vector c[COLUMNS];

	for (int i = 0; i < ncolumn; i++) {
		size_t pivot = 0;
		c[i] = column[i];
		for (int k = 0; k < i; k++) {
			size_t at = 0;
			while (!c[k].at[at])
				at++;
			int64_t mine = c[i].at[at], other = c[k].at[at];
			for (size_t j = 0; j < size; j++)
				c[i].at[j] = c[i].at[j] * other - c[k].at[j] * mine;
		}
		while (pivot < size && !c[i].at[pivot])
			pivot++;
		if (pivot == size)
			return false;
	}
	return true;
}

static ColumnSpace *
new_space(Fixture *y, int ncolumn, const Form *const *form)
{
	ColumnSpace *sp = NEW(&y->arena, ColumnSpace);
	Schedule *s = NEW(&y->arena, Schedule);

	*s = (Schedule){ .c = y->c, .nlayer = STATES / 2 };
	sp->c.s = s;
	sp->arena = &y->arena;
	lattice_begin(sp);
	sp->c.form = NEWS(&y->arena, const Form *, ncolumn + 1);
	sp->cap = ncolumn + 1;
	sp->first = NEWS(&y->arena, int, ncolumn + 1);
	sp->cap_first = ncolumn + 1;
	for (int i = 0; i < ncolumn; i++) {
		sp->first[sp->c.n] = form_first_state(form[i]);
		sp->c.form[sp->c.n++] = form[i];
	}
	return sp;
}

/* Features of the token, of the place, or of both, then neurons. True: so many of the place that
 * they count by place. */
static bool
make_atoms(Fixture *y, Atom **atom)
{
	int kind = roll(y, 3), places = 0;

	for (int i = 0; i < ATOMS; i++) {
		bool place = kind == 1 || (kind == 2 && i % 2);
		atom[i] = i < FEATURES ? new_feature(y, place)
		                       : new_neuron(y, some_form(y, atom, i, 1 + roll(y, 2)));
		if (i >= FEATURES)
			atom[i]->ready = 2 * roll_between(y, 1, STATES / 2);
	}
	for (int i = 0; i < y->c->natom; i++) {
		y->c->atom[i]->live = true;
		places += y->c->atom[i]->kind == PLACE_FEATURE;
	}
	return places > 4;
}

/* How often a combination was asked for, was there, and was found. */
typedef struct Found {
	int asked, there, found;
} Found;

static void
try_lattice(unsigned number, Found *independent, Found *dependent)
{
	Fixture y;
	Atom *atom[ATOMS];
	const Form *form[COLUMNS];
	Vector column[COLUMNS];

	fixture_open(&y, number);
	bool by_place = make_atoms(&y, atom);
	int ncolumn = 2 + roll(&y, COLUMNS - 1), state = roll(&y, STATES);
	for (int i = 0; i < ncolumn; i++) {
		form[i] = some_form(&y, atom, ATOMS, 1 + roll(&y, 4));
		column[i] = vector_of(&y, atom, by_place, form[i], state);
	}
	ColumnSpace *sp = new_space(&y, ncolumn, form);
	if (roll(&y, 2))
		lattice_rebuild(sp, state);
	Found *to = are_independent(column, ncolumn) ? independent : dependent;
	for (int i = 0; i < 6; i++) {
		/* half of them are combinations for sure */
		const Form *f = i % 2 ? form_scale(y.c, 1 + roll(&y, 2), form[roll(&y, ncolumn)], 0)
		                      : form_const(y.c, 0);
		f = i % 2 ? form_add(y.c, 1, f, roll_between(&y, -2, 2), form[roll(&y, ncolumn)], 0)
		          : some_form(&y, atom, ATOMS, 1 + roll(&y, 3));
		if (form_ready(f) > state)
			continue;
		Vector left = vector_of(&y, atom, by_place, f, state);
		bool there = is_sum(column, ncolumn, 0, left), found = lattice_read(sp, state, f);
		to->asked++;
		to->there += there;
		to->found += there && found;
		for (int k = 0; found && k < sp->w.n; k++)
			left = vector_add(left, column[sp->w.at[k].column], -sp->w.at[k].times);
		if (found && !is_zero_vector(&left))
			fail_msg("lattice %u: what was found is no combination", number);
		if (to == independent && there && !found)
			fail_msg("lattice %u: a combination was not found", number);
	}
	fixture_close(&y);
}

static void
test_lattice(void **state)
{
	Found independent = { 0 }, dependent = { 0 };

	(void)state;
	for (int i = 0; i < count; i++)
		try_lattice(seed + (unsigned)i, &independent, &dependent);
	printf("lattice: of independent columns %d of %d combinations found (%d asked), of "
	       "dependent ones %d of %d (%d asked)\n",
	       independent.found, independent.there, independent.asked, dependent.found,
	       dependent.there, dependent.asked);
	assert_true(independent.there > count / 4 && dependent.there > count / 20);
	assert_true(dependent.found * 100 >= dependent.there * 95);
}

/* ---- common terms ---- */

enum { FORMS = 6 };

static int64_t
times_of(const Form *f, const Atom *a)
{
	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom == a)
			return f->term[i].c;
	return 0;
}

/* Do two atoms occur in the same forms, in one proportion? */
static bool
go_together(const Form *const *form, int n, const Atom *a, const Atom *b)
{
	for (int i = 0; i < n; i++)
		for (int k = 0; k < n; k++)
			if (times_of(form[i], a) * times_of(form[k], b)
			            != times_of(form[k], a) * times_of(form[i], b)
			    || !times_of(form[i], a) != !times_of(form[i], b))
				return false;
	return true;
}

/* The least form that is linked to this one by terms. */
static int
component_of(const Form *const *form, int n, int i)
{
	int least[FORMS];

	for (int k = 0; k < n; k++)
		least[k] = k;
	for (int round = 0; round < n; round++)
		for (int k = 0; k < n; k++)
			for (int l = 0; l < n; l++)
				for (int t = 0; t < form[k]->n; t++)
					if (times_of(form[l], form[k]->term[t].atom)
					    && least[l] < least[k])
						least[k] = least[l];
	return least[i];
}

/* How many common terms there should be, by counting classes. */
static int
count_classes(Fixture *y, const Form *const *form, int n)
{
	int classes[FORMS] = { 0 }, forms[FORMS] = { 0 }, sum = 0;

	for (int i = 0; i < n; i++)
		forms[component_of(form, n, i)]++;
	for (int i = 0; i < y->c->natom; i++) {
		const Atom *a = y->c->atom[i];
		int first = 0;
		bool seen = false;
		while (first < n && !times_of(form[first], a))
			first++;
		for (int k = 0; k < i; k++)
			seen |= first < n && times_of(form[first], y->c->atom[k])
			        && go_together(form, n, a, y->c->atom[k]);
		if (first < n && !seen)
			classes[component_of(form, n, first)]++;
	}
	for (int i = 0; i < n; i++)
		sum += classes[i] < forms[i] ? classes[i] : 0;
	return sum;
}

/* What of f the common terms make up is taken away; true if nothing or all of it is. */
static bool
is_made_up(const Form *f, const Form *const *common, int n)
{
	int left = f->n;

	for (int i = 0; i < n; i++) {
		int64_t c = times_of(f, common[i]->term[0].atom), by = common[i]->term[0].c;
		if (!c)
			continue;
		if (c % by)
			return false;
		for (int t = 0; t < common[i]->n; t++, left--)
			if (times_of(f, common[i]->term[t].atom) != c / by * common[i]->term[t].c)
				return false;
	}
	return left == 0 || left == f->n;
}

static int
try_common_terms(unsigned number)
{
	Fixture y;
	Atom *atom[ATOMS];
	const Form *form[FORMS], *common[FORMS * ATOMS];
	int n = 0;

	fixture_open(&y, number);
	make_atoms(&y, atom);
	int atoms = 2 + roll(&y, ATOMS - 1), want = 2 + roll(&y, FORMS - 1);
	/* sums of pairs that often occur together */
	for (int i = 0; i < want; i++) {
		const Form *f = some_form(&y, atom, atoms, 1 + roll(&y, 2));
		if (roll(&y, 2))
			f = form_add(y.c, 1, f, roll_between(&y, 1, 2),
			             form_add(y.c, 1, form_atom(y.c, atom[0]), 2,
			                      form_atom(y.c, atom[1]), 0),
			             0);
		bool known = !f->n;
		for (int k = 0; k < n; k++)
			known |= form_equal(f, form[k]);
		if (!known)
			form[n++] = f;
	}
	int found = common_terms(&y.arena, form, n, y.c->natom, common);
	if (found != count_classes(&y, form, n))
		fail_msg("common terms %u: %d, not %d", number, found, count_classes(&y, form, n));
	for (int i = 0; i < n; i++)
		if (!is_made_up(form[i], common, found))
			fail_msg("common terms %u: they do not make up form %d", number, i);
	fixture_close(&y);
	return found;
}

static void
test_common_terms(void **state)
{
	int found = 0, some = 0;

	(void)state;
	for (int i = 0; i < count; i++) {
		int n = try_common_terms(seed + (unsigned)i);
		found += n;
		some += n > 0;
	}
	printf("common terms: %d in %d of %d sets of forms\n", found, some, count);
	assert_true(some > count / 10 && some < count);
}

/* ---- schedule ---- */

enum { PARTS = 9, LOOKUPS = 3 };

/* A circuit of few atoms, all of which are needed. */
typedef struct Small {
	int n, nlookup;
	Atom *atom[PARTS];
	const Lookup *lookup[LOOKUPS];
} Small;

static void
make_small(Fixture *y, Small *s)
{
	Atom *all[PARTS + 1] = { new_feature(y, false) };
	int n = 1, want = 3 + roll(y, PARTS - 3 + 1);
	const Form *says = form_const(y->c, 0);

	s->n = s->nlookup = 0;
	while (n < want) {
		const Form *in = some_form(y, all, n, 1 + roll(y, 2));
		if (!in->n)
			continue;
		if (roll(y, 2)) {
			all[n++] = new_neuron(y, in);
			continue;
		}
		int k = roll(y, s->nlookup < LOOKUPS ? s->nlookup + 1 : LOOKUPS);
		if (k == s->nlookup) {
			const Form *key = form_atom(y->c, all[roll(y, 2) ? 0 : n - 1]);
			s->lookup[s->nlookup++] = new_lookup(y, key);
		}
		all[n++] = new_value(y, s->lookup[k], in);
	}
	for (int i = 1; i < n; i++) {
		bool twice = false;
		for (int k = 0; k < s->n; k++)
			twice |= s->atom[k] == all[i];
		if (!twice)
			s->atom[s->n++] = all[i];
		says = form_add(y->c, 1, says, 1, form_atom(y->c, all[i]), 0);
	}
	y->c->output[0] = says;
}

static bool
is_made(const Small *s, unsigned made, const Form *f)
{
	for (int t = 0; t < f->n; t++)
		for (int i = 0; i < s->n; i++)
			if (f->term[t].atom == s->atom[i] && !(made >> i & 1))
				return false;
	return true;
}

static bool
is_possible(const Small *s, unsigned made, int i)
{
	const Atom *a = s->atom[i];

	if (made >> i & 1 || !is_made(s, made, a->in))
		return false;
	for (int d = 0; a->head && d < a->head->lookup->ndim; d++)
		if (!is_made(s, made, a->head->lookup->q[d])
		    || !is_made(s, made, a->head->lookup->k[d]))
			return false;
	return true;
}

/* The sets of atoms that can be there after some layers: (2^PARTS). */
typedef bool Sets[1 << PARTS];

/* One half of a layer: from each set to all that it can be made to. */
static void
spread_sets(const Small *s, Sets sets, AtomKind kind, int most)
{
	static Sets next;

	memcpy(next, sets, sizeof next);
	for (unsigned made = 0; made < 1u << s->n; made++) {
		unsigned can = 0;
		for (int i = 0; sets[made] && i < s->n; i++)
			if (s->atom[i]->kind == kind && is_possible(s, made, i))
				can |= 1u << i;
		for (unsigned some = can; some; some = (some - 1) & can) {
			int n = 0;
			for (int k = 0; k < s->nlookup && kind == VALUE; k++) {
				bool used = false;
				for (int i = 0; i < s->n; i++)
					used |= some >> i & 1
					        && s->atom[i]->head->lookup == s->lookup[k];
				n += used;
			}
			for (int i = 0; i < s->n && kind == NEURON; i++)
				n += some >> i & 1;
			if (!most || n <= most)
				next[made | some] = true;
		}
	}
	memcpy(sets, next, sizeof next);
}

/* The fewest layers that do, by trying all. */
static int
fewest_layers(const Small *s, int heads, int neurons)
{
	static Sets sets;
	int layers = 0;

	memset(sets, 0, sizeof sets);
	sets[0] = true;
	for (; !sets[(1u << s->n) - 1]; layers++) {
		spread_sets(s, sets, VALUE, heads);
		spread_sets(s, sets, NEURON, neurons);
	}
	return layers;
}

static void
must_hold(Fixture *y, const Schedule *s, const Limits *limits, unsigned number)
{
	if (!verify_schedule(s, limits))
		fail_msg("schedule %u: %s", number, y->diags.first->msg);
}

/* By how many layers it is deeper than it could be. */
static int
try_schedule(unsigned number)
{
	Fixture y;
	Small small;

	fixture_open(&y, number);
	make_small(&y, &small);
	int heads = roll(&y, 3), neurons = roll(&y, 4), least = fewest_layers(&small, 0, 0);
	Schedule *s = schedule(y.c, &(SchedulePolicy){ 0 });
	must_hold(&y, s, &(Limits){ 0 }, number);
	if (s->nlayer != least)
		fail_msg("schedule %u: %d layers, and %d do", number, s->nlayer, least);
	for (int late = 1; late < 4; late++) {
		int more = least + roll(&y, 3);
		SchedulePolicy p = { .layers = more,
			             .late_values = late & 1,
			             .late_neurons = late >> 1 };
		must_hold(&y, schedule(y.c, &p), &(Limits){ .layers = more }, number);
	}
	s = schedule(y.c, &(SchedulePolicy){ .heads = heads, .neurons = neurons });
	must_hold(&y, s, &(Limits){ .heads = heads, .neurons = neurons }, number);
	int over = s->nlayer - fewest_layers(&small, heads, neurons);
	if (over < 0)
		fail_msg("schedule %u: shallower than can be", number);
	fixture_close(&y);
	return over;
}

static void
test_schedule(void **state)
{
	int best = 0, most = 0;

	(void)state;
	for (int i = 0; i < count; i++) {
		int over = try_schedule(seed + (unsigned)i);
		best += !over;
		most = over > most ? over : most;
	}
	printf("schedule: %d of %d within limits as shallow as can be, the others %d deeper at "
	       "most\n",
	       best, count, most);
	assert_true(best >= count * 98 / 100);
	assert_true(most <= 1);
}

/* ---- column reuse ---- */

enum { REUSED = 12, LAYERS = 5 };

/* Columns of one atom each, with random lives; some of rounded values. */
static Columns *
some_columns(Fixture *y)
{
	Columns *cols = NEW(&y->arena, Columns);
	Schedule *s = NEW(&y->arena, Schedule);
	int n = 1 + roll(y, REUSED), rounded = roll(y, 4);

	*s = (Schedule){ .c = y->c, .nlayer = LAYERS };
	*cols = (Columns){ .s = s,
		           .n = n,
		           .form = NEWS(&y->arena, const Form *, n),
		           .last = NEWS(&y->arena, int, n),
		           .slot = NEWS(&y->arena, int, n),
		           .cleared = NEWS(&y->arena, int, n),
		           .least = NEWS(&y->arena, int64_t, n) };
	Atom *token = new_feature(y, false);
	for (int i = 0; i < n; i++) {
		Atom *a = new_neuron(y, form_atom(y->c, token));
		a->kind = VALUE; /* a range of its own, no line */
		a->ready = roll(y, 2 * LAYERS + 1);
		a->lo = -roll(y, 5);
		a->bos = roll_between(y, -9, 9);
		a->real = roll(y, 8) < rounded;
		a->margin = a->real && roll(y, 2);
		a->lo = a->margin ? 0 : a->lo;
		a->bos = a->margin ? 0 : a->bos;
		cols->form[i] = form_atom(y->c, a);
		cols->last[i] = roll_between(y, a->ready, 2 * LAYERS);
	}
	return cols;
}

/* Is it cleared by itself, where nothing else comes? */
static bool
is_quiet(const Atom *a)
{
	return a->margin;
}

static bool
never_shares(const Atom *a)
{
	return a->real && !is_quiet(a);
}

/* When a column could be cleared for another. */
static int
ends_at(const Columns *cols, int i)
{
	int end = 2 * (cols->last[i] / 2) + 2;

	return end > 2 * LAYERS || never_shares(cols->form[i]->term[0].atom) ? INT_MAX : end;
}

/* Does it need its slot in this state? */
static bool
needs_slot(const Columns *cols, int i, int state)
{
	const Atom *a = cols->form[i]->term[0].atom;
	int quiet = is_quiet(a), end = ends_at(cols, i);

	return a->ready - quiet <= state && (end == INT_MAX || state < end + quiet);
}

/* The most columns that have to stand at once; those that share with none count always. */
static int
most_at_once(const Columns *cols, bool with_rounded)
{
	int most = 0;

	for (int state = -1; state <= 2 * LAYERS; state++) {
		int n = 0;
		for (int i = 0; i < cols->n; i++) {
			const Atom *a = cols->form[i]->term[0].atom;
			n += never_shares(a) ? with_rounded : needs_slot(cols, i, state);
		}
		most = n > most ? n : most;
	}
	return most;
}

static void
check_turns(const Columns *cols, unsigned number)
{
	for (int i = 0; i < cols->n; i++) {
		const Atom *a = cols->form[i]->term[0].atom;
		if (cols->cleared[i] < INT_MAX && cols->cleared[i] < ends_at(cols, i))
			fail_msg("reuse %u: column %d is cleared while it is read", number, i);
		if (cols->slot[i] < 0 || cols->slot[i] >= cols->width)
			fail_msg("reuse %u: column %d has no slot", number, i);
		for (int k = 0; k < i; k++) {
			const Atom *b = cols->form[k]->term[0].atom;
			int quiet = is_quiet(a) || is_quiet(b);
			if (cols->slot[i] == cols->slot[k] && a->ready - quiet < cols->cleared[k]
			    && b->ready - quiet < cols->cleared[i])
				fail_msg("reuse %u: columns %d and %d stand in one slot", number, k,
				         i);
		}
		if (cols->least[i] > (a->lo < a->bos ? a->lo : a->bos))
			fail_msg("reuse %u: column %d can be less", number, i);
	}
}

static int
try_reuse(unsigned number)
{
	Fixture y;

	fixture_open(&y, number);
	Columns *cols = some_columns(&y);
	int least = most_at_once(cols, true), alone = least - most_at_once(cols, false);
	share_columns(cols, INT_MAX);
	check_turns(cols, number);
	assert_int_equal(cols->width, cols->n);
	share_columns(cols, 1);
	check_turns(cols, number);
	int narrow = cols->width;
	if (narrow < least - alone || narrow > least)
		fail_msg("reuse %u: %d slots, and %d stand at once", number, narrow, least);
	int wanted = roll_between(&y, 1, cols->n);
	share_columns(cols, wanted);
	check_turns(cols, number);
	if (cols->width > (wanted > narrow ? wanted : narrow))
		fail_msg("reuse %u: %d slots, and %d would do", number, cols->width, narrow);
	int saved = cols->n - narrow;
	fixture_close(&y);
	return saved;
}

static void
test_reuse(void **state)
{
	int saved = 0;

	(void)state;
	for (int i = 0; i < count; i++)
		saved += try_reuse(seed + (unsigned)i);
	printf("column reuse: %d slots saved in %d streams\n", saved, count);
	assert_true(saved > count);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lattice),
		cmocka_unit_test(test_common_terms),
		cmocka_unit_test(test_schedule),
		cmocka_unit_test(test_reuse),
	};

	if (argc > 1)
		count = atoi(argv[1]);
	if (argc > 2)
		seed = (unsigned)atoi(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
