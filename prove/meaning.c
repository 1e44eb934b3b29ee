/* Does the circuit mean the graph that the program was made into? Where tw.circuit describes that
 * graph, each node of it is an operator on nodes before it, and many have the form that the weights
 * give to their value:
 *
 *     {"op": "DIV", "k": 0, "of": [14, 15], "form": [0, "m0.n0", 1, "m0.n1", -1]}
 *
 * Node by node, what the operator makes of its operands must be the form that is said:
 *
 *     at each value of the roots of all of them, where these are few;
 *     as a form, of a sum or a comparison: x >= k is relu(x - k + 1) - relu(x - k);
 *     as a function of the operands' values, or of the values of what these are made of (solve.c).
 *
 * A node without a form is what its operator says. Of a READ it is shown that its head reads the
 * form of the operand and, at <bos>, the number for what is absent; where the head looks follows
 * from the weights, and is not held against the graph. All of this is of every position of a
 * text, and not of <bos>. */

#include "prove/prove.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum Operator {
	OF_CONST,
	OF_TOKEN,
	OF_INDEX,
	OF_ADD,
	OF_SUB,
	OF_NOT,
	OF_MUL,
	OF_DIV,
	OF_MOD,
	OF_TABLE,
	OF_EQ,
	OF_LT,
	OF_ABS,
	OF_MIN,
	OF_MAX,
	OF_AND,
	OF_OR,
	OF_IF,
	OF_PICK,
	OF_AS,
	OF_READ,
	NOPERATOR
} Operator;

enum { MOST_OPERANDS = 128 }; /* of what is looked at as a function of its operands' values */

/* least: how many operands it has at least */
static const struct OperatorName {
	const char *name;
	int least;
} operators[NOPERATOR] = {
	[OF_CONST] = { "CONST", 0 }, [OF_TOKEN] = { "TOKEN", 0 }, [OF_INDEX] = { "INDEX", 0 },
	[OF_ADD] = { "ADD", 2 },     [OF_SUB] = { "SUB", 2 },     [OF_NOT] = { "NOT", 1 },
	[OF_MUL] = { "MUL", 2 },     [OF_DIV] = { "DIV", 2 },     [OF_MOD] = { "MOD", 2 },
	[OF_TABLE] = { "TABLE", 1 }, [OF_EQ] = { "EQ", 2 },       [OF_LT] = { "LT", 2 },
	[OF_ABS] = { "ABS", 1 },     [OF_MIN] = { "MIN", 1 },     [OF_MAX] = { "MAX", 1 },
	[OF_AND] = { "AND", 1 },     [OF_OR] = { "OR", 1 },       [OF_IF] = { "IF", 3 },
	[OF_PICK] = { "PICK", 2 },   [OF_AS] = { "AS", 2 },       [OF_READ] = { "READ", 2 },
};

/* A node of the graph, and what it gives. */
typedef struct GraphNode {
	Operator op;
	int n;
	struct GraphNode **of; /* (n) */
	double k;
	int nentry; /* of a TABLE: entry i is of k + i, and the last ones of all beyond */
	double *entry;
	bool known;
	AffineForm form;
	int number; /* whose value it is, where it stands for a number of its own; -1 */
} GraphNode;

/* ---- values */

static double
quotient_below(double x, double y)
{
	return y == 0 ? 0 : floor(x / y);
}

static double
entry_at(const GraphNode *m, double x)
{
	return m->entry[(int)fmin(fmax(x - m->k, 0), m->nentry - 1)];
}

/* Of AND, OR, MIN and MAX. */
static double
value_of_all(Operator op, int n, const double *x)
{
	double least = x[0], most = x[0];
	int hold = 0;

	for (int i = 0; i < n; i++) {
		least = fmin(least, x[i]);
		most = fmax(most, x[i]);
		hold += x[i] == 1;
	}
	return op == OF_MIN ? least : op == OF_MAX ? most : op == OF_AND ? hold == n : hold > 0;
}

/* What the operator gives, its operands having these values. */
static double
value_of_operator(const GraphNode *m, const double *x)
{
	switch (m->op) {
	case OF_ADD: return x[0] + x[1];
	case OF_SUB: return x[0] - x[1];
	case OF_NOT: return 1 - x[0];
	case OF_MUL: return x[0] * x[1];
	case OF_DIV: return quotient_below(x[0], x[1]);
	case OF_MOD: return x[1] == 0 ? 0 : x[0] - x[1] * quotient_below(x[0], x[1]);
	case OF_TABLE: return entry_at(m, x[0]);
	case OF_EQ: return x[0] == x[1];
	case OF_LT: return x[0] < x[1];
	case OF_ABS: return fabs(x[0]);
	case OF_IF: return x[0] == 1 ? x[1] : x[2];
	case OF_PICK: return x[0] >= 0 && x[0] < m->n - 2 ? x[(int)x[0] + 2] : x[1];
	case OF_AS: return x[0];
	default: return value_of_all(m->op, m->n, x);
	}
}

/* Its value at each value of the roots of all operands, and of `said`, if that is not NULL;
 * NULL: these are too many. */
static double *
table_of_operator(Proof *p, const GraphNode *m, const AffineForm *said, bool deep,
                  const Roots **roots)
{
	double **of = TAKE(double *, m->n), *x = TAKE(double, m->n), *out = NULL;

	*roots = said ? deep_roots(p, no_roots(p), said) : no_roots(p);
	for (int i = 0; i < m->n && *roots; i++)
		*roots = deep ? deep_roots(p, *roots, &m->of[i]->form)
		              : join_form_roots(p, *roots, &m->of[i]->form);
	if (*roots) {
		out = TAKE(double, (*roots)->size);
		for (int i = 0; i < m->n; i++)
			of[i] = tabulate(p, &m->of[i]->form, *roots);
		for (int v = 0; v < (*roots)->size; v++) {
			for (int i = 0; i < m->n; i++)
				x[i] = of[i][v];
			out[v] = value_of_operator(m, x);
		}
		for (int i = 0; i < m->n; i++)
			free(of[i]);
	}
	free(of);
	free(x);
	return out;
}

/* ---- sums and comparisons */

/* c f + k */
static AffineForm
scaled_form(const AffineForm *f, double c, double k)
{
	AffineForm none = form_of(k);

	return sum_of_forms(&none, f, c);
}

static AffineForm
relu_shifted(Proof *p, const AffineForm *f, double k)
{
	AffineForm x = scaled_form(f, 1, k);

	return relu_of(p, &x);
}

static void
add_to(AffineForm *sum, AffineForm f, double c)
{
	*sum = sum_of_forms(sum, &f, c);
}

/* 1 where a whole number is k at least. */
static AffineForm
flag_from(Proof *p, const AffineForm *f, double k)
{
	AffineForm sum = relu_shifted(p, f, 1 - k);

	add_to(&sum, relu_shifted(p, f, -k), -1);
	return sum;
}

static AffineForm
equals(Proof *p, const AffineForm *f, double k)
{
	AffineForm sum = flag_from(p, f, k);

	add_to(&sum, flag_from(p, f, k + 1), -1);
	return sum;
}

/* Of sums and comparisons, which may be of numbers that have many values; false: of another. */
static bool
form_of_operator(Proof *p, const GraphNode *m, AffineForm *out)
{
	const AffineForm *x = &m->of[0]->form, *y = m->n > 1 ? &m->of[1]->form : x;
	AffineForm difference = sum_of_forms(x, y, -1);

	switch (m->op) {
	case OF_ADD: *out = sum_of_forms(x, y, 1); return true;
	case OF_SUB: *out = difference; return true;
	case OF_NOT: *out = scaled_form(x, -1, 1); return true;
	case OF_AS: *out = *x; return true;
	case OF_MUL:
		if (x->n && y->n)
			return false;
		*out = x->n ? scaled_form(x, y->k, 0) : scaled_form(y, x->k, 0);
		return true;
	case OF_EQ: *out = equals(p, &difference, 0); return true;
	case OF_LT:
		difference = scaled_form(&difference, -1, 0);
		*out = flag_from(p, &difference, 1);
		return true;
	default: return false;
	}
}

/* ---- node by node */

/* What the operator makes of its operands; false: nothing is known of it. */
static bool
derive(Proof *p, const GraphNode *m, AffineForm *out)
{
	const Roots *roots;
	double *table = table_of_operator(p, m, NULL, false, &roots);

	if (!table) /* and no number that has too many bits for what is made of it */
		return form_of_operator(p, m, out) && magnitude_of(range_of(p, out)) < 0x1p45;
	*out = form_of_table(p, roots, table, NULL);
	free(table);
	return true;
}

static bool
same_at_all_values(Proof *p, const GraphNode *m, const AffineForm *said)
{
	const Roots *roots;
	double *table = table_of_operator(p, m, said, true, &roots);
	double *of_said = table ? tabulate(p, said, roots) : NULL;
	bool same = table != NULL;

	for (int v = 0; same && v < roots->size; v++)
		same = table[v] == of_said[v] || !can_be(roots, v);
	free(table);
	free(of_said);
	return same;
}

static bool
operands_are_known(const GraphNode *m)
{
	for (int i = 0; i < m->n; i++)
		if (!m->of[i]->known)
			return false;
	return true;
}

/* ---- as functions of what its operands are made of */

/* Nodes that another is made of, whose values are numbers of their own: those that some operator
 * asks for, and then those that are only chosen. */
typedef struct Cut {
	GraphNode *of;
	int n, asked;
	GraphNode **node; /* (n) */
} Cut;

static bool
is_choice(const GraphNode *m)
{
	return m->op == OF_IF || m->op == OF_PICK;
}

static double
value_in_cut(const GraphNode *m, const double *x)
{
	double of[MOST_OPERANDS];

	if (m->number >= 0)
		return x[m->number];
	for (int i = 0; i < m->n; i++)
		of[i] = value_in_cut(m->of[i], x);
	return value_of_operator(m, of);
}

static double
value_of_cut(const void *cut, const double *x)
{
	return value_in_cut(((const Cut *)cut)->of, x);
}

static void
put_in_cut(Cut *cut, GraphNode *m, bool asked)
{
	int at = 0;

	while (at < cut->n && cut->node[at] != m)
		at++;
	if (at < cut->n && (!asked || at < cut->asked))
		return;
	if (at == cut->n && ++cut->n > MOST_OPERANDS)
		return;
	cut->node[at] = m;
	if (!asked)
		return;
	cut->node[at] = cut->node[cut->asked];
	cut->node[cut->asked++] = m;
}

/* What a node of the cut is itself made of takes its place, if it is a choice or all are to be
 * opened; false: none is, or there are too many. */
static bool
cut_deeper(Cut *cut, bool choices_only)
{
	Cut next = { cut->of, 0, 0, TAKE(GraphNode *, MOST_OPERANDS + 1) };
	bool deeper = false;

	for (int i = 0; i < cut->n && next.n <= MOST_OPERANDS; i++) {
		GraphNode *m = cut->node[i];
		bool asked = i < cut->asked, open = m->op != NOPERATOR && m->op != OF_READ;
		open = open && m->n > 0 && m->n < MOST_OPERANDS && operands_are_known(m)
		       && (!choices_only || (is_choice(m) && !asked));
		deeper = deeper || open;
		if (!open)
			put_in_cut(&next, m, asked);
		for (int k = 0; open && k < m->n && next.n <= MOST_OPERANDS; k++)
			put_in_cut(&next, m->of[k], asked || k == 0 || !is_choice(m));
	}
	*cut = next;
	return deeper && cut->n <= MOST_OPERANDS;
}

static bool
same_in_cut(Proof *p, Cut *cut, const AffineForm *said)
{
	const AffineForm **x = TAKE(const AffineForm *, cut->n);
	NumberFunction f = { cut->n, cut->asked, x, value_of_cut, cut };

	for (int i = 0; i < cut->n; i++) {
		cut->node[i]->number = i;
		x[i] = &cut->node[i]->form;
	}
	bool same = is_function(p, said, &f);
	for (int i = 0; i < cut->n; i++)
		cut->node[i]->number = -1;
	free(x);
	return same;
}

static bool
same_by_operands(Proof *p, GraphNode *m, const AffineForm *said)
{
	enum { MOST_DEPTH = 4, MOST_CHOICES = 9 };

	for (int choices = 0; choices < 2; choices++) {
		Cut cut = { m, 1, 0, &m };
		for (int depth = 0; depth < (choices ? MOST_CHOICES : MOST_DEPTH); depth++) {
			if (!cut_deeper(&cut, choices))
				break;
			if (same_in_cut(p, &cut, said))
				return true;
		}
	}
	return false;
}

static bool
same_forms(Proof *p, const AffineForm *f, const AffineForm *g)
{
	AffineForm off = sum_of_forms(f, g, -1);

	return is_nothing(p, &off, 0, false);
}

/* The token's row in its field, the number of the place, or a number. */
static bool
form_of_leaf(Proof *p, const GraphNode *m, AffineForm *out)
{
	Root *root = m->op == OF_INDEX ? p->place : NULL;

	if (m->op == OF_CONST)
		*out = form_of(m->k);
	if (m->op == OF_TOKEN && !p->m->ninput && m->k >= 0 && m->k < p->m->nfield)
		root = p->field[(int)m->k];
	if (root) {
		double *table = TAKE(double, root->size);
		for (int i = 0; i < root->size; i++)
			table[i] = i;
		*out = form_of_table(p, roots_of(p, root), table, NULL);
		free(table);
	}
	return root || m->op == OF_CONST;
}

/* What there is to be read as a value of the model, or as {"at": "a1.h0", "read": form}. */
static bool
what_is_there(Proof *p, const cJSON *x, ColumnValue *v, int *layer, int *head)
{
	const cJSON *nodes = field(p->m->circuit, "nodes");
	const cJSON *j = cJSON_IsNumber(x) ? cJSON_GetArrayItem(nodes, x->valueint) : NULL;

	if (j)
		return head_number(p, cJSON_GetStringValue(field(j, "at")), layer, head)
		       && form_of_json(p, field(j, "read"), 1, 0, v);
	int at = cJSON_IsString(x) ? value_number(p, x->valuestring, layer) : -1;
	if (at < 0 || !p->there[*layer][at])
		return false;
	*head = at / p->m->layer[*layer].dv;
	*v = *p->there[*layer][at];
	return true;
}

/* Does what is read as the values of one head, added up as the form says, make the operand, and at
 * <bos> the number for what is absent? */
static bool
reads_operand(Proof *p, const GraphNode *m, const cJSON *form)
{
	AffineForm there = form_of(form->child->valuedouble);
	double bos = there.k;
	int layer, head, of_layer = -1, of_head = -1;
	ColumnValue v;

	for (const cJSON *x = form->child->next; x; x = x->next->next) {
		double c = x->next->valuedouble;
		if (!what_is_there(p, x, &v, &layer, &head)
		    || (of_layer >= 0 && (layer != of_layer || head != of_head)))
			return false;
		of_layer = layer;
		of_head = head;
		there = sum_of_forms(&there, &v.form, c);
		bos = plus(bos, times(c, v.bos));
	}
	return m->of[1]->form.n == 0 && bos == m->of[1]->form.k
	       && same_forms(p, &there, &m->of[0]->form);
}

/* Is the form that is said what the operator gives? */
static bool
means_what_is_said(Proof *p, GraphNode *m, const AffineForm *derived, const AffineForm *said,
                   const cJSON *form)
{
	if (m->op == OF_READ)
		return m->n == 2 && (said->n == 0 || reads_operand(p, m, form));
	return (derived && same_forms(p, derived, said)) || same_by_operands(p, m, said)
	       || same_at_all_values(p, m, said);
}

static void
hold_node(Proof *p, GraphNode *m, const cJSON *j, int number)
{
	const cJSON *form = field(j, "form");
	AffineForm derived;
	ColumnValue said;
	bool leaf = m->op != NOPERATOR && form_of_leaf(p, m, &derived);
	bool all = m->op != NOPERATOR && operands_are_known(m);
	bool known = leaf || (all && m->op != OF_READ && derive(p, m, &derived));

	m->known = form && form_of_json(p, form, 1, 0, &said);
	if (m->known && field(j, "op"))
		add_finding(
			p, FACT_GRAPH,
			all && means_what_is_said(p, m, known ? &derived : NULL, &said.form, form)
				&& !own_arithmetic_failed(),
			text("node %d of the graph%s%s", number, m->op == NOPERATOR ? "" : ", ",
		             m->op == NOPERATOR ? "" : operators[m->op].name),
			"its form is not shown to be what its operator gives");
	if (m->known || known)
		m->form = m->known ? said.form : derived;
	m->known = m->known || known;
}

/* ---- reading it */

static Operator
operator_in(const cJSON *j)
{
	const char *name = cJSON_GetStringValue(field(j, "op"));
	int op = 0;

	while (op < NOPERATOR && (!name || strcmp(name, operators[op].name)))
		op++;
	return op;
}

/* Operands stand before it; what is not so is no operator that is known. */
static void
read_graph_node(GraphNode *m, const cJSON *j, int number, GraphNode *all)
{
	const cJSON *of = field(j, "of"), *table = field(j, "table"), *k = field(j, "k");

	m->op = operator_in(j);
	m->number = -1;
	m->of = take((size_t)cJSON_GetArraySize(of), sizeof *m->of);
	for (const cJSON *x = of ? of->child : NULL; x; x = x->next) {
		bool before = cJSON_IsNumber(x) && x->valuedouble >= 0 && x->valuedouble < number;
		if (!before)
			m->op = NOPERATOR;
		else
			m->of[m->n++] = &all[x->valueint];
	}
	m->entry = TAKE(double, cJSON_GetArraySize(table));
	for (const cJSON *x = table ? table->child : NULL; x; x = x->next)
		m->entry[m->nentry++] = cJSON_GetNumberValue(x);
	m->k = cJSON_IsNumber(k) ? k->valuedouble : 0;
	if (m->op != NOPERATOR
	    && (m->n < operators[m->op].least || (m->op == OF_TABLE && m->nentry == 0)))
		m->op = NOPERATOR;
}

/* The forms of the answers are those of their nodes. */
static void
hold_answers(Proof *p, const GraphNode *node, int n, const char *what)
{
	const cJSON *at = field(field(p->m->circuit, "graph"), what), *form = field(p->sums, what);

	form = form ? form->child : NULL;
	for (at = at ? at->child : NULL; at && form; at = at->next, form = form->next) {
		bool there = cJSON_IsNumber(at) && at->valueint >= 0 && at->valueint < n;
		const GraphNode *m = there ? &node[at->valueint] : NULL;
		ColumnValue said;
		add_finding(p, FACT_GRAPH,
		            m && m->known && form_of_json(p, form, 1, 0, &said)
		                    && same_forms(p, &m->form, &said.form)
		                    && !own_arithmetic_failed(),
		            text("an answer (%s) of the graph", what), "its form is another");
	}
}

/* Where numbers have too many bits, no node from there on is shown; the proof of the model, which
 * needs none of this, stands. */
void
hold_graph(Proof *p)
{
	const cJSON *nodes = field(field(p->m->circuit, "graph"), "nodes");
	GraphNode *all = TAKE(GraphNode, cJSON_GetArraySize(nodes));
	bool failed = own_arithmetic_failed();
	int n = 0;

	for (const cJSON *j = nodes && p->sums ? nodes->child : NULL; j; j = j->next, n++) {
		read_graph_node(&all[n], j, n, all);
		hold_node(p, &all[n], j, n);
	}
	hold_answers(p, all, n, "next");
	hold_answers(p, all, n, "labels");
	if (forget_failure() && failed)
		fail_own_arithmetic();
}
