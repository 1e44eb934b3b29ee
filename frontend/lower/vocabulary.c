/* The model statement, and tokens as rows of its vocabulary. <end> is the row behind the last. */

#include <string.h>

#include "frontend/lower/lower.h"

enum { VOCAB_MAX = 60000 };

int
row_of_token(Lower *L, const char *spelling)
{
	if (spelling == L->end)
		return L->g->nvocab;
	return (int)(intptr_t)map_get(&L->rows, spelling) - 1;
}

const char *
row_spelling(Lower *L, int64_t row)
{
	return row >= 0 && row < L->g->nvocab ? L->g->vocab[row] : L->end;
}

/* The Unicode code point, if the spelling is one character in UTF-8; else -1. */
int
code_of(const char *spelling, uint32_t len)
{
	const unsigned char *s = (const unsigned char *)spelling;
	uint32_t n = len ? *s < 0x80 ? 1 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : 4 : 0;

	if (!n || n != len)
		return -1;
	int code = n == 1 ? *s : *s & (0xff >> (n + 1));
	for (uint32_t i = 1; i < n; i++)
		code = code << 6 | (s[i] & 0x3f);
	return code;
}

/* A token as it is written. That the vocabulary lacks it is an error in the program; in a module,
 * which serves many vocabularies, it is a token that equals no other. */
Value *
known_token(Lower *L, const char *text, uint32_t len, Span at)
{
	if (L->has_vocab && L->src == L->program->src && row_of_token(L, text) < 0)
		return fail_at(L, at, "the vocabulary has no token '%s'", text);
	return v_token(L, text, len);
}

Value *
token_literal(Lower *L, const Ast *a)
{
	if (L->token && a->text != L->end)
		return fail_at(L, a->span, "a token of this model is a record, not '%s'", a->text);
	return known_token(L, a->text, a->len, a->span);
}

int
tokenize(Lower *L, const char *text, uint32_t len, int *row, uint32_t *bad)
{
	int count = 0;

	if (L->g->pairs)
		return tokenize_byte_pairs(L, text, len, row, bad);
	for (uint32_t at = 0, n; at < len; at += n) {
		n = len - at < (uint32_t)L->longest ? len - at : (uint32_t)L->longest;
		for (; n > 0; n--) {
			const char *s = intern_find(L->arena, text + at, n);
			if (s && (row[count] = row_of_token(L, s)) >= 0)
				break;
		}
		*bad = at;
		if (!n)
			return -1;
		count++;
	}
	return count;
}

Value *
tokens_of_text(Lower *L, const Value *text)
{
	int *row = NEWS(L->arena, int, text->len + 1);
	uint32_t bad;
	int n = tokenize(L, text->text, text->len, row, &bad);

	if (n < 0)
		return fail_here(L, "the vocabulary has no token for '%s'", text->text + bad);
	Value *v = v_array(L, n, NEWS(L->arena, Value *, n));
	for (int i = 0; i < n; i++) {
		const char *s = L->g->vocab[row[i]];
		v->item[i] = v_token(L, s, (uint32_t)strlen(s));
	}
	return v;
}

/* f of the row as a table over all rows, <end> included. */
Node *
row_table(Lower *L, Node *row, int64_t (*f)(Lower *, int, void *), void *data)
{
	int n = L->g->nvocab + 1;
	int64_t *table = NEWS(L->arena, int64_t, n);

	for (int i = 0; i < n; i++)
		table[i] = f(L, i, data);
	return mk_table(L->g, L->span, site_here(L), row, 0, table, n);
}

/* ---- model NAME { vocab … context … attention … } ---- */

static void
add_token(Lower *L, PtrList *vocab, const char *s, uint32_t len, Span span)
{
	if (!len || memchr(s, 0, len)) {
		fail_at(L, span,
		        len ? "a token cannot contain a NUL"
		            : "a token has at least one character");
		return;
	}
	const char *spelling = intern(L->arena, s, len);
	if (map_get(&L->rows, spelling) || spelling == L->end) {
		fail_at(L, span,
		        spelling == L->end ? "%s is always there"
		                           : "the token '%s' is declared twice",
		        spelling);
		return;
	}
	if (vocab->n == VOCAB_MAX) {
		fail_at(L, span, "a vocabulary has at most %d tokens", VOCAB_MAX);
		return;
	}
	if (vocab->n > VOCAB_MAX)
		return;
	list_push(L, vocab, (void *)(uintptr_t)spelling);
	map_put(L->arena, &L->rows, spelling, (void *)(intptr_t)vocab->n);
	L->longest = (int)len > L->longest ? (int)len : L->longest;
}

/* Declares the tokens of one value of vocab: of a text, each character; of a list, each element. */
static void
add_tokens(Lower *L, PtrList *vocab, const Value *v, Span span)
{
	if (v->kind == V_TEXT)
		for (uint32_t i = 0, n; i < v->len; i += n) {
			for (n = 1; i + n < v->len && (v->text[i + n] & 0xc0) == 0x80; n++)
				;
			add_token(L, vocab, v->text + i, n, span);
		}
	else if (v->kind == V_TOKEN && v->known)
		add_token(L, vocab, v->text, v->len, span);
	else if (v->kind == V_ARRAY)
		for (int i = 0; i < v->n; i++)
			if (v->item[i]->kind == V_TEXT
			    || (v->item[i]->kind == V_TOKEN && v->item[i]->known))
				add_token(L, vocab, v->item[i]->text, v->item[i]->len, span);
			else {
				fail_at(L, span, "a vocabulary is made of texts, not of %s",
				        v_show(L, v->item[i]));
				return;
			}
	else if (v->kind != V_ERROR)
		fail_at(L, span, "a vocabulary is made of texts, not of %s", v_show(L, v));
}

/* What stands for no character alone is spelled by its bytes: "<0xe2>". */
static void
add_byte_pairs(Lower *L, Env *env, PtrList *vocab, const Ast *call)
{
	int n = 0;
	const char *const *word = NULL;

	if ((L->g->pairs = loaded_byte_pairs(L, env, call)))
		word = byte_pair_words(L->g->pairs, &n);
	for (int i = 0; i < n && L->diags->nerror == 0; i++)
		add_token(L, vocab, word[i], (uint32_t)strlen(word[i]), call->span);
}

/* byte_pairs("FILE", "FILE") */
static bool
is_byte_pairs(const Ast *e)
{
	return e->kind == N_CALL && e->kid[0]->kind == N_NAME
	       && !strcmp(e->kid[0]->text, "byte_pairs");
}

static void
set_vocab(Lower *L, Env *env, const Ast *values)
{
	PtrList vocab = { 0 };
	int before = L->diags->nerror;

	if (values->n == 1 && is_byte_pairs(values->kid[0]))
		add_byte_pairs(L, env, &vocab, values->kid[0]);
	for (int i = 0; i < values->n && !is_byte_pairs(values->kid[0]); i++)
		add_tokens(L, &vocab, eval(L, env, values->kid[i]), values->kid[i]->span);
	L->g->nvocab = vocab.n;
	L->g->vocab = (const char **)vocab.item;
	if (!vocab.n && L->diags->nerror == before)
		fail_at(L, values->span, "the vocabulary is empty");
}

static void
set_context(Lower *L, Env *env, const Ast *values)
{
	int64_t n;

	if (!eval_int(L, env, values->kid[0], "the context", &n))
		return;
	if (n < 1 || n > CONTEXT_MAX)
		fail_at(L, values->span, "a context is 1 to %d tokens", CONTEXT_MAX);
	else
		L->g->context = (int)n;
}

static void
set_attention(Lower *L, const Ast *values)
{
	const Ast *v = values->kid[0];

	if (v->kind == N_NAME && !strcmp(v->text, "bidirectional"))
		L->g->bidirectional = true;
	else if (v->kind != N_NAME || strcmp(v->text, "causal"))
		fail_at(L, v->span, "attention is 'causal' or 'bidirectional'");
}

static void
set_one(Lower *L, Env *env, const Ast *set)
{
	const Ast *name = set->kid[0], *values = set->kid[1];
	const char *best = NULL;
	int d = 3;

	if (!strcmp(name->text, "token") && values->kind == N_TRECORD)
		set_fields(L, env, values);
	else if (values->kind == N_TRECORD)
		fail_at(L, name->span, "only 'token' takes fields");
	else if (!strcmp(name->text, "vocab"))
		set_vocab(L, env, values);
	else if (values->n != 1)
		fail_at(L, values->span, "'%s' takes one value", name->text);
	else if (!strcmp(name->text, "context"))
		set_context(L, env, values);
	else if (!strcmp(name->text, "attention"))
		set_attention(L, values);
	else {
		best = nearest_name(name->text, best, "vocab", &d);
		best = nearest_name(name->text, best, "context", &d);
		best = nearest_name(name->text, best, "attention", &d);
		fail_at(L, name->span,
		        "a model has vocab or token, context and attention, not '%s'%s%s%s",
		        name->text, best ? "; did you mean '" : "", best ? best : "",
		        best ? "'?" : "");
	}
}

void
lower_model(Lower *L, Env *env, const Ast *a)
{
	const Ast *settings = a->kid[1];

	L->g->name = a->kid[0]->text;
	L->g->context = 0;
	for (int i = 0; i < settings->n; i++) {
		const Ast *set = settings->kid[i];
		bool twice = false;
		for (int k = 0; k < i; k++)
			twice |= settings->kid[k]->kid[0]->text == set->kid[0]->text;
		if (twice)
			fail_at(L, set->span, "'%s' is set twice", set->kid[0]->text);
		else
			set_one(L, env, set);
	}
	if (L->g->nvocab && L->takes_numbers)
		fail_at(L, a->kid[0]->span,
		        "a model takes tokens, by its vocab, or numbers, by input; not both");
	else if (!L->g->nvocab && !L->takes_numbers && !L->diags->nerror)
		fail_at(L, a->kid[0]->span,
		        "a model needs a vocab, a token with fields, or an input");
	if (!L->g->context) {
		if (!L->diags->nerror)
			fail_at(L, a->kid[0]->span,
			        "a model needs a context: the most tokens of a text");
		L->g->context = 64;
	}
	L->has_vocab = L->g->nvocab > 0;
	L->code = NEWS(L->arena, int, L->g->nvocab + 1);
	for (int i = 0; i < L->g->nvocab; i++)
		L->code[i] = code_of(L->g->vocab[i], (uint32_t)strlen(L->g->vocab[i]));
	L->code[L->g->nvocab] = -1;
}
