/* Going on with a text by what was learned: the token with the greatest score, or one by chance. */

#define _GNU_SOURCE /* memmem */

#include "cmd/learned_run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lang/text.h"
#include "tensor/train/generator.h"
#include "tensor/train/vocabulary.h"

typedef struct Going {
	Arena arena;
	const LearnedRun *run;
	void *bytes; /* the file, mapped */
	size_t n;
	WeightsFile file;
	Vocabulary vocab;
	Generator *g;
	double temperature;
	const float *scores; /* of what comes next; NULL before the first token */
	int nfed;
	int *fed; /* (nfed) rows of the prompt */
} Going;

static bool
map_file(const char *path, void **bytes, size_t *n)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	bool ok = !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0;
	*n = ok ? (size_t)st.st_size : 0;
	*bytes = ok ? mmap(NULL, *n, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
	close(fd);
	return *bytes != MAP_FAILED;
}

bool
is_learned_file(const char *path)
{
	static const char key[] = "\"tw.graph\"";
	void *bytes;
	size_t n;
	uint64_t header = 0;

	if (!map_file(path, &bytes, &n))
		return false;
	if (n > sizeof header)
		memcpy(&header, bytes, sizeof header);
	bool learned = n > sizeof header && header <= n - sizeof header
	               && memmem((char *)bytes + sizeof header, (size_t)header, key,
	                         sizeof key - 1);
	munmap(bytes, n);
	return learned;
}

static bool
refuse_learned(const Going *s, const char *why)
{
	fprintf(stderr, "twrun: %s: %s\n", s->run->model, why);
	return false;
}

static bool
load_learned(Going *s)
{
	const char *why;

	if (!map_file(s->run->model, &s->bytes, &s->n))
		return refuse_learned(s, strerror(errno));
	if (!weights_file_read(&s->arena, s->bytes, s->n, &s->file, &why))
		return refuse_learned(s, why);
	if (!vocabulary_of_file(&s->arena, &s->file, &s->vocab, &why))
		return refuse_learned(s, why);
	if (!s->vocab.n)
		return refuse_learned(s, "it has no vocabulary, so it goes on with no text");
	s->g = generator_new(&s->arena, &s->file, vector_level(), &why);
	if (!s->g)
		return refuse_learned(s, why);
	why = s->run->cc ? tensor_program_compile(s->g->program) : NULL;
	return !why || refuse_learned(s, why);
}

static bool
read_temperature(Going *s)
{
	const char *text = s->run->temperature;
	char *end;

	s->temperature = s->run->sample || s->run->top_k ? 1 : 0;
	if (!text)
		return true;
	s->temperature = strtod(text, &end);
	if (end != text && !*end && s->temperature >= 0 && isfinite(s->temperature))
		return true;
	fprintf(stderr, "twrun: --temperature: '%s' is no number of 0 or more\n", text);
	return false;
}

static bool
refuse_prompt_byte(const Going *s, size_t at)
{
	const char *prompt = s->run->prompt;

	fprintf(stderr, "twrun: '%.*s' is no token of the model\n",
	        character_bytes(prompt + at, prompt + strlen(prompt)), prompt + at);
	return false;
}

static bool
feed_prompt(Going *s)
{
	const char *prompt = s->run->prompt;
	size_t n = strlen(prompt), bad = 0;

	s->fed = NEWS(&s->arena, int, n + 1);
	s->nfed = vocabulary_cut(&s->arena, &s->vocab, prompt, n, s->fed, &bad);
	if (s->nfed < 0)
		return refuse_prompt_byte(s, bad);
	for (int i = 0; i < s->nfed; i++) {
		if (s->fed[i] >= s->g->ntoken)
			return refuse_learned(s, "it has more words than its graph reads");
		s->scores = generator_feed(s->g, s->fed[i]);
	}
	return s->scores || refuse_learned(s, "it goes on with a text: give it a prompt");
}

/* Rows that no word stands for never come: there is no text for them. One behind all words is the
 * end. */
static void
go_on(Going *s)
{
	uint64_t state = (uint64_t)s->run->seed;
	int n = s->g->nscore <= s->vocab.n + 1 ? s->g->nscore : s->vocab.n,
	    limit = s->run->limit < INT_MAX ? s->run->limit : s->g->context;

	for (int i = 0; i < limit; i++) {
		int row = generator_choose(s->scores, n, s->temperature, s->run->top_k, &state);
		size_t size;
		if (vocabulary_ends(&s->vocab, row))
			break;
		const char *bytes = vocabulary_bytes(&s->vocab, row, &size);
		fwrite(bytes, 1, size, stdout);
		fflush(stdout);
		if (i + 1 < limit)
			s->scores = generator_feed(s->g, row);
	}
	putchar('\n');
}

/* {"rows": [3, 1], "next": [{"token": "a", "score": 1.5, "probability": 0.25}, ...]} */
static void
print_next_json(Going *s)
{
	TextBuilder t = { .arena = &s->arena };
	float most = -INFINITY;
	double sum = 0;

	for (int i = 0; i < s->g->nscore; i++)
		most = fmaxf(most, s->scores[i]);
	for (int i = 0; i < s->g->nscore; i++)
		sum += exp(s->scores[i] - most);
	for (int i = 0; i < s->nfed; i++)
		text_addf(&t, i ? ", %d" : "{\"rows\": [%d", s->fed[i]);
	for (int i = 0; i < s->g->nscore; i++) {
		text_addf(&t, i ? ",\n {\"token\": " : "],\n \"next\": [{\"token\": ");
		text_add_json_string(&t, i < s->vocab.n ? s->vocab.word[i] : "");
		text_addf(&t, ", \"score\": ");
		text_add_json_number(&t, s->scores[i]);
		text_addf(&t, ", \"probability\": ");
		text_add_json_number(&t, exp(s->scores[i] - most) / sum);
		text_addf(&t, "}");
	}
	puts(t.s);
	puts("]}");
}

int
learned_run(const LearnedRun *run)
{
	Going s = { .run = run, .bytes = MAP_FAILED };
	bool ok = read_temperature(&s);

	if (ok && !run->prompt) {
		fputs("twrun: no prompt\n", stderr);
		ok = false;
	}
	ok = ok && load_learned(&s) && feed_prompt(&s);
	if (ok && run->json)
		print_next_json(&s);
	else if (ok)
		go_on(&s);
	if (s.bytes != MAP_FAILED)
		munmap(s.bytes, s.n);
	arena_free(&s.arena);
	return ok ? 0 : 2;
}
