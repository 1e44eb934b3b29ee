/* A choice around a read becomes part of the read (if-conversion: control dependence
 * turned into data dependence; Allen, Kennedy, Porterfield and Warren 1983).
 *
 *     if p > plus then digit[p else 0] else 0
 *
 * The condition asks something of the position p that is read: does it stand behind the
 * first '+'? That is a flag which every position knows of itself, so the digits are set to
 * 0 where it is false, before they are read, and the read needs no condition
 * (masked_read). A condition about the position that reads can go into the search for p
 * instead: where it fails, nothing is found, and the default is read (searched_if).
 *
 * The backend tries both as other ways to make a choice; neither is a pass. */

#include "ir/internal.h"

#include <string.h>

/* Is n the number of the position p, wherever p is present? */
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

/* The FIRST of which n is the number, with a default of 0 or less; NULL if it is none. */
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

/* One conjunct of the condition as a flag of the position that is read, and in *here what has to
 * hold at the reading position beside; NULL if it says nothing of the position read. */
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
	Node *found = reference_exists(g, n, p); /* or what building that gives */
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
		p = mk(g, p->op, p->span, p->site, p->narg, arg, 0);
	} else {
		return NULL;
	}
	return mk_at(g, read, OP_READ, read->arg[0], p, no);
}
