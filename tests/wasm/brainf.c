/* Runs a program of eight instructions, > < + - . , [ ], up to a "!", on what comes behind it. */
#include "world.h"

static char code[200];
static unsigned char tape[64];

int
main(void)
{
	int n = 0, at = 0;

	for (int c; n < 199 && (c = getchar()) >= 0 && c != '!';)
		code[n++] = (char)c;
	for (int i = 0; i < n; i++) {
		int way = code[i] == '[' && !tape[at] ? 1 : code[i] == ']' && tape[at] ? -1 : 0;

		switch (code[i]) {
		case '>': at++; break;
		case '<': at--; break;
		case '+': tape[at]++; break;
		case '-': tape[at]--; break;
		case '.': putchar(tape[at]); break;
		case ',': tape[at] = (unsigned char)getchar(); break;
		}
		for (int depth = way; depth;) {
			i += way;
			depth += code[i] == '[' ? 1 : code[i] == ']' ? -1 : 0;
		}
	}
	return 0;
}
