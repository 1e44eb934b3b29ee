/* twprove: the command. */

#include "prove/prove.h"

#include <errno.h>
#include <string.h>

static const char usage[] =
	"usage: twprove [--json] [--verbose] [--circuit | --graph]\n"
	"               [--range NAME | --depends NAME] FILE\n"
	"\n"
	"Proves from a model file (.onnx or .safetensors) alone that every number that any\n"
	"engine computes with it is exact, for every text, and that the next token is one.\n"
	"\n"
	"  --json           the report as JSON\n"
	"  --verbose        every site that is not proved, and the counts\n"
	"  --range NAME     between what an output, or a named value that stands in the stream,\n"
	"                   can lie, over all texts\n"
	"  --depends NAME   on what it can depend\n"
	"  --circuit        the weights must be shown to compute the circuit that the file "
	"describes\n"
	"                   (tw.circuit, as twc --prove writes it)\n"
	"  --graph          and each node of the program's graph, which it describes too, must be\n"
	"                   shown to have the form that its operator makes of its operands\n"
	"  --name NAME      what the report calls the file\n"
	"  --help           this text\n"
	"\n"
	"Exit status: 0 proved, 1 not proved, 2 not a model, or it could not be read.\n";

/* The usage as a page of the manual. */
static void
print_manual(void)
{
	printf(".TH TWPROVE 1\n.SH NAME\ntwprove \\- proves that a model file computes exactly\n"
	       ".SH SYNOPSIS\n.nf\n%s.fi\n.SH SEE ALSO\ntwc(1), twrun(1)\n",
	       usage + strlen("usage: "));
}

static void *
whole_file(const char *name, size_t *size)
{
	FILE *f = fopen(name, "rb");
	size_t capacity = 0, n;
	char *bytes = NULL;

	if (!f)
		malformed("%s: %s", name, strerror(errno));
	*size = 0;
	do {
		if (*size == capacity) {
			char *more = take(2 * capacity + (1 << 16), 1);
			if (*size)
				memcpy(more, bytes, *size);
			bytes = more;
			capacity = 2 * capacity + (1 << 16);
		}
		n = fread(bytes + *size, 1, capacity - *size, f);
		*size += n;
	} while (n);
	if (ferror(f) && errno == EISDIR)
		malformed("%s: a folder; its model.safetensors is a file", name);
	if (ferror(f))
		malformed("%s: %s", name, strerror(errno));
	fclose(f);
	return bytes;
}

typedef struct ProveOptions {
	const char *file, *name;
	bool json, verbose;
} ProveOptions;

static void
read_options(int argc, char **argv, ProveOptions *o, Proof *p)
{
	struct {
		const char *flag, **value;
	} named[] = { { "--range", &p->range_of },
		      { "--depends", &p->depends_on },
		      { "--name", &o->name } };
	bool files = false;

	for (int i = 1; i < argc; i++) {
		int k = 0;
		while (k < 3 && (files || strcmp(argv[i], named[k].flag)))
			k++;
		if (k < 3 && i + 1 < argc)
			*named[k].value = argv[++i];
		else if (!files && !strcmp(argv[i], "--json"))
			o->json = true;
		else if (!files && (!strcmp(argv[i], "--verbose") || !strcmp(argv[i], "-v")))
			o->verbose = true;
		else if (!files && !strcmp(argv[i], "--circuit"))
			p->hold_circuit = true;
		else if (!files && !strcmp(argv[i], "--graph"))
			p->hold_circuit = p->every_node = true;
		else if (!files && !strcmp(argv[i], "--"))
			files = true;
		else if ((argv[i][0] == '-' && !files) || o->file)
			malformed("what is '%s'? twprove --help says what it takes", argv[i]);
		else
			o->file = argv[i];
	}
}

int
main(int argc, char **argv)
{
	ProveOptions o = { 0 };
	Proof p = { 0 };
	size_t n;

	if (argc == 2 && !strcmp(argv[1], "--help"))
		return fputs(usage, stdout) < 0;
	if (argc == 2 && !strcmp(argv[1], "--man")) {
		print_manual();
		return 0;
	}
	read_options(argc, argv, &o, &p);
	if (o.json && (p.range_of || p.depends_on))
		malformed("--range and --depends are not told as JSON");
	if (!o.file) {
		fputs(usage, stderr);
		return 2;
	}
	void *bytes = whole_file(o.file, &n);
	prove_model(&p, model_in(bytes, n));
	if (p.hold_circuit && !p.sums)
		add_finding(&p, FACT_CIRCUIT, false, "the circuit",
		            "the file does not describe it: twc FILE -o OUT --prove does");
	int status = report(&p, o.name ? o.name : o.file, o.json, o.verbose);
	if (!print_properties(&p))
		malformed("no output or named value that stands in the stream is called '%s'",
		          p.range_of ? p.range_of : p.depends_on);
	return status;
}
