/* The curve of a training run as an .svg: the loss of each step, smoothed, as a line; what is held
 * back as circles. */

#include "cmd/train.h"

#include <math.h>

#include "lang/text.h"

enum { WIDTH = 720, HEIGHT = 400, LEFT = 60, RIGHT = 20, TOP = 30, BOTTOM = 50, POINTS = 600 };

typedef struct LossPlot {
	TextBuilder svg;
	double steps, low, high; /* of the axes */
} LossPlot;

static double
plot_x(const LossPlot *p, double step)
{
	return LEFT + (WIDTH - LEFT - RIGHT) * step / p->steps;
}

static double
plot_y(const LossPlot *p, double loss)
{
	return TOP + (HEIGHT - TOP - BOTTOM) * (p->high - loss) / (p->high - p->low);
}

/* A distance of 1, 2 or 5 times a power of ten, about a fifth of the whole. */
static double
tick_distance(double whole)
{
	double unit = pow(10, floor(log10(whole / 5)));
	double n = whole / 5 / unit;

	return unit * (n < 2 ? 1 : n < 5 ? 2 : 5);
}

static void
add_axes(LossPlot *p)
{
	double step = tick_distance(p->high - p->low);

	text_addf(&p->svg, "<g stroke=\"#888\" fill=\"none\"><path d=\"M%d %dV%dH%d\"/></g>\n",
	          LEFT, TOP, HEIGHT - BOTTOM, WIDTH - RIGHT);
	for (double y = ceil(p->low / step) * step; y <= p->high; y += step)
		text_addf(&p->svg,
		          "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.4g</text>"
		          "<path stroke=\"#ddd\" d=\"M%d %.1fH%d\"/>\n",
		          LEFT - 8, plot_y(p, y) + 4, fabs(y) < step / 2 ? 0 : y, LEFT,
		          plot_y(p, y), WIDTH - RIGHT);
	step = tick_distance(p->steps);
	for (double x = 0; x <= p->steps; x += step)
		text_addf(&p->svg, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.0f</text>\n",
		          plot_x(p, x), HEIGHT - BOTTOM + 18, x);
	text_addf(&p->svg, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">step</text>\n",
	          (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12);
	text_addf(&p->svg, "<text x=\"%d\" y=\"18\">loss: a line; held back: circles</text>\n",
	          LEFT);
}

/* The mean of each of up to POINTS stretches of steps. */
static void
add_curve(LossPlot *p, const float *loss, int first, int n)
{
	int wide = (n - first + POINTS - 1) / POINTS;

	text_addf(&p->svg,
	          "<polyline fill=\"none\" stroke=\"#1f6feb\" stroke-width=\"1.5\" points=\"");
	for (int from = first; from < n; from += wide) {
		int to = from + wide < n ? from + wide : n;
		double sum = 0;
		for (int i = from; i < to; i++)
			sum += loss[i];
		text_addf(&p->svg, "%.1f,%.1f ", plot_x(p, (from + to) / 2.0),
		          plot_y(p, sum / (to - from)));
	}
	text_addf(&p->svg, "\"/>\n");
}

char *
loss_plot(Arena *a, const Training *t, size_t *n)
{
	int first = t->first_step, steps = t->trainer->step;
	LossPlot p = { .svg = { .arena = a }, .steps = steps, .low = INFINITY, .high = -INFINITY };

	for (int i = first; i < steps; i++) {
		p.low = fmin(p.low, t->loss[i]);
		p.high = fmax(p.high, t->loss[i]);
	}
	for (int i = 0; i < t->nheld; i++) {
		p.low = fmin(p.low, t->held[i].loss);
		p.high = fmax(p.high, t->held[i].loss);
	}
	if (!(p.low < p.high))
		p = (LossPlot){ p.svg, steps + !steps, 0, 1 };
	text_addf(&p.svg,
	          "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
	          "font-family=\"sans-serif\" font-size=\"12\">\n"
	          "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
	          WIDTH, HEIGHT);
	add_axes(&p);
	if (steps > first)
		add_curve(&p, t->loss, first, steps);
	for (int i = 0; i < t->nheld; i++)
		text_addf(&p.svg,
		          "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"none\" "
		          "stroke=\"#b35900\" stroke-width=\"1.5\"/>\n",
		          plot_x(&p, t->held[i].step), plot_y(&p, t->held[i].loss));
	text_addf(&p.svg, "</svg>\n");
	*n = p.svg.n;
	return p.svg.s;
}
