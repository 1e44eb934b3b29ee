/* The model that a file's tensors and tw.* properties make. */

#include "prove/prove.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WIDTH = 1 << 16, MOST_ROWS = 1 << 24, MOST_NEURONS = 1 << 24, MOST_PLACES = 1 << 28 };

const cJSON *
field(const cJSON *j, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(j, name);
}

const cJSON *
property_json(const Contents *c, const char *key, bool optional)
{
	for (int i = 0; i < c->nproperty; i++)
		if (!strcmp(c->property[i].key, key)) {
			const cJSON *j = cJSON_Parse(c->property[i].value);
			if (!j)
				malformed("%s is not JSON", key);
			return j;
		}
	if (!optional)
		malformed("not a model of twc: no %s", key);
	return NULL;
}

static int
whole_number(const cJSON *j, double low, double high, const char *what)
{
	if (!cJSON_IsNumber(j) || !(j->valuedouble >= low && j->valuedouble <= high)
	    || j->valuedouble != floor(j->valuedouble))
		malformed("%s is no whole number from %.0f to %.0f", what, low, high);
	return (int)j->valuedouble;
}

static const char *
string_in(const cJSON *j, const char *what)
{
	if (!cJSON_IsString(j))
		malformed("%s is no text", what);
	return j->valuestring;
}

static Kind
kind_in(const cJSON *j)
{
	static const char *const name[] = { "int", "bool", "token", "real" };
	const char *s = string_in(field(j, "kind"), "a kind");

	for (int i = 0; i < 4; i++)
		if (!strcmp(s, name[i]))
			return (Kind)i;
	malformed("'%s' is no kind of value", s);
}

/* The numbers of a tensor of this shape; columns 0: a vector. */
static const float *
tensor(const Contents *c, const char *name, int64_t rows, int64_t columns)
{
	for (int i = 0; i < c->ntensor; i++) {
		const Tensor *t = &c->tensor[i];
		if (strcmp(t->name, name))
			continue;
		if (t->ndim != 1 + (columns > 0) || t->dim[0] != rows
		    || (columns && t->dim[1] != columns))
			malformed("the tensor '%s' is not of the shape that it should be", name);
		for (int64_t k = 0; k < rows * (columns ? columns : 1); k++)
			if (!isfinite(t->at[k]))
				malformed("the tensor '%s' has a number that is none", name);
		return t->at;
	}
	malformed("the tensor '%s' is missing", name);
}

static int
width_of_table(const Contents *c, const char *name)
{
	for (int i = 0; i < c->ntensor; i++)
		if (!strcmp(c->tensor[i].name, name) && c->tensor[i].ndim == 2) {
			if (c->tensor[i].dim[1] < 1 || c->tensor[i].dim[1] > MOST_WIDTH)
				malformed("the table '%s' has no columns, or too many", name);
			return (int)c->tensor[i].dim[1];
		}
	return 0;
}

/* ---- tokens, inputs, places */

static void
tokens_in(Model *m, const Contents *c)
{
	const cJSON *vocab = property_json(c, "tw.vocab", false);
	const cJSON *fields = property_json(c, "tw.fields", true);
	int at = 0;

	m->nvocab = cJSON_GetArraySize(vocab);
	m->vocab = TAKE(const char *, m->nvocab);
	for (const cJSON *j = vocab->child; j; j = j->next)
		m->vocab[at++] = string_in(j, "a token");
	m->record = fields;
	m->nfield = fields ? cJSON_GetArraySize(fields) : 1;
	m->first = TAKE(int, m->nfield + 1);
	m->first[m->nfield] = m->nvocab;
	at = 0;
	for (int i = 0; fields && i < m->nfield; i++) {
		m->first[i] = at;
		at += whole_number(cJSON_GetArrayItem(fields, i), 1, m->nvocab,
		                   "the size of a field");
		if (at > m->nvocab)
			break;
	}
	if (fields && at != m->nvocab)
		malformed("the fields do not share out the vocabulary");
}

static void
read_inputs(Model *m, const Contents *c)
{
	const cJSON *list = property_json(c, "tw.inputs", true);

	m->input = TAKE(InputNumber, cJSON_GetArraySize(list));
	for (const cJSON *j = list ? list->child : NULL; j; j = j->next) {
		InputNumber *in = &m->input[m->ninput++];
		*in = (InputNumber){ string_in(field(j, "name"), "an input's name"), kind_in(j),
			             cJSON_GetNumberValue(field(j, "low")),
			             cJSON_GetNumberValue(field(j, "high")) };
		if (!(in->low <= in->high && fabs(in->low) < 0x1p24 && fabs(in->high) < 0x1p24))
			malformed("the input '%s' has no range", in->name);
		if (in->kind != KIND_REAL && in->low != floor(in->low))
			malformed("the input '%s' has no range", in->name);
	}
}

static void
digit_in(Model *m, const Contents *c, const cJSON *j)
{
	const cJSON *columns = field(j, "columns");
	PlacePart *part = &m->part[m->npart];

	part->back = whole_number(field(j, "back"), -MOST_PLACES, MOST_PLACES, "a digit's back");
	part->divide = whole_number(field(j, "divide"), 1, MOST_PLACES, "a digit's divisor");
	part->modulo = whole_number(field(j, "modulo"), 1, MOST_ROWS, "a digit's modulus");
	part->saturate = cJSON_IsTrue(field(j, "saturate"));
	part->column = TAKE(int, cJSON_GetArraySize(columns));
	for (const cJSON *x = columns ? columns->child : NULL; x; x = x->next) {
		int last = part->ncolumn ? part->column[part->ncolumn - 1] : -1;
		part->column[part->ncolumn++] = whole_number(x, last + 1, m->d - 1,
		                                             "a digit's column");
	}
	part->table = tensor(c, text("embed.position.%d", m->npart), part->modulo, part->ncolumn);
	m->npart++;
}

static void
read_places(Model *m, const Contents *c)
{
	const cJSON *parts = property_json(c, "tw.positions", true);

	m->context = whole_number(property_json(c, "tw.context", false), 1, MOST_PLACES,
	                          "tw.context");
	m->places = m->context + 1;
	m->by_digits = parts;
	if (!parts) {
		PlacePart all = { .divide = 1, .modulo = m->places, .ncolumn = m->d };
		all.column = TAKE(int, m->d);
		for (int k = 0; k < m->d; k++)
			all.column[k] = k;
		all.table = tensor(c, "embed.position", m->places, m->d);
		m->part = take_copy(&all, sizeof all);
		m->npart = 1;
		return;
	}
	m->part = TAKE(PlacePart, cJSON_GetArraySize(parts));
	for (const cJSON *j = parts->child; j; j = j->next)
		digit_in(m, c, j);
}

/* ---- layers, labels */

static void
layer_in(const Model *m, const Contents *c, int n, ModelLayer *l, const cJSON *j)
{
	int d = m->d;

	l->heads = whole_number(field(j, "heads"), 0, MOST_WIDTH, "heads");
	l->dk = whole_number(field(j, "key_size"), 0, MOST_WIDTH, "key_size");
	l->dv = whole_number(field(j, "value_size"), 0, MOST_WIDTH, "value_size");
	l->soft = TAKE(bool, l->heads);
	l->only = TAKE(bool, l->heads);
	l->gap = TAKE(double, l->heads);
	l->neurons = whole_number(field(j, "neurons"), 0, MOST_NEURONS, "neurons");
	int64_t keys = (int64_t)l->heads * l->dk, values = (int64_t)l->heads * l->dv;
	if (keys > MOST_WIDTH || values > MOST_WIDTH || (l->heads && (!keys || !values)))
		malformed("layer %d has heads of no size, or of too large a one", n);
	if (l->heads) {
		l->wq = tensor(c, text("layers.%d.wq", n), d, keys);
		l->bq = tensor(c, text("layers.%d.bq", n), keys, 0);
		l->wk = tensor(c, text("layers.%d.wk", n), d, keys);
		l->bk = tensor(c, text("layers.%d.bk", n), keys, 0);
		l->wv = tensor(c, text("layers.%d.wv", n), d, values);
		l->bv = tensor(c, text("layers.%d.bv", n), values, 0);
		l->wo = tensor(c, text("layers.%d.wo", n), values, d);
	}
	if (l->neurons) {
		l->w1 = tensor(c, text("layers.%d.w1", n), d, l->neurons);
		l->b1 = tensor(c, text("layers.%d.b1", n), l->neurons, 0);
		l->w2 = tensor(c, text("layers.%d.w2", n), l->neurons, d);
		l->b2 = tensor(c, text("layers.%d.b2", n), d, 0);
	}
}

static void
read_labels(Model *m, const Contents *c)
{
	const cJSON *list = property_json(c, "tw.labels", false);

	m->label = TAKE(OutputLabel, cJSON_GetArraySize(list));
	for (const cJSON *j = list->child; j; j = j->next) {
		OutputLabel *l = &m->label[m->nlabel++];
		l->name = string_in(field(j, "name"), "a label's name");
		l->kind = kind_in(j);
		l->columns = whole_number(field(j, "columns"), 1, MOST_WIDTH, "a label's columns");
		l->w = tensor(c, text("labels.%s.w", l->name), m->d, l->columns);
		l->b = tensor(c, text("labels.%s.b", l->name), l->columns, 0);
		l->error = l->kind == KIND_REAL ? cJSON_GetNumberValue(field(j, "error")) : 0;
	}
}

/* What the file says of its heads: the gap, which is proved again, and what they are for. Believed
 * only so far: of a softmax that is meant, what it reads is a real, with its error; of an `only`,
 * that no two positions match, which the report says is assumed. */
static void
read_intents(Model *m)
{
	const cJSON *heads = field(m->certificate, "heads");

	for (const cJSON *j = heads ? heads->child : NULL; j; j = j->next) {
		const char *intent = cJSON_GetStringValue(field(j, "intent"));
		int layer = whole_number(field(j, "layer"), 0, MOST_WIDTH, "a head's layer");
		int head = whole_number(field(j, "head"), 0, MOST_WIDTH, "a head's number");
		if (!intent || layer >= m->nlayer || head >= m->layer[layer].heads)
			continue;
		m->layer[layer].soft[head] = !strcmp(intent, "softmax");
		m->layer[layer].only[head] = !strcmp(intent, "only");
		m->layer[layer].gap[head] = cJSON_GetNumberValue(field(j, "gap"));
	}
}

/* As twc makes tw.digest: FNV-1a of each tensor's name and numbers, added up. */
static const char *
digest_of(const Contents *c)
{
	uint64_t sum = 0;

	for (int i = 0; i < c->ntensor; i++) {
		const Tensor *t = &c->tensor[i];
		int64_t size = t->dim[0] * (t->ndim > 1 ? t->dim[1] : 1);
		uint64_t h = 1469598103934665603u;
		for (const char *s = t->name; *s; s++)
			h = (h ^ (unsigned char)*s) * 1099511628211u;
		for (int64_t k = 0; k < size; k++) {
			uint32_t bits;
			memcpy(&bits, t->at + k, sizeof bits);
			h = (h ^ bits) * 1099511628211u;
		}
		sum += h;
	}
	return text("%016llx", (unsigned long long)sum);
}

static const char of_llama[] =
	"a Llama, whose norms and rotations are rounded: only the same program as an .onnx or a "
	".safetensors file is proved";

Model *
model_of(const Contents *c)
{
	Model *m = TAKE(Model, 1);

	m->d = width_of_table(c, "embed.token");
	if (!m->d)
		m->d = width_of_table(c, "embed.input");
	if (!m->d && width_of_table(c, "model.embed_tokens.weight"))
		malformed("%s", of_llama);
	if (!m->d)
		malformed("not a model of twc: no table embed.token or embed.input");
	if (whole_number(property_json(c, "tw.version", false), 0, 1e9, "tw.version") != 1)
		malformed("a version of the format that this program does not know");
	m->name = string_in(property_json(c, "tw.name", false), "tw.name");
	const char *attention = string_in(property_json(c, "tw.attention", false), "tw.attention");
	m->bidirectional = strcmp(attention, "causal");
	if (m->bidirectional && strcmp(attention, "bidirectional"))
		malformed("tw.attention is neither causal nor bidirectional");
	tokens_in(m, c);
	read_inputs(m, c);
	if (m->ninput)
		m->embed_input = tensor(c, "embed.input", m->ninput, m->d);
	else
		m->embed_token = tensor(c, "embed.token", m->nvocab + 2, m->d);
	read_places(m, c);
	const cJSON *layers = property_json(c, "tw.layers", false);
	m->layer = TAKE(ModelLayer, cJSON_GetArraySize(layers));
	for (const cJSON *j = layers->child; j; j = j->next, m->nlayer++)
		layer_in(m, c, m->nlayer, &m->layer[m->nlayer], j);
	m->emits = width_of_table(c, "head.w") > 0;
	if (m->emits) {
		m->head_w = tensor(c, "head.w", m->d, m->nvocab + 2);
		m->head_b = tensor(c, "head.b", m->nvocab + 2, 0);
	}
	read_labels(m, c);
	m->circuit = property_json(c, "tw.circuit", true);
	read_names(m, c);
	m->certificate = property_json(c, "tw.certificate", true);
	read_intents(m);
	m->digest = cJSON_GetStringValue(property_json(c, "tw.digest", true));
	m->weights_digest = digest_of(c);
	return m;
}

Model *
model_in(const void *bytes, size_t n)
{
	if (n < 9)
		malformed("truncated, or not a model");
	if (!memcmp(bytes, "GGUF", 4))
		malformed("%s", of_llama);
	bool safetensors = ((const char *)bytes)[8] == '{';
	Contents *c = safetensors ? read_safetensors(bytes, n) : read_onnx(bytes, n);
	Model *m = model_of(c);
	if (!safetensors)
		require_graph(m, c);
	return m;
}
