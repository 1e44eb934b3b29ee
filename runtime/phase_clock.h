#ifndef RUNTIME_PHASE_CLOCK_H
#define RUNTIME_PHASE_CLOCK_H

/* Where a token's time goes (twrun --stats): tw_phase_end gives the time since the phase
 * before ended to one of the phases. While the clock is off that costs a test. */

#include "runtime/tw.h"

#include <stdint.h>
#include <time.h>

typedef struct TwPhaseClock {
	bool on;
	uint64_t last, phase[TW_PHASES]; /* in ticks of no unit: only shares are told */
} TwPhaseClock;

static inline uint64_t
tw_ticks(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#else
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
#endif
}

static inline void
tw_phase_begin(TwPhaseClock *c)
{
	if (c->on)
		c->last = tw_ticks();
}

static inline void
tw_phase_end(TwPhaseClock *c, TwPhase phase)
{
	if (!c->on)
		return;
	uint64_t now = tw_ticks();
	c->phase[phase] += now - c->last;
	c->last = now;
}

static inline void
tw_phase_shares(const TwPhaseClock *c, double *share)
{
	double all = 0;

	for (int i = 0; i < TW_PHASES; i++)
		all += (double)c->phase[i];
	for (int i = 0; i < TW_PHASES; i++)
		share[i] = all > 0 ? (double)c->phase[i] / all : 0;
}

#endif
