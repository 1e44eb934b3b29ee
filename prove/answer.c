/* What the model says: logits and labels.
 *
 * Logits are exact, and in each field the greatest is one, and not that of <bos>. Those of a
 * field are lines a v + b of one integer form v, tried at each v of its range, of which
 * those beyond all crossings are alike; or functions of few roots, tried at each value. */

#include "prove/prove.h"

#include <math.h>
#include <stdlib.h>

typedef struct NextToken {
	int n, bos; /* bos: which of them is <bos>; -1 */
	ColumnValue *logit;
} NextToken;

/* A logit, as a multiple of the form v. */
typedef struct Slope {
	double a, b;
} Slope;

static bool
is_multiple_of(const AffineForm *f, const AffineForm *v, double *factor)
{
	if (f->n == 0) {
		*factor = 0;
		return true;
	}
	if (f->n != v->n)
		return false;
	*factor = f->term[0].c / v->term[0].c;
	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom != v->term[i].atom
		    || fma(*factor, v->term[i].c, -f->term[i].c) != 0)
			return false;
	return true;
}

/* The form that all are multiples of, its coefficients without common divisor. */
static bool
common_form(const NextToken *x, AffineForm *v, Slope *line)
{
	const AffineForm *first = NULL;
	double common = 0;

	for (int i = 0; i < x->n && !first; i++)
		first = x->logit[i].form.n ? &x->logit[i].form : NULL;
	*v = first ? *first : form_of(0);
	v->k = 0;
	v->term = take_copy(v->term, (size_t)v->n * sizeof *v->term);
	for (int i = 0; i < v->n; i++) {
		common = gcd_of(common, v->term[i].c);
		if (v->term[i].atom->step < 0)
			return false;
	}
	for (int i = 0; i < v->n; i++)
		v->term[i].c /= common;
	for (int i = 0; i < x->n; i++) {
		line[i].b = x->logit[i].form.k;
		if (!is_multiple_of(&x->logit[i].form, v, &line[i].a))
			return false;
	}
	return true;
}

static bool
one_is_greatest(const NextToken *x, const double *logit)
{
	int best = 0;
	bool tie = false;

	for (int i = 1; i < x->n; i++) {
		if (logit[i] > logit[best]) {
			best = i;
			tie = false;
		} else if (logit[i] == logit[best]) {
			tie = true;
		}
	}
	return !tie && best != x->bos;
}

/* Beyond this v, upwards or downwards, the steepest line has crossed all others. */
static double
last_crossing(const NextToken *x, const Slope *line, double sign)
{
	int top = 0;
	double last = -INFINITY;

	for (int i = 1; i < x->n; i++)
		if (sign * line[i].a > sign * line[top].a
		    || (line[i].a == line[top].a && line[i].b > line[top].b))
			top = i;
	for (int i = 0; i < x->n; i++)
		if (line[i].a != line[top].a)
			last = fmax(last,
			            (line[i].b - line[top].b) / (sign * (line[top].a - line[i].a)));
	return sign * last;
}

enum { MOST_VALUES = 1 << 20 };

static bool
greatest_on_lines(Proof *p, const NextToken *x)
{
	Slope *line = TAKE(Slope, x->n);
	double *logit = TAKE(double, x->n);
	AffineForm v;

	if (!common_form(x, &v, line))
		return false;
	Extent r = range_of(p, &v);
	if (v.n) {
		double up = last_crossing(x, line, 1), down = last_crossing(x, line, -1);
		r.hi = isfinite(up) ? fmin(r.hi, fmax(ceil(up) + 2, r.lo)) : fmin(r.hi, r.lo);
		r.lo = isfinite(down) ? fmax(r.lo, fmin(floor(down) - 2, r.hi)) : r.lo;
	}
	if ((r.hi - r.lo) * x->n > (double)MOST_VALUES * 64)
		return false;
	for (double at = ceil(r.lo); at <= r.hi; at++) {
		for (int i = 0; i < x->n; i++)
			logit[i] = plus(times(line[i].a, at), line[i].b);
		if (!one_is_greatest(x, logit))
			return false;
	}
	return true;
}

static bool
greatest_by_roots(Proof *p, const NextToken *x)
{
	const Roots *roots = no_roots(p);
	double **value = TAKE(double *, x->n), *logit = TAKE(double, x->n);

	for (int i = 0; i < x->n; i++)
		roots = join_form_roots(p, roots, &x->logit[i].form);
	if (!roots)
		return false;
	for (int i = 0; i < x->n; i++)
		value[i] = tabulate(p, &x->logit[i].form, roots);
	for (int v = 0; v < roots->size; v++) {
		for (int i = 0; i < x->n; i++)
			logit[i] = value[i][v];
		if (can_be(roots, v) && !one_is_greatest(x, logit))
			return false;
	}
	return true;
}

/* At <bos>, and at every position of a text. */
static bool
greatest_is_one(Proof *p, const NextToken *x)
{
	double *logit = TAKE(double, x->n);

	for (int i = 0; i < x->n; i++) {
		if (!x->logit[i].exact)
			return false;
		logit[i] = x->logit[i].bos;
	}
	return one_is_greatest(x, logit) && (greatest_on_lines(p, x) || greatest_by_roots(p, x));
}

static void
prove_logits(Proof *p)
{
	const Model *m = p->m;
	ColumnValue *logit = TAKE(ColumnValue, m->nvocab + 2);

	for (int row = 0; row < m->nvocab + 2; row++) {
		const char *token = row < m->nvocab    ? m->vocab[row]
		                    : row == m->nvocab ? "<end>"
		                                       : "<bos>";
		AddendList s = sum_of_columns(p, m->head_w + row, m->nvocab + 2,
		                              (double)m->head_b[row]);
		logit[row] = prove_sum(p, "a logit", &s);
		add_finding(p, FACT_LOGIT, logit[row].exact, text("the logit of '%s'", token),
		            text("it may be off by %g, its sum being up to %.0f",
		                 error_of_form(&logit[row].form), logit[row].most));
	}
	for (int f = 0; f < m->nfield; f++)
		for (int row = m->first[f]; row < m->first[f + 1]; row++)
			hold_logit(p, f, 2.0 * (row - m->first[f]), row - m->first[f], &logit[row]);
	hold_logit(p, 0, 2.0 * m->first[1], m->first[1], &logit[m->nvocab]);
	hold_logit(p, 0, 0, m->nvocab + 1, &logit[m->nvocab + 1]);
	for (int f = 0; f < m->nfield; f++) {
		int n = m->first[f + 1] - m->first[f];
		NextToken x = { n, -1, TAKE(ColumnValue, n + 2) };
		for (int i = 0; i < n; i++)
			x.logit[i] = logit[m->first[f] + i];
		if (f == 0) {
			x.bos = n + 1;
			x.logit[x.n++] = logit[m->nvocab];
			x.logit[x.n++] = logit[m->nvocab + 1];
		}
		add_finding(p, FACT_NEXT, greatest_is_one(p, &x),
		            m->record ? text("field %d of the next token", f) : "the next token",
		            "two logits may be equal, or that of <bos> the greatest");
	}
}

static void
prove_label(Proof *p, const OutputLabel *l)
{
	for (int c = 0; c < l->columns; c++) {
		AddendList s = sum_of_columns(p, l->w + c, l->columns, (double)l->b[c]);
		ColumnValue v = prove_sum(p, "a label", &s);
		if (c == 0)
			hold_label(p, (int)(l - p->m->label), &v);
		ask_of_value(p, l->name, &v.form, c == 0);
		double error = fmax(error_of_form(&v.form), v.bos_error);
		bool ok = l->kind == KIND_REAL ? error <= l->error : v.exact;
		add_finding(p, FACT_LABEL, ok, text("the label '%s'", l->name),
		            text("it may be off by %g, and %g is what the file says", error,
		                 l->kind == KIND_REAL ? l->error : 0));
	}
}

void
prove_answers(Proof *p)
{
	if (p->m->emits)
		prove_logits(p);
	for (int i = 0; i < p->m->nlabel; i++)
		prove_label(p, &p->m->label[i]);
}
