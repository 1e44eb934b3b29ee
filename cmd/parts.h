#ifndef CMD_PARTS_H
#define CMD_PARTS_H

/* What a model can be taken apart into, by name, for twc ablate and twc grad. */

#include "cmd/train.h"

typedef struct Part {
	const char *name;  /* "a1.h0", "m1.g2", "a[0]"; of a learned program the name of a tensor */
	const char *at;    /* a head: the named reference that it reads at; or "" */
	const char *owner; /* the named value that it was first made for; "" if it has none */
	const char *what;  /* "a, at plus": what it is for */
	TensorNode *tensor; /* of the learned graph: [positions] and what it has at each */
	int n;              /* elements of a position */
	double *mask;       /* (n) 1: it is of this part; NULL: all are */
	double *along;      /* (n) or, if not NULL, it stands along this direction, */
	double bias;        /* and is the sum of along times the tensor, and this */
} Part;

/* All of them: of an exact program named values that stand in the stream, heads, groups of neurons;
 * else tensors that have a row for each position. */
Part *list_parts(Training *, int *n);
/* Is the part meant by this name: its own, that of its owner, or the layer's ("a1", "m1")? */
bool part_is_named(const Part *, const char *name);
/* Those that a name means; none: 0, with a line on standard error. */
int parts_named(const Part *, int n, const char *name, const Part **to);

#endif
