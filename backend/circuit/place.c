/* Functions of the place in long contexts, as sums of functions of its digits, so that neither
 * the compiler nor the file has a table by place. With digits of 1024 the place 5000 is
 * 4 * 1024 + 904: the feature `place` is the table 0, 1, 2 … 1023 at its low digit plus the
 * table 0, 1024, 2048 … at its high one.
 *
 * A digit may be of an earlier place (TwPlaceDigit.back), since those of place - k are no sums of
 * functions of the digits of place. */

#include "backend/target/target.h"

double
feature_at_place(const Atom *a, int place)
{
	double sum = 0;

	if (a->reals)
		return a->reals[place];
	if (a->table)
		return (double)a->table[place];
	for (int i = 0; i < a->npart; i++)
		sum += (double)a->part[i].value[tw_place_digit(&a->part[i].digit, place)];
	return sum;
}

/* The table less what it has at <bos>; NULL if nothing is left. */
static const int64_t *
without_base(Circuit *c, const DigitTable *t)
{
	int64_t *value = arena_alloc(c->arena, sizeof *value * (size_t)t->digit.modulo);
	bool any = false;

	for (int d = 0; d < t->digit.modulo; d++) {
		value[d] = t->value[d] - t->value[0];
		any |= value[d] != 0;
	}
	return any ? value : NULL;
}

const Form *
digits_feature(Circuit *c, int n, const DigitTable *t, int64_t lo, int64_t hi)
{
	DigitTable *part = NEWS(c->arena, DigitTable, n + 1);
	Atom a = { .kind = PLACE_FEATURE, .part = part, .ready = c->target->place_ready };
	int64_t base = 0;

	for (int i = 0; i < n; i++) {
		base += t[i].value[0];
		part[a.npart] = (DigitTable){ t[i].digit, without_base(c, &t[i]) };
		a.npart += part[a.npart].value != NULL;
	}
	if (!a.npart)
		return form_const(c, base);
	a.lo = lo - base;
	a.hi = hi - base;
	return form_scale(c, 1, form_atom(c, atom_intern(c, a)), base);
}

/* 0, step, 2 step … */
static int64_t *
multiples(Circuit *c, int n, int64_t step)
{
	int64_t *value = arena_alloc(c->arena, sizeof *value * (size_t)n);

	for (int d = 0; d < n; d++)
		value[d] = d * step;
	return value;
}

const Form *
place_before(Circuit *c, int back, int64_t times)
{
	DigitTable part[8];
	int n = 0, last = c->places - 1 - back;

	for (int64_t unit = 1; unit <= last || !n; unit *= DIGIT_BASE) {
		int rows = DIGIT_BASE;
		if (n > 1) /* the third ends with the text, as sums of all rows must fit */
			rows = (int)min_int64(rows, last / unit + 1);
		TwPlaceDigit digit = { back, (int)unit, rows, false };
		part[n++] = (DigitTable){ digit, multiples(c, rows, times * unit) };
	}
	int64_t a = times * (back ? 0 : 1), b = times * max_int(last, 0);
	return digits_feature(c, n, part, min_int64(a, b), max_int64(a, b));
}

const Form *
place_from(Circuit *c, int from, int64_t first, int64_t then)
{
	int64_t *value = arena_alloc(c->arena, 2 * sizeof *value);
	TwPlaceDigit digit = { from - 1, 1, 2, true };

	value[0] = first;
	value[1] = then;
	return digits_feature(c, 1, &(DigitTable){ digit, value }, min_int64(first, then),
	                      max_int64(first, then));
}
