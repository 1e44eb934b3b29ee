/* Memory that runs out: whatever allocation fails, the libraries say so, leave nothing
 * behind and go on.
 *
 * Each scenario below (loading a file, a session, a batch, a compilation, ...) is run again
 * and again: the n-th allocation in it is refused, for every n up to the last; and so are all
 * after it, in every other run. It must then fail with the message "out of memory" (or none,
 * where there was no memory for the message), and have freed as much as it allocated.
 * SQLite and Lua are tested like this ("How SQLite is tested", section 3.1).
 *
 * The linker redirects malloc and its kin here (--wrap; see the Makefile, which also makes
 * arenas and pools of small blocks for this test). cJSON has hooks; protobuf-c is given an
 * allocator by the reader of .onnx files. */

#define _GNU_SOURCE /* vasprintf */

#include "backend/backend.h"
#include "backend/file/write.h"
#include "frontend/frontend.h"
#include "ir/ir.h"
#include "runtime/tw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- allocations that are counted, and refused */

static long live;       /* blocks that were not freed */
static long countdown;  /* allocations until one is refused; below 0: none is */
static bool refuse_all; /* and all after it */
static bool refused;

static bool
is_refused(void)
{
	bool now = countdown == 0 || (refused && refuse_all);

	if (countdown >= 0)
		countdown--;
	refused = refused || now;
	return now;
}

static void *
counted(void *p)
{
	live += p != NULL;
	return p;
}

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void __real_free(void *);
int __real_posix_memalign(void **, size_t, size_t);
int __real_vasprintf(char **, const char *, va_list);

void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);
void __wrap_free(void *);
int __wrap_posix_memalign(void **, size_t, size_t);
char *__wrap_strdup(const char *);
int __wrap_vasprintf(char **, const char *, va_list);
int __wrap_asprintf(char **, const char *, ...) __attribute__((format(printf, 2, 3)));

void *
__wrap_malloc(size_t n)
{
	return is_refused() ? NULL : counted(__real_malloc(n));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return is_refused() ? NULL : counted(__real_calloc(n, size));
}

void *
__wrap_realloc(void *p, size_t n)
{
	if (is_refused())
		return NULL;
	return p ? __real_realloc(p, n) : counted(__real_realloc(p, n));
}

void
__wrap_free(void *p)
{
	live -= p != NULL;
	__real_free(p);
}

int
__wrap_posix_memalign(void **p, size_t align, size_t n)
{
	if (is_refused())
		return 12; /* ENOMEM */
	int status = __real_posix_memalign(p, align, n);
	live += !status;
	return status;
}

char *
__wrap_strdup(const char *s)
{
	size_t n = strlen(s) + 1;
	char *copy = __wrap_malloc(n);

	return copy ? memcpy(copy, s, n) : NULL;
}

int
__wrap_vasprintf(char **s, const char *fmt, va_list ap)
{
	if (is_refused())
		return -1;
	int n = __real_vasprintf(s, fmt, ap);
	live += n >= 0;
	return n;
}

int
__wrap_asprintf(char **s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = __wrap_vasprintf(s, fmt, ap);
	va_end(ap);
	return n;
}

/* ---- running a scenario */

/* True if all of it went well; else perhaps a line in *error. */
typedef bool Scenario(char **error);

static void
check_refusal(const char *name, long n, char *error)
{
	if (error && !strstr(error, "out of memory"))
		fail_msg("%s, allocation %ld refused: it says '%s'", name, n, error);
}

/* How many allocations a run has. */
static long
refuse_each(const char *name, Scenario *scenario, long step)
{
	for (long n = 0;; n += n % 2 ? 2 * step - 1 : 1) {
		char *error = NULL;
		long before = live;
		countdown = n / 2;
		refuse_all = n % 2;
		refused = false;
		bool ok = scenario(&error);
		countdown = -1;
		if (!refused) {
			if (!ok)
				fail_msg("%s fails: %s", name, error);
			assert_int_equal(live, before);
			printf("%s: %ld allocations\n", name, n / 2);
			return n / 2;
		}
		refused = false;
		if (ok)
			fail_msg("%s, allocation %ld refused: nobody noticed", name, n / 2);
		check_refusal(name, n / 2, error);
		free(error);
		if (live != before)
			fail_msg("%s, allocation %ld refused: %ld blocks are left", name, n / 2,
			         live - before);
	}
}

/* ---- compiling */

typedef struct Compiled {
	Arena arena;
	Diags diags;
	Source src;
	TwModel *model;
} Compiled;

/* Two programs: whatever is read is one position back; and more of all kinds. */
static const char swap[] = "model swap { vocab \"ab\" context 5 }\n"
			   "emit if token == 'a' then 'b' else token[here - 1 else 'a']\n"
			   "output n = count(token[j] == 'a' for j where j <= here)\n";

static const char *program_text = swap;

/* c->model, or NULL and an error in c->diags. */
static void
compile_text(Compiled *c)
{
	Report report;

	c->src = (Source){ "test.tw", program_text, (uint32_t)strlen(program_text) };
	c->diags = (Diags){ .arena = &c->arena, .src = &c->src };
	Graph *g = lower(parse(&c->src, &c->arena, &c->diags), "stdlib", &c->arena, &c->diags);
	if (g && !c->diags.nerror)
		run_passes(g, &c->diags, NULL, NULL);
	c->model = g && !c->diags.nerror ? compile_graph(g, &c->arena, &c->diags, &report) : NULL;
}

static bool
compiles(char **error)
{
	Compiled c = { 0 };

	compile_text(&c);
	bool ok = c.model;
	if (!ok)
		*error = strdup(c.diags.no_memory ? "out of memory" : c.diags.first->msg);
	arena_free(&c.arena);
	return ok;
}

static bool
refuses_source(char **error)
{
	static const char wrong[] = "model m { vocab \"ab\" context 5 }\n"
				    "use digitz\n"
				    "emit if token == 'a' then x else\n"
				    "output y = 3 + 'a'\n";

	program_text = wrong;
	Compiled c = { 0 };
	compile_text(&c);
	program_text = swap;
	bool no_memory = c.diags.no_memory;
	assert_null(c.model);
	assert_true(c.diags.nerror > 0);
	arena_free(&c.arena);
	*error = no_memory ? strdup("out of memory") : NULL;
	return !no_memory;
}

typedef struct Formatting {
	Arena arena;
	size_t n;
	char *text;
} Formatting;

static void
format_source(void *formatting)
{
	Formatting *f = formatting;
	Source src = { "test.tw", swap, sizeof swap - 1 };
	Diags diags = { .arena = &f->arena, .src = &src };

	f->text = format(&src, &f->arena, &diags, &f->n);
	if (diags.no_memory)
		arena_fail();
}

static bool
formats(char **error)
{
	Formatting f = { 0 };
	bool ok = arena_protect(&f.arena, format_source, &f);

	*error = ok ? NULL : strdup("out of memory");
	arena_free(&f.arena);
	return ok;
}

/* The evaluator, within one arena_protect with all that it evaluates. */
static void
evaluate(void *arena)
{
	Source src = { "test.tw", swap, sizeof swap - 1 };
	Diags diags = { .arena = arena, .src = &src };
	Graph *g = lower(parse(&src, arena, &diags), "stdlib", arena, &diags);
	int text[] = { 0, 1, 0, 0 };

	if (!g || diags.nerror)
		arena_fail();
	Eval *e = eval_new(g);
	eval_text(e, text, 4);
	assert_int_equal(eval_at(e, g->output[0].node, 3), 3);
	eval_free(e);
}

static bool
evaluates(char **error)
{
	Arena arena = { 0 };
	bool ok = arena_protect(&arena, evaluate, &arena);

	*error = ok ? NULL : strdup("out of memory");
	arena_free(&arena);
	return ok;
}

/* ---- the files */

static Compiled compiled; /* of what the scenarios below load */
static unsigned char *onnx, *safetensors;
static size_t nonnx, nsafetensors;
static TwModel *loaded;

static void
set_up(const char *text)
{
	char *error = NULL;

	countdown = -1;
	program_text = text;
	compiled = (Compiled){ 0 };
	compile_text(&compiled);
	assert_non_null(compiled.model);
	program_text = swap;
	onnx = onnx_bytes(&compiled.arena, compiled.model, &nonnx);
	safetensors = safetensors_bytes(&compiled.arena, compiled.model, &nsafetensors);
	loaded = tw_load_memory(onnx, nonnx, &error);
	assert_non_null(loaded);
}

static void
take_down(void)
{
	tw_free(loaded);
	arena_free(&compiled.arena);
}

static bool
writes_bytes(bool as_onnx, char **error)
{
	Arena arena = { 0 };
	size_t n;
	unsigned char *bytes = (as_onnx ? onnx_bytes : safetensors_bytes)(&arena, compiled.model,
	                                                                  &n);

	assert_true(!bytes || n == (as_onnx ? nonnx : nsafetensors));
	*error = bytes ? NULL : strdup("out of memory");
	arena_free(&arena);
	return bytes;
}

static bool
writes_onnx(char **error)
{
	return writes_bytes(true, error);
}

static bool
writes_safetensors(char **error)
{
	return writes_bytes(false, error);
}

static bool
writes_file(char **error)
{
	char dir[] = "/tmp/tw-allocation-XXXXXX", path[64], config[64];

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/m.safetensors", dir);
	snprintf(config, sizeof config, "%s/config.json", dir);
	bool ok = !model_write(compiled.model, path, true, error);
	assert_true(!unlink(path) == ok);
	assert_true(!unlink(config) == ok);
	assert_int_equal(rmdir(dir), 0);
	return ok;
}

static bool
loads_onnx(char **error)
{
	TwModel *m = tw_load_memory(onnx, nonnx, error);

	tw_free(m);
	return m;
}

static bool
loads_safetensors(char **error)
{
	TwModel *m = tw_load_memory(safetensors, nsafetensors, error);

	tw_free(m);
	return m;
}

static char model_path[] = "/tmp/tw-allocation-XXXXXX";

static bool
loads_file(char **error)
{
	TwModel *m = tw_load(model_path, error);

	tw_free(m);
	return m;
}

/* A file that cannot be read is refused all the same, or memory ran out. */
static bool
refuses_file(char **error)
{
	TwModel *m = tw_load_memory(onnx, nonnx / 2, error);

	assert_null(m);
	if (*error && strstr(*error, "truncated")) {
		free(*error);
		*error = NULL;
		return true;
	}
	return false;
}

/* ---- running it */

static bool
runs_session(unsigned flags, char **error)
{
	TwSession *s = tw_open(loaded, flags, error);
	bool ok = s;

	for (int i = 0; ok && i < 3; i++)
		ok = tw_feed(s, i % 2);
	for (; ok && !tw_done(s); tw_feed(s, tw_next(s)))
		assert_non_null(tw_logits(s));
	if (ok && tw_difference(s))
		fail_msg("%s", tw_difference(s));
	tw_close(s);
	return ok;
}

static bool
runs(char **error)
{
	return runs_session(0, error);
}

static bool
runs_checked(char **error)
{
	return runs_session(TW_CHECK | TW_TRACE, error);
}

static bool
runs_softmax(char **error)
{
	return runs_session(TW_SOFTMAX, error);
}

static bool
runs_batch(char **error)
{
	int rows[20][12];
	TwText text[20];
	TwBatch *b = tw_batch_open(loaded, 0, error);

	for (int i = 0; i < 20; i++) {
		for (int k = 0; k < 3; k++)
			rows[i][k] = (i + k) % 2;
		text[i] = (TwText){ rows[i], 1 + i % 3, rows[i] + 3, 0 };
	}
	bool ok = b && tw_batch_answer(b, text, 20, 5);
	for (int i = 0; b && i < 20; i++)
		assert_true(ok ? text[i].nanswer >= 0 : text[i].nanswer >= -1);
	tw_batch_close(b);
	return ok;
}

/* A text that breaks a claim, so its session goes on with the softmax: the model says that it
 * copies the token one back, and its weights mix. */
static bool
session_falls_back(char **error)
{
	TwSession *s = tw_open(loaded, 0, error);
	bool ok = s;

	for (int i = 0; ok && i < 4; i++)
		ok = tw_feed(s, i % 2);
	if (s && !ok) {
		assert_string_equal(tw_refusal(s), "out of memory");
		assert_true(tw_done(s) && !tw_logits(s) && tw_next(s) == tw_end(loaded));
		assert_false(tw_feed(s, 0));
		countdown = -1;
		refused = refuse_all = false;
		tw_reset(s); /* and there is memory again */
		for (int i = 0; i < 4; i++)
			assert_true(tw_feed(s, i % 2));
		assert_true(tw_fell_back(s));
		refused = true;
	}
	if (ok)
		assert_true(tw_fell_back(s));
	tw_close(s);
	return ok;
}

static bool
batch_falls_back(char **error)
{
	int rows[20][12];
	TwText text[20];
	TwBatch *b = tw_batch_open(loaded, 0, error);
	bool some = false;

	for (int i = 0; i < 20; i++) {
		for (int k = 0; k < 4; k++)
			rows[i][k] = k % 2;
		text[i] = (TwText){ rows[i], 4, rows[i] + 4, 0 };
	}
	bool ok = b && tw_batch_answer(b, text, 20, 5);
	for (int i = 0; b && i < 20; i++)
		some = some || text[i].nanswer < 0;
	assert_true(!b || some == !ok);
	tw_batch_close(b);
	return ok;
}

/* ---- the tests */

static void
test_compiler(void **state)
{
	(void)state;
	refuse_each("compiling", compiles, 1);
	refuse_each("a source with mistakes", refuses_source, 1);
	refuse_each("formatting", formats, 1);
	refuse_each("evaluating", evaluates, 1);
}

static void
test_model_files(void **state)
{
	(void)state;
	set_up(swap);
	refuse_each("bytes of .onnx", writes_onnx, 1);
	refuse_each("bytes of .safetensors", writes_safetensors, 1);
	refuse_each("writing a file", writes_file, 1);
	refuse_each("loading .onnx", loads_onnx, 1);
	refuse_each("loading .safetensors", loads_safetensors, 1);
	refuse_each("refusing a file", refuses_file, 1);

	int fd = mkstemp(model_path);
	assert_true(write(fd, onnx, nonnx) == (ssize_t)nonnx && !close(fd));
	refuse_each("loading a file", loads_file, 1);
	unlink(model_path);
	take_down();
}

static void
test_sessions(void **state)
{
	(void)state;
	set_up("model swap { vocab \"ab\" context 9 }\n"
	       "emit if token == 'a' then 'b' else token[here - 1 else 'a']\n");
	refuse_each("a session", runs, 1);
	refuse_each("a session that is checked", runs_checked, 1);
	refuse_each("a session of softmax alone", runs_softmax, 1);
	refuse_each("a batch", runs_batch, 1);
	take_down();
}

/* The greatest of 10 x, as a claim of the certificate says, but closer than a gap. */
static void
weaken(TwModel *m)
{
	for (int n = 0; n < m->nlayer; n++) {
		const TwLayer *l = &m->layer[n];
		int keys = m->d_model * l->heads * l->dk;
		for (int i = 0; i < keys; i++)
			l->wk[i] = 0.03125f * l->wk[i];
		for (int i = 0; i < l->heads * l->dk; i++)
			l->bk[i] *= 0.03125f;
	}
}

static void
test_fallback(void **state)
{
	(void)state;
	char *error = NULL;

	set_up("model last { vocab \"ab\" context 12 }\n"
	       "emit token[latest j where token[j] == 'a' else 'b']\n");
	tw_free(loaded);
	weaken(compiled.model);
	onnx = onnx_bytes(&compiled.arena, compiled.model, &nonnx);
	loaded = tw_load_memory(onnx, nonnx, &error);
	assert_non_null(loaded);
	refuse_each("a fallback", session_falls_back, 1);
	refuse_each("a batch that falls back", batch_falls_back, 1);
	take_down();
}

/* What the standard library and wide numbers need; every 7th of thousands. */
static void
test_adder(void **state)
{
	(void)state;
	Arena arena = { 0 };
	Source *src = read_source(&arena, "examples/adder.tw");

	assert_non_null(src);
	program_text = src->text;
	refuse_each("compiling the adder", compiles, 7);
	program_text = swap;
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compiler), cmocka_unit_test(test_model_files),
		cmocka_unit_test(test_sessions), cmocka_unit_test(test_fallback),
		cmocka_unit_test(test_adder),
	};

	countdown = -1;
	cJSON_InitHooks(&(cJSON_Hooks){ __wrap_malloc, __wrap_free });
	return cmocka_run_group_tests(tests, NULL, NULL);
}
