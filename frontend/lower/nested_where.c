/* The error where a program relates three positions, and how to mend it.
 *
 *     count(count(d[k] == d[j] for k) > 1 for j)
 *
 * relates k, j and this position. But what it asks of each j, how often d[j] occurs, is a stream of
 * its own: count(d[k] == d for k). So the message proposes to give the inner part a name, with
 * `here` in the place of j, and to read that at j. It does not if the inner part depends on
 * this position too: then it is no stream of j alone. */

#include <ctype.h>
#include <string.h>

#include "frontend/lower/lower.h"

enum { LONGEST_PART = 60 }; /* characters of the inner part that a message shows at most */

static const Value *
value_of_name(const InnerWhere *in, const char *name)
{
	const Env *e = in->env;

	for (; e->up; e = e->up)
		if (e->name == name)
			return e->value;
	const Def *d = map_get(&e->module->defs, name);
	return d && d->state == D_DONE ? d->value : NULL;
}

/* May the name stand in the inner part as a stream of its own? It may if it means the same at
 * every position, or is the outer bound name, which is kept in *outer. */
static bool
name_may_move(const InnerWhere *in, const Ast *a, const char **outer)
{
	const Value *v = value_of_name(in, a->text);

	if (a->text == in->name || !v)
		return a->text == in->name;
	if (v->kind == V_POS && !v->ref) {
		bool same = !*outer || *outer == a->text;
		*outer = a->text;
		return same;
	}
	return v->kind == V_FN || v->kind == V_MODULE || v->kind == V_TYPE || is_known_value(v);
}

static bool
may_move(const InnerWhere *in, const Ast *a, const char **outer)
{
	if (!a)
		return true;
	switch (a->kind) {
	case N_NAME: return name_may_move(in, a, outer);
	case N_PICK:
	case N_OVER:
	case N_FOR:
	case N_FIELD:
	case N_MATCH:
	case N_RECORD:
	case N_WITH: return false;
	default: break;
	}
	bool skip = (a->kind == N_READ || a->kind == N_CALL || a->kind == N_NAMED)
	            && a->kid[0]->kind == N_NAME;
	for (int i = skip; i < a->n; i++)
		if (!may_move(in, a->kid[i], outer))
			return false;
	return true;
}

static bool
is_letter(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* The inner part as it is written, with `here` for the outer bound name; NULL if it is long. */
static const char *
moved_text(Lower *L, const InnerWhere *in, const char *outer)
{
	const char *s = L->src->text + in->span.lo, *end = L->src->text + in->span.hi;
	size_t len = strlen(outer), n = 0;
	char *to = arena_alloc(L->arena, 4 * (size_t)(end - s) + 1);

	if (end - s > LONGEST_PART || memchr(s, '\n', (size_t)(end - s)))
		return NULL;
	for (const char *p = s; p < end;) {
		bool word = is_letter(*p) && (p == s || !is_letter(p[-1]));
		bool it = word && (size_t)(end - p) >= len && !memcmp(p, outer, len)
		          && (p + len == end || !is_letter(p[len]));
		if (!it) {
			to[n++] = *p++;
		} else if (n && to[n - 1] == '[' && p + len < end && p[len] == ']') {
			n--;
			p += len + 1;
		} else {
			memcpy(to + n, "here", 4);
			n += 4;
			p += len;
		}
	}
	to[n] = '\0';
	return to;
}

Value *
fail_three_positions(Lower *L)
{
	const InnerWhere *in = L->inner;
	const char *outer = NULL, *text = NULL;

	if (in && in->src == L->src && may_move(in, in->where, &outer)
	    && may_move(in, in->e, &outer) && outer)
		text = moved_text(L, in, outer);
	if (text)
		return fail_here(
			L,
			"this relates three positions; a 'where' relates two: name the inner "
			"part, let inner = %s, "
			"and ask inner[%s]",
			text, outer);
	return fail_here(L,
	                 "this relates three positions; a 'where' relates two: name the inner part "
	                 "with let, "
	                 "so that it is a stream");
}
