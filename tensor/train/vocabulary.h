#ifndef TENSOR_TRAIN_VOCABULARY_H
#define TENSOR_TRAIN_VOCABULARY_H

/* The words that a learned program's rows stand for, and a text cut into them, at each place the
 * longest that fits. */

#include <stdbool.h>
#include <stddef.h>

#include "lang/arena.h"

typedef struct Vocabulary {
	int n;
	const char **word; /* (n) by row; NULL: there is none */
	int first[257];    /* of `row`, by the first byte of the words */
	int *row;          /* (n) by first byte, the longest first */
} Vocabulary;

/* The characters of a text, each once, in order. */
Vocabulary vocabulary_of_text(Arena *, const char *text, size_t n);
Vocabulary vocabulary_of_words(Arena *, const char *const *word, int n);
/* From a list of JSON; false if it is none. */
bool vocabulary_of_json(Arena *, const char *json, Vocabulary *);
const char *vocabulary_json(Arena *, const Vocabulary *);
/* The row of the word that the text begins with, or -1. */
int vocabulary_row(const Vocabulary *, const char *s, const char *end);
/* How many bytes the character is that begins here; a byte that begins none is one. */
int character_bytes(const char *s, const char *end);

#endif
