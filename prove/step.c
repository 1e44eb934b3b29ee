/* Steps: two neurons that are not exact, and whose difference is.
 *
 *     relu(y - K - B) - relu(y - K - B - D)      y = s r, r a real, s a power of two;
 *                                                K, D whole numbers, B whole numbers from columns
 *
 * If y - K - B is at most 0, or at least D, whatever r's error, this is 0 or D. r is a float32, and
 * so is y. Where the first sum is not below 0, y >= K + B; nothing else is added to y than numbers
 * that are not above 0, so every partial sum with y in it is between y - K - B - D and y, and the
 * second one's too where that is not below 0. All are whole numbers of last places of y, if that is
 * at most 1, and no larger than y: so they are floats, nothing is rounded, and the column adds up
 * the two of them without rounding. Where a sum is below 0 a rounded one is not above 0. */

#include "prove/prove.h"

#include <math.h>
#include <stdlib.h>

/* A sum of one real, times a power of two, and whole numbers that are not above 0. */
static bool
is_step_sum(Proof *p, const AddendList *s, const struct Addend **real, double *bias)
{
	*real = NULL;
	*bias = 0;
	for (int i = 0; i < s->n; i++) {
		const struct Addend *a = &s->addend[i];
		int e;
		if (is_bias(a)) {
			*bias = a->w;
		} else if (!a->v->exact) {
			if (*real || a->w <= 0 || frexp(a->w, &e) != 0.5)
				return false;
			*real = a;
		} else {
			Extent r = range_of(p, &a->v->form);
			if (a->w > 0 || r.lo < 0 || a->v->bos < 0 || step_of(a->w) + a->v->step < 0)
				return false;
		}
	}
	return *real && *bias <= 0 && *bias == rint(*bias)
	       && (*real)->w * (*real)->v->most <= 0x1p23;
}

static bool
same_but_for_bias(const AddendList *a, const AddendList *b)
{
	int i = 0, j = 0;

	for (;; i++, j++) {
		while (i < a->n && is_bias(&a->addend[i]))
			i++;
		while (j < b->n && is_bias(&b->addend[j]))
			j++;
		if (i == a->n || j == b->n)
			return i == a->n && j == b->n;
		if (a->addend[i].v != b->addend[j].v || a->addend[i].w != b->addend[j].w)
			return false;
	}
}

/* 0 where the sum is at most 0, `by` where it is at least that; false if it may be neither. */
static bool
step_table(const SumTable *t, double by)
{
	for (int v = 0; v < t->roots->size; v++) {
		bool above = t->value[v] - t->error[v] >= by;
		if (!above && t->value[v] + t->error[v] > 0
		    && (!t->roots->possible || t->roots->possible[v]))
			return false;
		t->value[v] = above ? by : 0;
	}
	return true;
}

/* The same of a sum whose roots are too many together: each value of the real with each of the
 * rest. */
static bool
steps_by_parts(Proof *p, const AddendList *s, double by)
{
	AddendList part[2] = { 0 };
	SumTable t[2];

	for (int i = 0; i < s->n; i++)
		add(&part[s->addend[i].v->exact], s->addend[i].w, s->addend[i].v);
	for (int i = 0; i < 2; i++)
		if (!tabulate_sum(p, &part[i], false, &t[i]))
			return false;
	if ((double)t[0].roots->size * t[1].roots->size > MOST_WORK)
		return false;
	for (int i = 0; i < t[0].roots->size; i++)
		for (int k = 0; k < t[1].roots->size; k++) {
			double x = t[0].value[i], rest = t[1].value[k], off = t[0].error[i];
			off += s->n * (fabs(x) + off + fabs(rest)) * 1.01 * 0x1p-24;
			if (t[1].error[k] != 0 || (x + rest + off > 0 && x + rest - off < by))
				return false;
		}
	return true;
}

/* What the first is more than the second, whose sum is less by so much; NULL. */
static const ColumnValue *
difference_of(Proof *p, const AddendList *s, double by)
{
	SumTable t, bos;
	AffineForm f;

	if (!tabulate_sum(p, s, true, &bos) || !step_table(&bos, by))
		return NULL;
	if (tabulate_sum(p, s, false, &t) && step_table(&t, by))
		f = form_of_table(p, t.roots, t.value, NULL);
	else if (steps_by_parts(p, s, by))
		f = form_of_atom(atom_of_range(p, (Extent){ 0, by }, 0, step_of(by)), 1);
	else
		return NULL;
	ColumnValue v = value_with_form(p, f, bos.value[0], 0);
	return take_copy(&v, sizeof v);
}

void
find_exact_steps(Proof *p, const AddendList *sum, ColumnValue *const *neuron, int n)
{
	const struct Addend *real, *other;
	double bias, less;

	for (int i = 0; i < n; i++) {
		if (neuron[i]->exact || !is_step_sum(p, &sum[i], &real, &bias))
			continue;
		for (int j = 0; j < n && !neuron[i]->difference; j++)
			if (j != i && !neuron[j]->exact && same_but_for_bias(&sum[i], &sum[j])
			    && is_step_sum(p, &sum[j], &other, &less) && less < bias) {
				neuron[i]->second = neuron[j];
				neuron[i]->difference = difference_of(p, &sum[i], bias - less);
			}
	}
}

void
replace_steps(AddendList *s)
{
	for (int i = 0; i < s->n; i++) {
		struct Addend *a = &s->addend[i];
		for (int j = 0; a->v->difference && j < s->n; j++)
			if (s->addend[j].v == a->v->second && s->addend[j].w == -a->w) {
				a->v = a->v->difference;
				s->addend[j] = s->addend[--s->n];
				i = -1; /* the last one may be another */
				break;
			}
	}
}
