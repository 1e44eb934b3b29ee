#ifndef TESTS_FUZZ_COVERAGE_H
#define TESTS_FUZZ_COVERAGE_H

#include "tests/fuzz/program.h"

/* What else than its forms a program may have. */
#define TRAITS(F) \
	F(WORDS, "vocab") \
	F(LISTED, "vocab [\"go\", \"on\"]") \
	F(FIELDS_OF_TOKEN, "token {a: int 0..3}") \
	F(INPUTS, "input x: real -1..1") \
	F(BOTH_WAYS, "attention bidirectional") \
	F(LONG, "context of more than 40") \
	F(EMITS, "emit x") \
	F(EMITS_AFTER, "emit xs after p") \
	F(ENUMS, "enum e { a, b }") \
	F(TYPES, "type r = {a: bool}") \
	F(CONSTANTS, "const k = 3") \
	F(ASSERTS, "assert c") \
	F(ANNOTATED, "let x: int 0..9") \
	F(SEVERAL_OUTPUTS, "several outputs") \
	F(CONST_PARAM, "fn f(const n)") \
	F(DEFAULT_PARAM, "fn f(x = 1)") \
	F(POS_PARAM, "fn f(p), p a position") \
	F(LOCAL_NAMES, "fn f(x) { let … }") \
	F(BY_NAME, "f(x: 1)") \
	F(READS_ITS_PARAM, "fn f(x) = x[p]") \
	F(TWO_SUBJECTS, "match (x, y) { … }") \
	F(MATCH_ENUM, "match on an enum") \
	F(TWO_SCORES, "best j by [x, y]") \
	F(LONG_INTEGER, "an integer beyond 2^24") \
	F(REAL_COMPARED, "x < y of reals") \
	F(CHOSEN_MOVED, "(if c then p else q) + 1") \
	F(LISTED_MOVED, "[p, q][i] + 1") \
	F(READ_MOVED, "p[q else r] + 1") \
	F(AT_MOVED, "at(n) + 1")

enum {
#define F(name, example) HAS_##name,
	TRAITS(F)
#undef F
		NUM_TRAITS
};

typedef struct Coverage {
	int form[NUM_FORMS][2], library[LIBRARIES][2],
		trait[NUM_TRAITS][2]; /* programs with it; compiled ones */
	int over[MAX + 1][2];
} Coverage;

void coverage_add(Coverage *, const Sample *, bool compiled);
void print_coverage(const Coverage *);

#endif
