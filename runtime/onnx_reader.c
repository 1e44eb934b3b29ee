/* Reading .onnx. The schema is the one the packaged libonnx installs; the code
 * to read its messages is made of it:
 *
 *     protoc-c --c_out=build -I/usr/include/onnx /usr/include/onnx/onnx.proto
 *
 * A file is not trusted. Before anything is unpacked its bytes are walked once: lengths
 * must fit, and messages must not nest deeply (in the schema graphs nest without end). Then
 * it is unpacked within a limit of memory that goes by the size of the file. What comes
 * out is compared with the plan of onnx_graph.h, field by field: the file is that graph or
 * is refused. */

#include "runtime/load.h"
#include "runtime/onnx_graph.h"
#include "runtime/tw.h"

#include "onnx.pb-c.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "raw_data is little-endian");

/* ---- walking the bytes */

enum { MAX_DEPTH = 12 };

typedef struct Bytes {
	const uint8_t *at, *end;
} Bytes;

static bool
read_varint(Bytes *b, uint64_t *out)
{
	*out = 0;
	for (int shift = 0; shift < 64 && b->at < b->end; shift += 7) {
		uint8_t c = *b->at++;
		*out |= (uint64_t)(c & 127) << shift;
		if (!(c & 128))
			return true;
	}
	return false;
}

static bool
skip(Bytes *b, uint64_t n)
{
	if (n > (size_t)(b->end - b->at))
		return false;
	b->at += n;
	return true;
}

static bool
well_formed(const ProtobufCMessageDescriptor *d, Bytes b, int depth)
{
	uint64_t tag, n;

	while (b.at < b.end) {
		if (!read_varint(&b, &tag) || tag >> 3 == 0 || tag >> 3 > 1 << 29)
			return false;
		const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field(
			d, (unsigned)(tag >> 3));
		switch (tag & 7) {
		case 0:
			if (!read_varint(&b, &n))
				return false;
			break;
		case 1:
			if (!skip(&b, 8))
				return false;
			break;
		case 2:
			if (!read_varint(&b, &n) || !skip(&b, n))
				return false;
			if (f && f->type == PROTOBUF_C_TYPE_MESSAGE
			    && (depth == MAX_DEPTH
			        || !well_formed(f->descriptor, (Bytes){ b.at - n, b.at },
			                        depth + 1)))
				return false;
			break;
		case 5:
			if (!skip(&b, 4))
				return false;
			break;
		default: return false;
		}
	}
	return true;
}

/* ---- rationed memory */

typedef struct Ration {
	size_t left;    /* bytes */
	bool no_memory; /* malloc had none */
} Ration;

static void *
rationed_alloc(void *ration, size_t n)
{
	Ration *r = ration;

	if (n > r->left)
		return NULL;
	r->left -= n;
	void *p = malloc(n ? n : 1);
	r->no_memory = r->no_memory || !p;
	return p;
}

static void
rationed_free(void *ration, void *p)
{
	(void)ration;
	free(p);
}

static Onnx__ModelProto *
unpack(const void *bytes, size_t n, bool *no_memory)
{
	Ration ration = { .left = n < SIZE_MAX / 64 - (1 << 20) ? (1 << 20) + 64 * n : SIZE_MAX };
	ProtobufCAllocator allocator = { rationed_alloc, rationed_free, &ration };
	Bytes all = { bytes, (const uint8_t *)bytes + n };
	Onnx__ModelProto *file = NULL;

	if (well_formed(&onnx__model_proto__descriptor, all, 0))
		file = onnx__model_proto__unpack(&allocator, n, bytes);
	*no_memory = ration.no_memory;
	return file;
}

/* ---- the file's graph against the plan */

static bool
same_string(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

static bool
same_tensor(const Onnx__TensorProto *t, const TwTensor *want)
{
	int type = want->integer ? ONNX__TENSOR_PROTO__DATA_TYPE__INT64
	                         : ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;

	if (!same_string(t->name, want->name) || t->data_type != type
	    || t->n_dims != (size_t)want->ndim || t->segment || t->n_external_data
	    || t->has_data_location)
		return false;
	for (int i = 0; i < want->ndim; i++)
		if (t->dims[i] != want->dim[i])
			return false;
	return t->raw_data.len == tw_tensor_bytes(want)
	       && !memcmp(t->raw_data.data, want->data, t->raw_data.len);
}

static bool
same_attribute(const Onnx__AttributeProto *a, const TwNode *want)
{
	int type = want->list ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS
	                      : ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;

	if (!same_string(a->name, want->attr) || (int)a->type != type
	    || !same_string(a->ref_attr_name, NULL))
		return false;
	if (!want->list)
		return a->has_i && a->i == want->value[0];
	return a->n_ints == (size_t)want->nvalue
	       && !memcmp(a->ints, want->value, (size_t)want->nvalue * sizeof *want->value);
}

static bool
same_node(const Onnx__NodeProto *n, const TwNode *want)
{
	size_t inputs = 0;

	while (inputs < 4 && want->in[inputs])
		inputs++;
	if (!same_string(n->op_type, want->op) || !same_string(n->domain, NULL)
	    || n->n_input != inputs || n->n_output != 1 || !same_string(n->output[0], want->out)
	    || n->n_attribute != (want->attr != NULL))
		return false;
	for (size_t i = 0; i < inputs; i++)
		if (!same_string(n->input[i], want->in[i]))
			return false;
	return !want->attr || same_attribute(n->attribute[0], want);
}

static bool
same_dim(const Onnx__TensorShapeProto__Dimension *d, const char *want)
{
	if (d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM)
		return same_string(d->dim_param, want);
	return d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE
	       && want[0] >= '0' && want[0] <= '9' && d->dim_value == atoll(want);
}

static bool
same_port(const Onnx__ValueInfoProto *v, const TwPort *want)
{
	int type = want->integer ? ONNX__TENSOR_PROTO__DATA_TYPE__INT64
	                         : ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;

	if (!same_string(v->name, want->name) || !v->type
	    || v->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE || !v->type->tensor_type)
		return false;
	const Onnx__TypeProto__Tensor *t = v->type->tensor_type;
	if (t->elem_type != type || !t->shape || t->shape->n_dim != (size_t)want->ndim)
		return false;
	for (int i = 0; i < want->ndim; i++)
		if (!same_dim(t->shape->dim[i], want->dim[i]))
			return false;
	return true;
}

static bool
same_counts(const Onnx__GraphProto *g, const TwPlan *want)
{
	return g->n_initializer == (size_t)want->ntensor && g->n_node == (size_t)want->nnode
	       && g->n_input == (size_t)want->ninput && g->n_output == (size_t)want->noutput
	       && !g->n_sparse_initializer && !g->n_quantization_annotation;
}

static bool
same_graph(const Onnx__GraphProto *g, const TwPlan *want, char **error)
{
	if (!same_counts(g, want))
		return tw_refuse(error, "the graph is not that of a tw model of this shape");
	for (int i = 0; i < want->ntensor; i++)
		if (!same_tensor(g->initializer[i], &want->tensor[i]))
			return tw_refuse(error, "the tensor '%s' is not as it should be",
			                 want->tensor[i].name);
	for (int i = 0; i < want->nnode; i++)
		if (!same_node(g->node[i], &want->node[i]))
			return tw_refuse(error, "the node '%s' is not as it should be",
			                 want->node[i].out);
	for (int i = 0; i < want->ninput; i++)
		if (!same_port(g->input[i], &want->input[i]))
			return tw_refuse(error, "the input '%s' is not as it should be",
			                 want->input[i].name);
	for (int i = 0; i < want->noutput; i++)
		if (!same_port(g->output[i], &want->output[i]))
			return tw_refuse(error, "the output '%s' is not as it should be",
			                 want->output[i].name);
	return true;
}

static bool
same_header(const Onnx__ModelProto *file, char **error)
{
	if (!file->graph || file->n_opset_import != 1 || file->n_functions || file->n_training_info)
		return tw_refuse(error, "not a tw model");
	if (!same_string(file->opset_import[0]->domain, NULL)
	    || file->opset_import[0]->version != TW_OPSET || file->ir_version != TW_IR_VERSION)
		return tw_refuse(error, "another version of ONNX than %d, opset %d", TW_IR_VERSION,
		                 TW_OPSET);
	return true;
}

/* ---- the file's contents */

static bool
is_weight(const Onnx__TensorProto *t)
{
	return t->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT && t->n_dims >= 1
	       && t->n_dims <= 2 && t->name;
}

static void
collect_tensors(TwPool *pool, const Onnx__ModelProto *file, TwContents *contents)
{
	const Onnx__GraphProto *g = file->graph;

	contents->tensor = TW_NEW(pool, TwFileTensor, g->n_initializer);
	contents->property = TW_NEW(pool, TwProperty, file->n_metadata_props);
	for (size_t i = 0; i < g->n_initializer; i++) {
		const Onnx__TensorProto *t = g->initializer[i];
		if (!is_weight(t))
			continue;
		TwFileTensor *tensor = &contents->tensor[contents->ntensor++];
		*tensor = (TwFileTensor){
			t->name, (int)t->n_dims, { 0 }, t->raw_data.data, t->raw_data.len
		};
		memcpy(tensor->dim, t->dims, t->n_dims * sizeof *t->dims);
	}
	for (size_t i = 0; i < file->n_metadata_props; i++) {
		const Onnx__StringStringEntryProto *p = file->metadata_props[i];
		if (p->key && p->value)
			contents->property[contents->nproperty++] = (TwProperty){ p->key,
				                                                  p->value };
	}
}

typedef struct OnnxFile {
	TwPool pool; /* for the lists of contents, and the plan */
	Onnx__ModelProto *file;
	TwModel *m;
	char **error;
} OnnxFile;

/* m, or NULL with a line in *error. */
static void
convert(void *onnx_file)
{
	OnnxFile *f = onnx_file;
	TwContents contents = { 0 };

	if (!same_header(f->file, f->error))
		return;
	collect_tensors(&f->pool, f->file, &contents);
	f->m = tw_assemble(&contents, f->error);
	if (f->m && !same_graph(f->file->graph, tw_plan(&f->pool, f->m), f->error)) {
		tw_free(f->m);
		f->m = NULL;
	}
}

TwModel *
tw_load_onnx(const void *bytes, size_t n, char **error)
{
	OnnxFile f = { .error = error };
	bool no_memory;

	f.file = unpack(bytes, n, &no_memory);
	if (!f.file) {
		tw_refuse(error, no_memory ? "out of memory" : "truncated, or not a model");
		return NULL;
	}
	if (!tw_protect(&f.pool, NULL, convert, &f)) {
		tw_refuse(error, "out of memory");
		tw_free(f.m);
		f.m = NULL;
	}
	onnx__model_proto__free_unpacked(f.file, &(ProtobufCAllocator){ .free = rationed_free });
	tw_pool_free(&f.pool);
	return f.m;
}
