/* Values that never stood in the stream: named values as forms over nodes, as the property
 * tw.circuit has them (lang/json.md).
 *
 *     "m1.n6"                            a neuron of the model: relu(x w1 + b1), of its state
 *     "a1.h0.v2"                         what a head of it fetches, where its scores are greatest
 *     {"relu": [-9, "a1.h0.v1", 1]}      a node of the file's own: relu(-9 + 1 * a1.h0.v1)
 *
 * So the sum of two digits, which the adder never has as a whole, is -10 of one neuron and so on.
 * A node is a number at each place, computed for all places at once when a value first needs it;
 * its operands come before it. Sums are of doubles, where integers are exact as they are in the
 * model. */

#include "runtime/circuit.h"
#include "runtime/json.h"
#include "runtime/load.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct NodeTerm {
	int node; /* below 0: own[-1 - node] */
	double times;
} NodeTerm;

typedef struct NodeForm {
	bool missing;
	double k;
	int n;
	NodeTerm *term; /* (n) */
} NodeForm;

typedef enum NodeKind {
	NODE_NEURON, /* of the model, column of a layer's w1 */
	NODE_VALUE,  /* of the model, column of a layer's wv */
	NODE_TOKEN,  /* a function of the token's rows, */
	NODE_PLACE,  /* of the place, */
	NODE_DIGIT,  /* of one of its digits */
	NODE_INPUT,  /* a number that is fed */
	NODE_RELU,
	NODE_ROUND, /* to the nearest integer */
	NODE_FIND,  /* finds a place; is no number */
	NODE_READ,  /* a form at the place that is found */
} NodeKind;

/* What it is for all rows from..: value, value + step, … */
typedef struct NodeRun {
	double from, count, value, step;
} NodeRun;

typedef struct CircuitNode {
	NodeKind kind;
	NodeForm form;
	int layer, column;  /* of the model's */
	TwPlaceDigit digit; /* NODE_DIGIT */
	int nrun;
	NodeRun *run; /* (nrun) */
	int input;
	int find; /* NODE_VALUE, NODE_READ: of the finds; NODE_FIND: its own number there */
	bool wanted;
	double *value; /* (n) by place; NULL before it is computed */
} CircuitNode;

/* How a place is found: by a head of the model, or by queries and keys of the file's own. */
typedef struct CircuitFind {
	int layer, head; /* of the model; layer -1: of the file's own */
	int ndim;
	NodeForm *form;      /* (ndim, 2) queries and keys */
	int width;           /* numbers of a query: dk, or ndim */
	double *query, *key; /* (n, width) */
	int *at;             /* (n) what is found; -1: the mean of several is read */
} CircuitFind;

struct TwCircuit {
	const TwModel *m;
	TwPool pool;
	int nnode, nown, capown, nfind, capfind;
	CircuitNode *node; /* (nnode) in the order of the file */
	CircuitNode *own;  /* (nown) the model's */
	CircuitFind *find; /* (nfind) */
	int **neuron;      /* (nlayer)(neurons) their number in own, + 1 */
	int **fetched;     /* (nlayer)(heads * dv) so too */
	int **head;        /* (nlayer)(heads) in find, + 1 */
	NodeForm *named;   /* (nnamed) */

	/* of the text at hand */
	bool failed;
	TwPool values;
	const TwKept *kept;
};

/* ---- reading it */

typedef struct CircuitReader {
	TwCircuit *c;
	const cJSON *json;
	bool ok;
} CircuitReader;

static bool
whole_number_of(const cJSON *j, int low, int high, int *to)
{
	if (!cJSON_IsNumber(j) || !(j->valuedouble >= low && j->valuedouble <= high))
		return false;
	*to = (int)j->valuedouble;
	return *to == j->valuedouble;
}

/* The letter, and a number below `end` behind it. */
static bool
take_index(const char **s, char letter, int end, int *to)
{
	int64_t x = 0;

	if (**s != letter || !((*s)[1] >= '0' && (*s)[1] <= '9'))
		return false;
	for (++*s; **s >= '0' && **s <= '9' && x < end; ++*s)
		x = 10 * x + (**s - '0');
	*to = (int)x;
	return x < end;
}

static bool
take_dot(const char **s)
{
	return **s == '.' && ++*s;
}

static CircuitNode *
new_own(TwCircuit *c)
{
	c->own = tw_pool_grow(&c->pool, c->own, c->nown, &c->capown, sizeof *c->own);
	memset(&c->own[c->nown], 0, sizeof *c->own);
	return &c->own[c->nown++];
}

static int
find_of_head(TwCircuit *c, int layer, int head)
{
	int *at = &c->head[layer][head];

	if (!*at) {
		c->find = tw_pool_grow(&c->pool, c->find, c->nfind, &c->capfind, sizeof *c->find);
		c->find[c->nfind] = (CircuitFind){ .layer = layer,
			                           .head = head,
			                           .width = c->m->layer[layer].dk };
		*at = ++c->nfind;
	}
	return *at - 1;
}

static int
node_of_neuron(TwCircuit *c, int layer, int neuron)
{
	int *at = &c->neuron[layer][neuron];

	if (!*at) {
		*new_own(
			c) = (CircuitNode){ .kind = NODE_NEURON, .layer = layer, .column = neuron };
		*at = c->nown;
	}
	return -*at;
}

static int
node_of_value(TwCircuit *c, int layer, int head, int value)
{
	int column = head * c->m->layer[layer].dv + value, *at = &c->fetched[layer][column];

	if (!*at) {
		int find = find_of_head(c, layer, head);
		*new_own(c) = (CircuitNode){
			.kind = NODE_VALUE, .layer = layer, .column = column, .find = find
		};
		*at = c->nown;
	}
	return -*at;
}

/* "a1.h0", and what follows. */
static bool
take_head(const TwCircuit *c, const char **s, int *layer, int *head)
{
	return take_index(s, 'a', c->m->nlayer, layer) && take_dot(s)
	       && take_index(s, 'h', c->m->layer[*layer].heads, head);
}

/* "m1.n6", "a1.h0.v2", or the number of an earlier node. */
static bool
read_node_name(TwCircuit *c, const cJSON *j, int nnode, int *to)
{
	int layer, head, n;

	if (!cJSON_IsString(j))
		return whole_number_of(j, 0, nnode - 1, to) && c->node[*to].kind != NODE_FIND;
	const char *s = j->valuestring;
	if (*s == 'm') {
		if (!take_index(&s, 'm', c->m->nlayer, &layer) || !take_dot(&s)
		    || !take_index(&s, 'n', c->m->layer[layer].neurons, &n) || *s)
			return false;
		*to = node_of_neuron(c, layer, n);
		return true;
	}
	if (!take_head(c, &s, &layer, &head) || !take_dot(&s)
	    || !take_index(&s, 'v', c->m->layer[layer].dv, &n) || *s)
		return false;
	*to = node_of_value(c, layer, head, n);
	return true;
}

/* A form over the first nnode nodes. */
static bool
read_form(TwCircuit *c, const cJSON *j, int nnode, NodeForm *f)
{
	int n = cJSON_IsArray(j) ? cJSON_GetArraySize(j) : 0;

	if (n % 2 == 0 || !cJSON_IsNumber(j->child))
		return false;
	f->k = j->child->valuedouble;
	f->term = TW_NEW(&c->pool, NodeTerm, n / 2);
	for (const cJSON *x = j->child->next; x; x = x->next->next) {
		NodeTerm *t = &f->term[f->n++];
		if (!read_node_name(c, x, nnode, &t->node) || !cJSON_IsNumber(x->next))
			return false;
		t->times = x->next->valuedouble;
	}
	return true;
}

static bool
read_runs(TwCircuit *c, const cJSON *j, CircuitNode *node)
{
	int n = cJSON_IsArray(j) ? cJSON_GetArraySize(j) : -1, i = 0;

	if (n < 0 || n % 4)
		return false;
	node->nrun = n / 4;
	node->run = TW_NEW(&c->pool, NodeRun, n / 4);
	for (const cJSON *x = j->child; x; x = x->next, i++) {
		NodeRun *r = &node->run[i / 4];
		if (!cJSON_IsNumber(x))
			return false;
		*(double *[]){ &r->from, &r->count, &r->value, &r->step }[i % 4] = x->valuedouble;
	}
	return true;
}

/* [back, divide, modulo, saturate] */
static bool
read_digit(const cJSON *j, TwPlaceDigit *d)
{
	const int most = 1 << 28;
	int saturate;

	if (!cJSON_IsArray(j) || cJSON_GetArraySize(j) != 4)
		return false;
	const cJSON *x = j->child;
	if (!whole_number_of(x, -most, most, &d->back)
	    || !whole_number_of(x->next, 1, most, &d->divide)
	    || !whole_number_of(x->next->next, 1, most, &d->modulo)
	    || !whole_number_of(x->next->next->next, 0, 1, &saturate))
		return false;
	d->saturate = saturate;
	return true;
}

static bool
read_find(TwCircuit *c, const cJSON *j, CircuitNode *node)
{
	int n = cJSON_IsArray(j) ? cJSON_GetArraySize(j) : -1, i = 0;
	CircuitFind new = { .layer = -1, .ndim = n / 2, .width = n / 2 };

	if (n < 0 || n % 2)
		return false;
	new.form = TW_NEW(&c->pool, NodeForm, n);
	for (const cJSON *x = j->child; x; x = x->next)
		if (!read_form(c, x, c->nnode, &new.form[i++]))
			return false;
	c->find = tw_pool_grow(&c->pool, c->find, c->nfind, &c->capfind, sizeof *c->find);
	node->find = c->nfind;
	c->find[c->nfind++] = new;
	return true;
}

static bool
read_read(TwCircuit *c, const cJSON *at, const cJSON *read, CircuitNode *node)
{
	const char *s = cJSON_IsString(at) ? at->valuestring : NULL;
	int layer, head, i;

	if (s) {
		if (!take_head(c, &s, &layer, &head) || *s)
			return false;
		node->find = find_of_head(c, layer, head);
	} else {
		if (!whole_number_of(at, 0, c->nnode - 1, &i) || c->node[i].kind != NODE_FIND)
			return false;
		node->find = c->node[i].find;
	}
	return read_form(c, read, c->nnode, &node->form);
}

/* Node c->nnode of the file. */
static bool
read_circuit_node(TwCircuit *c, const cJSON *j)
{
	CircuitNode *node = &c->node[c->nnode];
	const cJSON *first = cJSON_IsObject(j) ? j->child : NULL;
	const char *kind = first ? first->string : "";

	if (!strcmp(kind, "at")) {
		node->kind = NODE_READ;
		return read_read(c, first, first->next, node);
	}
	if (!strcmp(kind, "token") || !strcmp(kind, "place")) {
		node->kind = *kind == 't' ? NODE_TOKEN : NODE_PLACE;
		return read_runs(c, first, node);
	}
	if (!strcmp(kind, "digit")) {
		node->kind = NODE_DIGIT;
		return read_digit(first, &node->digit) && read_runs(c, first->next, node);
	}
	if (!strcmp(kind, "input")) {
		node->kind = NODE_INPUT;
		return whole_number_of(first, 0, c->m->ninput - 1, &node->input);
	}
	if (!strcmp(kind, "relu") || !strcmp(kind, "round")) {
		node->kind = !strcmp(kind, "relu") ? NODE_RELU : NODE_ROUND;
		return read_form(c, first, c->nnode, &node->form);
	}
	node->kind = NODE_FIND;
	return !strcmp(kind, "find") && read_find(c, first, node);
}

static void
make_tables(TwCircuit *c)
{
	const TwModel *m = c->m;

	c->neuron = TW_NEW(&c->pool, int *, m->nlayer);
	c->fetched = TW_NEW(&c->pool, int *, m->nlayer);
	c->head = TW_NEW(&c->pool, int *, m->nlayer);
	for (int n = 0; n < m->nlayer; n++) {
		const TwLayer *l = &m->layer[n];
		c->neuron[n] = TW_NEW(&c->pool, int, l->neurons);
		c->fetched[n] = TW_NEW(&c->pool, int, l->heads * l->dv);
		c->head[n] = TW_NEW(&c->pool, int, l->heads);
	}
}

static void
read_circuit(void *reader)
{
	CircuitReader *r = reader;
	TwCircuit *c = r->c;
	const cJSON *nodes = cJSON_GetObjectItemCaseSensitive(r->json, "nodes"),
		    *named = cJSON_GetObjectItemCaseSensitive(r->json, "named");
	int i = 0;

	if (!cJSON_IsArray(nodes) || !cJSON_IsArray(named)
	    || cJSON_GetArraySize(named) != c->m->nnamed)
		return;
	make_tables(c);
	c->node = TW_NEW(&c->pool, CircuitNode, cJSON_GetArraySize(nodes));
	for (const cJSON *x = nodes->child; x; x = x->next, c->nnode++)
		if (!read_circuit_node(c, x))
			return;
	c->named = TW_NEW(&c->pool, NodeForm, c->m->nnamed);
	for (const cJSON *x = named->child; x; x = x->next, i++) {
		c->named[i].missing = cJSON_IsNull(x);
		if (!cJSON_IsNull(x) && !read_form(c, x, c->nnode, &c->named[i]))
			return;
	}
	r->ok = true;
}

TwCircuit *
tw_circuit_open(const TwModel *m, char **error)
{
	TwCircuit *c = calloc(1, sizeof *c);
	bool no_memory = !c;
	cJSON *json = c ? tw_json_parse(m->circuit, strlen(m->circuit), &no_memory) : NULL;
	CircuitReader r = { c, json, false };

	if (c)
		c->m = m;
	if (json && !tw_protect(&c->pool, NULL, read_circuit, &r))
		no_memory = true;
	cJSON_Delete(json);
	if (r.ok)
		return c;
	tw_refuse(error, no_memory ? "out of memory" : "the property tw.circuit is damaged");
	tw_circuit_close(c);
	return NULL;
}

static void
forget_node(CircuitNode *node)
{
	node->value = NULL;
	node->wanted = false;
}

void
tw_circuit_forget(TwCircuit *c)
{
	tw_pool_free(&c->values);
	c->failed = false;
	for (int i = 0; i < c->nown; i++)
		forget_node(&c->own[i]);
	for (int i = 0; i < c->nnode; i++)
		forget_node(&c->node[i]);
	for (int i = 0; i < c->nfind; i++)
		c->find[i].at = NULL;
}

void
tw_circuit_close(TwCircuit *c)
{
	if (!c)
		return;
	tw_pool_free(&c->values);
	tw_pool_free(&c->pool);
	free(c);
}

/* ---- the places that are found */

static double
node_form_at(const TwCircuit *c, const NodeForm *f, int place)
{
	double sum = f->k;

	for (int i = 0; i < f->n; i++) {
		int node = f->term[i].node;
		const CircuitNode *of = node < 0 ? &c->own[-1 - node] : &c->node[node];
		sum += f->term[i].times * of->value[place];
	}
	return sum;
}

/* Column j of (d_model, width) and a bias, of the stream. */
static double
stream_dot(const TwModel *m, const float *x, const float *w, int width, int j, const float *bias)
{
	double sum = (double)bias[j];

	for (int i = 0; i < m->d_model; i++)
		sum += (double)x[i] * (double)w[(size_t)i * (size_t)width + (size_t)j];
	return sum;
}

static const float *
kept_stream(const TwCircuit *c, int state, int place)
{
	return c->kept->state(c->kept->session, state, place);
}

static void
make_queries(TwCircuit *c, CircuitFind *f)
{
	const TwLayer *l = f->layer < 0 ? NULL : &c->m->layer[f->layer];
	int n = c->kept->n;

	f->query = TW_NEW(&c->values, double, (size_t)n *(size_t)f->width);
	f->key = TW_NEW(&c->values, double, (size_t)n *(size_t)f->width);
	for (int p = 0; p < n; p++)
		for (int i = 0; i < f->width; i++) {
			size_t to = (size_t)p * (size_t)f->width + (size_t)i;
			if (!l) {
				f->query[to] = node_form_at(c, &f->form[2 * i], p);
				f->key[to] = node_form_at(c, &f->form[2 * i + 1], p);
				continue;
			}
			const float *x = kept_stream(c, 2 * f->layer, p);
			int j = f->head * l->dk + i, wide = l->heads * l->dk;
			f->query[to] = stream_dot(c->m, x, l->wq, wide, j, l->bq);
			f->key[to] = stream_dot(c->m, x, l->wk, wide, j, l->bk);
		}
}

static double
score_of_find(const CircuitFind *f, int here, int there)
{
	const double *q = f->query + (size_t)here * (size_t)f->width,
		     *k = f->key + (size_t)there * (size_t)f->width;
	double sum = 0;

	for (int i = 0; i < f->width; i++)
		sum += q[i] * k[i];
	return sum;
}

/* How many places are seen from one. */
static int
places_seen(const TwCircuit *c, int here)
{
	return c->m->bidirectional && here ? c->kept->n : here + 1;
}

static int
found_from(const TwCircuit *c, const CircuitFind *f, int here)
{
	double best = -INFINITY, second = -INFINITY;
	int at = 0, n = places_seen(c, here);

	for (int p = 0; p < n; p++) {
		double score = score_of_find(f, here, p);
		if (score > best) {
			second = best;
			best = score;
			at = p;
		} else if (score > second) {
			second = score;
		}
	}
	return best - second >= TW_GAP ? at : -1;
}

static void
find_places(TwCircuit *c, CircuitFind *f)
{
	if (f->at)
		return;
	make_queries(c, f);
	f->at = TW_NEW(&c->values, int, c->kept->n);
	for (int p = 0; p < c->kept->n; p++)
		f->at[p] = found_from(c, f, p);
}

/* The mean of x over all places, weighted by softmax. */
static double
softmax_mean(const TwCircuit *c, const CircuitFind *f, int here, const double *x)
{
	double best = -INFINITY, sum = 0, weights = 0;
	int n = places_seen(c, here);

	for (int p = 0; p < n; p++)
		best = fmax(best, score_of_find(f, here, p));
	for (int p = 0; p < n; p++) {
		double behind = best - score_of_find(f, here, p);
		double weight = behind < TW_GAP ? exp(-behind) : 0;
		weights += weight;
		sum += weight * x[p];
	}
	return sum / weights;
}

/* ---- the values of nodes */

static double
table_at(const CircuitNode *node, int i)
{
	for (int r = 0; r < node->nrun; r++) {
		const NodeRun *run = &node->run[r];
		if (i >= run->from && i < run->from + run->count)
			return run->value + (i - run->from) * run->step;
	}
	return 0;
}

/* What a token's rows add. <bos> has its row in every field, and counts once. */
static double
token_at(const TwCircuit *c, const CircuitNode *node, int place)
{
	double sum = place ? 0 : table_at(node, c->m->nvocab + 1);

	for (int f = 0; place && f < c->m->nfield; f++)
		sum += table_at(node, c->kept->row[place * c->m->nfield + f]);
	return sum;
}

/* In float32, as the model rounds it. */
static double
neuron_at(const TwCircuit *c, const CircuitNode *node, int place)
{
	const TwLayer *l = &c->m->layer[node->layer];
	const float *x = kept_stream(c, 2 * node->layer + 1, place);
	float u = (float)stream_dot(c->m, x, l->w1, l->neurons, node->column, l->b1);

	return u > 0 ? (double)u : 0;
}

static double
value_at_place(const TwCircuit *c, const CircuitNode *node, int place)
{
	const TwLayer *l = &c->m->layer[node->layer];

	return stream_dot(c->m, kept_stream(c, 2 * node->layer, place), l->wv, l->heads * l->dv,
	                  node->column, l->bv);
}

static double
node_at(const TwCircuit *c, const CircuitNode *node, int place)
{
	const TwKept *t = c->kept;

	switch (node->kind) {
	case NODE_NEURON: return neuron_at(c, node, place);
	case NODE_VALUE: return value_at_place(c, node, place);
	case NODE_TOKEN: return token_at(c, node, place);
	case NODE_PLACE: return table_at(node, t->at[place]);
	case NODE_DIGIT: return table_at(node, tw_place_digit(&node->digit, t->at[place]));
	case NODE_INPUT: return place ? (double)t->number[place * c->m->ninput + node->input] : 0;
	case NODE_RELU: return fmax(node_form_at(c, &node->form, place), 0);
	case NODE_ROUND: return rint(node_form_at(c, &node->form, place));
	case NODE_READ: return node_form_at(c, &node->form, place);
	default: return 0;
	}
}

static void
compute_node(TwCircuit *c, CircuitNode *node)
{
	int n = c->kept->n;
	bool fetched = node->kind == NODE_VALUE || node->kind == NODE_READ;
	double *x = TW_NEW(&c->values, double, n);

	for (int p = 0; p < n; p++)
		x[p] = node_at(c, node, p);
	node->value = x;
	node->wanted = false;
	if (!fetched)
		return;
	CircuitFind *f = &c->find[node->find];
	find_places(c, f);
	node->value = TW_NEW(&c->values, double, n);
	for (int p = 0; p < n; p++)
		node->value[p] = f->at[p] >= 0 ? x[f->at[p]] : softmax_mean(c, f, p, x);
}

static CircuitNode *
node_of_term(TwCircuit *c, const NodeTerm *t)
{
	return t->node < 0 ? &c->own[-1 - t->node] : &c->node[t->node];
}

/* Is there a node of it that has no value yet? */
static bool
want_form(TwCircuit *c, const NodeForm *f)
{
	bool wants = false;

	for (int i = 0; i < f->n; i++) {
		CircuitNode *node = node_of_term(c, &f->term[i]);
		node->wanted = !node->value;
		wants = wants || node->wanted;
	}
	return wants;
}

static void
want_operands(TwCircuit *c, const CircuitNode *node)
{
	want_form(c, &node->form);
	if (node->kind != NODE_READ)
		return;
	const CircuitFind *f = &c->find[node->find];
	for (int i = 0; f->form && i < 2 * f->ndim; i++)
		want_form(c, &f->form[i]);
}

/* All that is wanted, and what that is made of. */
static void
compute_wanted(void *circuit)
{
	TwCircuit *c = circuit;

	for (int i = c->nnode - 1; i >= 0; i--)
		if (c->node[i].wanted)
			want_operands(c, &c->node[i]);
	for (int i = 0; i < c->nown; i++)
		if (c->own[i].wanted)
			compute_node(c, &c->own[i]);
	for (int i = 0; i < c->nnode; i++)
		if (c->node[i].wanted)
			compute_node(c, &c->node[i]);
}

bool
tw_circuit_has(const TwCircuit *c, int named)
{
	return !c->named[named].missing;
}

double
tw_circuit_value(TwCircuit *c, const TwKept *kept, int named, int place)
{
	if (c->named[named].missing || c->failed)
		return NAN;
	const NodeForm *form = &c->named[named];

	if (want_form(c, form)) {
		c->kept = kept;
		c->failed = !tw_protect(&c->values, NULL, compute_wanted, c);
		c->kept = NULL;
	}
	return c->failed ? NAN : node_form_at(c, form, place);
}
