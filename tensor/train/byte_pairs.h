#ifndef TENSOR_TRAIN_BYTE_PAIRS_H
#define TENSOR_TRAIN_BYTE_PAIRS_H

/* Texts as byte pairs, the tokens of GPT-2 and its kin: any text at all, in some 50,000 tokens.
 *
 *     "I'll see 12 cats!"   pieces, by classes of characters:  I|'ll| see| 12| cats|!
 *     " cats"   each byte is a token; then, as long as there is a merge for two neighbours, the
 *               earliest of all merges, the leftmost first:  _|c|a|t|s  _c|a|t|s  _c|at|s  _cats
 *
 * (Sennrich, Haddow and Birch 2016, "Neural Machine Translation of Rare Words with Subword Units";
 * on bytes, and with these pieces: Radford et al. 2019, "Language Models are Unsupervised Multitask
 * Learners".) Files spell a byte as a character that can be seen: those that cannot, in order, as
 * U+0100, U+0101 …, so that " cats" is "Ġcats". Tokens that are neither a byte nor made by a merge
 * are special: a text has them only where it says their name, "<|endoftext|>". */

#include <stdbool.h>
#include <stddef.h>

#include "lang/arena.h"

typedef struct BytePair {
	int left, right, made;
} BytePair;

typedef struct BytePairs {
	int n;
	const char **spelled; /* (n) by row, as files have them */
	const char **bytes;   /* (n) what they are in a text, `size` bytes of it */
	int *size;
	const char **shown; /* (n) the same where that is UTF-8; else "<0xe2><0x80>" */
	int byte[256];      /* the row of each byte; -1: there is none */
	int nspecial;
	int *special; /* (nspecial) rows */
	int end;      /* of them the one that ends a text, <|endoftext|>; or -1 */
	int npair;
	BytePair *pair; /* (npair) the earliest first */
	int nslot;
	int *slot; /* (nslot) 1 + the number of a pair, by its hash; 0: none */
} BytePairs;

/* From words by row and pairs of them, "Ġ t", by line. NULL, and why. */
BytePairs *byte_pairs_new(Arena *, int n, const char *const *spelled, const char *merges,
                          const char **why);
/* From HuggingFace's files: vocab.json and merges.txt; or, where merges is NULL, tokenizer.json. */
BytePairs *byte_pairs_read(Arena *, const char *json, size_t n, const char *merges, size_t nmerges,
                           const char **why);
/* The merges by line, as byte_pairs_new() takes them. */
const char *byte_pairs_merges(Arena *, const BytePairs *);

/* The rows of a text: how many, at most as many as it has bytes. -1 where the vocabulary lacks a
 * byte, which *bad is. */
int byte_pairs_cut(Arena *, const BytePairs *, const char *text, size_t n, int *row, size_t *bad);

#endif
