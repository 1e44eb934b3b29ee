/* All prompts of a shape, for twc equal and twc prove:
 *
 *     D{1,3}+D{1,3}=      a digit one to three times, a plus, again, an equals sign
 *
 * D is a digit, [abc] one of these characters, all else itself; {n} or {m,n} says how often what
 * stands before may come. */

#include "cmd/shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "{n}" or "{m,n}", if it stands there. False: it is none. */
static bool
read_counts(const char **at, ShapePart *part)
{
	char *end;

	part->least = part->most = 1;
	if (**at != '{')
		return true;
	part->least = part->most = (int)strtol(*at + 1, &end, 10);
	if (*end == ',')
		part->most = (int)strtol(end + 1, &end, 10);
	if (*end != '}' || part->least < 0 || part->most < part->least || part->most >= MOST_PROMPT)
		return false;
	*at = end + 1;
	return true;
}

static bool
read_parts(PromptShape *s, const char *shape)
{
	for (const char *at = shape; *at;) {
		ShapePart *part = &s->part[s->n++];
		const char *end = *at == '[' ? strchr(at, ']') : at;
		if (s->n == MOST_SHAPE_PARTS || !end)
			return false;
		*part = (ShapePart){ *at == 'D' ? "0123456789" : at, *at == 'D' ? 10 : 1, 1, 1 };
		if (end != at)
			*part = (ShapePart){ at + 1, (int)(end - at) - 1, 1, 1 };
		at = end + 1;
		if (part->n == 0 || !read_counts(&at, part))
			return false;
	}
	return s->n > 0;
}

bool
parse_shape(PromptShape *s, const char *shape)
{
	s->n = 0;
	if (read_parts(s, shape))
		return true;
	fprintf(stderr,
	        "twc: '%s' is no shape: characters, D for a digit, [abc], each with {n} or {m,n} "
	        "behind it\n",
	        shape);
	return false;
}

typedef struct PromptWalk {
	const PromptShape *shape;
	bool (*f)(void *, const char *);
	void *data;
	char text[MOST_PROMPT];
} PromptWalk;

/* All that begin with text[0..n) and go on with this part, of which `count` are there. */
static bool
walk_prompts(PromptWalk *w, int part, int count, int n)
{
	const ShapePart *p = &w->shape->part[part];

	if (n + 1 >= MOST_PROMPT)
		return true;
	if (part == w->shape->n) {
		w->text[n] = '\0';
		return w->f(w->data, w->text);
	}
	if (count >= p->least && !walk_prompts(w, part + 1, 0, n))
		return false;
	for (int i = 0; i < p->n && count < p->most; i++) {
		w->text[n] = p->chars[i];
		if (!walk_prompts(w, part, count + 1, n + 1))
			return false;
	}
	return true;
}

bool
each_prompt(const PromptShape *s, bool (*f)(void *, const char *), void *data)
{
	PromptWalk w = { .shape = s, .f = f, .data = data };

	return walk_prompts(&w, 0, 0, 0);
}
