/* Each verifier of the backend can fail: what a stage has made is spoiled by hand, one rule at a
 * time, and the verifier must name the stage and say which rule is broken. And it does not cry
 * wolf: as the stage made it, all is well. Last, every weight of a small model is changed, one
 * after the other. */

#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/choose_circuit.h"
#include "backend/target/target.h"
#include "backend/verify/verify.h"
#include "frontend/frontend.h"

static const char sum_program[] = "model sum { vocab \"0123+\" context 6 }\n"
				  "let value = if token == '+' then 0 else ord(token) - ord('0')\n"
				  "let plus = latest j where token[j] == '+'\n"
				  "let left = value[plus - 1 else 0]\n"
				  "output sum: int = left + value\n"
				  "output over: int = max(left + value - 3, 0)\n"
				  "emit if left + value > 3 then '+' else '0'\n"
				  "test \"12+3\" -> sum = [1, 2, 2, 5]\n";

static const char count_program[] = "model count { vocab \"ab\" context 8 }\n"
				    "output n: int = count(token[j] == 'a' for j)\n"
				    "output m = mean(token[j] == 'a' for j)\n";

static const char narrow_program[] = "use digits\n"
				     "model narrow { vocab \"0123456789+\" context 8 }\n"
				     "let plus = latest j where token[j] == '+'\n"
				     "let a = digits.before(plus, 2)\n"
				     "output low: bool = a[0] < digits.value(a) / 4\n";

/* A program, and what the stages made of it. */
typedef struct Stages {
	Arena arena;
	Source src;
	Diags diags;
	Limits limits;
	Circuit *c;
	Columns *cols;
	Schedule *s;
	TwModel *m;
	Report report;
} Stages;

static void
stages_open(Stages *b, const char *text, Limits limits)
{
	*b = (Stages){ .limits = limits };
	b->src = (Source){ .path = "stages.tw", .text = text, .len = (uint32_t)strlen(text) };
	b->diags = (Diags){ .arena = &b->arena, .src = &b->src };
	Graph *g = lower(parse(&b->src, &b->arena, &b->diags), "stdlib", &b->arena, &b->diags);
	if (!b->diags.nerror)
		run_passes(g, &b->diags, NULL, NULL);
	if (b->diags.nerror)
		fail_msg("%s", b->diags.first->msg);
	b->c = choose_circuit(g, &plain_target, &b->arena, &b->diags, &b->limits, 0);
}

static void
stages_run(Stages *b)
{
	b->cols = fit(b->c, &b->limits);
	if (b->diags.nerror)
		fail_msg("%s", b->diags.first->msg);
	b->s = b->cols->s;
	b->m = b->c->target->write(b->cols, &b->report);
	assert_int_equal(b->diags.nerror, 0);
}

static void
stages_close(Stages *b)
{
	arena_free(&b->arena);
}

/* The verifier's answer, and what it said. */
static void
expect(Stages *b, bool ok, const char *stage, const char *said)
{
	const Diag *d = b->diags.first;

	if (!said) {
		if (d)
			fail_msg("%s", d->msg);
		assert_true(ok);
		return;
	}
	for (; d; d = d->next)
		if (!strncmp(d->msg, stage, strlen(stage)) && strstr(d->msg, said)
		    && strstr(d->msg, "a fault of the compiler"))
			break;
	if (ok || !d)
		fail_msg("not said: %s: %s; but: %s", stage, said,
		         b->diags.first ? b->diags.first->msg : "nothing");
}

/* ---- what is to be spoiled ---- */

/* The first, or the last, live atom of a kind. */
static Atom *
atom_of(const Stages *b, AtomKind kind, bool last)
{
	Arena scratch = { 0 };
	const AtomNames *names = names_new(&scratch, b->c);
	Atom *found = NULL;

	for (int i = 0; i < b->c->natom; i++)
		if (names->live[i] && b->c->atom[i]->kind == kind && (last || !found))
			found = b->c->atom[i];
	arena_free(&scratch);
	assert_non_null(found);
	return found;
}

static Lookup *
lookup_of(const Stages *b, const char *intent)
{
	for (int i = 0; i < b->c->nhead; i++)
		if (!strcmp(b->c->head[i]->lookup->intent, intent))
			return (Lookup *)b->c->head[i]->lookup;
	fail_msg("there is no lookup of intent %s", intent);
	return NULL;
}

static void
shift_term(const Form *f, int64_t by)
{
	((Term *)f->term)[0].c += by;
}

/* ---- the circuit ---- */

static void
nothing_wrong(Stages *b)
{
	(void)b;
}

static void
ready_too_early(Stages *b)
{
	atom_of(b, NEURON, true)->ready = 2;
}

static void
ready_in_a_wrong_half(Stages *b)
{
	atom_of(b, NEURON, true)->ready++;
}

static void
less_than_it_can_be(Stages *b)
{
	atom_of(b, NEURON, false)->hi = 0;
}

static void
more_at_bos(Stages *b)
{
	atom_of(b, VALUE, false)->bos++;
}

static void
input_beyond_its_interval(Stages *b)
{
	((Form *)atom_of(b, NEURON, false)->in)->hi = 0;
}

static void
another_input(Stages *b)
{
	((Form *)atom_of(b, NEURON, false)->in)->k++;
}

static void
another_form(Stages *b)
{
	Form *f = (Form *)b->c->output[0];

	f->k++;
	f->hi++;
}

static void
feature_at_bos(Stages *b)
{
	((int64_t *)(intptr_t)atom_of(b, TOKEN_FEATURE, true)->table)[b->c->rows - 1] = 1;
}

static void
feature_beyond_its_range(Stages *b)
{
	((int64_t *)(intptr_t)atom_of(b, TOKEN_FEATURE, true)->table)[1] = 17;
}

static void
half_a_gap(Stages *b)
{
	Lookup *s = lookup_of(b, "latest");

	for (int i = 0; i < s->ndim; i++) {
		Form *k = (Form *)s->k[i];
		for (int t = 0; t < k->n; t++)
			((Term *)k->term)[t].c /= 2;
		k->k /= 2;
	}
}

static void
no_gap(Stages *b)
{
	lookup_of(b, "latest")->gap = 50;
}

static void
equal_scores(Stages *b)
{
	Lookup *s = lookup_of(b, "offset");

	for (int i = 0; i < s->ndim; i++)
		s->q[i] = form_const(b->c, 0);
}

static void
operand_after_it(Stages *b)
{
	Atom *a = atom_of(b, NEURON, false);

	((Term *)a->in->term)[a->in->n - 1].atom = a;
}

static void
nothing_made_of(Stages *b)
{
	atom_of(b, VALUE, false)->in = NULL;
}

static void
says_another_form(Stages *b)
{
	b->c->output[0] = form_scale(b->c, 1, b->c->output[0], 0);
	b->c->output[0] = form_const(b->c, 3);
}

static void
lift_too_large(Stages *b)
{
	for (int i = 0; i < b->c->natom; i++) {
		Atom *a = b->c->atom[i];
		if (!a->lift)
			continue;
		((Form *)a->in)->k += (1 << 20) - a->lift;
		a->lift = 1 << 20;
		shift_term(a->in, 1);
	}
}

typedef struct Spoil {
	const char *program;
	void (*spoil)(Stages *);
	const char *said; /* NULL: nothing */
} Spoil;

static const Spoil circuits[] = {
	{ sum_program, nothing_wrong, NULL },
	{ count_program, nothing_wrong, NULL },
	{ narrow_program, nothing_wrong, NULL },
	{ sum_program, ready_too_early, "is ready in state 2, and v" },
	{ sum_program, ready_in_a_wrong_half, "which is none of its kind" },
	{ sum_program, less_than_it_can_be, "is promised" },
	{ sum_program, more_at_bos, "at place 0" },
	{ sum_program, input_beyond_its_interval, "the input of n" },
	{ sum_program, another_input, "the evaluator says" },
	{ sum_program, another_form, "the form of node" },
	{ sum_program, feature_at_bos, "at <bos>, not 0" },
	{ sum_program, feature_beyond_its_range, "outside of" },
	{ sum_program, half_a_gap, "the next score is" },
	{ sum_program, no_gap, "a gap of 50" },
	{ sum_program, equal_scores, "places have the greatest score" },
	{ sum_program, operand_after_it, "which is made after it" },
	{ sum_program, nothing_made_of, "does not say what it is made of" },
	{ sum_program, says_another_form, "is not the form of its node" },
	{ count_program, lift_too_large, "rounds" },
};

static void
test_circuits(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof circuits / sizeof *circuits; i++) {
		Stages b;
		stages_open(&b, circuits[i].program, (Limits){ 0 });
		circuits[i].spoil(&b);
		expect(&b, verify_circuit(b.c), "circuit: ", circuits[i].said);
		stages_close(&b);
	}
}

/* ---- the schedule ---- */

static void
before_its_operands(Stages *b)
{
	atom_of(b, NEURON, true)->ready = 2;
}

static void
in_another_row(Stages *b)
{
	atom_of(b, NEURON, true)->column++;
}

static void
in_another_dimension(Stages *b)
{
	atom_of(b, VALUE, false)->column++;
}

static void
forgotten(Stages *b)
{
	atom_of(b, VALUE, false)->live = false;
}

static void
left_out(Stages *b)
{
	b->s->nneuron[b->s->nlayer - 1]--;
}

static void
alive_for_nothing(Stages *b)
{
	for (int i = 0; i < b->c->natom; i++)
		b->c->atom[i]->live = true;
}

static void
head_of_another_layer(Stages *b)
{
	b->s->head[0][0]->layer++;
}

static void
two_heads_for_one_place(Stages *b)
{
	Head **two = NEWS(&b->arena, Head *, b->s->nhead[0] + 1);

	memcpy(two, b->s->head[0], (size_t)b->s->nhead[0] * sizeof *two);
	two[b->s->nhead[0]] = two[0];
	b->s->head[0] = two;
	b->s->nhead[0]++;
}

static void
few_heads(Stages *b)
{
	b->limits.heads = b->s->nhead[0] - 1 ? b->s->nhead[0] - 1 : 1;
	b->s->nhead[0] += b->s->nhead[0] <= b->limits.heads;
}

static void
few_layers(Stages *b)
{
	b->limits.layers = b->s->nlayer - 1;
}

static void
few_neurons(Stages *b)
{
	b->limits.neurons = 1;
}

static const Spoil schedules[] = {
	{ sum_program, nothing_wrong, NULL },
	{ count_program, nothing_wrong, NULL },
	{ narrow_program, nothing_wrong, NULL },
	{ sum_program, before_its_operands, "before it can read v" },
	{ sum_program, in_another_row, "and says 4, number" },
	{ sum_program, in_another_dimension, "and says 1, number 1" },
	{ sum_program, forgotten, "is needed, and not live" },
	{ sum_program, left_out, "is in 0 places of the layers" },
	{ narrow_program, alive_for_nothing, "is live, and nothing needs it" },
	{ sum_program, head_of_another_layer, "says 0 of 1" },
	{ sum_program, two_heads_for_one_place, "layer 0 has two heads for find0" },
	{ narrow_program, few_heads, "heads, more than" },
	{ sum_program, few_layers, "layers, more than" },
	{ count_program, few_neurons, "neurons, more than 1" },
};

static void
test_schedules(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof schedules / sizeof *schedules; i++) {
		Stages b;
		stages_open(&b, schedules[i].program, (Limits){ 0 });
		stages_run(&b);
		schedules[i].spoil(&b);
		expect(&b, verify_schedule(b.s, &b.limits), "schedule: ", schedules[i].said);
		stages_close(&b);
	}
}

/* ---- the columns ---- */

/* A column that is cleared; -1: none is. */
static int
cleared_column(const Stages *b)
{
	for (int i = 0; i < b->cols->n; i++)
		if (b->cols->cleared[i] < INT_MAX)
			return i;
	return -1;
}

static void
two_in_one_slot(Stages *b)
{
	b->cols->slot[1] = b->cols->slot[0];
}

static void
beside_the_stream(Stages *b)
{
	b->cols->slot[0] = b->cols->width;
}

static void
another_column(Stages *b)
{
	shift_term(b->cols->form[0], 1);
}

static void
column_with_constant(Stages *b)
{
	((Form *)b->cols->form[0])->k = 1;
}

static void
column_of_nothing(Stages *b)
{
	((Form *)b->cols->form[0])->n = 0;
}

static void
cleared_too_early(Stages *b)
{
	b->cols->cleared[cleared_column(b)] -= 2;
}

static void
cleared_by_attention(Stages *b)
{
	b->cols->cleared[cleared_column(b)]++;
}

static void
rounded_and_cleared(Stages *b)
{
	for (int i = 0; i < b->cols->n; i++)
		if (form_is_rounded(b->cols->form[i]))
			b->cols->cleared[i] = last_state(b->s->nlayer);
}

static void
too_wide(Stages *b)
{
	b->limits.d_model = b->cols->width - 1;
}

static void
too_many_clear(Stages *b)
{
	b->limits.neurons = b->s->nneuron[cleared_column(b) >= 0 ? 1 : 0];
}

static const Spoil columns[] = {
	{ sum_program, nothing_wrong, NULL },
	{ count_program, nothing_wrong, NULL },
	{ narrow_program, nothing_wrong, NULL },
	{ sum_program, two_in_one_slot, "at once" },
	{ sum_program, beside_the_stream, "is in slot" },
	{ sum_program, another_column, "is not its form" },
	{ sum_program, column_with_constant, "is no sum of atoms alone" },
	{ sum_program, column_of_nothing, "is no sum of atoms alone" },
	{ narrow_program, cleared_too_early, "and cleared in" },
	{ narrow_program, cleared_by_attention, "and cleared in" },
	{ count_program, rounded_and_cleared, "is rounded, and is cleared" },
	{ sum_program, too_wide, "slots, more than" },
	{ narrow_program, too_many_clear, "those that clear among them" },
};

static void
test_columns(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
		Stages b;
		const Limits narrow = { .d_model = 8, .heads = 1 };
		bool is_narrow = columns[i].program == narrow_program;
		stages_open(&b, columns[i].program, is_narrow ? narrow : (Limits){ 0 });
		stages_run(&b);
		columns[i].spoil(&b);
		expect(&b, verify_columns(b.cols, &b.limits), "columns: ", columns[i].said);
		stages_close(&b);
	}
}

/* ---- the weights ---- */

static void
change(float *w, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (w[i] != 0) {
			w[i] += 1;
			return;
		}
	fail_msg("all weights are 0");
}

static size_t
layer_size(const Stages *b, int heads_or_neurons)
{
	return (size_t)b->m->d_model * (size_t)heads_or_neurons;
}

static void
other_query(Stages *b)
{
	TwLayer *l = &b->m->layer[0];

	change(l->wq, layer_size(b, l->heads * l->dk));
}

static void
other_key(Stages *b)
{
	TwLayer *l = &b->m->layer[0];

	change(l->wk, layer_size(b, l->heads * l->dk));
}

static void
other_value(Stages *b)
{
	TwLayer *l = &b->m->layer[0];

	change(l->wv, layer_size(b, l->heads * l->dv));
}

static void
other_write(Stages *b)
{
	TwLayer *l = &b->m->layer[0];

	change(l->wo, layer_size(b, l->heads * l->dv));
}

static void
other_neuron(Stages *b)
{
	TwLayer *l = &b->m->layer[1];

	change(l->b1, (size_t)l->neurons);
}

static void
other_neuron_write(Stages *b)
{
	TwLayer *l = &b->m->layer[1];

	change(l->w2, layer_size(b, l->neurons));
}

static void
other_token(Stages *b)
{
	change(b->m->embed_token, (size_t)b->c->rows * (size_t)b->m->d_model);
}

static void
other_last_place(Stages *b)
{
	b->m->embed_position[(size_t)(b->c->places - 1) * (size_t)b->m->d_model] += 1;
}

static void
other_label(Stages *b)
{
	change(b->m->label[1].w, (size_t)b->m->d_model);
}

static void
other_logit(Stages *b)
{
	for (int i = 0; i < b->c->rows; i++)
		b->m->head_b[i] = 0;
}

static void
no_proof(Stages *b)
{
	for (int i = 0; i < b->report.nproved; i++)
		if (b->report.proved[i].kind == SUM_NEURON)
			b->report.proved[i].most /= 2;
}

static void
no_bound(Stages *b)
{
	b->report.proved[0].most = EXACT_MAX;
}

/* A neuron that clears forgets to take away the least. */
static void
not_cleared(Stages *b)
{
	for (int l = 0; l < b->m->nlayer; l++)
		for (int i = 0; i < b->m->d_model; i++)
			if (b->m->layer[l].neurons)
				b->m->layer[l].b2[i] = 0;
}

static const Spoil weights[] = {
	{ sum_program, nothing_wrong, NULL },
	{ count_program, nothing_wrong, NULL },
	{ narrow_program, nothing_wrong, NULL },
	{ sum_program, other_query, "query 0 of find" },
	{ sum_program, other_key, "key 0 of find" },
	{ sum_program, other_value, "value 0 of find" },
	{ sum_program, other_write, "in state 1 at place" },
	{ sum_program, other_neuron, "n0 at place" },
	{ sum_program, other_neuron_write, "in state 4 at place" },
	{ sum_program, other_token, "of the embedding of row" },
	{ sum_program, other_last_place, "of the embedding of place 6" },
	{ sum_program, other_label, "label over at place" },
	{ sum_program, other_logit, "the greatest logit at place" },
	{ sum_program, no_proof, "was proved" },
	{ sum_program, no_bound, "is no bound" },
	{ narrow_program, not_cleared, "slot" },
};

static void
test_weights(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof weights / sizeof *weights; i++) {
		Stages b;
		const Limits narrow = { .d_model = 8, .heads = 1 };
		bool is_narrow = weights[i].program == narrow_program;
		stages_open(&b, weights[i].program, is_narrow ? narrow : (Limits){ 0 });
		stages_run(&b);
		weights[i].spoil(&b);
		expect(&b, verify_weights(b.cols, b.m, &b.report), "weights: ", weights[i].said);
		stages_close(&b);
	}
}

/* ---- every weight ---- */

/* How many of n weights can be changed without a word. */
static int
unnoticed(Stages *b, float *w, size_t n, int *all)
{
	int quiet = 0;

	for (size_t i = 0; i < n; i++) {
		float was = w[i];
		w[i] = was + 1;
		b->diags.nerror = b->diags.nkept = 0;
		b->diags.first = NULL;
		quiet += verify_weights(b->cols, b->m, &b->report);
		w[i] = was;
		++*all;
	}
	return quiet;
}

static void
test_every_weight(void **state)
{
	Stages b;
	int all = 0, quiet = 0;

	(void)state;
	stages_open(&b, sum_program, (Limits){ 0 });
	stages_run(&b);
	size_t d = (size_t)b.m->d_model, rows = (size_t)b.c->rows;
	quiet += unnoticed(&b, b.m->embed_token, rows * d, &all);
	quiet += unnoticed(&b, b.m->embed_position, (size_t)b.c->places * d, &all);
	for (int i = 0; i < b.m->nlayer; i++) {
		TwLayer *l = &b.m->layer[i];
		size_t qk = (size_t)(l->heads * l->dk), vs = (size_t)(l->heads * l->dv),
		       n = (size_t)l->neurons;
		quiet += unnoticed(&b, l->wq, d * qk, &all);
		quiet += unnoticed(&b, l->bq, qk, &all);
		quiet += unnoticed(&b, l->wk, d * qk, &all);
		quiet += unnoticed(&b, l->bk, qk, &all);
		quiet += unnoticed(&b, l->wv, d * vs, &all);
		quiet += unnoticed(&b, l->bv, vs, &all);
		quiet += unnoticed(&b, l->wo, vs * d, &all);
		quiet += unnoticed(&b, l->w1, d * n, &all);
		quiet += unnoticed(&b, l->b1, n, &all);
		quiet += unnoticed(&b, l->w2, n * d, &all);
		quiet += unnoticed(&b, l->b2, n ? d : 0, &all);
	}
	quiet += unnoticed(&b, b.m->head_w, rows * d, &all);
	for (int i = 0; i < b.m->nlabel; i++) {
		quiet += unnoticed(&b, b.m->label[i].w, d, &all);
		quiet += unnoticed(&b, b.m->label[i].b, 1, &all);
	}
	printf("%d of %d changes of a weight are noticed\n", all - quiet, all);
	assert_int_equal(quiet, 0);
	stages_close(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_circuits),     cmocka_unit_test(test_schedules),
		cmocka_unit_test(test_columns),      cmocka_unit_test(test_weights),
		cmocka_unit_test(test_every_weight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
