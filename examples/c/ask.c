/* usage: ask MODEL PROMPT...
 *
 * A program that uses libtw: one model, one thread and one session a prompt, the
 * answers in the order of the prompts.
 *
 *     cc ask.c $(pkg-config --cflags --libs tw) -o ask */

#include <tw/tw.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Question {
	const TwModel *model;
	const char *prompt;
	char answer[4096];
	char *error; /* NULL if all went well */
	pthread_t thread;
} Question;

static void
append_token(Question *q, int row)
{
	size_t n = strlen(q->answer);

	snprintf(q->answer + n, sizeof q->answer - n, "%s", tw_spell(q->model, row));
}

static void *
answer_question(void *arg)
{
	Question *q = arg;
	int *row = calloc((size_t)q->model->context, sizeof *row);
	int n = row ? tw_tokenize(q->model, q->prompt, row, &q->error) : -1;
	TwSession *s = n < 0 ? NULL : tw_open(q->model, 0, &q->error);

	for (int i = 0; s && i < n; i++)
		tw_feed(s, row[i]);
	while (s && !tw_done(s)) {
		int next = tw_next(s);
		append_token(q, next);
		tw_feed(s, next);
	}
	tw_close(s);
	free(row);
	return NULL;
}

int
main(int argc, char **argv)
{
	char *error = NULL;
	int n = argc - 2, status = 0;
	TwModel *model = argc > 2 ? tw_load(argv[1], &error) : NULL;

	if (!model) {
		fprintf(stderr, "ask: %s\n", error ? error : "usage: ask MODEL PROMPT...");
		return 2;
	}
	Question *q = calloc((size_t)n, sizeof *q);
	for (int i = 0; q && i < n; i++) {
		q[i].model = model;
		q[i].prompt = argv[i + 2];
		if (pthread_create(&q[i].thread, NULL, answer_question, &q[i]))
			return fputs("ask: no thread could be started\n", stderr), 2;
	}
	for (int i = 0; q && i < n; i++) {
		pthread_join(q[i].thread, NULL);
		if (q[i].error) {
			fprintf(stderr, "ask: %s\n", q[i].error);
			status = 2;
		} else {
			puts(q[i].answer);
		}
		free(q[i].error);
	}
	free(q);
	tw_free(model);
	return status;
}
