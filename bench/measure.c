/* usage: measure N COMMAND [ARGUMENT...]
 *
 * Runs a command N times, one after the other, and prints the least and the
 * middle wall time of a whole process in ms, its largest memory in MB, and the
 * least processor time in ms, which a busy machine does not stretch:
 *
 *     3.1 3.4 5.2 2.8 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int
main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[1]) : 0;
	double *ms = n > 0 ? calloc((size_t)n, sizeof *ms) : NULL;
	long most = 0;
	double busy = 0;

	if (!ms)
		return fputs("usage: measure N COMMAND...\n", stderr), 2;
	for (int i = 0; i < n; i++) {
		struct rusage use;
		int status;
		double start = wall_ms();
		pid_t pid = fork();

		if (pid == 0) {
			execvp(argv[2], argv + 2);
			perror(argv[2]);
			_exit(127);
		}
		if (pid < 0 || wait4(pid, &status, 0, &use) != pid || status)
			return fprintf(stderr, "measure: %s failed\n", argv[2]), 1;
		ms[i] = wall_ms() - start;
		most = use.ru_maxrss > most ? use.ru_maxrss : most;
		double cpu = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e3
		             + (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e3;
		busy = !i || cpu < busy ? cpu : busy;
	}
	qsort(ms, (size_t)n, sizeof *ms, by_size);
	printf("%.1f %.1f %.1f %.1f\n", ms[0], ms[n / 2], (double)most / 1024, busy);
	free(ms);
	return 0;
}
