/* A choice around a read, as a read.
 *
 *     if p > plus then digit[p else 0] else 0
 *
 * asks something of the position that is read: behind the first '+' or not is a flag of
 * it, known there, so the digits are masked where they stand and read as they are. What
 * is asked of here goes into the search: where it fails, nothing is found. */

#include "ir/internal.h"

#include <string.h>

/* Is n the number of p where p is there? */
static bool
is_number_of(const Node *n, const Node *p)
{
	if (p->op == OP_AT) {
		const Node *e = p->arg[0];
		if (n == e
		    || (n->op == OP_MAX && n->narg == 2
		        && ((n->arg[0] == e && n->arg[1]->type.hi <= 0)
		            || (n->arg[1] == e && n->arg[0]->type.hi <= 0))))
			return true;
	}
	return n->op == OP_READ && n->arg[0]->op == OP_INDEX && n->arg[1] == p && !n->k;
}

/* The first of a kind whose number, 0 or less where there is none, n is; or NULL. */
static Node *
first_of(const Node *n)
{
	if (n->op != OP_READ || n->arg[0]->op != OP_INDEX || n->k || n->arg[2]->type.hi > 0)
		return NULL;
	return n->arg[1]->op == OP_FIRST && side(n->arg[1]->arg[0]) == ON_THERE ? n->arg[1] : NULL;
}

static Node *
reference_exists(Graph *g, const Node *at, Node *p)
{
	Node *yes = mk_const(g, 1), *no = mk_const(g, 0);

	return mk_read(g, at, yes, p, no, 0);
}

static bool
has_conjunct(Node *cond, const Node *literal)
{
	for (int i = 0; cond->op == OP_AND && i < cond->narg; i++)
		if (cond->arg[i] == literal)
			return true;
	return cond == literal;
}

/* The literal as a flag of the position read, and what else has to hold here; NULL if it
 * says nothing of that position. */
static Node *
flag_there(Graph *g, Node *cond, Node *literal, const Node *p, Node **here)
{
	Node *f;

	*here = mk_const(g, 1);
	if (literal->op != OP_LT)
		return NULL;
	if (is_number_of(literal->arg[0], p) && (f = first_of(literal->arg[1]))) {
		*here = reference_exists(g, literal, f);
		return mk_at(g, literal, OP_NOT, *here, NULL, NULL);
	}
	if (!is_number_of(literal->arg[1], p) || !(f = first_of(literal->arg[0]))
	    || !has_conjunct(cond, reference_exists(g, literal, f)))
		return NULL;
	Node *index = literal->arg[0]->arg[0],
	     *number = mk_at(g, literal, OP_READ, index, f, mk_const(g, g->context));
	return mk_at(g, literal, OP_LT, number, index, NULL);
}

Node *
masked_read(Graph *g, Node *n)
{
	Node *cond = n->arg[0], *read = n->arg[1], *no = n->arg[2];

	if (read->op != OP_READ || read->k || read->arg[2] != no || no->op != OP_CONST
	    || g->bidirectional)
		return NULL;
	Node *p = read->arg[1], *x = read->arg[0], *rest = mk_const(g, 1), *flags = rest, *here;
	Node *found = reference_exists(g, n, p); /* or what that folds to */
	int n_literal = cond->op == OP_AND ? cond->narg : 1;
	if (p->op == OP_HERE)
		return NULL;
	for (int i = 0; i < n_literal; i++) {
		Node *literal = cond->op == OP_AND ? cond->arg[i] : cond,
		     *flag = flag_there(g, cond, literal, p, &here);
		if (flag)
			flags = mk_at(g, n, OP_AND, flags, flag, NULL);
		else if (literal != found) /* where p is absent the default is `no` anyway */
			here = literal;
		rest = mk_at(g, n, OP_AND, rest, here, NULL);
	}
	if (flags->op == OP_CONST)
		return NULL;
	x = mk_at(g, n, OP_IF, flags, x, no);
	return mk_at(g, n, OP_IF, rest, mk_at(g, read, OP_READ, x, p, no), no);
}

Node *
searched_if(Graph *g, Node *n)
{
	Node *cond = n->arg[0], *read = n->arg[1], *no = n->arg[2], *p, *arg[2];

	if (read->op != OP_READ || read->k || read->arg[2] != no || no->op != OP_CONST
	    || cond->two_sided)
		return NULL;
	p = read->arg[1];
	if (p->op == OP_AT) {
		Node *e = mk_at(g, n, OP_IF, cond, p->arg[0], mk_const(g, -1));
		p = mk_at(g, p, OP_AT, e, NULL, NULL);
	} else if (is_search(p->op)) {
		bool best = p->op == OP_BEST;
		arg[0] = p->arg[0];
		arg[best] = mk_at(g, p, OP_AND, p->arg[best], cond, NULL);
		p = mk(g, p->op, p->span, p->file, p->narg, arg, 0);
	} else {
		return NULL;
	}
	return mk_at(g, read, OP_READ, read->arg[0], p, no);
}
