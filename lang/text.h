#ifndef LANG_TEXT_H
#define LANG_TEXT_H

/* A text that grows, in an arena:
 *
 *     TextBuilder t = { .arena = arena };
 *     text_addf(&t, "{\"layer\":%d,\"name\":", 2);
 *     text_add_json_string(&t, name);
 *
 * t.s is NUL-terminated, and NULL until something is added. */

#include <stddef.h>

#include "lang/arena.h"

typedef struct TextBuilder {
	Arena *arena;
	char *s;
	size_t n, cap; /* n: without the NUL */
} TextBuilder;

void text_add(TextBuilder *, const char *s, size_t n);
void text_addf(TextBuilder *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* As JSON (RFC 8259): a string in quotes; the shortest number of 15 or of 17 digits that
 * is this one. */
void text_add_json_string(TextBuilder *, const char *s);
void text_add_json_number(TextBuilder *, double);

/* The character that stands for a byte in tokenizers' files, as GPT-2's alphabet has it: itself
 * where it prints in Latin-1, else the next from U+0100 on. A code point, below U+0144. */
int letter_of_byte(int byte);

#endif
