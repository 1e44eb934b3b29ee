/* Between the stages: what `--dump` and `--verify` ask for. */

#include "backend/inspect.h"
#include "backend/dump/dump.h"
#include "backend/verify/verify.h"

#include <string.h>

const DumpStage dump_stages[] = {
	{ "circuit", "features, neurons and what heads fetch, as sums of one another" },
	{ "schedule", "the heads and neurons of each layer" },
	{ "columns", "what each column of the residual stream holds, and when" },
	{ "weights", "every matrix as sums, with the bound that was proved of each" },
	{ NULL, NULL },
};

bool
is_dump_stage(const char *name)
{
	const DumpStage *s = dump_stages;

	while (s->name && strcmp(s->name, name))
		s++;
	return s->name;
}

static bool
wants_dump(const Inspect *in, const char *stage)
{
	return in && in->dump && !strcmp(in->dump, stage);
}

static bool
wants_check(const Inspect *in)
{
	return in && in->verify;
}

bool
inspect_circuit(const Inspect *in, Circuit *c)
{
	if (wants_dump(in, "circuit")) {
		dump_circuit(c, in->to);
		return false;
	}
	return !wants_check(in) || verify_circuit(c);
}

bool
inspect_columns(const Inspect *in, Columns *cols, const Limits *limits)
{
	bool schedule = wants_dump(in, "schedule"), columns = wants_dump(in, "columns");

	if (schedule)
		dump_schedule(cols->s, in->to);
	if (columns)
		dump_columns(cols, in->to);
	if (schedule || columns)
		return false;
	return !wants_check(in)
	       || (verify_schedule(cols->s, limits) && verify_columns(cols, limits));
}

bool
inspect_weights(const Inspect *in, Columns *cols, const TwModel *m, const Report *r)
{
	if (wants_dump(in, "weights")) {
		dump_weights(cols, m, r, in->to);
		return false;
	}
	return !wants_check(in) || verify_weights(cols, m, r);
}
