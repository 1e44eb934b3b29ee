#ifndef TENSOR_TRAIN_VOCABULARY_H
#define TENSOR_TRAIN_VOCABULARY_H

/* The words that a learned program's rows stand for, and a text cut into them: at each place the
 * longest that fits, or as byte pairs. A file has them as tw.vocab, a list; of byte pairs it has
 * tw.merges too, by line, and both are spelled as byte_pairs.h says. */

#include <stdbool.h>
#include <stddef.h>

#include "lang/arena.h"
#include "tensor/train/byte_pairs.h"
#include "tensor/train/weights_file.h"

typedef struct Vocabulary {
	int n;
	const char **word;      /* (n) by row; NULL: there is none */
	int first[257];         /* of `row`, by the first byte of the words */
	int *row;               /* (n) by first byte, the longest first */
	const BytePairs *pairs; /* NULL: words are cut off as they are */
} Vocabulary;

/* The characters of a text, each once, in order. */
Vocabulary vocabulary_of_text(Arena *, const char *text, size_t n);
Vocabulary vocabulary_of_words(Arena *, const char *const *word, int n);
Vocabulary vocabulary_of_pairs(Arena *, const BytePairs *);
/* What the file has; v->n is 0 where it has none. False, and why. */
bool vocabulary_of_file(Arena *, const WeightsFile *, Vocabulary *, const char **why);
void vocabulary_say(Arena *, const Vocabulary *, WeightsFile *);
/* The rows of a text, (n) at most: how many. -1 where no word fits, at *bad. */
int vocabulary_cut(Arena *, const Vocabulary *, const char *text, size_t n, int *row, size_t *bad);
/* What a row adds to a text: *n bytes. */
const char *vocabulary_bytes(const Vocabulary *, int row, size_t *n);
/* Does the row end a text? One behind all words does. */
bool vocabulary_ends(const Vocabulary *, int row);
/* The row of the word that the text begins with, or -1. */
int vocabulary_row(const Vocabulary *, const char *s, const char *end);
/* How many bytes the character is that begins here; a byte that begins none is one. */
int character_bytes(const char *s, const char *end);

#endif
