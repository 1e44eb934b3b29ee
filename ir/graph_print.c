/* A graph as text, one node a line; graph_read.c reads it back. Files of it end in .twg.
 *
 *     model "adder"
 *     vocab "0" "1" "+"
 *     context 16
 *     attention causal
 *     n0 = TOKEN                      # 0..2
 *     n1 = TABLE(n0) k=0 [5 7 9]      # {5 7 9}
 *     n2 = CONST k=4                  # 4
 *     n3 = ADD(n1, n2)                # {9 11 13}
 *     n4 = LINEAR(n3) [1/3 0.1~ 2]    # real: 1/3 exactly, about 0.1, 2
 *     emit n3
 *     output sum int n3
 *     output what int n0 "low" "high" # of an enum, with its members
 *     named last pos n9 +0
 *
 * Only what is needed is printed, in canonical order and numbered from 0: two graphs have the
 * same text if they mean the same, made in the same way. Types are comments: reading infers them
 * again. Tests, asserts and places in the source are not part of it. */

#include "ir/internal.h"

#include <inttypes.h>

enum { SHOWN_MAX = 8 }; /* most values of a set that are listed */

const char *const kind_name[] = { "int", "bool", "token", "pos", "real" };

static void
print_string(const char *s, FILE *f)
{
	fputc('"', f);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c == '\n')
			fputs("\\n", f);
		else if (c == '\t')
			fputs("\\t", f);
		else if (c < 0x20 || c == 0x7f)
			fprintf(f, "\\x%02x", c);
		else
			fputc(c, f);
	}
	fputc('"', f);
}

static void
print_header(const Graph *g, FILE *f)
{
	fputs("model ", f);
	print_string(g->name ? g->name : "", f);
	for (int i = 0; i < g->nvocab; i++) {
		fputs(i % 16 ? " " : "\nvocab ", f);
		print_string(g->vocab[i], f);
	}
	for (int i = 0; g->field && i < g->nfield; i++) {
		fputs("\nfield ", f);
		print_string(g->field[i].name, f);
		fprintf(f, " %d", g->field[i].n);
	}
	for (int i = 0; i < g->ninput; i++) {
		fputs("\ninput ", f);
		print_string(g->input[i].name, f);
		fprintf(f, " %s %.17g %.17g", kind_name[g->input[i].kind], g->input[i].min,
		        g->input[i].max);
	}
	fprintf(f, "\ncontext %d\nattention %s\n", g->context,
	        g->bidirectional ? "bidirectional" : "causal");
}

static void
print_node_type(const Type *t, FILE *f)
{
	if (t->real) {
		fprintf(f, "  # real %.10g..%.10g", t->min, t->max);
		if (real_grid(t))
			fprintf(f, " by 1/%" PRId64, real_grid(t));
	} else if (t->lo == t->hi) {
		fprintf(f, "  # %" PRId64, t->lo);
	} else if (!t->nset || t->nset > SHOWN_MAX || t->hi - t->lo + 1 == t->nset) {
		fprintf(f, "  # %" PRId64 "..%" PRId64, t->lo, t->hi);
	} else {
		for (int i = 0; i < t->nset; i++)
			fprintf(f, "%s%" PRId64, i ? " " : "  # {", t->set[i]);
		fputc('}', f);
	}
}

/* An exact fraction as such; else the double, marked. */
static void
print_real(Real r, FILE *f)
{
	if (!r.den)
		fprintf(f, "%.17g~", r.x);
	else if (r.den == 1)
		fprintf(f, "%.0f", r.x);
	else
		fprintf(f, "%.0f/%" PRId64, r.x * (double)r.den, r.den);
}

/* A node's line; number[] tells each node's number in the text, by id. */
static void
print_node(const Node *n, const int *number, FILE *f)
{
	const OpInfo *op = &op_info[n->op];

	fprintf(f, "n%d = %s", number[n->id], op->name);
	for (int i = 0; i < n->narg; i++)
		fprintf(f, "%sn%d", i ? ", " : "(", number[n->arg[i]->id]);
	if (n->narg)
		fputc(')', f);
	if (n->k || op->attr == A_K || op->attr == A_TABLE)
		fprintf(f, " k=%" PRId64, n->k);
	for (int i = 0; i < n->ntable; i++)
		fprintf(f, "%s%" PRId64, i ? " " : " [", n->table[i]);
	for (int i = 0; i < n->nreal; i++) {
		fputs(i ? " " : " [", f);
		print_real(n->real[i], f);
	}
	if (n->ntable || n->nreal)
		fputc(']', f);
	print_node_type(&n->type, f);
	fputc('\n', f);
}

static void
print_named(const char *word, const Named *d, const int *number, FILE *f)
{
	fprintf(f, "%s %s %s n%d", word, d->name, kind_name[d->kind], number[d->node->id]);
	if (d->kind == K_POS)
		fprintf(f, " %+d", d->offset);
	for (int i = 0; i < d->nmember; i++) {
		fputc(' ', f);
		print_string(d->member[i], f);
	}
	fputc('\n', f);
}

void
graph_print(const Graph *g, FILE *f)
{
	Arena arena = { 0 };
	int n, *number = NEWS(&arena, int, g->nnode + 1);
	Node **node = live_nodes(g, &arena, &n);

	for (int i = 0; i < n; i++)
		number[node[i]->id] = i;
	print_header(g, f);
	for (int i = 0; i < n; i++)
		print_node(node[i], number, f);
	for (int i = 0; g->emit && i < g->nfield; i++)
		fprintf(f, "%s n%d%s", i ? "" : "emit", number[g->emit[i]->id],
		        i + 1 < g->nfield ? "" : "\n");
	for (int i = 0; i < g->noutput; i++)
		print_named("output", &g->output[i], number, f);
	for (int i = 0; i < g->nnamed; i++)
		print_named("named", &g->named[i], number, f);
	arena_free(&arena);
}
