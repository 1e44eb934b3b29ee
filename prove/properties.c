/* What a value can be, over all texts, and on what it can depend: an output of the model, or a
 * named value of the program that stands in the stream. Both follow from its form, which
 * is exact once the model is proved. */

#include "prove/prove.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One column of a value; `first`: what was known of the name so far was another value. */
void
ask_of_value(Proof *p, const char *name, const AffineForm *f, bool first)
{
	const char *asked = p->range_of ? p->range_of : p->depends_on;

	if (!asked || strcmp(asked, name))
		return;
	p->nanswer = first ? 0 : p->nanswer;
	p->answer = grown(p->answer, p->nanswer, sizeof *p->answer);
	p->answer[p->nanswer++] = *f;
}

/* The named values that stand in the stream at this state. */
void
ask_of_named_values(Proof *p, int state)
{
	for (int i = 0; i < p->m->nnamed; i++) {
		const NamedColumns *v = &p->m->named[i];
		AffineForm f = form_of(v->bias);
		if (v->state != state || !v->weight)
			continue;
		for (int k = 0; k < v->ncolumn; k++)
			f = sum_of_forms(&f, &p->x[v->column[k]].form, v->weight[k]);
		ask_of_value(p, v->name, &f, true);
	}
}

/* ---- on what a form depends */

typedef struct Causes {
	int n;
	const char **text;
} Causes;

static void
add_cause(Causes *c, const char *what)
{
	for (int i = 0; i < c->n; i++)
		if (!strcmp(c->text[i], what))
			return;
	c->text = grown(c->text, c->n, sizeof *c->text);
	c->text[c->n++] = what;
}

static void
add_root_causes(const Proof *p, const Root *r, const char *where, Causes *c)
{
	switch (r->kind) {
	case ROOT_TOKEN:
		add_cause(c, p->m->record ? text("field %d of the token %s", r->head, where)
		                          : text("the token %s", where));
		break;
	case ROOT_PLACE: add_cause(c, text("the place %s", where)); break;
	case ROOT_SOURCE:
		where = text("that %s reads", head_site(p->m, r->layer, r->head));
		for (int i = 0; i < r->inner->n; i++)
			add_root_causes(p, r->inner->root[i], where, c);
		break;
	case ROOT_COUNT:
	case ROOT_SUM:
		add_cause(c,
		          text("how many positions %s reads%s", head_site(p->m, r->layer, r->head),
		               r->kind == ROOT_SUM ? ", and what they hold" : ""));
		break;
	default:
		if (r->layer < 0)
			add_cause(c, text("the number '%s'", p->m->input[r->head].name));
		else
			add_cause(c, text("a number that %s reads",
			                  head_site(p->m, r->layer, r->head)));
	}
}

static void
add_form_causes(const Proof *p, const AffineForm *f, Causes *c)
{
	for (int i = 0; i < f->n; i++) {
		const AffineAtom *a = f->term[i].atom;
		for (int k = 0; a->roots && k < a->roots->n; k++)
			add_root_causes(p, a->roots->root[k], "here", c);
		if (!a->roots && a->input)
			add_form_causes(p, a->input, c);
		else if (!a->roots)
			add_cause(c, "a value that a head reads, of which only the range is known");
	}
}

/* ---- what is printed */

static void
print_range(Proof *p, const AffineForm *f, double error)
{
	Extent r = range_of(p, f), narrow = narrow_range_of(p, f, MOST_SPLITS, false);

	r = (Extent){ fmax(r.lo, narrow.lo), fmin(r.hi, narrow.hi) };
	printf("  between %.9g and %.9g", r.lo, r.hi);
	printf(error > 0 ? ", but for an error of %.3g\n" : "\n", error);
}

/* False: there is no such value. */
bool
print_properties(Proof *p)
{
	const char *name = p->range_of ? p->range_of : p->depends_on;

	for (int i = 0; i < p->nanswer; i++) {
		Causes c = { 0 };
		printf(p->nanswer > 1 ? "%s[%d]\n" : "%s\n", name, i);
		if (p->range_of)
			print_range(p, &p->answer[i], error_of_form(&p->answer[i]));
		else
			add_form_causes(p, &p->answer[i], &c);
		for (int k = 0; k < c.n; k++)
			printf("  %s\n", c.text[k]);
		if (p->depends_on && c.n == 0)
			printf("  nothing\n");
	}
	return !name || p->nanswer > 0;
}
