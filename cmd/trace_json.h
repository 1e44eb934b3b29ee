#ifndef CMD_TRACE_JSON_H
#define CMD_TRACE_JSON_H

/* What a model does with a text, as JSON: of twrun --trace --json, and of the page. It knows what a
 * file says, and nothing of the compiler. Positions count from 0; <bos> is position -1. */

#include <cjson/cJSON.h>

#include "runtime/tw.h"

/* A value as it is shown: a token's spelling, true, a member's name, a number. */
void spell_value(const TwModel *, char *out, size_t size, TwKind, const TwMembers *, float x);

/* Of a text that was fed to a session that keeps its states (TW_TRACE): {"tokens", "nprompt",
 * "done", "fell_back", "names", "values", "labels"}. A value is a list of spellings, one for each
 * position, or null where it never stands whole: of `all`, only where the file does not say how it
 * is made (tw.circuit). Labels are those of the prompt. */
cJSON *json_trace(TwSession *, const TwModel *, int nprompt, bool all);
/* "values" alone, of all named ones, at n positions. */
cJSON *json_values_at(TwSession *, const TwModel *, const int *at, int n);
/* The queries and keys of all heads at all positions of a text, from <bos> on. */
typedef struct HeadVectors HeadVectors;
HeadVectors *head_vectors(TwSession *, const TwModel *);
void head_vectors_free(HeadVectors *);
/* [layer][head][position]: [[position, weight] …] of those that weigh 1/10000 at least; the softmax
 * over all positions, as any engine does it. The first position is <bos>. */
cJSON *json_attention(const HeadVectors *);
/* The same of one position: [layer][head]. */
cJSON *json_attention_at(const HeadVectors *, int at);
/* Of one position: {"scores": [layer][head][position], "awake": [layer][…], "logits": […]}: what
 * each head gives each position from <bos> on, which neurons are not 0, and, of a model that emits,
 * the logits of all rows. */
cJSON *json_position(TwSession *, const HeadVectors *, int at);

#endif
