/* Parses files with the tree-sitter grammar.
 *
 *     treesitter FILE...           FILE: ok | FILE:LINE: error
 *     treesitter --tree FILE       the tree
 *     treesitter --query Q FILE    LINE:COLUMN TEXT @CAPTURE, one a line */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tree_sitter/api.h>

const TSLanguage *tree_sitter_tw(void);

static char *
read_whole(const char *path, uint32_t *n)
{
	FILE *f = fopen(path, "rb");
	char *text = malloc(1 << 24);

	if (!f || !text) {
		perror(path);
		exit(2);
	}
	*n = (uint32_t)fread(text, 1, (1 << 24) - 1, f);
	text[*n] = '\0';
	fclose(f);
	return text;
}

/* The line of the first error, from 1, or 0. */
static int
error_line(TSNode node)
{
	if (ts_node_is_missing(node) || !strcmp(ts_node_type(node), "ERROR"))
		return (int)ts_node_start_point(node).row + 1;
	for (uint32_t i = 0; ts_node_has_error(node) && i < ts_node_child_count(node); i++) {
		int line = error_line(ts_node_child(node, i));
		if (line)
			return line;
	}
	return 0;
}

static void
print_captures(const char *path, TSNode root, const char *text)
{
	uint32_t n, at;
	char *source = read_whole(path, &n);
	TSQueryError error;
	TSQuery *query = ts_query_new(tree_sitter_tw(), source, n, &at, &error);
	TSQueryCursor *cursor = ts_query_cursor_new();
	TSQueryMatch match;

	if (!query) {
		fprintf(stderr, "%s: error %d at byte %u: %.30s\n", path, error, at, source + at);
		exit(1);
	}
	ts_query_cursor_exec(cursor, query, root);
	while (ts_query_cursor_next_match(cursor, &match))
		for (uint16_t i = 0; i < match.capture_count; i++) {
			TSNode node = match.captures[i].node;
			TSPoint p = ts_node_start_point(node);
			const char *name = ts_query_capture_name_for_id(
				query, match.captures[i].index, &n);
			uint32_t lo = ts_node_start_byte(node), hi = ts_node_end_byte(node);
			printf("%u:%u %.*s @%s\n", p.row + 1, p.column + 1, (int)(hi - lo),
			       text + lo, name);
		}
	ts_query_cursor_delete(cursor);
	ts_query_delete(query);
	free(source);
}

int
main(int argc, char **argv)
{
	TSParser *parser = ts_parser_new();
	const char *query = NULL;
	int tree_wanted = 0, status = 0, i = 1;

	if (!ts_parser_set_language(parser, tree_sitter_tw()))
		return 2;
	if (i < argc && !strcmp(argv[i], "--tree"))
		tree_wanted = i++;
	else if (i + 1 < argc && !strcmp(argv[i], "--query"))
		query = argv[i + 1], i += 2;
	for (; i < argc; i++) {
		uint32_t n;
		char *text = read_whole(argv[i], &n);
		TSTree *tree = ts_parser_parse_string(parser, NULL, text, n);
		TSNode root = ts_tree_root_node(tree);
		int line = error_line(root);
		if (query) {
			print_captures(query, root, text);
		} else if (tree_wanted) {
			char *s = ts_node_string(root);
			puts(s);
			free(s);
		} else if (ts_node_has_error(root)) {
			printf("%s:%d: error\n", argv[i], line);
			status = 1;
		} else {
			printf("%s: ok\n", argv[i]);
		}
		ts_tree_delete(tree);
		free(text);
	}
	ts_parser_delete(parser);
	return status;
}
