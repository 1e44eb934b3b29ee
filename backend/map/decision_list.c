/* Long chains of choices, `if c1 then x1 else if c2 then x2 else ... y` (Rivest 1987,
 * "Learning decision lists").
 *
 * Rule k decides where its condition holds and none before it does: a count of what stands
 * against it is 1 - ck + c1 + ... + c(k-1), so every outcome is behind one gate, and all gates
 * are in one layer. A constant outcome is one neuron, relu(ck - c1 - ... - c(k-1)). Taken one
 * choice at a time the chain would be as deep as it is long, or copied again for each rule. */

#include "backend/map/map.h"

enum {
	SHORT = 8, /* up to here choices are looked at as a tree (select.c) */
	LONG = 2000,
};

typedef struct DecisionRule {
	Node *cond, *value;
	bool holds; /* decides where the condition holds, or where it does not */
} DecisionRule;

typedef struct DecisionList {
	int n;
	DecisionRule *rule; /* (n) */
	Node *otherwise;
} DecisionList;

static void
count_arguments(const Node *n, int nnode, int *users)
{
	for (int i = 0; i < n->narg; i++)
		if (n->arg[i]->id < nnode)
			users[n->arg[i]->id]++;
}

const int *
node_users(Circuit *c)
{
	const Graph *g = c->g;

	if (c->users)
		return c->users;
	int n = g->nnode, *users = NEWS(c->arena, int, n + 1);
	bool *live = NEWS(c->arena, bool, n + 1);
	for (int i = 0; g->emit && i < g->nfield; i++)
		live[g->emit[i]->id] = true;
	for (int i = 0; i < g->noutput; i++)
		live[g->output[i].node->id] = true;
	for (int i = n - 1; i >= 0; i--) { /* operands come first */
		const Node *x = g->node[i];
		if (!live[i])
			continue;
		count_arguments(x, n, users);
		for (int k = 0; k < x->narg; k++)
			live[x->arg[k]->id] = true;
	}
	c->nusers = n;
	return c->users = users;
}

/* May it be a link of a chain: does nothing else read it? */
static bool
is_link(Circuit *c, const Node *n)
{
	const int *users = node_users(c);

	return n->op == OP_IF && !n->type.real && (n->id >= c->nusers || users[n->id] < 2);
}

static DecisionRule
first_rule(Circuit *c, const Node *n)
{
	bool holds = is_link(c, n->arg[2]) || !is_link(c, n->arg[1]);

	return (DecisionRule){ n->arg[0], n->arg[holds ? 1 : 2], holds };
}

/* The chain that begins at n; false if it is too short to be one. */
static bool
find_rules(Circuit *c, Node *n, DecisionList *list)
{
	Node *x = n;
	int length = 0;

	do {
		x = x->arg[first_rule(c, x).holds ? 2 : 1];
	} while (++length < LONG && is_link(c, x));
	if (length <= SHORT)
		return false;
	list->otherwise = x;
	list->rule = NEWS(c->arena, DecisionRule, length);
	for (x = n; list->n < length; list->n++) {
		list->rule[list->n] = first_rule(c, x);
		x = x->arg[list->rule[list->n].holds ? 2 : 1];
	}
	return true;
}

/* The constant that is the outcome of most rules, from which others are told apart; if none
 * is, what remains. */
static Node *
most_frequent(const DecisionList *list)
{
	int most = 0;
	Node *best = list->otherwise;

	for (int i = 0; i < list->n; i++) {
		int times = list->otherwise == list->rule[i].value;
		if (!is_int_const(list->rule[i].value))
			continue;
		for (int k = i; k < list->n; k++)
			times += list->rule[k].value == list->rule[i].value;
		if (times > most) {
			most = times;
			best = list->rule[i].value;
		}
	}
	return best;
}

/* sum, and how far the outcome is from the base where nothing stands against it. */
static const Form *
add_outcome(Circuit *c, const Form *sum, const Form *against, Node *value, Node *base)
{
	if (value == base)
		return sum;
	const Form *x = map_node(c, value), *from = map_node(c, base);
	return form_add(c, 1, sum, 1, gate(c, against, form_add(c, 1, x, -1, from, 0)), 0);
}

const Form *
map_decision_list(Circuit *c, Node *n)
{
	DecisionList list = { 0 };

	if (!find_rules(c, n, &list))
		return NULL;
	Node *base = most_frequent(&list);
	const Form *sum = map_node(c, base), *before = form_const(c, 0);
	for (int i = 0; i < list.n; i++) {
		const DecisionRule *r = &list.rule[i];
		const Form *fails = deficit(c, r->cond, r->holds);
		const Form *against = form_add(c, 1, before, 1, fails, 0);
		sum = add_outcome(c, sum, against, r->value, base);
		before = form_add(c, 1, before, 1, deficit(c, r->cond, !r->holds), 0);
	}
	sum = add_outcome(c, sum, before, list.otherwise, base);
	return form_within(c, sum, n->type.lo, n->type.hi);
}
