/* Atoms, found by content: equal atoms are one atom, so that every reader of `t // 10` and `t %
 * 10` meets the same neurons. This is hash consing (Ershov 1958), which the graph does with nodes
 * too. */

#include "backend/target/target.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct AtomTable {
	int n, cap; /* cap: a power of two */
	struct AtomSlot {
		uint64_t hash;
		Atom *atom; /* NULL: free */
	} * slot;
} AtomTable;

static uint64_t
hash_step(uint64_t h, uint64_t x)
{
	h ^= x + 0x9e3779b97f4a7c15u + (h << 6) + (h >> 2);
	return h * 0xff51afd7ed558ccdu;
}

static size_t
feature_size(const Circuit *c, AtomKind kind)
{
	return (size_t)(kind == TOKEN_FEATURE ? c->rows : c->places);
}

static uint64_t
hash_part(uint64_t h, const DigitTable *t)
{
	h = hash_step(hash_step(h, (uint64_t)t->digit.back), (uint64_t)t->digit.divide);
	for (int d = 0; d < t->digit.modulo; d++)
		h = hash_step(h, (uint64_t)t->value[d]);
	return h;
}

bool
same_digit(const TwPlaceDigit *a, const TwPlaceDigit *b)
{
	return a->back == b->back && a->divide == b->divide && a->modulo == b->modulo
	       && a->saturate == b->saturate;
}

static bool
equal_parts(const Atom *a, const Atom *b)
{
	if (a->npart != b->npart)
		return false;
	for (int i = 0; i < a->npart; i++) {
		const DigitTable *x = &a->part[i], *y = &b->part[i];
		if (!same_digit(&x->digit, &y->digit)
		    || memcmp(x->value, y->value, sizeof *x->value * (size_t)x->digit.modulo))
			return false;
	}
	return true;
}

static uint64_t
hash_reals(uint64_t h, const double *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = hash_step(h, (uint64_t)real_bits(x[i]));
	return h;
}

static uint64_t
hash_form(uint64_t h, const Form *f)
{
	const RealSum *r = f->real;

	h = hash_step(h, (uint64_t)f->k);
	for (int i = 0; i < f->n; i++)
		h = hash_step(hash_step(h, (uint64_t)f->term[i].c), (uint64_t)f->term[i].atom->id);
	for (int i = 0; r && i < r->n; i++)
		h = hash_step(h, (uint64_t)real_bits(r->term[i].c));
	return r ? hash_step(h, (uint64_t)real_bits(r->k)) : h;
}

/* A neuron of integers, which its linear part and a constant say. */
static bool
is_whole_neuron(const Atom *a)
{
	return a->kind == NEURON && !a->in->real && !a->times;
}

static uint64_t
atom_hash(const Circuit *c, const Atom *a)
{
	uint64_t h = hash_step(hash_step(1, a->kind), (uint64_t)a->input);

	if (a->reals)
		h = hash_reals(h, a->reals,
		               feature_size(c, a->by_place ? PLACE_FEATURE : TOKEN_FEATURE));
	for (size_t i = 0; a->table && i < feature_size(c, a->kind); i++)
		h = hash_step(h, (uint64_t)a->table[i]);
	for (int i = 0; i < a->npart; i++)
		h = hash_part(h, &a->part[i]);
	if (is_whole_neuron(a)) /* its linear part has been found by content already */
		return hash_step(hash_step(h, (uint64_t)a->linear_part),
		                 (uint64_t)(linear_part_sign(a->in) * a->in->k));
	if (a->times)
		h = hash_form(h, a->times);
	return a->in ? hash_form(h, a->in) : h;
}

static bool
atom_equal(const Circuit *c, const Atom *a, const Atom *b)
{
	if (a->kind != b->kind || a->head != b->head || a->by_place != b->by_place
	    || a->input != b->input || a->lift != b->lift || a->step != b->step)
		return false;
	if (a->reals) /* placeholders of 0 may stand for different things */
		return a->min == b->min && a->max == b->max && a->error == b->error
		       && !memcmp(a->reals, b->reals,
		                  sizeof *a->reals
		                          * feature_size(c, a->by_place ? PLACE_FEATURE
		                                                        : TOKEN_FEATURE));
	if (a->kind == INPUT_FEATURE)
		return true;
	if (a->npart || b->npart || !a->table != !b->table)
		return a->npart && equal_parts(a, b);
	if (a->table)
		return !memcmp(a->table, b->table, feature_size(c, a->kind) * sizeof *a->table);
	if (!a->times != !b->times || (a->times && !form_equal(a->times, b->times)))
		return false;
	if (is_whole_neuron(a))
		return is_whole_neuron(b) && a->linear_part == b->linear_part
		       && a->in->k == b->in->k
		       && linear_part_sign(a->in) == linear_part_sign(b->in);
	return form_equal(a->in, b->in);
}

static void
atom_table_grow(Circuit *c, AtomTable *t)
{
	AtomTable old = *t;

	t->cap = old.cap ? 2 * old.cap : 1024;
	t->slot = arena_alloc(c->arena, sizeof *t->slot * (size_t)t->cap);
	for (int i = 0; i < old.cap; i++) {
		uint64_t h = old.slot[i].hash, mask = (uint64_t)t->cap - 1;
		if (!old.slot[i].atom)
			continue;
		while (t->slot[h & mask].atom)
			h++;
		t->slot[h & mask] = old.slot[i];
	}
}

Atom *
atom_intern(Circuit *c, Atom key)
{
	if (!c->table)
		c->table = NEW(c->arena, AtomTable);
	AtomTable *t = c->table;
	if (2 * (t->n + 1) > t->cap)
		atom_table_grow(c, t);
	if (key.kind == NEURON) /* what is no line has a part of its own */
		key.linear_part = key.times ? -1 - c->natom : linear_part_of(c, key.in);
	uint64_t hash = atom_hash(c, &key), h = hash, mask = (uint64_t)t->cap - 1;
	for (; t->slot[h & mask].atom; h++)
		if (t->slot[h & mask].hash == hash && atom_equal(c, t->slot[h & mask].atom, &key))
			return t->slot[h & mask].atom;
	Atom *a = NEW(c->arena, Atom);
	*a = key;
	a->id = c->natom;
	a->node = c->node;
	a->owner = c->owner;
	GROW(c->arena, c->atom, c->capatom, c->natom + 1);
	c->atom[c->natom++] = a;
	t->slot[h & mask] = (struct AtomSlot){ hash, a };
	t->n++;
	return a;
}

static const Form *
intern_feature(Circuit *c, AtomKind kind, int field, const int64_t *table, int first, int n,
               int bos)
{
	Atom a = { .kind = kind,
		   .field = field,
		   .ready = kind == PLACE_FEATURE ? c->target->place_ready : 0 };
	int64_t lo = table[first], hi = lo, size = (int64_t)feature_size(c, kind);

	for (int i = first; i < first + n; i++) {
		lo = min_int64(table[i], lo);
		hi = max_int64(table[i], hi);
	}
	/* an atom is 0 at <bos>: the constant that this takes off goes to whoever reads it, and
	 * tables that differ by a constant are one atom */
	int64_t base = table[bos];
	int64_t *t = arena_alloc(c->arena, sizeof *t * (size_t)size);
	bool flat = true;
	for (int i = 0; i < size; i++) {
		bool real = (i >= first && i < first + n) || i == bos;
		t[i] = real ? table[i] - base : 0;
		flat = flat && !t[i];
	}
	if (flat)
		return form_const(c, base);
	a.table = t;
	a.lo = lo - base;
	a.hi = hi - base;
	return form_scale(c, 1, form_atom(c, atom_intern(c, a)), base);
}

const Form *
token_feature(Circuit *c, int field, const int64_t *table)
{
	return intern_feature(c, TOKEN_FEATURE, field, table, first_row(c->g, field),
	                      rows_of(c->g, field), c->rows - 1);
}

const Form *
place_feature(Circuit *c, const int64_t *table)
{
	return intern_feature(c, PLACE_FEATURE, 0, table, 1, c->places - 1, 0);
}

const Atom *
single_source(const Form *f, const Atom *but)
{
	const Atom *one = NULL;

	for (int i = 0; i < f->n; i++) {
		const Atom *a = f->term[i].atom;
		if (a == but)
			continue;
		if (a->kind > PLACE_FEATURE || a->npart
		    || (one && (a->kind != one->kind || a->field != one->field)))
			return NULL;
		one = a;
	}
	return one;
}

/* max(f, 0) of a function of one digit of the place; NULL if f is none. */
static const Form *
relu_of_digit(Circuit *c, const Form *f)
{
	const DigitTable *t = f->n && !f->real ? f->term[0].atom->part : NULL;

	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom->npart != 1
		    || !same_digit(&f->term[i].atom->part->digit, &t->digit))
			return NULL;
	if (!t)
		return NULL;
	int64_t *value = arena_alloc(c->arena, sizeof *value * (size_t)t->digit.modulo);
	for (int d = 0; d < t->digit.modulo; d++) {
		int64_t v = f->k;
		for (int i = 0; i < f->n; i++)
			v += f->term[i].c * f->term[i].atom->part->value[d];
		value[d] = max_int64(v, 0);
	}
	return digits_feature(c, 1, &(DigitTable){ t->digit, value }, 0, f->hi);
}

const Form *
relu(Circuit *c, const Form *f)
{
	if (f->lo >= 0)
		return f;
	if (f->hi <= 0)
		return form_const(c, 0);
	if (c->effort.materialize)
		f = as_readable(c, f);

	const Form *digit = relu_of_digit(c, f);
	if (digit)
		return digit;
	const Atom *one = single_source(f, NULL);
	if (one) {
		size_t n = feature_size(c, one->kind);
		int64_t *t = arena_alloc(c->arena, sizeof *t * n);
		for (size_t r = 0; r < n; r++) {
			int64_t v = f->k;
			for (int i = 0; i < f->n; i++)
				v += f->term[i].c * f->term[i].atom->table[r];
			t[r] = max_int64(v, 0);
		}
		return one->kind == TOKEN_FEATURE ? token_feature(c, one->field, t)
		                                  : place_feature(c, t);
	}
	int64_t bos = form_bos(f);
	Atom a = { .kind = NEURON,
		   .in = f,
		   .lo = 0,
		   .hi = f->hi,
		   .bos = max_int64(bos, 0),
		   .ready = computed_from(f->ready) };
	for (int i = 0; i < f->n; i++)
		a.real |= f->term[i].atom->real;
	return form_atom(c, atom_intern(c, a));
}

/* Are all its terms whole numbers, each exact? */
static bool
is_of_integers(const Form *f)
{
	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom->real || f->term[i].atom->margin)
			return false;
	return !f->real && !f->near;
}

const Form *
gated_product(Circuit *c, const Form *f, const Form *g)
{
	double most = (double)max_int64(llabs(g->lo), llabs(g->hi));
	int64_t up = max_int64(f->hi, 0), bos = max_int64(form_bos(f), 0);

	if (!c->target->gated || !is_of_integers(f) || !is_of_integers(g)
	    || (double)up * most >= EXACT_MAX
	    || (double)bos * fabs((double)form_bos(g)) >= EXACT_MAX)
		return NULL;
	if (!up && !bos)
		return form_const(c, 0);
	if (c->effort.materialize) {
		f = as_readable(c, f);
		g = as_readable(c, g);
	}
	int64_t least = f->lo > 0 ? f->lo : 0;
	Atom a = { .kind = NEURON,
		   .in = f,
		   .times = g,
		   .lo = (g->lo < 0 ? up : least) * g->lo,
		   .hi = (g->hi > 0 ? up : least) * g->hi,
		   .bos = bos * form_bos(g),
		   .ready = computed_from(max_int(f->ready, g->ready)) };

	return form_atom(c, atom_intern(c, a));
}

const Form *
round_to_integer(Circuit *c, const Form *f, int64_t lo, int64_t hi, int64_t lift)
{
	Form *in = NEW(c->arena, Form);

	*in = *f;
	in->near = true;
	in->k += lift - lo;
	in->lo = lift;
	in->hi = lift + hi - lo;
	Atom a = { .kind = NEURON,
		   .in = in,
		   .lift = lift,
		   .lo = 0,
		   .hi = hi - lo,
		   .bos = form_bos(f) - lo,
		   .ready = computed_from(in->ready) };

	return form_scale(c, 1, form_atom(c, atom_intern(c, a)), lo);
}

const Form *
flag_neuron(Circuit *c, const Form *in)
{
	if (in->hi <= 0)
		return form_const(c, 0);
	int64_t bos = form_bos(in);
	Atom a = { .kind = NEURON,
		   .in = in,
		   .lo = 0,
		   .hi = 1,
		   .bos = max_int64(bos, 0),
		   .ready = computed_from(in->ready) };

	return form_atom(c, atom_intern(c, a));
}

const Form *
exact_flag(Circuit *c, const Form *u)
{
	return flag_neuron(c, form_within(c, form_scale(c, -1, u, 1), INT64_MIN, 1));
}

bool
is_exact_flag(const Atom *a)
{
	bool rounded = false;

	for (int i = 0; a->kind == NEURON && !a->real && !a->lift && !a->step && i < a->in->n; i++)
		rounded |= a->in->term[i].atom->real;
	return rounded;
}

const Form *
step_neuron(Circuit *c, const Form *in)
{
	int64_t bos = form_bos(in);
	c->steps = true;
	Atom a = { .kind = NEURON,
		   .in = in,
		   .step = true,
		   .hi = 1,
		   .bos = bos >= 1,
		   .ready = computed_from(in->ready) };

	return form_atom(c, atom_intern(c, a));
}

bool
has_step(const Form *f)
{
	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom->step)
			return true;
	return false;
}

const Form *
as_penalty(Circuit *c, const Form *f)
{
	const Atom *one = f->n && !f->real ? single_source(f, NULL) : NULL;
	size_t n = one ? feature_size(c, one->kind) : 0;

	if (!one || f->lo < 0)
		return NULL;
	int64_t *t = arena_alloc(c->arena, sizeof *t * n);
	for (size_t r = 0; r < n; r++) {
		t[r] = f->k;
		for (int i = 0; i < f->n; i++)
			t[r] += f->term[i].c * f->term[i].atom->table[r];
		t[r] = max_int64(t[r], 0);
	}
	t[one->kind == TOKEN_FEATURE ? c->rows - 1 : 0] = 0;
	Form *own = NEW(c->arena, Form);
	*own = *(one->kind == TOKEN_FEATURE ? token_feature(c, one->field, t)
	                                    : place_feature(c, t));
	own->near = true;
	return own;
}

enum { STEP_GATE = 1 << 25 }; /* more than what a step reads can be */

const Form *
gated_step(Circuit *c, const Atom *step, const Form *f)
{
	const Form *penalty = as_penalty(c, f);

	return penalty ? step_neuron(c, form_add(c, 1, step->in, -STEP_GATE, penalty, 0)) : NULL;
}

static Head *
head_in_layer(Circuit *c, const Lookup *s, int layer)
{
	for (int i = 0; i < c->nhead; i++)
		if (c->head[i]->lookup == s && c->head[i]->layer == layer)
			return c->head[i];
	GROW(c->arena, c->head, c->caphead, c->nhead + 1);
	Head *h = NEW(c->arena, Head);
	h->lookup = s;
	h->layer = layer;
	return c->head[c->nhead++] = h;
}

const Form *
head_atom(Circuit *c, const Lookup *s, const Form *f, Atom a)
{
	int layer = attention_layer_from(max_int(s->ready, f->ready)), i = 0;
	Head *h = head_in_layer(c, s, layer);

	a.kind = VALUE;
	a.in = f;
	a.head = h;
	a.ready = state_after_attention(layer);
	Atom *v = atom_intern(c, a);
	while (i < h->nvalue && h->value[i] != v)
		i++;
	if (i == h->nvalue) {
		GROW(c->arena, h->value, h->capvalue, i + 1);
		h->value[h->nvalue++] = v;
	}
	return form_atom(c, v);
}

const Form *
head_value(Circuit *c, const Lookup *s, const Form *f, int64_t absent)
{
	f = form_set_bos(c, f, absent);
	if (form_is_const(f))
		return f;
	if (c->effort.materialize)
		f = as_readable(c, f);
	/* the constant part needs no head: a softmax's weights add up to 1 */
	int64_t k = f->k;
	f = form_scale(c, 1, f, -k);
	absent -= k;
	Atom a = { .bos = absent, .lo = min_int64(f->lo, absent), .hi = max_int64(f->hi, absent) };
	return form_scale(c, 1, head_atom(c, s, f, a), k);
}

const Form *
head_mean(Circuit *c, const Lookup *s, const Form *f)
{
	int64_t bos = form_bos(f);
	Atom a = {
		.bos = bos, .real = true, .lo = min_int64(f->lo, bos), .hi = max_int64(f->hi, bos)
	};

	return head_atom(c, s, f, a);
}
