/* A learned model as C: of one that says which token is likely next the program of one position,
 * fed a token at a time, as generator.c runs it; of another the program of its whole graph. */

#include "tensor/train/c_model.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "tensor/kernel/c_text.h"
#include "tensor/train/generator.h"
#include "tensor/train/train.h"
#include "tensor/train/vocabulary.h"

enum { MOST_IN_TEXT = 1 << 20 }; /* parameters, of some twelve bytes each */

typedef struct ModelWriter {
	Arena *arena;
	TextBuilder *t;
	TensorGraph *g;
	TensorProgram *p;
	Generator *next;  /* NULL: it goes on with no text */
	Vocabulary vocab; /* of that; n is 0 where it has none */
	bool *named;      /* by tensor: a kernel writes or reads it, or it is an output */
	int64_t *offset;  /* by tensor: of a parameter among the weights; else -1 */
	int64_t nweights;
	float *weights;
} ModelWriter;

/* ---- parameters ---- */

static bool
is_parameter(const ModelWriter *m, const TensorNode *t)
{
	for (int i = 0; i < m->g->ncarry; i++)
		if (m->g->carry[i].leaf == t)
			return false;
	return t->kind == TENSOR_PARAM || t->kind == TENSOR_TABLE;
}

static void
place_weights(ModelWriter *m)
{
	for (int i = 0; i < m->g->ntensor; i++) {
		const TensorNode *t = m->g->tensor[i];
		m->offset[i] = -1;
		if (!m->named[i] || !is_parameter(m, t))
			continue;
		m->offset[i] = m->nweights;
		m->nweights += (tensor_size(t) + 15) / 16 * 16;
	}
	m->nweights += 16; /* the last vector may reach there */
	m->weights = NEWS(m->arena, float, m->nweights);
	for (int i = 0; i < m->g->ntensor; i++)
		if (m->offset[i] >= 0)
			memcpy(m->weights + m->offset[i],
			       tensor_program_buffer(m->p, m->g->tensor[i]),
			       sizeof(float) * (size_t)tensor_size(m->g->tensor[i]));
}

static bool
fill_whole(ModelWriter *m, const WeightsFile *f, const char **why)
{
	for (int i = 0; i < m->g->ntensor; i++) {
		const TensorNode *t = m->g->tensor[i];
		float *to = t->kind == TENSOR_PARAM ? tensor_program_buffer(m->p, t) : NULL;
		const FileWeights *w = to ? weights_file_find(f, t->name) : NULL;
		if (!to)
			continue;
		if (!w || !w->at || w->rank != t->rank
		    || memcmp(w->dim, t->dim, sizeof *w->dim * (size_t)w->rank) != 0) {
			*why = arena_fmt(m->arena, "it has no '%s' of its shape", t->name);
			return false;
		}
		memcpy(to, w->at, sizeof *to * (size_t)tensor_size(t));
	}
	return true;
}

static void
write_weights(ModelWriter *m, const char *name, CModel *to)
{
	if (m->nweights > MOST_IN_TEXT) {
		to->weights = m->weights;
		to->nweights = m->nweights;
		text_addf(m->t, "#ifndef MODEL_WEIGHTS\n#define MODEL_WEIGHTS \"%s\"\n#endif\n",
		          name);
		text_addf(m->t, "static float weights[%lld];\n\n", (long long)m->nweights);
		return;
	}
	text_addf(m->t, "static const float weights[%lld] = {", (long long)m->nweights);
	for (int64_t i = 0; i < m->nweights; i++) {
		float x = m->weights[i];
		text_addf(m->t, "%s", i % 8 ? " " : "\n\t");
		text_addf(m->t,
		          isfinite(x) ? "%.9g,"
		          : isnan(x)  ? "NAN,"
		          : x < 0     ? "-INFINITY,"
		                      : "INFINITY,",
		          (double)x);
	}
	text_addf(m->t, "\n};\n\n");
}

/* ---- memory ---- */

/* As many floats as the largest of the tensors that stand at the same place. */
static int64_t
floats_at(const ModelWriter *m, const float *at)
{
	int64_t n = 0;

	for (int i = 0; i < m->g->ntensor; i++)
		if (m->named[i] && m->p->buffer[i] == at)
			n = max_int64(n, tensor_size(m->g->tensor[i]));
	return n;
}

/* The first tensor that stands there. */
static int
owner_of(const ModelWriter *m, int id)
{
	int i = 0;

	while (!m->named[i] || m->p->buffer[i] != m->p->buffer[id])
		i++;
	return i;
}

static void
write_memory(ModelWriter *m)
{
	for (int i = 0; i < m->g->ntensor; i++)
		if (m->named[i] && m->offset[i] < 0 && owner_of(m, i) == i)
			text_addf(m->t, "static float memory_%d[%lld];\n", i,
			          (long long)floats_at(m, m->p->buffer[i]) + 16);
	text_addf(m->t, "static float *tensor[] = {\n");
	for (int i = 0; i < m->g->ntensor; i++) {
		if (!m->named[i])
			continue;
		if (m->offset[i] >= 0)
			text_addf(m->t, "\t[%d] = (float *)weights + %lld, // %s\n", i,
			          (long long)m->offset[i], m->g->tensor[i]->name);
		else
			text_addf(m->t, "\t[%d] = memory_%d, // %s\n", i, owner_of(m, i),
			          m->g->tensor[i]->name);
	}
	text_addf(m->t, "};\n\n");
}

static void
name_tensors(ModelWriter *m, const CKernels *k)
{
	m->named = NEWS(m->arena, bool, m->g->ntensor);
	m->offset = NEWS(m->arena, int64_t, m->g->ntensor);
	for (int i = 0; i < m->p->nkernel; i++)
		for (int j = 0; j < k->call[i].n; j++)
			m->named[k->call[i].tensor[j]] = true;
	for (int i = 0; i < m->g->noutput; i++)
		m->named[current_tensor(m->p, m->g->output[i])->id] = true;
	for (int i = 0; i < m->g->ncarry; i++)
		m->named[m->g->carry[i].leaf->id] = true;
	for (int i = 0; i < m->g->ntensor; i++)
		m->named[i] |= m->g->tensor[i]->kind == TENSOR_INPUT && m->p->buffer[i];
}

/* ---- the run ---- */

static void
write_run(ModelWriter *m, const CKernels *k)
{
	text_addf(m->t, "static float room[%lld] __attribute__((aligned(64)));\n\n",
	          (long long)k->room + 16);
	text_addf(m->t, "void\nmodel_run(void)\n{\n");
	for (int i = 0; i < m->p->nkernel; i++) {
		const CCall *c = &k->call[i];
		text_addf(m->t, "\tkernel_%d((float *const[]){", c->function);
		for (int j = 0; j < c->n; j++)
			text_addf(m->t, "%s tensor[%d]", j ? "," : "", c->tensor[j]);
		text_addf(m->t, " }, 0, 1, room);\n");
	}
	for (int i = 0; i < m->g->ncarry; i++) {
		int leaf = m->g->carry[i].leaf->id,
		    next = current_tensor(m->p, m->g->carry[i].next)->id;
		text_addf(m->t,
		          "\tfloat *was_%d = tensor[%d];\n\ttensor[%d] = tensor[%d];\n"
		          "\ttensor[%d] = was_%d;\n",
		          leaf, leaf, leaf, next, next, leaf);
	}
	text_addf(m->t, "}\n\n");
}

/* Before the first run. */
static void
write_load(ModelWriter *m, const CModel *to)
{
	text_addf(m->t, "/* Once, before all else; 0, or -1 where the weights are not there. */\n"
	                "int\nmodel_load(void)\n{\n");
	if (to->weights)
		text_addf(m->t, "\tFILE *f = fopen(MODEL_WEIGHTS, \"rb\");\n"
		                "\tsize_t n = sizeof weights / sizeof *weights;\n"
		                "\tint bad = !f || fread(weights, sizeof *weights, n, f) != n;\n\n"
		                "\tif (f)\n\t\tfclose(f);\n\treturn bad ? -1 : 0;\n}\n\n");
	else
		text_addf(m->t, "\treturn 0;\n}\n\n");
}

/* ---- a model that goes on with a text ---- */

static void
write_words(ModelWriter *m)
{
	const Vocabulary *v = &m->vocab;

	text_addf(m->t,
	          "enum { MODEL_CONTEXT = %d, MODEL_TOKENS = %d, MODEL_SCORES = %d,\n"
	          "       MODEL_WORDS = %d, MODEL_PAIRS = %d, MODEL_END = %d };\n\n",
	          m->next->context, m->next->ntoken, m->next->nscore, v->n, v->pairs != NULL,
	          v->pairs ? v->pairs->end : -1);
	text_addf(m->t, "/* What a row adds to a text. */\nconst char *const model_word[] = {\n");
	for (int i = 0; i < v->n; i++) {
		size_t n;
		const char *s = vocabulary_bytes(v, i, &n);
		text_addf(m->t, "\t\"");
		for (size_t k = 0; k < n; k++)
			text_addf(m->t,
			          isalnum((unsigned char)s[k]) || s[k] == ' ' ? "%c" : "\\%03o",
			          (unsigned char)s[k]);
		text_addf(m->t, "\",\n");
	}
	text_addf(m->t, "\t0\n};\n\n");
}

static const char c_next[] =
	"static int model_text[MODEL_CONTEXT], model_position;\n\n"
	"static const float *\n"
	"model_feed(int row)\n"
	"{\n"
	"\t*tensor[%d] = (float)row;\n"
	"%s"
	"\tmodel_text[model_position++] = row;\n"
	"\tmodel_run();\n"
	"\treturn tensor[%d];\n"
	"}\n\n"
	"/* A new text. */\n"
	"void\n"
	"model_begin(void)\n"
	"{\n"
	"\tmodel_position = 0;\n"
	"}\n\n"
	"/* The scores (MODEL_SCORES) of what comes after this token. Where the text is longer "
	"than the\n"
	" * context its last half is fed again from position 0. */\n"
	"const float *\n"
	"model_next(int row)\n"
	"{\n"
	"\tint keep = MODEL_CONTEXT / 2;\n\n"
	"\tif (model_position == MODEL_CONTEXT) {\n"
	"\t\tmemmove(model_text, model_text + MODEL_CONTEXT - keep, sizeof(int) * (size_t)keep);\n"
	"\t\tmodel_position = 0;\n"
	"\t\twhile (model_position < keep)\n"
	"\t\t\tmodel_feed(model_text[model_position]);\n"
	"\t}\n"
	"\treturn model_feed(row);\n"
	"}\n\n";

static const char c_next_main[] =
	"#ifndef MODEL_NO_MAIN\n"
	"#include <stdlib.h>\n\n"
	"/* The row of the longest word that the text begins with, *n bytes; where words are byte "
	"pairs, "
	"the\n * number that it begins with; or -1. */\n"
	"static int\n"
	"model_row(const char *s, size_t *n)\n"
	"{\n"
	"\tint best = -1;\n"
	"\tchar *end;\n\n"
	"\t*n = 0;\n"
	"\tif (MODEL_PAIRS) {\n"
	"\t\tlong row = strtol(s, &end, 10);\n"
	"\t\t*n = (size_t)(end - s) + strspn(end, \" ,\");\n"
	"\t\treturn end > s && row >= 0 && row < MODEL_TOKENS ? (int)row : -1;\n"
	"\t}\n"
	"\tfor (int i = 0; i < MODEL_WORDS && i < MODEL_TOKENS; i++)\n"
	"\t\tif (strlen(model_word[i]) > *n && !strncmp(s, model_word[i], strlen(model_word[i])))\n"
	"\t\t\t*n = strlen(model_word[best = i]);\n"
	"\treturn best;\n"
	"}\n\n"
	"static void\n"
	"model_go_on(const float *scores, int tokens)\n"
	"{\n"
	"\tint n = MODEL_SCORES <= MODEL_WORDS + 1 ? MODEL_SCORES : MODEL_WORDS;\n\n"
	"\tfor (int i = 0; i < tokens; i++) {\n"
	"\t\tint best = 0;\n"
	"\t\tfor (int k = 1; k < n; k++)\n"
	"\t\t\tif (scores[k] > scores[best])\n"
	"\t\t\t\tbest = k;\n"
	"\t\tif (best >= MODEL_WORDS || best == MODEL_END)\n"
	"\t\t\tbreak;\n"
	"\t\tfputs(model_word[best], stdout);\n"
	"\t\tif (i + 1 < tokens)\n"
	"\t\t\tscores = model_next(best);\n"
	"\t}\n"
	"\tputchar('\\n');\n"
	"}\n\n"
	"int\n"
	"main(int argc, char **argv)\n"
	"{\n"
	"\tconst float *scores = NULL;\n"
	"\tsize_t n;\n\n"
	"\tif (argc < 2 || !*argv[1]) {\n"
	"\t\tfprintf(stderr, \"usage: %s PROMPT [TOKENS | scores]\\n\", argv[0]);\n"
	"\t\treturn 2;\n"
	"\t}\n"
	"\tif (model_load()) {\n"
	"\t\tfprintf(stderr, \"%s: its weights cannot be read\\n\", argv[0]);\n"
	"\t\treturn 2;\n"
	"\t}\n"
	"\tfor (const char *s = argv[1]; *s; s += n) {\n"
	"\t\tint row = model_row(s, &n);\n"
	"\t\tif (row < 0) {\n"
	"\t\t\tfprintf(stderr, \"%s: no token begins '%.20s'\\n\", argv[0], s);\n"
	"\t\t\treturn 2;\n"
	"\t\t}\n"
	"\t\tscores = model_next(row);\n"
	"\t}\n"
	"\tif (argc > 2 && !strcmp(argv[2], \"scores\"))\n"
	"\t\tfor (int i = 0; i < MODEL_SCORES; i++)\n"
	"\t\t\tprintf(\"%.9g\\n\", scores[i]);\n"
	"\telse\n"
	"\t\tmodel_go_on(scores, argc > 2 ? atoi(argv[2]) : MODEL_CONTEXT);\n"
	"\treturn 0;\n"
	"}\n"
	"#endif\n";

static void
write_generator(ModelWriter *m)
{
	const Generator *n = m->next;
	int here = n->here ? n->here->id : -1;
	const char *set = here >= 0 && m->named[here] ? arena_fmt(
				  m->arena, "\t*tensor[%d] = (float)model_position;\n", here)
	                                              : "";

	text_addf(m->t, c_next, n->token->id, set, current_tensor(m->p, n->scores)->id);
	text_add(m->t, c_next_main, sizeof c_next_main - 1);
}

/* ---- another ---- */

static const char *
identifier(Arena *a, const char *name)
{
	char *s = arena_strn(a, name, strlen(name));

	for (char *c = s; *c; c++)
		if (!isalnum((unsigned char)*c))
			*c = '_';
	return s;
}

static void
write_c_port(ModelWriter *m, const TensorNode *t, const char *what)
{
	const char *name = identifier(m->arena, t->name);

	text_addf(m->t, "/* %s, by rows. */\nenum { MODEL_SIZE_%s = %lld };\n\n", what, name,
	          (long long)tensor_size(t));
	text_addf(m->t, "float *\nmodel_%s(void)\n{\n\treturn tensor[%d];\n}\n\n", name,
	          current_tensor(m->p, t)->id);
}

static void
write_whole(ModelWriter *m)
{
	TextBuilder read = { .arena = m->arena }, print = { .arena = m->arena };

	for (int i = 0; i < m->g->ntensor; i++) {
		const TensorNode *t = m->g->tensor[i];
		if (t->kind != TENSOR_INPUT || !m->named[i])
			continue;
		write_c_port(m, t, "An input");
		text_addf(&read,
		          "\tfor (int i = 0; i < MODEL_SIZE_%1$s; i++)\n"
		          "\t\tif (scanf(\"%%f\", &model_%1$s()[i]) != 1)\n\t\t\treturn 2;\n",
		          identifier(m->arena, t->name));
	}
	for (int i = 0; i < m->g->noutput; i++) {
		write_c_port(m, m->g->output[i], "An output");
		text_addf(&print,
		          "\tfor (int i = 0; i < MODEL_SIZE_%1$s; i++)\n"
		          "\t\tprintf(\"%%.9g\\n\", model_%1$s()[i]);\n",
		          identifier(m->arena, m->g->output[i]->name));
	}
	text_addf(m->t,
	          "#ifndef MODEL_NO_MAIN\n/* Inputs are numbers on standard input, outputs a "
	          "number a "
	          "line. */\nint\nmain(void)\n{\n\tif (model_load()) {\n"
	          "\t\tfputs(\"the model's weights cannot be read\\n\", stderr);\n"
	          "\t\treturn 2;\n\t}\n%s"
	          "\tmodel_run();\n%s\treturn 0;\n}\n#endif\n",
	          read.s ? read.s : "", print.s ? print.s : "");
}

/* ---- the file ---- */

static bool
open_c_model(ModelWriter *m, const WeightsFile *f, const char **why)
{
	if (!vocabulary_of_file(m->arena, f, &m->vocab, why))
		return false;
	m->next = m->vocab.n ? generator_new(m->arena, f, VECTORS_PORTABLE, why) : NULL;
	if (m->next) {
		m->g = m->next->g;
		m->p = m->next->program;
		return true;
	}
	if (!(m->g = checkpoint_graph(m->arena, f, why)))
		return false;
	*why = "it has no output";
	if (!m->g->noutput)
		return false;
	m->p = tensor_program_new(m->g, VECTORS_PORTABLE);
	return fill_whole(m, f, why);
}

bool
c_model(Arena *a, const WeightsFile *f, const char *name, CModel *to, const char **why)
{
	ModelWriter m = { .arena = a, .t = &to->text };

	*to = (CModel){ .text = { .arena = a } };
	if (!open_c_model(&m, f, why))
		return false;
	CKernels *k = kernels_as_c(a, m.p);
	name_tensors(&m, k);
	place_weights(&m);
	text_addf(m.t, "/* A model that twc wrote: cc -O2 -Wno-psabi FILE.c -lm; faster with\n"
	               " * -march=native, and the same bits. With -DMODEL_NO_MAIN its functions "
	               "are to be\n"
	               " * called. */\n\n"
	               "#include <stdio.h>\n\n");
	add_c_kernels(m.t, k);
	text_addf(m.t, "\n");
	write_weights(&m, name, to);
	write_memory(&m);
	write_load(&m, to);
	write_run(&m, k);
	if (m.next) {
		write_words(&m);
		write_generator(&m);
	} else {
		write_whole(&m);
	}
	return true;
}
