/* The error message for a name that is not defined, with the name that was probably meant: one
 * in scope at a small edit distance, a member of an enum, a module that is not used yet, or
 * what another language calls it. */

#include <ctype.h>
#include <string.h>

#include "frontend/lower/lower.h"

/* The edit distance of two names: how many insertions, deletions, substitutions and swaps of
 * neighbouring characters lead from one to the other; 3 if it is more than 2. (Damerau 1964, "A
 * technique for computer detection and correction of spelling errors"; the table of Wagner and
 * Fischer 1974, of which three rows are kept.) */
static int
distance(const char *a, const char *b)
{
	int n = (int)strlen(a), m = (int)strlen(b), row[3][40];

	if (n > 38 || m > 38 || n - m > 2 || m - n > 2)
		return 3;
	for (int j = 0; j <= m; j++)
		row[0][j] = j;
	for (int i = 1; i <= n; i++) {
		int *r = row[i % 3], *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];
		r[0] = i;
		for (int j = 1; j <= m; j++) {
			int d = up[j - 1] + (a[i - 1] != b[j - 1]);
			if (up[j] + 1 < d)
				d = up[j] + 1;
			if (r[j - 1] + 1 < d)
				d = r[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]
			    && up2[j - 2] + 1 < d)
				d = up2[j - 2] + 1;
			r[j] = d;
		}
	}
	return row[n % 3][m];
}

/* Of best and other the one nearer to the name, at distance *d; at first best is NULL, *d 3. */
const char *
nearest_name(const char *name, const char *best, const char *other, int *d)
{
	int limit = strlen(name) < 4 ? 1 : 2, got = distance(name, other);

	if (got > limit || got >= *d || strlen(name) < 2)
		return best;
	*d = got;
	return other;
}

/* The module of the standard library whose name is nearest; NULL if none is near. */
const char *
nearest_module(Lower *L, const char *name)
{
	const char *best = NULL;
	int d = 3;

	for (const char **module = library_modules(L->arena, L->stdlib); *module; module++)
		best = nearest_name(name, best, *module, &d);
	return best;
}

bool
is_module(Lower *L, const char *name)
{
	return library_has(L->arena, L->stdlib, name);
}

static bool
has_word(const char *s, const char *end, const char *word)
{
	size_t n = strlen(word);

	for (bool inside = false; s + n <= end; s++) {
		if (*s == '#') /* a comment */
			s += strcspn(s, "\n");
		if (!inside && s + n <= end && !strncmp(s, word, n)
		    && (s + n == end || !(isalnum((unsigned char)s[n]) || s[n] == '_')))
			return true;
		inside = isalnum((unsigned char)*s) || *s == '_';
	}
	return false;
}

/* Does the name occur in a statement with a syntax error? Then it may be defined there. */
static bool
is_lost(const Module *m, const char *name)
{
	const Ast *file = m->tree->root;

	for (int i = 0; i < file->n; i++)
		if (file->kid[i]->kind == N_BAD
		    && has_word(m->src->text + file->kid[i]->span.lo,
		                m->src->text + file->kid[i]->span.hi, name))
			return true;
	return false;
}

/* The name of an enum of this file that has the member; or NULL. */
static const char *
enum_of(const Module *m, const char *member)
{
	for (int i = 0; i < m->ndef; i++) {
		const Ast *s = m->def[i]->stmt;
		for (int k = 0; s->kind == N_ENUM && k < s->kid[1]->n; k++)
			if (s->kid[1]->kid[k]->text == member)
				return m->def[i]->name;
	}
	return NULL;
}

static bool
is_use(const Module *m, const char *name)
{
	const Def *d = map_get(&m->defs, name);

	return d && d->stmt->kind == N_USE;
}

/* The module that the file uses and that defines the name; or NULL. */
static const char *
module_with(Lower *L, Module *m, const char *name)
{
	for (int i = 0; i < m->ndef; i++) {
		if (m->def[i]->stmt->kind != N_USE)
			continue;
		force(L, m, m->def[i]);
		const Value *v = m->def[i]->value;
		if (name[0] != '_' && v->kind == V_MODULE && map_get(&v->module->defs, name))
			return m->def[i]->name;
	}
	return NULL;
}

/* What to write for a word of another language. */
static const char *
known_as(const char *name)
{
	static const char *const hint[][2] = {
		{ "True", "write true" },
		{ "False", "write false" },
		{ "integer", "write int" },
		{ "boolean", "write bool" },
		{ "float", "write real" },
		{ "double", "write real" },
		{ "char", "write token" },
		{ "string", "a text is an array of tokens: [n] token" },
		{ "pow", "write x ** k" },
		{ "mod", "write x % n" },
		{ "round", "write floor(x + 1/2)" },
		{ "size", "write len(xs)" },
	};

	for (size_t i = 0; i < sizeof hint / sizeof *hint; i++)
		if (!strcmp(name, hint[i][0]))
			return hint[i][1];
	return NULL;
}

/* Reports msg unless it was reported for this line already. */
static Value *
say_once(Lower *L, Span at, const char *msg)
{
	int line = source_line(L->src, at.lo);

	for (const Diag *d = L->diags->first; d; d = d->next)
		if (d->src == L->src && !strcmp(d->msg, msg)
		    && source_line(d->src, d->span.lo) == line)
			return &v_error;
	return fail_at(L, at, "%s", msg);
}

Value *
fail_undefined(Lower *L, Env *env, const Ast *name)
{
	Module *m = env->module;
	const char *best = NULL, *owner = enum_of(m, name->text), *said = known_as(name->text);
	int d = 3;

	if (is_lost(m, name->text))
		return &v_error;
	if (L->diags->nkept == DIAGS_MAX) /* not worth a search */
		return fail_at(L, name->span, "undefined name");
	const Def *below = map_get(&m->defs, name->text);
	if (below)
		return fail_at(
			L, name->span,
			"'%s' cannot be made of itself%s: there is no recursion, state across "
			"steps lives in the tokens that the model has written",
			name->text, below->seq == env->seq ? "" : ", by way of other names");
	for (Env *e = env; e; e = e->up)
		if (e->name)
			best = nearest_name(name->text, best, e->name, &d);
	for (int i = 0; i < m->ndef; i++)
		best = nearest_name(name->text, best, m->def[i]->name, &d);
	for (int i = 0; builtin_name(i); i++)
		best = nearest_name(name->text, best, builtin_name(i), &d);
	if (owner)
		said = arena_fmt(L->arena, "it is a member of %s: %s.%s", owner, owner, name->text);
	else if (!(best && is_use(m, best)) && module_with(L, m, name->text))
		said = arena_fmt(L->arena, "it is in a module: %s.%s",
		                 module_with(L, m, name->text), name->text);
	else if (is_module(L, name->text))
		said = arena_fmt(L->arena, "it is a module: add 'use %s'", name->text);
	else if (best)
		said = arena_fmt(L->arena, "did you mean '%s'?", best);
	return say_once(L, name->span,
	                arena_fmt(L->arena,
	                          said ? "undefined name '%s'; %s" : "undefined name '%s'",
	                          name->text, said));
}
