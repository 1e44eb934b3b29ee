/* The rate of learning from step to step: up in a line, then level, or down half a wave of a cosine
 * (Loshchilov and Hutter 2017, "SGDR"), to a tenth. */

#include "tensor/train/train.h"

/* (1 + cos(pi x)) / 2 for x of 0 .. 1, as the square of a sine, whose series is summed here: cos()
 * of different C libraries may differ in its last bit. */
static double
half_wave(double x)
{
	double a = (1 - x) * 1.5707963267948966, term = a, sine = a;

	for (int k = 1; k < 14; k++) {
		term *= -a * a / ((2 * k) * (2 * k + 1));
		sine += term;
	}
	return sine * sine;
}

double
recipe_rate(const Recipe *r, int step)
{
	int rest = r->steps - r->warm_up;

	if (step < r->warm_up)
		return r->rate * (step + 1) / r->warm_up;
	if (r->schedule == RATE_CONSTANT || rest < 1)
		return r->rate;
	return r->rate * (0.1 + 0.9 * half_wave((double)(step - r->warm_up) / rest));
}
