/* Writing .onnx: the plan of runtime/onnx_graph.h as protobuf messages. The code for
 * the messages is made of the schema that the packaged libonnx installs; the
 * command stands in runtime/onnx_reader.c. */

#include "backend/file/onnx_message.h"
#include "backend/file/write.h"
#include "runtime/onnx_graph.h"

#include <stdlib.h>
#include <string.h>

static Onnx__TensorProto *
tensor_message(Arena *a, const TwTensor *t)
{
	Onnx__TensorProto *m = MESSAGE(a, Onnx__TensorProto, onnx__tensor_proto__init);

	m->name = message_text(t->name);
	m->has_data_type = true;
	m->data_type = t->integer ? ONNX__TENSOR_PROTO__DATA_TYPE__INT64
	                          : ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
	m->n_dims = (size_t)t->ndim;
	m->dims = (int64_t *)t->dim;
	m->has_raw_data = true;
	m->raw_data = (ProtobufCBinaryData){ tw_tensor_bytes(t), (uint8_t *)t->data };
	return m;
}

static Onnx__AttributeProto *
attribute_message(Arena *a, const TwNode *n)
{
	Onnx__AttributeProto *m = MESSAGE(a, Onnx__AttributeProto, onnx__attribute_proto__init);

	m->name = message_text(n->attr);
	m->has_type = true;
	if (n->list) {
		m->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
		m->n_ints = (size_t)n->nvalue;
		m->ints = (int64_t *)n->value;
	} else {
		m->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
		m->has_i = true;
		m->i = n->value[0];
	}
	return m;
}

static Onnx__NodeProto *
node_message(Arena *a, const TwNode *n)
{
	Onnx__NodeProto *m = MESSAGE(a, Onnx__NodeProto, onnx__node_proto__init);

	m->op_type = message_text(n->op);
	m->name = message_text(n->out);
	m->input = (char **)n->in;
	while (m->n_input < 4 && n->in[m->n_input])
		m->n_input++;
	m->n_output = 1;
	m->output = (char **)&n->out;
	if (n->attr) {
		m->n_attribute = 1;
		m->attribute = NEWS(a, Onnx__AttributeProto *, 1);
		m->attribute[0] = attribute_message(a, n);
	}
	return m;
}

static Onnx__TensorShapeProto__Dimension *
dimension_message(Arena *a, const char *dim)
{
	Onnx__TensorShapeProto__Dimension *m = MESSAGE(a, Onnx__TensorShapeProto__Dimension,
	                                               onnx__tensor_shape_proto__dimension__init);

	if (dim[0] >= '0' && dim[0] <= '9') {
		m->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
		m->dim_value = atoll(dim);
	} else {
		m->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
		m->dim_param = message_text(dim);
	}
	return m;
}

static Onnx__ValueInfoProto *
port_message(Arena *a, const TwPort *p)
{
	Onnx__ValueInfoProto *m = MESSAGE(a, Onnx__ValueInfoProto, onnx__value_info_proto__init);
	Onnx__TypeProto__Tensor *t = MESSAGE(a, Onnx__TypeProto__Tensor,
	                                     onnx__type_proto__tensor__init);

	m->name = message_text(p->name);
	m->type = MESSAGE(a, Onnx__TypeProto, onnx__type_proto__init);
	m->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
	m->type->tensor_type = t;
	t->has_elem_type = true;
	t->elem_type = p->integer ? ONNX__TENSOR_PROTO__DATA_TYPE__INT64
	                          : ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
	t->shape = MESSAGE(a, Onnx__TensorShapeProto, onnx__tensor_shape_proto__init);
	t->shape->n_dim = (size_t)p->ndim;
	t->shape->dim = NEWS(a, Onnx__TensorShapeProto__Dimension *, p->ndim);
	for (int i = 0; i < p->ndim; i++)
		t->shape->dim[i] = dimension_message(a, p->dim[i]);
	return m;
}

static Onnx__GraphProto *
graph_message(Arena *a, const TwPlan *p, const char *name)
{
	Onnx__GraphProto *g = MESSAGE(a, Onnx__GraphProto, onnx__graph_proto__init);

	g->name = message_text(name);
	g->initializer = NEWS(a, Onnx__TensorProto *, p->ntensor);
	g->node = NEWS(a, Onnx__NodeProto *, p->nnode);
	g->input = NEWS(a, Onnx__ValueInfoProto *, p->ninput);
	g->output = NEWS(a, Onnx__ValueInfoProto *, p->noutput);
	for (int i = 0; i < p->ntensor; i++)
		g->initializer[g->n_initializer++] = tensor_message(a, &p->tensor[i]);
	for (int i = 0; i < p->nnode; i++)
		g->node[g->n_node++] = node_message(a, &p->node[i]);
	for (int i = 0; i < p->ninput; i++)
		g->input[g->n_input++] = port_message(a, &p->input[i]);
	for (int i = 0; i < p->noutput; i++)
		g->output[g->n_output++] = port_message(a, &p->output[i]);
	return g;
}

static void
add_model_metadata(Arena *a, TwPool *pool, Onnx__ModelProto *file, const TwModel *m)
{
	Prop *prop;
	int n = model_props(a, pool, m, &prop);

	file->metadata_props = NEWS(a, Onnx__StringStringEntryProto *, n);
	for (int i = 0; i < n; i++) {
		Onnx__StringStringEntryProto *entry = MESSAGE(
			a, Onnx__StringStringEntryProto, onnx__string_string_entry_proto__init);
		entry->key = message_text(prop[i].key);
		entry->value = prop[i].json;
		file->metadata_props[file->n_metadata_props++] = entry;
	}
}

void
onnx_add_opset(Arena *a, Onnx__ModelProto *file)
{
	Onnx__OperatorSetIdProto *set = MESSAGE(a, Onnx__OperatorSetIdProto,
	                                        onnx__operator_set_id_proto__init);

	file->has_ir_version = true;
	file->ir_version = TW_IR_VERSION;
	file->producer_name = message_text("twc");
	file->producer_version = message_text(TW_VERSION);
	set->domain = message_text("");
	set->has_version = true;
	set->version = TW_OPSET;
	file->n_opset_import = 1;
	file->opset_import = NEWS(a, Onnx__OperatorSetIdProto *, 1);
	file->opset_import[0] = set;
}

unsigned char *
onnx_pack(Arena *a, TwPool *pool, const TwModel *m, size_t *n)
{
	Onnx__ModelProto *file = MESSAGE(a, Onnx__ModelProto, onnx__model_proto__init);

	onnx_add_opset(a, file);
	add_model_metadata(a, pool, file, m);
	file->graph = graph_message(a, tw_plan(pool, m), m->name);
	*n = onnx__model_proto__get_packed_size(file);
	unsigned char *bytes = arena_alloc(a, *n);
	onnx__model_proto__pack(file, bytes);
	return bytes;
}
