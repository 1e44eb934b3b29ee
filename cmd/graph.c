/* twc graph: a picture of the program, or of the layers it became, for Graphviz. */

#include "cmd/train.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/describe_circuit.h"
#include "backend/file/write.h"

enum { DRAWN_MAX = 2000 }; /* nodes; beyond, dot takes minutes and nobody sees anything */

/* ---- text of a picture ---- */

static void
put_dot_quoted(FILE *f, const char *s)
{
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', f);
		fputc(*s, f);
	}
}

static const char *
name_of_node(const Graph *g, const Node *n)
{
	for (int i = 0; i < g->nnamed; i++)
		if (g->named[i].node == n)
			return g->named[i].name;
	return NULL;
}

/* READ(·, ·, 0) k=-1: constants stand in the operator that reads them. */
static void
put_operator(FILE *f, const Node *n)
{
	const char *comma = "";

	fputs(op_info[n->op].name, f);
	if (n->op == OP_CONST)
		fprintf(f, " %lld", (long long)n->k);
	for (int i = 0; i < n->narg; i++, comma = ", ") {
		fputs(i ? comma : "(", f);
		if (n->arg[i]->op == OP_CONST)
			fprintf(f, "%lld", (long long)n->arg[i]->k);
		else
			fputs("·", f);
	}
	if (n->narg)
		fputc(')', f);
	if (op_info[n->op].attr == A_OFFSET && n->k)
		fprintf(f, " %+lld", (long long)n->k);
}

static void
put_node(const Graph *g, FILE *f, const Node *n)
{
	const char *name = name_of_node(g, n);

	fprintf(f, "  n%d [label=\"", n->id);
	if (name) {
		put_dot_quoted(f, name);
		fputs("\\n", f);
	}
	put_operator(f, n);
	fprintf(f, "\"%s]\n", name ? ", style=\"rounded,filled\", fillcolor=\"#e8f0fe\"" : "");
	for (int i = 0; i < n->narg; i++)
		if (n->arg[i]->op != OP_CONST)
			fprintf(f, "  n%d -> n%d\n", n->arg[i]->id, n->id);
}

static int
mark_reachable(const Graph *g, bool *live)
{
	int count = 0;

	for (int i = 0; g->emit && i < g->nfield; i++)
		live[g->emit[i]->id] = true;
	for (int i = 0; i < g->noutput; i++)
		live[g->output[i].node->id] = true;
	for (int i = g->nnode; i-- > 0;) {
		count += live[i];
		for (int k = 0; live[i] && k < g->node[i]->narg; k++)
			live[g->node[i]->arg[k]->id] = true;
	}
	return count;
}

static void
put_head(FILE *f)
{
	fputs("digraph tw {\n"
	      "  node [shape=box, style=rounded, fontname=\"sans-serif\", fontsize=10]\n"
	      "  edge [color=\"#888888\", arrowsize=0.6]\n",
	      f);
}

static void
put_end(FILE *f, int number, const char *name, const Node *n)
{
	fprintf(f, "  end%d [shape=plaintext, label=\"", number);
	put_dot_quoted(f, name);
	fprintf(f, "\"]\n  n%d -> end%d\n", n->id, number);
}

/* The program as it is meant, before any pass. */
static int
put_graph(const Graph *g, FILE *f)
{
	Arena scratch = { 0 };
	bool *live = NEWS(&scratch, bool, g->nnode + 1);
	int n = mark_reachable(g, live), ends = 0;

	put_head(f);
	for (int i = 0; i < g->nnode; i++)
		if (live[i] && (g->node[i]->op != OP_CONST || (g->emit && g->node[i] == *g->emit)))
			put_node(g, f, g->node[i]);
	for (int i = 0; g->emit && i < g->nfield; i++) {
		const char *name = g->field ? arena_fmt(&scratch, "emit %s", g->field[i].name)
		                            : "emit";
		if (g->emit[i]->op != OP_CONST || i == 0)
			put_end(f, ends++, name, g->emit[i]);
	}
	for (int i = 0; i < g->noutput; i++)
		put_end(f, ends++, g->output[i].name, g->output[i].node);
	fputs("}\n", f);
	arena_free(&scratch);
	return n;
}

/* ---- layers ---- */

static void
put_part(FILE *f, const LayerPart *p, int i)
{
	const char *unit = p->layer < 0 ? "feature" : p->attention ? "value" : "neuron";

	fprintf(f, "    p%d [label=\"", i);
	put_dot_quoted(f, *p->name ? p->name : "what is emitted");
	fprintf(f, "\\n%d %s%s", p->n, unit, p->n == 1 ? "" : "s");
	if (p->attention) {
		fputs(" at ", f);
		put_dot_quoted(f, p->at);
	}
	fprintf(f, "\", style=\"rounded,filled\", fillcolor=\"%s\"]\n",
	        p->layer < 0   ? "#eeeeee"
	        : p->attention ? "#e8f0fe"
	                       : "#e6f4ea");
}

static int
put_layers(const Program *p, FILE *f)
{
	int n;
	const LayerPart *part = explain_layers(&p->report, &n);

	put_head(f);
	for (int i = 0; i < n; i++) {
		if (!i || part[i].layer != part[i - 1].layer) {
			fprintf(f,
			        "%s  subgraph cluster_%d {\n    color=\"#bbbbbb\"\n    "
			        "fontname=\"sans-serif\"\n",
			        i ? "  }\n" : "", i);
			if (part[i].layer < 0)
				fputs("    label=\"embedding\"\n", f);
			else
				fprintf(f, "    label=\"layer %d\"\n", part[i].layer);
		}
		put_part(f, &part[i], i);
	}
	fputs(n ? "  }\n" : "", f);
	for (int i = 0; i < n; i++)
		for (int k = 0; k < part[i].nfrom; k++)
			fprintf(f, "  p%d -> p%d\n", part[i].from[k], i);
	fputs("}\n", f);
	return n;
}

/* ---- drawing ---- */

/* The kind of picture that a name asks for, without the dot; NULL if there is none. */
static const char *
picture_kind(const char *path)
{
	static const char *const kinds[] = { "dot", "svg", "png", "pdf" };
	const char *end = strrchr(path, '.');

	for (size_t i = 0; end && i < sizeof kinds / sizeof *kinds; i++)
		if (!strcmp(end + 1, kinds[i]))
			return kinds[i];
	return NULL;
}

static void
become_dot(FILE *in, FILE *out, const char *kind)
{
	char option[16];

	snprintf(option, sizeof option, "-T%s", kind);
	if (dup2(fileno(in), STDIN_FILENO) >= 0 && dup2(fileno(out), STDOUT_FILENO) >= 0)
		execlp("dot", "dot", option, (char *)NULL);
	_exit(errno == ENOENT ? 127 : 126);
}

/* Runs dot over the text: the picture in *f, and the exit status of dot. */
static int
draw(const char *text, size_t n, const char *kind, FILE **f)
{
	FILE *in = tmpfile(), *out = tmpfile();
	int status = -1;

	if (in && out && fwrite(text, 1, n, in) == n && !fflush(in)) {
		rewind(in);
		pid_t pid = fork();
		if (pid == 0)
			become_dot(in, out, kind);
		if (pid > 0 && waitpid(pid, &status, 0) == pid)
			status = WIFEXITED(status) ? WEXITSTATUS(status) : 126;
	}
	if (in)
		fclose(in);
	*f = out;
	return status;
}

static int
write_picture(const Options *o, const char *kind, const char *text, size_t n)
{
	Arena arena = { 0 };
	char *error = NULL;
	FILE *f = NULL;
	int status = 2;

	if (strcmp(kind, "dot")) {
		int drawn = draw(text, n, kind, &f);
		if (drawn == 127)
			fprintf(stderr,
			        "twc: %s: drawing needs Graphviz: apt-get install graphviz (a .dot "
			        "file needs nothing)\n",
			        o->output);
		else if (drawn || !f)
			fprintf(stderr, "twc: %s: Graphviz's dot failed\n", o->output);
		text = NULL;
		if (!drawn && f && !fseek(f, 0, SEEK_END)) {
			char *bytes = arena_alloc(&arena, n = (size_t)ftell(f));
			rewind(f);
			text = fread(bytes, 1, n, f) == n ? bytes : NULL;
		}
		if (f)
			fclose(f);
	}
	if (text && !file_write(o->output, text, n, &error))
		status = 0;
	if (error)
		fprintf(stderr, "twc: %s\n", error);
	free(error);
	arena_free(&arena);
	return status;
}

/* -o x.json: the circuit with its edges. */
static int
write_circuit(const Options *o)
{
	Program p = { 0 };
	char *error = NULL;
	int status = 2;

	if (program_open(&p, o->args[0], o) && program_compile(&p)) {
		const char *text = describe_graph(p.report.columns, p.model);
		status = file_write(o->output, text, strlen(text), &error) ? 2 : 0;
		if (error)
			fprintf(stderr, "twc: %s\n", error);
	}
	free(error);
	program_close(&p);
	return status;
}

/* The graph that dot lays out, unless so many things are drawn that it would not end. */
static int
write_drawing(const Options *o, const char *kind, const char *text, size_t n, int drawn,
              const char *too_many)
{
	if (drawn <= DRAWN_MAX || !strcmp(kind, "dot"))
		return write_picture(o, kind, text, n);
	fprintf(stderr, "twc: %s: %d %s\n", o->output, drawn, too_many);
	return 2;
}

/* --grad: a step of training, kernel by kernel; of an exact program that of its weights. */
static int
draw_gradient(const Options *o, const char *kind)
{
	Arena arena = { 0 };
	Training t = { .arena = &arena, .o = o, .either = true };
	int status = 2, drawn = 0;
	char *text;
	size_t n;

	if (training_open_program(&t)) {
		const Trainer *r = trainer_new(t.learned, &t.recipe, vector_level(), NULL);
		KernelStages ends = { r->loss, r->numbers->norm };
		FILE *f = open_memstream(&text, &n);
		if (f) {
			drawn = tensor_program_draw(r->learn, &ends, f);
			fclose(f);
			status = write_drawing(o, kind, text, n, drawn,
			                       "kernels are too many to draw; write a .dot file");
			free(text);
		}
	}
	training_close(&t);
	return status;
}

static bool
is_json(const char *path)
{
	size_t n = path ? strlen(path) : 0;

	return n > 5 && !strcmp(path + n - 5, ".json");
}

int
cmd_graph(const Options *o)
{
	Program p = { 0 };

	if (is_json(o->output) && !o->grad)
		return write_circuit(o);
	const char *kind = o->output ? picture_kind(o->output) : NULL;
	char *text;
	size_t n;

	if (!kind) {
		fputs("twc: graph needs -o and a name that ends in .svg, .png, .pdf, .dot or "
		      ".json\n",
		      stderr);
		return 2;
	}
	if (o->grad)
		return draw_gradient(o, kind);
	bool ok = program_open(&p, o->args[0], o) && (!o->layered || program_compile(&p));
	FILE *f = ok ? open_memstream(&text, &n) : NULL;
	int status = 2;
	if (f) {
		int drawn = o->layered ? put_layers(&p, f) : put_graph(&p.meant, f);
		fclose(f);
		status = write_drawing(o, kind, text, n, drawn,
		                       "nodes are too many to draw; write a .dot file, or draw it "
		                       "--layered");
		free(text);
	}
	program_close(&p);
	return status;
}
