/* twprove: the command. */

#include "prove/prove.h"

#include <errno.h>
#include <string.h>

static const char usage[] =
	"usage: twprove [--json] [--verbose] FILE\n"
	"\n"
	"Proves from a model file (.onnx or .safetensors) alone that every number that any\n"
	"engine computes with it is exact, for every text, and that the next token is one.\n"
	"\n"
	"  --json      the report as JSON\n"
	"  --verbose   every site that is not proved, and the counts\n"
	"  --help      this text\n"
	"\n"
	"Exit status: 0 proved, 1 not proved, 2 not a model, or it could not be read.\n";

static const char manual[] =
	".TH TWPROVE 1\n.SH NAME\ntwprove \\- proves that a model file computes exactly\n"
	".SH SYNOPSIS\n.B twprove\n[\\-\\-json] [\\-\\-verbose] FILE\n"
	".SH DESCRIPTION\nProves from a model file (.onnx or .safetensors) alone that every\n"
	"number that any engine computes with it is exact, for every text over the\n"
	"vocabulary, in any order of summation, and that the next token is one. It shares\n"
	"no code with the compiler or the runtime, and believes nothing that the file says\n"
	"about itself.\n.SH OPTIONS\n.TP\n.B \\-\\-json\nthe report as JSON\n"
	".TP\n.B \\-\\-verbose\nevery site that is not proved, and the counts\n"
	".SH EXIT STATUS\n0 proved, 1 not proved, 2 not a model, or it could not be read\n"
	".SH SEE ALSO\ntwc(1), twrun(1)\n";

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
	if (ferror(f))
		malformed("%s: %s", name, strerror(errno));
	fclose(f);
	return bytes;
}

int
main(int argc, char **argv)
{
	const char *file = NULL;
	bool json = false, verbose = false;
	Proof p = { 0 };
	size_t n;

	for (int i = 1; i < argc; i++) {
		bool man = !strcmp(argv[i], "--man");
		if (man || !strcmp(argv[i], "--help")) {
			fputs(man ? manual : usage, stdout);
			return 0;
		}
		if (!strcmp(argv[i], "--json"))
			json = true;
		else if (!strcmp(argv[i], "--verbose") || !strcmp(argv[i], "-v"))
			verbose = true;
		else if (argv[i][0] == '-' || file)
			malformed("what is '%s'? twprove --help says what it takes", argv[i]);
		else
			file = argv[i];
	}
	if (!file) {
		fputs(usage, stderr);
		return 2;
	}
	void *bytes = whole_file(file, &n);
	prove_model(&p, model_in(bytes, n));
	if (own_arithmetic_failed())
		add_finding(&p, FACT_NEXT, false, "the proof itself",
		            "its numbers have more bits than it can compute with exactly");
	return report(&p, file, json, verbose);
}
