/* Kernels as functions of C: the loops around what c_code.c writes. */

#include "tensor/kernel/c_text.h"

#include <stdlib.h>
#include <string.h>

extern const char kernel_prelude[]; /* vectors.h, gemm.h and gemm_tiles.h (tools/embed) */

/* ---- loops ---- */

static int64_t
turns_of(const Kernel *k, int nloop)
{
	int64_t n = 1;

	for (int i = 0; i < nloop; i++)
		n *= k->loop[i].extent;
	return n;
}

/* Where the first loops are in turn number `turn`, an expression. */
static void
c_ranges_of_turn(CWriter *w, const Kernel *k, int nloop, const char *turn)
{
	for (int i = 0; i < nloop; i++) {
		int64_t inner = turns_of(k, nloop) / turns_of(k, i + 1);
		const char *r = c_range(w->out.arena, k->loop[i].range);
		TextBuilder t = { .arena = w->out.arena };
		text_addf(&t, "%s", turn);
		if (inner > 1)
			text_addf(&t, " / %lld", (long long)inner);
		if (i > 0)
			text_addf(&t, " %% %d", k->loop[i].extent);
		c_line(w, "const int %s = (int)(%s);", r, t.s);
	}
}

static void
c_open(CWriter *w, const char *line)
{
	c_line(w, "%s", line);
	w->depth++;
}

static void
c_close(CWriter *w)
{
	w->depth--;
	c_line(w, "}");
}

/* ---- kinds of kernels ---- */

/* Strips of the line of lanes, a part of all of them. */
static void
c_strips(CWriter *w, const Kernel *k)
{
	int lanes = max_int(k->lanes, 1), strips = (lanes + STRIP - 1) / STRIP;
	Arena *a = w->out.arena;
	long long all = (long long)turns_of(k, k->nloop) * strips;

	c_line(w, "const int64_t end = part_begin(%lld, part + 1, parts);", all);
	c_open(w, arena_fmt(a, "for (int64_t at = part_begin(%lld, part, parts); at < end; at++) {",
	                    all));
	c_ranges_of_turn(w, k, k->nloop, strips > 1 ? arena_fmt(a, "at / %d", strips) : "at");
	if (strips > 1)
		c_line(w, "const int lane = (int)(at %% %d) * STRIP, n = lesser(STRIP, %d - lane);",
		       strips, lanes);
	else
		c_line(w, "const int lane = 0, n = %d;", lanes);
	c_line(w, "float *out = to + at%s * %d + lane;",
	       strips > 1 ? arena_fmt(a, " / %d", strips) : "", lanes);
	c_statements(w, k->code, "V y = %s;\nput_vector(out, k, n, &y);%s",
	             "fill_strip_line(out, n, %s);");
	c_close(w);
}

static void
c_scatter(CWriter *w, const Kernel *k)
{
	Arena *a = w->out.arena;
	TextBuilder at = { .arena = a };

	text_addf(&at, "float *line = to + row * %lld", (long long)k->line);
	for (int i = 1; i + 1 < k->to->rank; i++)
		text_addf(&at, " + i%d * %lld", i, (long long)axis_stride(k->to, i));
	c_line(w, "if (part > 0)");
	c_line(w, "\treturn;");
	c_line(w, "memset(to, 0, sizeof *to * %lld);", (long long)tensor_size(k->to));
	c_open(w, arena_fmt(a, "for (int64_t at = 0; at < %lld; at++) {",
	                    (long long)turns_of(k, k->nloop)));
	c_ranges_of_turn(w, k, k->nloop, "at");
	c_line(w, "int64_t row;");
	c_open(w, "{");
	c_statements(w, k->row, "", "row = (int64_t)%s;");
	c_close(w);
	c_line(w, "if (!is_in_axis(row, %d))", k->to->dim[0]);
	c_line(w, "\tcontinue;");
	c_line(w, "%s;", at.s);
	c_open(w, arena_fmt(a, "for (int lane = 0; lane < %d; lane += STRIP) {", k->lanes));
	c_line(w, "const int n = lesser(STRIP, %d - lane);", k->lanes);
	c_line(w, "float *out = line + lane;");
	c_statements(w, k->code, "V y = vector_at(out, k) + %s;\nput_vector(out, k, n, &y);%s",
	             "for (int i = 0; i < n; i++) out[i] += %s;");
	c_close(w);
	c_close(w);
}

/* Where an operand of this turn begins. */
static const char *
c_operand(CWriter *w, const Kernel *k, char which, const char *name, int64_t base)
{
	TextBuilder t = { .arena = w->out.arena };

	text_addf(&t, "%s", name);
	if (base)
		text_addf(&t, " + %lld", (long long)base);
	for (int i = 0; i < k->nloop; i++) {
		const KernelLoop *l = &k->loop[i];
		int64_t step = which == 'a' ? l->a : which == 'b' ? l->b : l->c;
		if (step)
			text_addf(&t, " + %s * (int64_t)%lld", c_range(t.arena, l->range),
			          (long long)step);
	}
	return t.s;
}

static void
c_product(CWriter *w, const Kernel *k)
{
	Arena *a = w->out.arena;
	const Gemm *g = &k->gemm;
	int outer = k->nloop - k->nsum;
	long long turns = (long long)turns_of(k, outer);
	TextBuilder add = { .arena = a };

	c_line(w, "const bool cut = %lld < parts;", turns);
	c_line(w, "const int64_t end = cut ? %lld : part_begin(%lld, part + 1, parts);", turns,
	       turns);
	c_open(w, arena_fmt(a,
	                    "for (int64_t at = cut ? 0 : part_begin(%lld, part, parts); at < end; "
	                    "at++) {",
	                    turns));
	c_ranges_of_turn(w, k, outer, "at");
	for (int i = outer; i < k->nloop; i++) {
		const char *r = c_range(a, k->loop[i].range);
		c_open(w, arena_fmt(a, "for (int %s = 0; %s < %d; %s++) {", r, r, k->loop[i].extent,
		                    r));
		text_addf(&add, "%s%s", add.s ? " || " : "", r);
	}
	c_open(w, "Gemm g = {");
	c_line(w, ".m = %d, .n = %d, .k = %d, .add = %s,", g->m, g->n, g->k,
	       add.s ? add.s : "false");
	c_line(w, ".a = %s, .ai = %lld, .ak = %lld,",
	       c_operand(w, k, 'a', c_tensor(w, k->a->id), k->a_base), (long long)g->ai,
	       (long long)g->ak);
	c_line(w, ".b = %s, .bk = %lld, .bj = %lld,",
	       c_operand(w, k, 'b', c_tensor(w, k->b->id), k->b_base), (long long)g->bk,
	       (long long)g->bj);
	c_line(w, ".c = %s, .ldc = %lld, .room = room", c_operand(w, k, 'c', "to", 0),
	       (long long)g->ldc);
	w->depth--;
	c_line(w, "};");
	c_line(w, "if (cut)");
	c_line(w, "\tgemm_cut(&g, part, parts);");
	c_line(w, "product(&g);");
	for (int i = outer; i <= k->nloop; i++)
		c_close(w);
}

static void
c_update(CWriter *w, const Kernel *k)
{
	const char *from = c_tensor(w, k->a->id), *here = c_tensor(w, k->b->id);
	long long rows = (long long)(tensor_size(k->to) / (k->outer * k->inner)),
		  inner = (long long)k->inner;

	c_line(w, "const int64_t here = (int64_t)*%s;", here);
	c_line(w, "if (part > 0 || !is_in_axis(here, %lld))", rows);
	c_line(w, "\treturn;");
	c_line(w, "for (int64_t i = 0; i < %lld; i++)", (long long)k->outer);
	c_line(w, "\tmemcpy(to + (i * %lld + here) * %lld, %s + i * %lld, sizeof *to * %lld);",
	       rows, inner, from, inner, inner);
}

/* ---- functions ---- */

/* The lines between the braces; the tensors, in *w. */
static const char *
kernel_body(CWriter *w, const Kernel *k)
{
	w->depth = 1;
	w->tensor = NEWS(w->out.arena, int, w->p->g->ntensor + 1);
	c_tensor(w, k->to->id);
	switch (k->kind) {
	case KERNEL_STRIPS: c_strips(w, k); break;
	case KERNEL_PRODUCT: c_product(w, k); break;
	case KERNEL_SCATTER: c_scatter(w, k); break;
	case KERNEL_UPDATE: c_update(w, k); break;
	}
	return w->out.s;
}

/* Names for the tensors, and the body. */
static const char *
kernel_block(Arena *a, const TensorProgram *p, const Kernel *k, int *n, int **tensor)
{
	CWriter w = { .p = p, .out = { .arena = a } };
	TextBuilder t = { .arena = a };
	const char *body = kernel_body(&w, k);

	text_addf(&t, "{\n\tfloat *to = tensor[0];\n");
	for (int i = 1; i < w.ntensor; i++)
		text_addf(&t, "\tconst float *%s = tensor[%d];\n", c_tensor(&w, w.tensor[i]), i);
	text_addf(&t, "%s}\n", body);
	*n = w.ntensor;
	*tensor = w.tensor;
	return t.s;
}

/* What it computes, as comments of lines that are not too long. */
static void
add_formula(TextBuilder *t, const TensorProgram *p, const TensorNode *of)
{
	enum { WIDE = 92 };
	char *line = NULL;
	size_t n;
	FILE *f = open_memstream(&line, &n);

	tensor_print(p->g, of, f);
	fclose(f);
	line[strcspn(line, "\n")] = '\0';
	for (char *s = line, *end; *s; s = end) {
		end = s + strlen(s);
		if (end - s > WIDE)
			for (end = s + WIDE; end > s && *end != ' '; end--)
				;
		end = end == s ? s + strlen(s) : end;
		text_addf(t, "//%s%.*s\n", s == line ? " " : "  ", (int)(end - s), s);
	}
	free(line);
}

static const char *
whole_function(Arena *a, const TensorProgram *p, const Kernel *k, int number, const char *block)
{
	TextBuilder t = { .arena = a };

	add_formula(&t, p, k->to);
	text_addf(&t,
	          "static void\nkernel_%d(float *const *tensor, int part, int parts, float *room)\n"
	          "%s",
	          number, block);
	return t.s;
}

const char *
kernel_as_c(Arena *a, const TensorProgram *p, const Kernel *k)
{
	int n, *tensor;
	const char *block = kernel_block(a, p, k, &n, &tensor);

	return whole_function(a, p, k, (int)(k - p->kernel), block);
}

CKernels *
kernels_as_c(Arena *a, const TensorProgram *p)
{
	CKernels *c = NEW(a, CKernels);
	const char **block = NEWS(a, const char *, p->nkernel + 1);

	c->function = NEWS(a, const char *, p->nkernel + 1);
	c->call = NEWS(a, CCall, p->nkernel + 1);
	for (int i = 0; i < p->nkernel; i++) {
		const Kernel *k = &p->kernel[i];
		int f = 0, n, *tensor;
		const char *own = kernel_block(a, p, k, &n, &tensor);
		while (f < c->nfunction && strcmp(block[f], own))
			f++;
		c->call[i] = (CCall){ f, n, tensor };
		if (k->kind == KERNEL_PRODUCT)
			c->room = max_int64(c->room, gemm_room(k->gemm.m, k->gemm.n, k->gemm.k));
		if (f < c->nfunction)
			continue;
		block[f] = own;
		c->function[c->nfunction++] = whole_function(a, p, k, f, own);
	}
	return c;
}

static const char c_head[] =
	"#if !defined(__GNUC__)\n"
	"#error vectors are those of GCC and Clang\n"
	"#elif defined(__FAST_MATH__) || __FLT_EVAL_METHOD__ != 0\n"
	"#error sums must be rounded as they are written: no -ffast-math, and no x87\n"
	"#elif defined(__clang__)\n"
	"#pragma STDC FP_CONTRACT OFF\n"
	"#pragma clang diagnostic ignored \"-Wpsabi\"\n"
	"#else\n"
	"#pragma GCC optimize(\"fp-contract=off\")\n"
	"#pragma GCC diagnostic ignored \"-Wpsabi\"\n"
	"#endif\n\n"
	"enum { STRIP = 256 };\n\n";

static const char c_product_choice[] =
	"static inline void\n"
	"product(const Gemm *g)\n"
	"{\n"
	"#if defined(__x86_64__)\n"
	"\tif (__builtin_cpu_supports(\"avx512f\"))\n"
	"\t\tgemm_v4(g);\n"
	"\telse if (__builtin_cpu_supports(\"avx2\") && __builtin_cpu_supports(\"fma\"))\n"
	"\t\tgemm_v3(g);\n"
	"\telse\n"
	"#endif\n"
	"\t\tgemm_portable(g);\n"
	"}\n";

void
add_c_kernels(TextBuilder *t, const CKernels *c)
{
	text_addf(t, "%s", c_head);
	text_add(t, kernel_prelude, strlen(kernel_prelude));
	text_addf(t, "\n%s", c_product_choice);
	for (int i = 0; i < c->nfunction; i++)
		text_addf(t, "\n%s", c->function[i]);
}

void
tensor_program_write_c(const TensorProgram *p, TextBuilder *t)
{
	add_c_kernels(t, kernels_as_c(p->g->arena, p));
}
