/* test statements: what is written becomes texts and labels of the graph, as rows of the vocabulary
 * and numbers.
 *
 *     test "12*34=" -> "408"                       a prompt, and how it goes on
 *     test "ab" -> n = [1, 2]                      the labels of an output, one a position
 *     test str(a, "+") -> str(a) for a in 0..9     ten cases */

#include <string.h>

#include "frontend/lower/lower.h"

/* ---- texts as rows ---- */

static bool
append_row(Lower *L, const Value *v, Span span, PtrList *rows)
{
	if (v->kind == V_TEXT || (v->kind == V_TOKEN && v->known)) {
		int row = row_of_token(L, v->text);
		if (row >= 0 && row <= L->g->nvocab) {
			list_push(L, rows, (void *)(intptr_t)row);
			return true;
		}
		fail_at(L, span, "the vocabulary has no token '%s'", v->text);
	} else if (v->kind != V_ERROR)
		fail_at(L, span, "a test's text is made of tokens known at compile time, not %s%s",
		        v_show(L, v), v->kind == V_INT && v->known ? "; write it in quotes" : "");
	return false;
}

/* A list of records, or one record, as rows: nfield for each token. */
static bool
tokens_rows(Lower *L, Value *v, Span span, int *n, int **row)
{
	bool many = v->kind == V_ARRAY;

	*n = many ? v->n : 1;
	*row = NEWS(L->arena, int, *n * L->g->nfield + 1);
	for (int i = 0; i < *n; i++)
		if (!record_rows(L, many ? v->item[i] : v, span, *row + i * L->g->nfield))
			return false;
	return true;
}

/* A text as rows: tokens by longest match; of a list, one for each element. */
static bool
text_rows(Lower *L, Value *v, Span span, int *n, int **row)
{
	PtrList rows = { 0 };
	uint32_t bad;

	if (L->token)
		return tokens_rows(L, v, span, n, row);
	if (v->kind == V_TEXT) {
		*row = NEWS(L->arena, int, v->len + 1);
		*n = tokenize(L, v->text, v->len, *row, &bad);
		if (*n >= 0)
			return true;
		int len = 1;
		while (bad + (uint32_t)len < v->len
		       && (v->text[bad + (uint32_t)len] & 0xc0) == 0x80)
			len++;
		fail_at(L, span, "the vocabulary has no token for '%.*s'", len, v->text + bad);
		return false;
	}
	if (v->kind == V_ARRAY) {
		for (int i = 0; i < v->n; i++)
			if (!append_row(L, v->item[i], span, &rows))
				return false;
	} else if (!append_row(L, v, span, &rows))
		return false;
	*n = rows.n;
	*row = NEWS(L->arena, int, rows.n + 1);
	for (int i = 0; i < rows.n; i++)
		(*row)[i] = (int)(intptr_t)rows.item[i];
	return true;
}

/* A value of the type s as a test writes it, where {op: add} is short for {op: opcode.add}. */
static Value *
eval_as(Lower *L, Env *env, const Ast *a, const Shape *s)
{
	Value *v = enum_member(L, s, a);

	if (v)
		return v;
	if (!s || a->kind != N_RECORD || s->kind != S_RECORD || a->n != 2 * s->n)
		return eval(L, env, a);
	v = v_record(L, s->n, NEWS(L->arena, const char *, s->n), NEWS(L->arena, Value *, s->n));
	for (int i = 0; i < s->n; i++) {
		v->field[i] = a->kid[2 * i]->text;
		v->item[i] = eval_as(L, env, a->kid[2 * i + 1], s->item[i]);
		if (v->item[i]->kind == V_ERROR)
			return &v_error;
	}
	return v;
}

/* The text of a test. */
static Value *
eval_text_of(Lower *L, Env *env, const Ast *a)
{
	if (!L->token)
		return eval(L, env, a);
	if (a->kind != N_ARRAY)
		return eval_as(L, env, a, L->token_shape);
	Value *v = v_array(L, a->n, NEWS(L->arena, Value *, a->n));
	for (int i = 0; i < a->n; i++)
		if ((v->item[i] = eval_as(L, env, a->kid[i], L->token_shape))->kind == V_ERROR)
			return &v_error;
	return v;
}

/* The text of a model that takes numbers: an array with the inputs of each position. */
static bool
number_rows(Lower *L, Value *v, Span span, Test *t)
{
	int width = L->g->ninput;

	if (v->kind != V_ARRAY || !v->n || v->n > L->g->context) {
		fail_at(L, span,
		        "a test's text is here an array of 1 to %d positions, each with its "
		        "numbers, not %s",
		        L->g->context, v_show(L, v));
		return false;
	}
	t->nprompt = v->n;
	t->prompt = NEWS(L->arena, int, v->n);
	t->numbers = NEWS(L->arena, double, v->n *width);
	for (int i = 0; i < v->n; i++)
		if (!fed_numbers(L, v->item[i], span, t->numbers + i * width))
			return false;
	return true;
}

static bool
set_prompt(Lower *L, Env *env, const Ast *a, Test *t)
{
	Value *v = eval_text_of(L, env, a);

	if (L->takes_numbers)
		return v->kind != V_ERROR && number_rows(L, v, a->span, t);
	if (v->kind == V_ERROR || !text_rows(L, v, a->span, &t->nprompt, &t->prompt))
		return false;
	if (!t->nprompt) {
		fail_at(L, a->span, "a text has at least one token");
		return false;
	}
	for (int i = 0; i < t->nprompt; i++)
		if (t->prompt[i] == L->g->nvocab) {
			fail_at(L, a->span, "<end> ends a text; it cannot stand in a prompt");
			return false;
		}
	if (t->nprompt > L->g->context) {
		fail_at(L, a->span, "this prompt has %d tokens, the context only %d", t->nprompt,
		        L->g->context);
		return false;
	}
	return true;
}

static bool
set_answer(Lower *L, Env *env, const Ast *a, Test *t)
{
	const Ast *e = a->kid[0];

	if (e->kind == N_CMP && e->kid[0]->kind == N_NAME
	    && map_get(&L->outputs, e->kid[0]->text)) {
		fail_at(L, e->span, "labels are expected with '=': %s = [...]", e->kid[0]->text);
		return false;
	}
	Value *v = eval_text_of(L, env, e);

	if (v->kind == V_ERROR || !text_rows(L, v, a->span, &t->nanswer, &t->answer))
		return false;
	t->emits = true;
	t->spelled = v->kind == V_TEXT;
	t->begins = a->kind == N_BEGINS;
	if (!L->g->emit && !L->diags->nerror)
		fail_at(L, a->span, "this program does not emit");
	if (t->nprompt + t->nanswer > L->g->context) {
		fail_at(L, a->span, "prompt and answer have %d tokens, the context only %d",
		        t->nprompt + t->nanswer, L->g->context);
		return false;
	}
	return true;
}

/* ---- labels ---- */

/* The value of a label in the graph's representation, if it is of the output's kind. */
static bool
label_value(Lower *L, Value *v, const Value *out, Span span, int64_t *to)
{
	if (out->kind == V_TOKEN && v->kind == V_TEXT)
		v = v_token(L, v->text, v->len);
	if (v->kind == V_ERROR)
		return false;
	if (out->kind == V_REAL)
		v = to_real(L, v);
	if (v->kind != out->kind || !v->known || v->shape != out->shape) {
		fail_at(L, span, "this label is %s where the output is %s", v_show(L, v),
		        v_show(L, out));
		return false;
	}
	if (v->kind == V_REAL)
		*to = real_bits(number_value(v));
	else
		*to = v->kind == V_TOKEN ? row_of_token(L, v->text) : v->num;
	if (v->kind == V_TOKEN && *to < 0)
		fail_at(L, span, "the vocabulary has no token '%s'", v->text);
	return v->kind != V_TOKEN || *to >= 0;
}

/* The label of one position, spread over the scalars of the output from number *leaf on. */
static bool
label_leaves(Lower *L, Value *v, const Value *out, Span span, Label *label, int *leaf, int at)
{
	if (out->kind != V_ARRAY && out->kind != V_RECORD)
		return label_value(L, v, out, span, &label[(*leaf)++].value[at]);
	v = as_array(L, v);
	if (v->kind == V_ERROR)
		return false;
	if (v->kind != out->kind || v->n != out->n) {
		fail_at(L, span, "this label is %s where the output is %s", v_show(L, v),
		        v_show(L, out));
		return false;
	}
	for (int i = 0; i < v->n; i++)
		if (!label_leaves(L, v->item[i], out->item[i], span, label, leaf, at))
			return false;
	return true;
}

/* The labels of all positions: a text or an array, in which ... stands for the positions before,
 * and _ for any value. */
static bool
label_list(Lower *L, Env *env, const Ast *e, const Output *out, Label *label)
{
	bool tail = e->kind == N_ARRAY && e->n && e->kid[0]->kind == N_DOTS;
	Value *whole = e->kind == N_ARRAY ? NULL : as_array(L, eval(L, env, e));

	if (whole && whole->kind != V_ARRAY) {
		if (whole->kind != V_ERROR)
			fail_at(L, e->span, "labels are an array, one value a position");
		return false;
	}
	int n = whole ? whole->n : e->n - tail;
	for (int i = 0; i < out->n; i++)
		label[i] = (Label){ .output = out->first + i,
			            .n = n,
			            .tail = tail,
			            .value = NEWS(L->arena, int64_t, n),
			            .any = NEWS(L->arena, bool, n) };
	for (int k = 0; k < n; k++) {
		const Ast *a = whole ? e : e->kid[k + tail];
		int leaf = 0;
		if (a->kind == N_NAME && !strcmp(a->text, "_") && !whole) {
			for (int i = 0; i < out->n; i++)
				label[i].any[k] = true;
			continue;
		}
		Value *v = whole ? whole->item[k] : eval_as(L, env, a, out->value->shape);
		if (!label_leaves(L, v, out->value, a->span, label, &leaf, k))
			return false;
	}
	return true;
}

static bool
set_label(Lower *L, Env *env, const Ast *a, Test *t)
{
	const Output *out = map_get(&L->outputs, a->kid[0]->text);

	if (!out) {
		if (!L->diags->nerror)
			fail_at(L, a->kid[0]->span, "there is no output '%s'", a->kid[0]->text);
		return false;
	}
	Label *old = t->label;
	t->label = NEWS(L->arena, Label, t->nlabel + out->n);
	if (t->nlabel)
		memcpy(t->label, old, sizeof *old * (size_t)t->nlabel);
	if (!label_list(L, env, a->kid[1], out, t->label + t->nlabel))
		return false;
	int n = out->n ? t->label[t->nlabel].n : 0;
	if (out->n && (n > t->nprompt || (n < t->nprompt && !t->label[t->nlabel].tail))) {
		fail_at(L, a->span, "%d labels for %d tokens", n, t->nprompt);
		return false;
	}
	t->nlabel += out->n;
	return true;
}

/* ---- the statement ---- */

static Test *
new_test(Lower *L)
{
	Graph *g = L->g;

	GROW(L->arena, g->test, L->cap_test, g->ntest + 1);
	return &g->test[g->ntest++];
}

static bool
one_case(Lower *L, Env *env, void *data)
{
	const Ast *a = data, *expect = a->kid[1];
	Test t = { .span = a->span, .file = L->file };

	if (L->g->ntest == TESTS_MAX) {
		fail_at(L, a->span, "the tests of a file are at most %d cases", TESTS_MAX);
		return false;
	}
	if (!set_prompt(L, env, a->kid[0], &t))
		return false;
	if (expect->kind == N_EMITS || expect->kind == N_BEGINS) {
		if (!set_answer(L, env, expect, &t))
			return false;
	} else
		for (int i = 0; i < expect->n; i++)
			if (!set_label(L, env, expect->kid[i], &t))
				return false;
	*new_test(L) = t;
	return true;
}

void
lower_test(Lower *L, Env *env, const Ast *a)
{
	void *data = (void *)(uintptr_t)a;

	if (!L->has_vocab && !L->takes_numbers)
		return;
	if (a->kid[2])
		each_case(L, env, a->kid[2], one_case, data);
	else
		one_case(L, env, data);
}
