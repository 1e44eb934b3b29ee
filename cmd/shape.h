#ifndef CMD_SHAPE_H
#define CMD_SHAPE_H

#include <stdbool.h>

enum { MOST_SHAPE_PARTS = 64, MOST_PROMPT = 512 };

typedef struct ShapePart {
	const char *chars; /* (n) any of these */
	int n, least, most;
} ShapePart;

/* The prompts of a shape, such as D{1,3}+D{1,3}= */
typedef struct PromptShape {
	int n;
	ShapePart part[MOST_SHAPE_PARTS];
} PromptShape;

/* False, with a line on standard error: it is no shape. */
bool parse_shape(PromptShape *, const char *);
/* Every prompt of the shape, until f says false; of more than MOST_PROMPT characters none. */
bool each_prompt(const PromptShape *, bool (*f)(void *, const char *), void *);

#endif
