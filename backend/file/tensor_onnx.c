/* Tensors in index notation as ONNX's operators on whole arrays.
 *
 * A scalar is computed for all of the ranges around it at once, an axis for each, which is 1 long
 * where it does not depend on it:
 *
 *     y [t < 64][c < 32] = (x[t, c] - m[t]) * g[c]
 *
 *     x                          (64, 32)
 *     Reshape(m)                 (64, 1)         Sub, Mul: ONNX broadcasts
 *     Reshape(g)                 (1, 32)
 *
 * A sum of products is an Einsum; another reduction has a last axis of its own and takes it away. A
 * load at indices that are no ranges becomes a Gather of the flattened tensor. */

#include "backend/file/tensor_onnx.h"

#include <string.h>

#include "backend/file/onnx_message.h"
#include "tensor/internal.h"

enum { RANGES_MAX = 24 };

/* The ranges around a scalar, outer ones first. */
typedef struct Around {
	int n;
	const Scalar *range[RANGES_MAX];
	Map done; /* scalars -> the names of their values */
} Around;

typedef struct OnnxBuilder {
	Arena *a;
	TensorGraph *g;
	const WeightsFile *file;
	Onnx__GraphProto *graph;
	int capnode, capinitial, nname;
	Map done; /* tensors -> the names of their values */
	const char *why;
} OnnxBuilder;

static const char *onnx_scalar(OnnxBuilder *, const Scalar *, Around *);

/* ---- nodes and constants ---- */

static const char *
new_name(OnnxBuilder *b)
{
	return arena_fmt(b->a, "/%d", b->nname++);
}

static Onnx__NodeProto *
onnx_node(OnnxBuilder *b, const char *op, const char *out, int n, const char *const *in)
{
	Onnx__NodeProto *m = MESSAGE(b->a, Onnx__NodeProto, onnx__node_proto__init);

	m->op_type = message_text(op);
	m->name = message_text(out);
	m->n_input = (size_t)n;
	m->input = NEWS(b->a, char *, n);
	for (int i = 0; i < n; i++)
		m->input[i] = message_text(in[i]);
	m->n_output = 1;
	m->output = NEWS(b->a, char *, 1);
	m->output[0] = message_text(out);
	GROW(b->a, b->graph->node, b->capnode, (int)b->graph->n_node + 1);
	return b->graph->node[b->graph->n_node++] = m;
}

static const char *
operation(OnnxBuilder *b, const char *op, const char *x, const char *y)
{
	const char *out = new_name(b), *in[] = { x, y };

	onnx_node(b, op, out, y ? 2 : 1, in);
	return out;
}

static Onnx__AttributeProto *
add_attribute(OnnxBuilder *b, Onnx__NodeProto *node, const char *name,
              Onnx__AttributeProto__AttributeType type)
{
	Onnx__AttributeProto *m = MESSAGE(b->a, Onnx__AttributeProto, onnx__attribute_proto__init);
	Onnx__AttributeProto **all = NEWS(b->a, Onnx__AttributeProto *, node->n_attribute + 1);

	m->name = message_text(name);
	m->has_type = true;
	m->type = type;
	for (size_t i = 0; i < node->n_attribute; i++)
		all[i] = node->attribute[i];
	all[node->n_attribute++] = m;
	node->attribute = all;
	return m;
}

static void
add_int(OnnxBuilder *b, Onnx__NodeProto *node, const char *name, int64_t value)
{
	Onnx__AttributeProto *m = add_attribute(b, node, name,
	                                        ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);

	m->has_i = true;
	m->i = value;
}

static void
add_ints(OnnxBuilder *b, Onnx__NodeProto *node, const char *name, int n, const int *value)
{
	Onnx__AttributeProto *m = add_attribute(b, node, name,
	                                        ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);

	m->ints = NEWS(b->a, int64_t, n);
	m->n_ints = (size_t)n;
	for (int i = 0; i < n; i++)
		m->ints[i] = value[i];
}

/* A constant array; of int64 where `whole` is given in place of x. */
static const char *
add_array(OnnxBuilder *b, const char *name, int rank, const int *dim, const float *x,
          const int64_t *whole)
{
	Onnx__TensorProto *m = MESSAGE(b->a, Onnx__TensorProto, onnx__tensor_proto__init);
	size_t n = 1;

	m->name = message_text(name);
	m->has_data_type = true;
	m->data_type = whole ? ONNX__TENSOR_PROTO__DATA_TYPE__INT64
	                     : ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
	m->n_dims = (size_t)rank;
	m->dims = NEWS(b->a, int64_t, rank);
	for (int i = 0; i < rank; i++) {
		m->dims[i] = dim[i];
		n *= (size_t)dim[i];
	}
	m->has_raw_data = true;
	m->raw_data.len = n * (whole ? sizeof *whole : sizeof *x);
	m->raw_data.data = whole ? (uint8_t *)whole : (uint8_t *)x;
	GROW(b->a, b->graph->initializer, b->capinitial, (int)b->graph->n_initializer + 1);
	b->graph->initializer[b->graph->n_initializer++] = m;
	return name;
}

static const char *
constant_number(OnnxBuilder *b, double value)
{
	float *x = NEW(b->a, float);

	*x = (float)value;
	return add_array(b, new_name(b), 0, NULL, x, NULL);
}

static const char *
constant_integer(OnnxBuilder *b, int64_t value)
{
	int64_t *x = NEW(b->a, int64_t);

	*x = value;
	return add_array(b, new_name(b), 0, NULL, NULL, x);
}

static const char *
reshaped(OnnxBuilder *b, const char *value, int rank, const int *dim)
{
	int64_t *shape = NEWS(b->a, int64_t, rank + 1);

	for (int i = 0; i < rank; i++)
		shape[i] = dim[i];
	return operation(b, "Reshape", value, add_array(b, new_name(b), 1, &rank, NULL, shape));
}

static const char *
cast_to(OnnxBuilder *b, const char *value, Onnx__TensorProto__DataType type)
{
	const char *out = new_name(b);

	add_int(b, onnx_node(b, "Cast", out, 1, &value), "to", type);
	return out;
}

/* ---- loads ---- */

static int
place_of_range(const Around *r, const Scalar *range)
{
	for (int i = 0; i < r->n; i++)
		if (r->range[i] == range)
			return i;
	return -1;
}

/* Each index another whole axis: then only axes change places. */
static bool
is_permuted(const Scalar *e, Around *r)
{
	for (int i = 0; i < e->narg; i++) {
		if (e->arg[i]->op != X_RANGE || e->arg[i]->extent != e->tensor->dim[i]
		    || place_of_range(r, e->arg[i]) < 0)
			return false;
		for (int k = 0; k < i; k++)
			if (e->arg[k] == e->arg[i])
				return false;
	}
	return true;
}

static const char *
permuted_load(OnnxBuilder *b, const Scalar *e, Around *r, const char *value)
{
	int order[RANK_MAX], dim[RANGES_MAX], n = 0;
	bool moved = false;

	for (int i = 0; i < r->n; i++) {
		dim[i] = 1;
		for (int k = 0; k < e->narg; k++)
			if (e->arg[k] == r->range[i]) {
				moved |= k != n;
				order[n++] = k;
				dim[i] = r->range[i]->extent;
			}
	}
	if (moved) {
		const char *out = new_name(b);
		add_ints(b, onnx_node(b, "Transpose", out, 1, &value), "perm", n, order);
		value = out;
	}
	return n == r->n ? value : reshaped(b, value, r->n, dim);
}

/* 1 where 0 <= index < dim, as a truth value. */
static const char *
is_index_inside(OnnxBuilder *b, const char *index, int dim)
{
	return operation(b, "And", operation(b, "Less", constant_integer(b, -1), index),
	                 operation(b, "Less", index, constant_integer(b, dim)));
}

static const char *
gathered_load(OnnxBuilder *b, const Scalar *e, Around *r, const char *value)
{
	const char *flat = NULL, *inside = NULL, *in[3];
	int one = (int)tensor_size(e->tensor);

	for (int i = 0; i < e->narg; i++) {
		const char *index = cast_to(b, onnx_scalar(b, e->arg[i], r),
		                            ONNX__TENSOR_PROTO__DATA_TYPE__INT64);
		int dim = e->tensor->dim[i];
		if (e->arg[i]->values.lo < 0 || e->arg[i]->values.hi >= dim) {
			const char *ok = is_index_inside(b, index, dim);
			inside = inside ? operation(b, "And", inside, ok) : ok;
			index = operation(b, "Max", index, constant_integer(b, 0));
			index = operation(b, "Min", index, constant_integer(b, dim - 1));
		}
		if (flat)
			flat = operation(b, "Mul", flat, constant_integer(b, dim));
		flat = flat ? operation(b, "Add", flat, index) : index;
	}
	if (!flat)
		return value;
	value = operation(b, "Gather", reshaped(b, value, 1, &one), flat);
	if (!inside)
		return value;
	in[0] = inside;
	in[1] = value;
	in[2] = constant_number(b, 0);
	onnx_node(b, "Where", new_name(b), 3, in);
	return b->graph->node[b->graph->n_node - 1]->name;
}

static const char *
onnx_load(OnnxBuilder *b, const Scalar *e, Around *r)
{
	const char *value = map_get(&b->done, e->tensor);

	return is_permuted(e, r) ? permuted_load(b, e, r, value) : gathered_load(b, e, r, value);
}

/* ---- reductions ---- */

/* The ranges of r, and of `more`, that e depends on. */
static Around
ranges_of(const Scalar *e, const Around *r)
{
	Around own = { 0 };

	for (int i = 0; i < r->n; i++)
		if (scalar_depends(e, r->range[i]))
			own.range[own.n++] = r->range[i];
	return own;
}

static char *
letters(char *to, const Around *of, const Around *all)
{
	for (int i = 0; i < of->n; i++)
		*to++ = (char)('a' + place_of_range(all, of->range[i]));
	*to = '\0';
	return to;
}

/* SUM of a product over ranges that both its factors depend on: Einsum, or NULL. */
static const char *
onnx_product(OnnxBuilder *b, const Scalar *e, Around *r)
{
	Around all = *r, x, y, out = { 0 };

	int dim[RANGES_MAX];
	char equation[4 * RANGES_MAX], *end;

	for (; e->op == X_SUM && all.n < RANGES_MAX; e = e->arg[0])
		all.range[all.n++] = e->arg[1];
	if (e->op != X_MUL)
		return NULL;
	for (int i = r->n; i < all.n; i++)
		if (!scalar_depends(e->arg[0], all.range[i])
		    || !scalar_depends(e->arg[1], all.range[i]))
			return NULL;
	x = ranges_of(e->arg[0], &all);
	y = ranges_of(e->arg[1], &all);
	for (int i = 0; i < r->n; i++) {
		bool has = scalar_depends(e, r->range[i]);
		dim[i] = has ? r->range[i]->extent : 1;
		if (has)
			out.range[out.n++] = r->range[i];
	}
	end = letters(equation, &x, &all);
	*end++ = ',';
	end = letters(end, &y, &all);
	strcpy(end, "->");
	letters(end + 2, &out, &all);
	const char *in[] = { onnx_scalar(b, e->arg[0], &x), onnx_scalar(b, e->arg[1], &y) };
	const char *value = new_name(b);
	Onnx__AttributeProto *m = add_attribute(b, onnx_node(b, "Einsum", value, 2, in), "equation",
	                                        ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
	m->has_s = true;
	m->s.len = strlen(equation);
	m->s.data = (uint8_t *)arena_strn(b->a, equation, strlen(equation));
	return out.n == r->n ? value : reshaped(b, value, r->n, dim);
}

static const char *
onnx_reduction(OnnxBuilder *b, const Scalar *e, Around *r)
{
	Around inner = *r;
	const char *body, *value = e->op == X_SUM ? onnx_product(b, e, r) : NULL;
	int last = r->n, one = 1;

	if (value)
		return value;
	if (r->n == RANGES_MAX) {
		b->why = "its reductions are nested too deeply for an .onnx";
		return constant_number(b, 0);
	}
	inner.range[inner.n++] = e->arg[1];
	inner.done = (Map){ 0 };
	body = onnx_scalar(b, e->arg[0], &inner);
	if (!scalar_depends(e->arg[0], e->arg[1])) {
		/* It has an axis for the range, 1 long, if it has any. */
		body = operation(b, "Mul", body,
		                 constant_number(b, e->op == X_SUM ? e->arg[1]->extent : 1));
		if (!e->arg[0]->nfree)
			return body;
	}
	value = new_name(b);
	int64_t *axis = NEW(b->a, int64_t);
	*axis = last;
	const char *in[] = { body, NULL };
	if (e->op == X_SUM)
		in[1] = add_array(b, new_name(b), 1, &one, NULL, axis);
	Onnx__NodeProto *node = onnx_node(b, e->op == X_SUM ? "ReduceSum" : "ReduceMax", value,
	                                  e->op == X_SUM ? 2 : 1, in);
	if (e->op == X_RMAX)
		add_ints(b, node, "axes", 1, &last);
	add_int(b, node, "keepdims", 0);
	return value;
}

/* ---- the rest ---- */

static const char *
onnx_range(OnnxBuilder *b, const Scalar *e, Around *r)
{
	int dim[RANGES_MAX], at = place_of_range(r, e);
	float *x = NEWS(b->a, float, e->extent);

	for (int i = 0; i < e->extent; i++)
		x[i] = (float)i;
	for (int i = 0; i < r->n; i++)
		dim[i] = i == at ? e->extent : 1;
	return add_array(b, new_name(b), r->n, dim, x, NULL);
}

static const char *
onnx_where(OnnxBuilder *b, const Scalar *e, Around *r)
{
	const char *in[] = { cast_to(b, onnx_scalar(b, e->arg[0], r),
		                     ONNX__TENSOR_PROTO__DATA_TYPE__BOOL),
		             onnx_scalar(b, e->arg[1], r), onnx_scalar(b, e->arg[2], r) };
	const char *out = new_name(b);

	onnx_node(b, "Where", out, 3, in);
	return out;
}

static const char *const operator_name[NUM_TENSOR_OPS] = {
	[X_ADD] = "Add", [X_SUB] = "Sub",  [X_MUL] = "Mul",   [X_DIV] = "Div", [X_MAX] = "Max",
	[X_EXP] = "Exp", [X_LOG] = "Log",  [X_SQRT] = "Sqrt", [X_SIN] = "Sin", [X_TANH] = "Tanh",
	[X_LT] = "Less", [X_EQ] = "Equal", [X_FLOOR] = "Div", [X_MOD] = "Div",
};

const char *
onnx_of_operator(TensorOp op)
{
	bool several = op == X_FLOOR || op == X_MOD;

	return op == X_WHERE  ? "Where"
	       : op == X_SUM  ? "ReduceSum"
	       : op == X_RMAX ? "ReduceMax"
	       : several      ? NULL
	                      : operator_name[op];
}

static const char *
onnx_operator(OnnxBuilder *b, const Scalar *e, Around *r)
{
	const char *x = onnx_scalar(b, e->arg[0], r),
		   *y = e->narg > 1 ? onnx_scalar(b, e->arg[1], r) : NULL;
	const char *value = operation(b, operator_name[e->op], x, y);

	if (e->op == X_LT || e->op == X_EQ)
		return cast_to(b, value, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
	if (e->op == X_FLOOR || e->op == X_MOD)
		value = operation(b, "Floor", value, NULL);
	return e->op == X_MOD ? operation(b, "Sub", x, operation(b, "Mul", y, value)) : value;
}

static const char *
onnx_scalar(OnnxBuilder *b, const Scalar *e, Around *r)
{
	const char *value = map_get(&r->done, e);

	if (value)
		return value;
	switch (e->op) {
	case X_CONST: value = constant_number(b, e->value); break;
	case X_RANGE: value = onnx_range(b, e, r); break;
	case X_LOAD: value = onnx_load(b, e, r); break;
	case X_STOP: value = onnx_scalar(b, e->arg[0], r); break;
	case X_WHERE: value = onnx_where(b, e, r); break;
	case X_SUM:
	case X_RMAX: value = onnx_reduction(b, e, r); break;
	default: value = onnx_operator(b, e, r); break;
	}
	map_put(b->a, &r->done, e, (void *)value);
	return value;
}

/* ---- tensors ---- */

static Onnx__ValueInfoProto *
onnx_port(OnnxBuilder *b, const TensorNode *t)
{
	Onnx__ValueInfoProto *m = MESSAGE(b->a, Onnx__ValueInfoProto, onnx__value_info_proto__init);
	Onnx__TypeProto__Tensor *type = MESSAGE(b->a, Onnx__TypeProto__Tensor,
	                                        onnx__type_proto__tensor__init);
	bool whole = t->kind == TENSOR_INPUT && t->integer;

	m->name = message_text(t->name);
	m->type = MESSAGE(b->a, Onnx__TypeProto, onnx__type_proto__init);
	m->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
	m->type->tensor_type = type;
	type->has_elem_type = true;
	type->elem_type = whole ? ONNX__TENSOR_PROTO__DATA_TYPE__INT64
	                        : ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
	type->shape = MESSAGE(b->a, Onnx__TensorShapeProto, onnx__tensor_shape_proto__init);
	type->shape->n_dim = (size_t)t->rank;
	type->shape->dim = NEWS(b->a, Onnx__TensorShapeProto__Dimension *, t->rank);
	for (int i = 0; i < t->rank; i++) {
		Onnx__TensorShapeProto__Dimension *d = MESSAGE(
			b->a, Onnx__TensorShapeProto__Dimension,
			onnx__tensor_shape_proto__dimension__init);
		d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
		d->dim_value = t->dim[i];
		type->shape->dim[i] = d;
	}
	return m;
}

static const char *
onnx_leaf(OnnxBuilder *b, const TensorNode *t)
{
	const FileWeights *w = weights_file_find(b->file, t->name);

	if (t->kind == TENSOR_INPUT) {
		b->graph->input[b->graph->n_input++] = onnx_port(b, t);
		return t->integer ? cast_to(b, t->name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT)
		                  : t->name;
	}
	if (t->kind == TENSOR_TABLE) {
		float *x = NEWS(b->a, float, tensor_size(t));
		for (int64_t i = 0; i < tensor_size(t); i++)
			x[i] = (float)t->table[i];
		return add_array(b, t->name, t->rank, t->dim, x, NULL);
	}
	if (w && w->at && w->rank == t->rank
	    && !memcmp(w->dim, t->dim, sizeof *w->dim * (size_t)w->rank))
		return add_array(b, t->name, t->rank, t->dim, w->at, NULL);
	b->why = arena_fmt(b->a, "it has no '%s' of the shape %s", t->name,
	                   shape_text(b->a, t->rank, t->dim));
	return t->name;
}

/* The value has the tensor's own shape, also where the body depends on fewer axes. */
static const char *
onnx_body(OnnxBuilder *b, const TensorNode *t)
{
	Around r = { .n = t->rank };
	int64_t *shape = NEWS(b->a, int64_t, t->rank + 1);

	for (int i = 0; i < t->rank; i++) {
		r.range[i] = scalar_axis(b->g, i, t->dim[i]);
		shape[i] = t->dim[i];
	}
	const char *value = onnx_scalar(b, t->body, &r);
	if (t->body->nfree == t->rank)
		return value;
	return operation(b, "Expand", value, add_array(b, new_name(b), 1, &t->rank, NULL, shape));
}

static void
mark_live(const Scalar *e, bool *live, Map *seen, Arena *a)
{
	if (map_get(seen, e))
		return;
	map_put(a, seen, e, live);
	if (e->op == X_LOAD && !live[e->tensor->id]) {
		live[e->tensor->id] = true;
		if (e->tensor->body)
			mark_live(e->tensor->body, live, seen, a);
	}
	for (int i = 0; i < e->narg; i++)
		mark_live(e->arg[i], live, seen, a);
}

static void
onnx_tensors(OnnxBuilder *b)
{
	bool *live = NEWS(b->a, bool, b->g->ntensor);
	Map seen = { 0 };

	for (int i = 0; i < b->g->noutput; i++) {
		live[b->g->output[i]->id] = true;
		if (b->g->output[i]->body)
			mark_live(b->g->output[i]->body, live, &seen, b->a);
	}
	b->graph->input = NEWS(b->a, Onnx__ValueInfoProto *, b->g->ntensor);
	for (int i = 0; i < b->g->ntensor; i++) {
		TensorNode *t = b->g->tensor[i];
		if (live[i])
			map_put(b->a, &b->done, t,
			        (void *)(t->body ? onnx_body(b, t) : onnx_leaf(b, t)));
	}
	b->graph->output = NEWS(b->a, Onnx__ValueInfoProto *, b->g->noutput);
	for (int i = 0; i < b->g->noutput; i++) {
		const TensorNode *t = b->g->output[i];
		const char *value = map_get(&b->done, t);
		onnx_node(b, "Identity", t->name, 1, &value);
		b->graph->output[b->graph->n_output++] = onnx_port(b, t);
	}
}

static void
onnx_texts(OnnxBuilder *b, Onnx__ModelProto *file)
{
	file->metadata_props = NEWS(b->a, Onnx__StringStringEntryProto *, b->file->ntext);
	for (int i = 0; i < b->file->ntext; i++) {
		const FileText *text = &b->file->text[i];
		if (!strcmp(text->key, "tw.graph") || !strcmp(text->key, "format"))
			continue;
		Onnx__StringStringEntryProto *entry = MESSAGE(
			b->a, Onnx__StringStringEntryProto, onnx__string_string_entry_proto__init);
		entry->key = message_text(text->key);
		entry->value = message_text(text->value);
		file->metadata_props[file->n_metadata_props++] = entry;
	}
}

unsigned char *
tensor_onnx_bytes(Arena *a, TensorGraph *g, const WeightsFile *f, size_t *n, const char **why)
{
	Onnx__ModelProto *file = MESSAGE(a, Onnx__ModelProto, onnx__model_proto__init);
	OnnxBuilder b = { .a = a, .g = g, .file = f };

	file->graph = b.graph = MESSAGE(a, Onnx__GraphProto, onnx__graph_proto__init);
	b.graph->name = message_text("learned");
	onnx_add_opset(a, file);
	onnx_texts(&b, file);
	onnx_tensors(&b);
	*why = b.why;
	if (b.why)
		return NULL;
	*n = onnx__model_proto__get_packed_size(file);
	unsigned char *bytes = arena_alloc(a, *n);
	onnx__model_proto__pack(file, bytes);
	return bytes;
}
