/* Integers of 2^24 and more, which a 32-bit float does not hold exactly.
 *
 *     digits.value(a) < digits.value(b)        (x + y) // 10 ** 9
 *
 * Such a sum may be added to, multiplied by constants, compared and divided by constants: all of
 * that is done digit by digit (ir/pass/carry_lookahead.c), and no single number is ever that
 * large. It is an error where one column of the model would have to hold it: in an if, a read,
 * a table, an output. Whether such a use follows is known only when the whole program is lowered,
 * so the error message is kept with the place until then. */

#include "frontend/lower/lower.h"

typedef struct Large {
	const Node *node;
	Lower where; /* the state then: where, in which calls */
	const char *text;
} Large;

static bool
is_large(const Node *n)
{
	return n->type.lo <= -EXACT_MAX || n->type.hi >= EXACT_MAX;
}

/* Is this operator computed digit by digit, if its operands are large? */
static bool
by_columns(const Node *n)
{
	switch (n->op) {
	case OP_CONST:
	case OP_ADD:
	case OP_SUB:
	case OP_LT:
	case OP_EQ: return true;
	case OP_MUL: return n->arg[0]->op == OP_CONST || n->arg[1]->op == OP_CONST;
	case OP_DIV:
	case OP_MOD: return n->arg[1]->op == OP_CONST && n->arg[1]->k > 0;
	default: return false;
	}
}

bool
may_exceed_float(const Node *n)
{
	const int64_t most = (int64_t)1 << 60;

	return n->type.lo > -most && n->type.hi < most && !n->two_sided && by_columns(n);
}

/* A copy of the calls that led here: they live on the stack, and are gone when the message is
 * given. */
static Call *
keep_calls(Lower *L, const Call *c)
{
	Call *k = c ? NEW(L->arena, Call) : NULL;

	if (!c)
		return NULL;
	*k = *c;
	k->up = keep_calls(L, c->up);
	return k;
}

void
defer_large_error(Lower *L, const Node *n, const char *text)
{
	Large *l = NEW(L->arena, Large);

	*l = (Large){ n, *L, text };
	l->where.call = keep_calls(L, L->call);
	l->where.reader = keep_calls(L, L->reader);
	list_push(L, &L->large, l);
}

static const Large *
noted(const Lower *L, const Node *n)
{
	for (int i = 0; i < L->large.n; i++) {
		const Large *l = L->large.item[i];
		if (l->node == n)
			return l;
	}
	return NULL;
}

static void
report_large_error(const Lower *L, char *said, const Node *n)
{
	const Large *l = said[n->id] || !is_large(n) ? NULL : noted(L, n);

	if (!l)
		return;
	Lower where = l->where;
	fail_here(&where, "%s", l->text);
	said[n->id] = 1;
}

void
report_large_errors(Lower *L)
{
	const Graph *g = L->g;
	char *live = arena_alloc(L->arena, (size_t)g->nnode + 1),
	     *said = arena_alloc(L->arena, (size_t)g->nnode + 1);

	if (!L->large.n)
		return;
	for (int i = 0; g->emit && i < g->nfield; i++) {
		live[g->emit[i]->id] = 1;
		report_large_error(L, said, g->emit[i]);
	}
	for (int i = 0; i < g->noutput; i++) {
		live[g->output[i].node->id] = 1;
		report_large_error(L, said, g->output[i].node);
	}
	for (int id = g->nnode - 1; id >= 0; id--) {
		const Node *n = g->node[id];
		for (int i = 0; live[id] && i < n->narg; i++) {
			live[n->arg[i]->id] = 1;
			if (!by_columns(n))
				report_large_error(L, said, n->arg[i]);
		}
	}
}
