/* The tw.* properties of a file: JSON to the fields of a TwModel, everything but
 * the weights. Each property has a reader below; one that is missing or not as
 * it should be is refused by name. */

#include "runtime/json.h"
#include "runtime/load.h"
#include "runtime/onnx_graph.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Far beyond any model, and small enough that no product of two of them overflows 64 bits. */
enum {
	MAX_TEXT = 16 << 20, /* bytes of one property */
	MAX_ROWS = 1 << 20,  /* of a table */
	MAX_WIDTH = 1 << 16, /* d_model, and heads times their size */
	MAX_NEURONS = 1 << 24,
	MAX_LAYERS = 1 << 12,
	MAX_CONTEXT = 1 << 28,
};

typedef struct Meta Meta;
typedef bool Read(Meta *, const cJSON *);

struct Meta {
	TwModel *m;
	TwPool *pool;
	const char *text; /* of the property at hand, */
	cJSON *json;      /* and what it says */
	Read *read;       /* its reader, */
	bool ok;
};

static bool
json_int(const cJSON *j, int low, int high, int *out)
{
	if (!cJSON_IsNumber(j) || !(j->valuedouble >= low && j->valuedouble <= high))
		return false;
	*out = (int)j->valuedouble;
	return *out == j->valuedouble;
}

static bool
json_number(const cJSON *j, float *out)
{
	if (!cJSON_IsNumber(j) || !(fabs(j->valuedouble) < 1e30))
		return false;
	*out = (float)j->valuedouble;
	return true;
}

static bool
json_bool(const cJSON *j, bool *out)
{
	*out = cJSON_IsTrue(j);
	return cJSON_IsBool(j);
}

static bool
json_text(Meta *r, const cJSON *j, char **out)
{
	if (!cJSON_IsString(j) || !j->valuestring[0])
		return false;
	*out = tw_pool_str(r->pool, j->valuestring);
	return true;
}

static bool
json_word(const cJSON *j, const char *const *word, int n, int *out)
{
	for (int i = 0; i < n && cJSON_IsString(j); i++)
		if (!strcmp(j->valuestring, word[i])) {
			*out = i;
			return true;
		}
	return false;
}

static bool
json_kind(const cJSON *j, TwKind *out)
{
	int i = 0;
	bool ok = json_word(j, (const char *[]){ "int", "bool", "token", "real" }, 4, &i);

	*out = (TwKind)i;
	return ok;
}

static const cJSON *
json_field(const cJSON *j, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(j, name);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool
all_differ(TwPool *pool, char **name, int n)
{
	char **sorted = TW_NEW(pool, char *, n);

	if (n) {
		memcpy(sorted, name, (size_t)n * sizeof *sorted);
		qsort(sorted, (size_t)n, sizeof *sorted, by_text);
	}
	for (int i = 1; i < n; i++)
		if (!strcmp(sorted[i - 1], sorted[i]))
			return false;
	return true;
}

/* ---- one reader a property */

static bool
meta_version(Meta *r, const cJSON *j)
{
	int version;

	(void)r;
	return json_int(j, TW_FORMAT, TW_FORMAT, &version);
}

static bool
meta_name(Meta *r, const cJSON *j)
{
	return json_text(r, j, &r->m->name);
}

/* The numbers that are fed; absent where there are tokens. */
static bool
meta_inputs(Meta *r, const cJSON *j)
{
	TwModel *m = r->m;
	int n = cJSON_IsArray(j) ? cJSON_GetArraySize(j) : 0;

	if (n < 1 || n > MAX_WIDTH)
		return false;
	m->input = TW_NEW(r->pool, TwInput, n);
	for (const cJSON *item = j->child; item; item = item->next) {
		TwInput *in = &m->input[m->ninput++];
		if (!json_text(r, json_field(item, "name"), &in->name)
		    || !json_kind(json_field(item, "kind"), &in->kind) || in->kind == TW_TOKEN
		    || !json_number(json_field(item, "low"), &in->low)
		    || !json_number(json_field(item, "high"), &in->high) || in->low > in->high)
			return false;
	}
	return true;
}

static bool
meta_vocab(Meta *r, const cJSON *j)
{
	TwModel *m = r->m;
	int n = cJSON_IsArray(j) ? cJSON_GetArraySize(j) : 0;

	if (m->ninput ? n != 0 : n < 1 || n > MAX_ROWS)
		return false;
	m->vocab = TW_NEW(r->pool, char *, n);
	for (const cJSON *token = j->child; token; token = token->next)
		if (!json_text(r, token, &m->vocab[m->nvocab++]))
			return false;
	m->nfield = 1;
	m->first = TW_NEW(r->pool, int, 2);
	m->first[1] = m->nvocab;
	return all_differ(r->pool, m->vocab, m->nvocab);
}

static bool
meta_special(Meta *r, const cJSON *j)
{
	int n = r->m->nvocab, row;

	return json_int(json_field(j, "end"), n, n, &row)
	       && json_int(json_field(j, "bos"), n + 1, n + 1, &row);
}

/* The words of a field are its name, ": " and a value each. */
static bool
one_field(char *const *word, int n)
{
	size_t name = strcspn(word[0], ":");

	for (int i = 0; i < n; i++)
		if (!name || strncmp(word[i], word[0], name + 1) || strncmp(word[i] + name, ": ", 2)
		    || !word[i][name + 2])
			return false;
	return true;
}

/* How many rows each field has; absent where a token is one row. */
static bool
meta_fields(Meta *r, const cJSON *j)
{
	TwModel *m = r->m;
	int n = cJSON_IsArray(j) ? cJSON_GetArraySize(j) : 0, rows;

	if (n < 1 || n > m->nvocab)
		return false;
	m->record = true;
	m->nfield = 0;
	m->first = TW_NEW(r->pool, int, n + 1);
	for (const cJSON *field_ = j->child; field_; field_ = field_->next, m->nfield++) {
		if (!json_int(field_, 1, m->nvocab - m->first[m->nfield], &rows)
		    || !one_field(m->vocab + m->first[m->nfield], rows))
			return false;
		m->first[m->nfield + 1] = m->first[m->nfield] + rows;
	}
	return m->first[n] == m->nvocab;
}

static bool
meta_context(Meta *r, const cJSON *j)
{
	return json_int(j, 1, MAX_CONTEXT, &r->m->context);
}

static bool
read_part(Meta *r, const cJSON *j, TwPlacePart *part)
{
	const cJSON *columns = json_field(j, "columns");
	int n = cJSON_IsArray(columns) ? cJSON_GetArraySize(columns) : 0, last = -1;

	if (n < 1 || n > r->m->d_model
	    || !json_int(json_field(j, "back"), -MAX_CONTEXT, MAX_CONTEXT, &part->digit.back)
	    || !json_int(json_field(j, "divide"), 1, MAX_CONTEXT, &part->digit.divide)
	    || !json_int(json_field(j, "modulo"), 1, MAX_ROWS, &part->digit.modulo)
	    || !json_bool(json_field(j, "saturate"), &part->digit.saturate))
		return false;
	part->column = TW_NEW(r->pool, int, n);
	for (const cJSON *c = columns->child; c; c = c->next, part->ncolumn++) {
		if (!json_int(c, last + 1, r->m->d_model - 1, &last))
			return false;
		part->column[part->ncolumn] = last;
	}
	return true;
}

/* The digits of a place; absent where the place has a table as it is. */
static bool
meta_positions(Meta *r, const cJSON *j)
{
	TwModel *m = r->m;
	int n = cJSON_IsArray(j) ? cJSON_GetArraySize(j) : -1;

	if (n < 0 || n > MAX_ROWS)
		return false;
	m->by_digits = true;
	m->part = TW_NEW(r->pool, TwPlacePart, n);
	for (const cJSON *part = j->child; part; part = part->next)
		if (!read_part(r, part, &m->part[m->npart++]))
			return false;
	return true;
}

static bool
meta_attention(Meta *r, const cJSON *j)
{
	int i = 0;
	bool ok = json_word(j, (const char *[]){ "causal", "bidirectional" }, 2, &i);

	r->m->bidirectional = i;
	return ok;
}

static bool
read_layer(const cJSON *j, TwLayer *l)
{
	return json_int(json_field(j, "heads"), 0, MAX_WIDTH, &l->heads)
	       && json_int(json_field(j, "key_size"), l->heads > 0, MAX_WIDTH, &l->dk)
	       && json_int(json_field(j, "value_size"), l->heads > 0, MAX_WIDTH, &l->dv)
	       && json_int(json_field(j, "neurons"), 0, MAX_NEURONS, &l->neurons);
}

static bool
meta_layers(Meta *r, const cJSON *j)
{
	TwModel *m = r->m;
	int n = cJSON_IsArray(j) ? cJSON_GetArraySize(j) : -1;

	if (n < 0 || n > MAX_LAYERS)
		return false;
	m->layer = TW_NEW(r->pool, TwLayer, n);
	for (const cJSON *layer = j->child; layer; layer = layer->next)
		if (!read_layer(layer, &m->layer[m->nlayer++]))
			return false;
	return true;
}

/* The names of an enum's numbers, if there are any. */
static bool
read_members(Meta *r, const cJSON *j, TwKind kind, TwMembers *m)
{
	int n = cJSON_GetArraySize(j);

	if (!j)
		return true;
	if (!cJSON_IsArray(j) || kind != TW_INT || n > MAX_ROWS)
		return false;
	m->name = TW_NEW(r->pool, char *, n);
	for (const cJSON *item = j->child; item; item = item->next)
		if (!json_text(r, item, &m->name[m->n++]))
			return false;
	return true;
}

static bool
meta_labels(Meta *r, const cJSON *j)
{
	TwModel *m = r->m;
	int n = cJSON_IsArray(j) ? cJSON_GetArraySize(j) : -1;

	if (n < 0 || n > MAX_WIDTH)
		return false;
	m->label = TW_NEW(r->pool, TwLabel, n);
	char **name = TW_NEW(r->pool, char *, n);
	for (const cJSON *item = j->child; item; item = item->next) {
		TwLabel *l = &m->label[m->nlabel];
		if (!json_text(r, json_field(item, "name"), &l->name)
		    || !json_kind(json_field(item, "kind"), &l->kind)
		    || !json_int(json_field(item, "columns"), 1, MAX_WIDTH, &l->columns)
		    || (l->kind == TW_REAL && !json_number(json_field(item, "error"), &l->error))
		    || !read_members(r, json_field(item, "members"), l->kind, &l->members))
			return false;
		name[m->nlabel++] = l->name;
	}
	return all_differ(r->pool, name, n);
}

/* "columns" and "weights": lists of one length. */
static bool
read_columns(Meta *r, const cJSON *columns, const cJSON *weights, TwNamed *v)
{
	int n = cJSON_IsArray(columns) ? cJSON_GetArraySize(columns) : -1;

	if (n < 0 || !cJSON_IsArray(weights) || cJSON_GetArraySize(weights) != n)
		return false;
	const cJSON *c = columns->child, *w = weights->child;
	v->column = TW_NEW(r->pool, int, n);
	v->weight = TW_NEW(r->pool, float, n);
	for (; c; c = c->next, w = w->next, v->ncolumn++)
		if (!json_int(c, 0, r->m->d_model - 1, &v->column[v->ncolumn])
		    || !json_number(w, &v->weight[v->ncolumn]))
			return false;
	return true;
}

static bool
read_named_value(Meta *r, const cJSON *j, TwNamed *v)
{
	if (!json_text(r, json_field(j, "name"), &v->name)
	    || !json_int(json_field(j, "line"), 0, 1 << 30, &v->line)
	    || !json_kind(json_field(j, "kind"), &v->kind)
	    || !json_bool(json_field(j, "reference"), &v->reference)
	    || !json_bool(json_field(j, "folded"), &v->folded)
	    || !read_members(r, json_field(j, "members"), v->kind, &v->members))
		return false;
	if (v->folded)
		return true;
	return json_int(json_field(j, "state"), 0, 2 * r->m->nlayer, &v->state)
	       && read_columns(r, json_field(j, "columns"), json_field(j, "weights"), v)
	       && json_number(json_field(j, "bias"), &v->bias);
}

static bool
meta_residual(Meta *r, const cJSON *j)
{
	TwModel *m = r->m;
	int n = cJSON_IsArray(j) ? cJSON_GetArraySize(j) : -1;

	if (n < 0 || n > MAX_ROWS)
		return false;
	m->named = TW_NEW(r->pool, TwNamed, n);
	for (const cJSON *item = j->child; item; item = item->next)
		if (!read_named_value(r, item, &m->named[m->nnamed++]))
			return false;
	return true;
}

/* Kept as text: only people and the proof checker read them. */
static bool
meta_source(Meta *r, const cJSON *j)
{
	(void)j;
	r->m->source = tw_pool_str(r->pool, r->text);
	return true;
}

static bool
meta_certificate(Meta *r, const cJSON *j)
{
	(void)j;
	r->m->certificate = tw_pool_str(r->pool, r->text);
	return true;
}

/* In this order: later ones are checked against earlier ones. */
static const struct {
	const char *key;
	Read *read;
	bool optional;
} properties[] = {
	{ "tw.version", meta_version, false },     { "tw.name", meta_name, false },
	{ "tw.inputs", meta_inputs, true },        { "tw.vocab", meta_vocab, false },
	{ "tw.fields", meta_fields, true },        { "tw.special", meta_special, false },
	{ "tw.context", meta_context, false },     { "tw.positions", meta_positions, true },
	{ "tw.attention", meta_attention, false }, { "tw.layers", meta_layers, false },
	{ "tw.labels", meta_labels, false },       { "tw.residual", meta_residual, false },
	{ "tw.source", meta_source, false },       { "tw.certificate", meta_certificate, false },
};

/* NULL if it is missing. */
static const char *
property(const TwContents *contents, const char *key)
{
	for (int i = 0; i < contents->nproperty; i++)
		if (!strcmp(contents->property[i].key, key))
			return contents->property[i].value;
	return NULL;
}

static void
call_reader(void *meta)
{
	Meta *r = meta;

	r->ok = r->read(r, r->json);
}

static bool
read_property(Meta *r, const char *key, Read *read, char **error)
{
	size_t n = r->text ? strlen(r->text) : 0;
	bool no_memory = false;

	r->ok = false;
	r->read = read;
	r->json = n && n <= MAX_TEXT ? tw_json_parse(r->text, n, &no_memory) : NULL;
	if (r->json && !tw_protect(r->pool, NULL, call_reader, r))
		no_memory = true;
	cJSON_Delete(r->json);
	if (no_memory)
		return tw_refuse(error, "out of memory");
	return r->ok || tw_refuse(error, "the property %s is missing or damaged", key);
}

bool
tw_read_metadata(TwModel *m, TwPool *pool, const TwContents *contents, char **error)
{
	Meta r = { .m = m, .pool = pool };
	const TwFileTensor *table = tw_file_tensor(contents, "embed.token");

	if (!table)
		table = tw_file_tensor(contents, "embed.input");
	if (!table || table->ndim != 2 || table->dim[1] < 1 || table->dim[1] > MAX_WIDTH)
		return tw_refuse(error, "not a tw model: no table embed.token or embed.input");
	m->d_model = (int)table->dim[1];
	m->emits = tw_file_tensor(contents, "head.w");
	for (size_t i = 0; i < sizeof properties / sizeof *properties; i++) {
		r.text = property(contents, properties[i].key);
		if ((r.text || !properties[i].optional)
		    && !read_property(&r, properties[i].key, properties[i].read, error))
			return false;
	}
	const char *circuit = property(contents, "tw.circuit");
	if (circuit && strlen(circuit) <= MAX_TEXT) /* read where it is asked for (circuit.c) */
		m->circuit = tw_pool_str(pool, circuit);
	if (!m->emits && !m->nlabel)
		return tw_refuse(error, "the model has no output");
	if (m->emits && m->ninput)
		return tw_refuse(error, "a model of numbers cannot have logits");
	if (m->emits && m->bidirectional)
		return tw_refuse(error, "a bidirectional model cannot have logits");
	return true;
}
