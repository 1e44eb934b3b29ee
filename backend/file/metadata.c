/* The tw.* properties that go with the weights, as JSON. runtime/metadata.c reads them. */

#include "backend/file/write.h"
#include "lang/text.h"
#include "runtime/onnx_graph.h"

#include <inttypes.h>
#include <string.h>

static const char *
kind_name(TwKind k)
{
	return k == TW_INT ? "int" : k == TW_BOOL ? "bool" : k == TW_REAL ? "real" : "token";
}

static void
add_strings(TextBuilder *t, char *const *s, int n)
{
	text_addf(t, "[");
	for (int i = 0; i < n; i++) {
		text_addf(t, i ? "," : "");
		text_add_json_string(t, s[i]);
	}
	text_addf(t, "]");
}

/* How many rows each field has. */
static void
add_field_sizes(TextBuilder *t, const TwModel *m)
{
	for (int i = 0; i < m->nfield; i++)
		text_addf(t, "%s%d", i ? "," : "[", m->first[i + 1] - m->first[i]);
	text_addf(t, "]");
}

/* The first two members of an object. */
static void
add_name_and_kind(TextBuilder *t, const char *name, TwKind kind)
{
	text_addf(t, "{\"name\":");
	text_add_json_string(t, name);
	text_addf(t, ",\"kind\":\"%s\"", kind_name(kind));
}

static void
add_json_number(TextBuilder *t, const char *name, double x)
{
	text_addf(t, ",\"%s\":", name);
	text_add_json_number(t, x);
}

static void
add_inputs(TextBuilder *t, const TwModel *m)
{
	for (int i = 0; i < m->ninput; i++) {
		text_addf(t, i ? "," : "[");
		add_name_and_kind(t, m->input[i].name, m->input[i].kind);
		add_json_number(t, "low", (double)m->input[i].low);
		add_json_number(t, "high", (double)m->input[i].high);
		text_addf(t, "}");
	}
	text_addf(t, "]");
}

static void
add_layers(TextBuilder *t, const TwModel *m)
{
	text_addf(t, "[");
	for (int n = 0; n < m->nlayer; n++) {
		const TwLayer *l = &m->layer[n];
		text_addf(t, "%s{\"heads\":%d,\"key_size\":%d,\"value_size\":%d,\"neurons\":%d}",
		          n ? "," : "", l->heads, l->dk, l->dv, l->neurons);
	}
	text_addf(t, "]");
}

static void
add_members(TextBuilder *t, const TwMembers *m)
{
	if (!m->n)
		return;
	text_addf(t, ",\"members\":");
	add_strings(t, m->name, m->n);
}

static void
add_labels(TextBuilder *t, const TwModel *m)
{
	text_addf(t, "[");
	for (int i = 0; i < m->nlabel; i++) {
		const TwLabel *l = &m->label[i];
		text_addf(t, i ? "," : "");
		add_name_and_kind(t, l->name, l->kind);
		text_addf(t, ",\"columns\":%d", l->columns);
		if (l->kind == TW_REAL)
			add_json_number(t, "error", (double)l->error);
		add_members(t, &l->members);
		text_addf(t, "}");
	}
	text_addf(t, "]");
}

static void
add_named_value(TextBuilder *t, const TwNamed *v)
{
	text_addf(t, "{\"name\":");
	text_add_json_string(t, v->name);
	text_addf(t, ",\"line\":%d,\"kind\":\"%s\"", v->line, kind_name(v->kind));
	add_members(t, &v->members);
	text_addf(t, ",\"reference\":%s,\"folded\":%s", v->reference ? "true" : "false",
	          v->folded ? "true" : "false");
	if (!v->folded) {
		text_addf(t, ",\"state\":%d,\"columns\":[", v->state);
		for (int i = 0; i < v->ncolumn; i++)
			text_addf(t, "%s%d", i ? "," : "", v->column[i]);
		text_addf(t, "],\"weights\":[");
		for (int i = 0; i < v->ncolumn; i++) {
			text_addf(t, i ? "," : "");
			text_add_json_number(t, (double)v->weight[i]);
		}
		text_addf(t, "]");
		add_json_number(t, "bias", (double)v->bias);
	}
	text_addf(t, "}");
}

static void
add_residual(TextBuilder *t, const TwModel *m)
{
	text_addf(t, "[");
	for (int i = 0; i < m->nnamed; i++) {
		text_addf(t, i ? "," : "");
		add_named_value(t, &m->named[i]);
	}
	text_addf(t, "]");
}

static void
add_version(TextBuilder *t, const TwModel *m)
{
	(void)m;
	text_addf(t, "%d", TW_FORMAT);
}

static void
add_producer(TextBuilder *t, const TwModel *m)
{
	(void)m;
	text_addf(t, "\"twc %s\"", TW_VERSION);
}

static void
add_model_name(TextBuilder *t, const TwModel *m)
{
	text_add_json_string(t, m->name);
}

static void
add_vocab(TextBuilder *t, const TwModel *m)
{
	add_strings(t, m->vocab, m->nvocab);
}

static void
add_special(TextBuilder *t, const TwModel *m)
{
	text_addf(t, "{\"end\":%d,\"bos\":%d}", m->nvocab, m->nvocab + 1);
}

static void
add_context(TextBuilder *t, const TwModel *m)
{
	text_addf(t, "%d", m->context);
}

/* The digits of the place, and the columns of the stream that each has a table for. */
static void
add_positions(TextBuilder *t, const TwModel *m)
{
	text_addf(t, "[");
	for (int i = 0; i < m->npart; i++) {
		const TwPlacePart *p = &m->part[i];
		text_addf(
			t,
			"%s{\"back\":%d,\"divide\":%d,\"modulo\":%d,\"saturate\":%s,\"columns\":[",
			i ? "," : "", p->digit.back, p->digit.divide, p->digit.modulo,
			p->digit.saturate ? "true" : "false");
		for (int k = 0; k < p->ncolumn; k++)
			text_addf(t, "%s%d", k ? "," : "", p->column[k]);
		text_addf(t, "]}");
	}
	text_addf(t, "]");
}

static void
add_attention(TextBuilder *t, const TwModel *m)
{
	text_addf(t, "\"%s\"", m->bidirectional ? "bidirectional" : "causal");
}

static void
add_source(TextBuilder *t, const TwModel *m)
{
	text_addf(t, "%s", m->source && *m->source ? m->source : "null");
}

static void
add_certificate(TextBuilder *t, const TwModel *m)
{
	text_addf(t, "%s", m->certificate && *m->certificate ? m->certificate : "null");
}

static void
add_circuit(TextBuilder *t, const TwModel *m)
{
	text_addf(t, "%s", m->circuit);
}

/* FNV-1a of each tensor's name and numbers, added up, so that their order says nothing. */
static uint64_t
digest_of_weights(TwPool *pool, const TwModel *m)
{
	TwWeight *w;
	int n = tw_weights(pool, (TwModel *)m, &w);
	uint64_t sum = 0;

	for (int i = 0; i < n; i++) {
		uint64_t h = 1469598103934665603u;
		int64_t size = tw_elements(w[i].ndim, w[i].dim);
		for (const char *c = w[i].name; *c; c++)
			h = (h ^ (unsigned char)*c) * 1099511628211u;
		for (int64_t k = 0; k < size; k++) {
			uint32_t bits;
			memcpy(&bits, *w[i].data + k, sizeof bits);
			h = (h ^ bits) * 1099511628211u;
		}
		sum += h;
	}
	return sum;
}

/* The digest only with a pool. */
int
model_props(Arena *a, TwPool *pool, const TwModel *m, Prop **list)
{
	const struct {
		const char *key;
		void (*add)(TextBuilder *, const TwModel *);
		bool has;
	} all[] = {
		{ "tw.version", add_version, true },
		{ "tw.producer", add_producer, true },
		{ "tw.name", add_model_name, true },
		{ "tw.inputs", add_inputs, m->ninput },
		{ "tw.vocab", add_vocab, true },
		{ "tw.fields", add_field_sizes, m->record },
		{ "tw.special", add_special, true },
		{ "tw.context", add_context, true },
		{ "tw.positions", add_positions, m->by_digits },
		{ "tw.attention", add_attention, true },
		{ "tw.layers", add_layers, true },
		{ "tw.labels", add_labels, true },
		{ "tw.residual", add_residual, true },
		{ "tw.source", add_source, true },
		{ "tw.certificate", add_certificate, true },
		{ "tw.circuit", add_circuit, m->circuit },
	};
	enum { N = sizeof all / sizeof *all };
	int n = 0;

	*list = NEWS(a, Prop, N + 1);
	for (int i = 0; i < N; i++) {
		TextBuilder t = { .arena = a };
		if (!all[i].has)
			continue;
		all[i].add(&t, m);
		(*list)[n++] = (Prop){ all[i].key, t.s };
	}
	if (pool)
		(*list)[n++] = (Prop){ "tw.digest", arena_fmt(a, "\"%016" PRIx64 "\"",
			                                      digest_of_weights(pool, m)) };
	return n;
}
