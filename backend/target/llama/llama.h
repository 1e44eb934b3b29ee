#ifndef BACKEND_TARGET_LLAMA_LLAMA_H
#define BACKEND_TARGET_LLAMA_LLAMA_H

/* The target `llama`: an ordinary Llama, so that llama.cpp and what else runs that architecture run
 * it as it is:
 *
 *     x = embed[token]
 *     for each layer:
 *         x += o (heads of rope(q n(x)), rope(k n(x)), v n(x))      softmax(q k' / sqrt(d_head))
 *         x += down (silu(gate n(x)) * (up n(x)))
 *     logits = output n(x)                                          n: RMSNorm times a gain
 *
 * It has no biases, no table of positions and no ReLU; each is made of what there is:
 *
 *     norm      some columns are pinned at 2^PIN_LOG, so far above all data (below 2^24) that
 *               the mean square is theirs alone in any order of addition. One pin in 64 columns:
 *               the root is a power of two, and the gain takes it back. The norm is the identity
 *     bias      the first pin, normalized, reads 1
 *     place     made by the first layer, beside what else it does: a head for each bit (places.c)
 *     offset    a head finds `so far back` by the rotation alone (heads.c)
 *     head      queries and keys on the planes that turn least (heads.c)
 *     neuron    relu(z) as silu(S z) / S, S so large that it is the same (lanes.c)
 *
 * A program is mapped for it (target.c: when the place is there, and what finds an offset), laid
 * out and written as columns and matrices of a stream like plain's; these are then put into the
 * shapes above. Every bound that this relies on is proved while it is written; what cannot be is
 * not written, and `why` says so. Rotation by pi p / 2^i in plane i ("pi-binary"): RoPE's base is
 * 2^(d_head/2), its linear scaling 1/pi (Su et al. 2021, "RoFormer"; Touvron et al. 2023, "LLaMA").
 */

#include "backend/layout/layout.h"

/* What the numbers that an engine keeps of keys and values are. */
typedef enum LlamaProfile {
	LLAMA_F16KV, /* llama.cpp's default: half precision, added up by flash attention */
	LLAMA_F32    /* float32 throughout: -ctk f32 -ctv f32 -fa off */
} LlamaProfile;

typedef struct LlamaLayer {
	float *q, *k, *v; /* (heads * d_head, d) */
	float *o;         /* (d, heads * d_head) */
	float *gate, *up; /* (ff, d) */
	float *down;      /* (d, ff) */
} LlamaLayer;

typedef struct Llama {
	const TwModel *m;
	LlamaProfile profile;
	int rows; /* m's, then one that stands for what is no token: <unk> */
	int d, nlayer, heads, d_head, ff;
	int octave;          /* planes until a turn is half as large: 1 or 2 */
	float theta, factor; /* of RoPE: its base, and its linear scaling */
	float *embed;        /* (rows, d) */
	float *norm;         /* (d) the gain of every norm */
	float *output;       /* (rows, d) */
	LlamaLayer *layer;   /* (nlayer) */
} Llama;

/* Rows as they are spelled. */
typedef char *SpellRows(Arena *, const Graph *, const int *row, int n);
/* The model with a token for each combination of the fields of a record (product_tokens.c); the
 * model itself where tokens are no records. NULL, and why, where they are too many. */
const TwModel *llama_flat_tokens(Arena *, const TwModel *, const Report *, SpellRows *,
                                 const char **why);

/* Of what was compiled for llama_target. NULL, and why: in plain words that go on a sentence
 * "cannot be a Llama: ". */
Llama *llama_from_matrices(Arena *, const TwModel *, const Report *, LlamaProfile,
                           const char **why);

/* Why a model is no generator of texts by one row at a time, as a Llama is; NULL if it is one. */
const char *llama_has_no_counterpart(const TwModel *);

/* ---- shared by the files here ---- */

enum {
	PIN_LOG = 44,
	COLUMNS_PER_PIN = 64,
	ROOT_LOG = 3, /* of COLUMNS_PER_PIN, halved: the root of 64 is 2^3 */
};

/* One dimension of a head whose plane stands still: a linear function of the stream each. */
typedef struct LlamaDim {
	float *q, *k;        /* (d) */
	double qmost, kmost; /* largest absolute values, */
	double qunit, kunit; /* and powers of two that all values are multiples of */
} LlamaDim;

typedef struct LlamaHead {
	const Head *head;
	int back; /* > 0: finds the place so far back by rotation, and has no dimensions */
	int ndim, capdim;
	LlamaDim *dim;
} LlamaHead;

/* What a column gets of the place: at[1] + slope (p - 1) but at <bos>, and lanes for what is
 * left. */
typedef struct LlamaPlace {
	double *at; /* (places) */
	double slope, most;
	bool listed; /* a lane for each place that has something, not for each bend */
} LlamaPlace;

typedef struct LlamaWriter {
	Arena *arena;
	const TwModel *m; /* the matrices, as the writer of plain has them */
	const Report *r;
	const Schedule *s;
	Llama *out;
	int places, nbit;
	/* columns of the stream: those that were laid out, the bits of the place, is_bos, the first
	 * pin, digits of keys by place, the other pins */
	int nplain, nextra, capextra;
	int bit, bos, one;
	LlamaPlace *place;  /* (nplain + nextra) */
	bool by_place;      /* one of those is not 0: the first layer makes the place */
	LlamaHead **head;   /* (plain layers)(heads) */
	double slope;       /* S of silu(S z) / S */
	const char *failed; /* the first reason, or NULL */
} LlamaWriter;

/* Notes the reason, if it is the first; always false. */
bool llama_refuse(LlamaWriter *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* How many bits the numbers of places up to `most` have. */
int llama_bits_of_place(int most);

/* A column for a function of the place, by its table; its number. */
int llama_place_column(LlamaWriter *, double *table);

/* The power of two that all of column j of a (d_model, width) matrix and its bias are multiples
 * of. */
double unit_of_column(const float *w, const float *b, int d, int width, int j);

/* heads.c: how each head finds what it is to find, on how many planes; false if it cannot. */
bool llama_plan_heads(LlamaWriter *);
bool llama_choose_planes(LlamaWriter *);
/* How far the angle of a plane may be from what is meant, over all places: an engine makes it of
 * rounded products. */
double llama_angle_error(const LlamaWriter *, int plane);
void llama_write_heads(LlamaWriter *, int layer, LlamaLayer *to);

/* lanes.c */
bool llama_choose_slope(LlamaWriter *);
void llama_write_lane(LlamaWriter *, LlamaLayer *to, int lane, const float *in, double bias);
void llama_write_neurons(LlamaWriter *, int layer, LlamaLayer *to);
int llama_lanes(const LlamaWriter *, int layer);

/* places.c */
void llama_read_places(LlamaWriter *);
void llama_drop_places(LlamaWriter *);
bool llama_plan_places(LlamaWriter *);
int llama_place_lanes(const LlamaWriter *);
void llama_write_places(LlamaWriter *, LlamaLayer *to);

#endif
