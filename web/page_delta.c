/* In the page no token is computed from what is different in it: this stands for runtime/delta*.c,
 * which would take 8 KB of the page and serves long runs of machines (machine.html has it). */

#include "runtime/delta.h"

void
tw_plan_delta(struct TwSpecialized *c)
{
	(void)c;
}

const TwDeltaKernels *
tw_delta_kernels(unsigned flags)
{
	(void)flags;
	return NULL;
}

void
tw_lay_out_delta(TwDelta *d, TwLayout *to)
{
	(void)d, (void)to;
}

void
tw_delta_begin(TwDelta *d)
{
	(void)d;
}

void
tw_delta_note(TwDelta *d, int place)
{
	(void)d, (void)place;
}

bool
tw_delta_step(TwDelta *d, int place)
{
	(void)d, (void)place;
	return false;
}

const int *
tw_delta_next(const TwDelta *d)
{
	(void)d;
	return NULL;
}

const float *
tw_delta_bases(const TwDelta *d)
{
	(void)d;
	return NULL;
}
