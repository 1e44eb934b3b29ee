/* What twc and twrun print as JSON has the shapes that lang/json.md says.
 *
 * A heading with a name in backquotes and the block of JSON below it are a shape; where its
 * strings are types, what is printed is held against it key by key. Commands run in build/, the
 * folder above this test's. */

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

static const char *build;
static cJSON *shapes; /* by name */

static char *
whole_stream(FILE *f)
{
	size_t n = 0, cap = 1 << 16;
	char *text = malloc(cap);

	assert_non_null(f);
	assert_non_null(text);
	for (size_t got; (got = fread(text + n, 1, cap - n - 1, f)) > 0;) {
		n += got;
		if (n + 1 == cap)
			text = realloc(text, cap *= 2);
		assert_non_null(text);
	}
	text[n] = '\0';
	return text;
}

/* ### `Name` … ```json … ``` */
static void
read_shapes(void)
{
	FILE *f = fopen("lang/json.md", "r");
	char *text = whole_stream(f), *at = text;

	fclose(f);
	shapes = cJSON_CreateObject();
	while ((at = strstr(at, "\n### `"))) {
		char *name = at + strlen("\n### `"), *end = strchr(name, '`');
		char *block = strstr(end, "\n```json\n"), *close;
		assert_non_null(block);
		block += strlen("\n```json\n");
		close = strstr(block, "\n```");
		*end = *close = '\0';
		cJSON *shape = cJSON_Parse(block);
		if (!shape)
			fail_msg("lang/json.md: the shape of %s is no JSON", name);
		cJSON_AddItemToObject(shapes, name, shape);
		at = close + 1;
	}
	free(text);
	assert_true(cJSON_GetArraySize(shapes) > 20);
}

/* ---- does a value have a shape? ---- */

static bool is_of_shape(const cJSON *v, const cJSON *shape, char *where);

/* A type: one word, `[type]`, or several with "or" between. */
static bool
has_type(const cJSON *v, const char *type, size_t n, char *where)
{
	char name[64];

	if (*type == '[') {
		for (const cJSON *item = v->child; item && cJSON_IsArray(v); item = item->next)
			if (!has_type(item, type + 1, n - 2, where))
				return false;
		return cJSON_IsArray(v);
	}
	snprintf(name, sizeof name, "%.*s", (int)n, type);
	if (!strcmp(name, "integer"))
		return cJSON_IsNumber(v) && v->valuedouble == (double)(long long)v->valuedouble;
	if (isupper((unsigned char)*name)) {
		const cJSON *shape = cJSON_GetObjectItem(shapes, name);
		if (!shape)
			fail_msg("lang/json.md has no shape %s", name);
		return is_of_shape(v, shape, where);
	}
	return !strcmp(name, "any") || (!strcmp(name, "number") && cJSON_IsNumber(v))
	       || (!strcmp(name, "string") && cJSON_IsString(v))
	       || (!strcmp(name, "boolean") && cJSON_IsBool(v))
	       || (!strcmp(name, "null") && cJSON_IsNull(v));
}

static bool
has_any_type(const cJSON *v, const char *types, char *where)
{
	for (const char * or ; (or = strstr(types, " or ")); types = or +4)
		if (has_type(v, types, (size_t)(or -types), where))
			return true;
	return has_type(v, types, strlen(types), where);
}

static bool
has_items(const cJSON *v, const cJSON *shape, char *where)
{
	const cJSON *type = shape->child, *repeated = cJSON_GetArraySize(shape) == 1 ? type : NULL;

	for (const cJSON *item = v->child; item; item = item->next) {
		if (type && cJSON_IsString(type) && !strcmp(type->valuestring, "…"))
			repeated = type = type->next;
		if (!type || !is_of_shape(item, type, where))
			return false;
		type = type->next ? type->next : repeated;
	}
	return type == repeated || !type || !strcmp(type->valuestring, "…");
}

/* The key of a shape, which may end in '?', for a member's name. */
static const cJSON *
shape_of_member(const cJSON *shape, const char *name)
{
	for (const cJSON *key = shape->child; key; key = key->next) {
		size_t n = strlen(key->string);
		n -= n && key->string[n - 1] == '?';
		if (!strcmp(key->string, "*")
		    || (strlen(name) == n && !strncmp(key->string, name, n)))
			return key;
	}
	return NULL;
}

static bool
has_members(const cJSON *v, const cJSON *shape, char *where)
{
	for (const cJSON *item = v->child; item; item = item->next) {
		const cJSON *type = shape_of_member(shape, item->string), *twice = item->next;
		while (twice && strcmp(twice->string, item->string))
			twice = twice->next;
		snprintf(where, 64, "%s", item->string);
		if (!type || twice || !is_of_shape(item, type, where))
			return false;
	}
	for (const cJSON *key = shape->child; key; key = key->next) {
		snprintf(where, 64, "%s", key->string);
		if (!strchr(key->string, '?') && strcmp(key->string, "*")
		    && !cJSON_GetObjectItem(v, key->string))
			return false;
	}
	return true;
}

static bool
is_of_shape(const cJSON *v, const cJSON *shape, char *where)
{
	if (cJSON_IsString(shape))
		return has_any_type(v, shape->valuestring, where);
	if (cJSON_IsArray(shape))
		return cJSON_IsArray(v) && has_items(v, shape, where);
	return cJSON_IsObject(v) && has_members(v, shape, where);
}

/* ---- what is printed ---- */

static void
require_shape(const char *text, const char *shape, const char *command)
{
	char where[64] = "";
	cJSON *v = cJSON_Parse(text);

	if (!v)
		fail_msg("%s: no JSON: %.80s", command, text);
	if (!has_any_type(v, shape, where))
		fail_msg("%s: what it prints is no %s of lang/json.md: '%s' there", command, shape,
		         where);
	cJSON_Delete(v);
}

/* The same of a property of a .safetensors file, whose header is printed. */
static void
require_shape_of_property(const char *header, const char *property, const char *shape)
{
	cJSON *v = cJSON_Parse(header);
	const cJSON *text = cJSON_GetObjectItem(cJSON_GetObjectItem(v, "__metadata__"), property);

	assert_true(cJSON_IsString(text));
	require_shape(text->valuestring, shape, property);
	cJSON_Delete(v);
}

/* A shell command, in which $B is the build folder and $T a name for a file; its output, or that
 * file, by lines if it has several objects. */
static char *
output_of(const char *command)
{
	char line[1000], file[] = "/tmp/json_test_XXXXXX";
	int fd = mkstemp(file);

	assert_true(fd >= 0);
	snprintf(line, sizeof line, "B='%s' T='%s'; %s", build, file, command);
	FILE *f = popen(line, "r");
	char *text = whole_stream(f);
	pclose(f);
	remove(file);
	return text;
}

static void
prints(const char *command, const char *shape, bool lines)
{
	char *text = output_of(command);

	if (!lines) {
		require_shape(text, shape, command);
	} else {
		int n = 0;
		for (char *s = strtok(text, "\n"); s; s = strtok(NULL, "\n"), n++)
			require_shape(s, shape, command);
		assert_true(n > 1);
	}
	free(text);
}

/* Of programs of every kind: digits, records, numbers that are fed, labels, long contexts. */
static const char *const program[] = { "adder", "machine_step", "memory", "kernel", "dyck1" };
enum { PROGRAMS = sizeof program / sizeof *program };

static void
of_each(const char *command, const char *shape, bool lines)
{
	char text[500];

	for (int i = 0; i < PROGRAMS; i++) {
		snprintf(text, sizeof text, "P=examples/%s.tw; %s", program[i], command);
		prints(text, shape, lines);
	}
}

static void
test_diagnostics(void **state)
{
	(void)state;
	prints("printf 'use digits\\nmodel m { vocab \"ab\" context 4 }\\nlet a = b\\nlet a = "
	       "1\\n' | "
	       "$B/twc check --json -",
	       "Diagnostics", false);
	of_each("$B/twc check --json $P", "Diagnostics", false);
}

static void
test_explanations(void **state)
{
	(void)state;
	of_each("$B/twc report --json $P", "Report", false);
	of_each("$B/twc explain --json $P", "Program", false);
	prints("$B/twc explain --json examples/adder.tw sum", "Explanations", false);
}

static void
test_data(void **state)
{
	(void)state;
	of_each("$B/twc sample $P -n 3 --seed 1", "Sample", true);
	prints("$B/twc report examples/learned/letters.tw --json", "LearnedReport", false);
	prints("$B/twc grad examples/calculator.tw 12*34= --json", "Gradients", false);
	prints("$B/twc ablate examples/adder.tw -n 32 --json", "Ablation", false);
	prints("$B/twc random -n 5 --seed 2", "RandomProgram", true);
}

static void
test_described_circuits(void **state)
{
	(void)state;
	of_each("$B/twc graph $P -o $T.json && cat $T.json; rm -f $T.json", "Graph", false);
}

/* What --prove adds to a file, too. */
static void
test_circuit_in_file(void **state)
{
	char *header = output_of("$B/twc examples/adder.tw --prove -o $T.safetensors >/dev/null; "
	                         "tail -c +9 $T.safetensors | head -c $(od -An -tu8 -N8 "
	                         "$T.safetensors); rm -f $T.safetensors");

	(void)state;
	assert_non_null(strstr(header, "sums"));
	require_shape_of_property(header, "tw.circuit", "Circuit");
	free(header);
}

static void
test_trace(void **state)
{
	(void)state;
	prints("$B/twc examples/adder.tw -o $T.onnx && $B/twrun --trace --json $T.onnx 12+34=; rm "
	       "-f "
	       "$T.onnx",
	       "Trace", false);
	prints("$B/twc examples/dyck1.tw -o $T.onnx && $B/twrun --trace --json $T.onnx '(()'; rm "
	       "-f "
	       "$T.onnx",
	       "Trace", false);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_diagnostics),
		cmocka_unit_test(test_explanations),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_described_circuits),
		cmocka_unit_test(test_circuit_in_file),
		cmocka_unit_test(test_trace),
	};
	char *slash = argc ? strrchr(argv[0], '/') : NULL;

	assert_non_null(slash);
	*slash = '\0';
	slash = strrchr(argv[0], '/');
	if (slash)
		*slash = '\0';
	build = slash ? argv[0] : ".";
	read_shapes();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	cJSON_Delete(shapes);
	return failed;
}
