/* lang/npy.c: what it reads, and that it refuses the rest without a crash. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lang/npy.h"

/* A file of version `v` with this header and these bytes; its size. */
static size_t
make_npy(unsigned char *out, int v, const char *header, const void *data, size_t n)
{
	size_t size = strlen(header), start = v == 1 ? 10 : 12;

	memcpy(out, "\x93NUMPY", 6);
	out[6] = (unsigned char)v;
	out[7] = 0;
	for (size_t i = 8; i < start; i++)
		out[i] = (unsigned char)(size >> 8 * (i - 8));
	memcpy(out + start, header, size);
	memcpy(out + start + size, data, n);
	return start + size + n;
}

static bool
npy_reads(Arena *arena, const char *header, const void *data, size_t n, Npy *a)
{
	unsigned char file[512];
	const char *why = NULL;
	bool ok = npy_read(arena, file, make_npy(file, 1, header, data, n), a, &why);

	assert_true(ok == !why);
	return ok;
}

static void
test_types(void **state)
{
	(void)state;
	static const struct {
		const char *type;
		bool whole;
		int size;
		unsigned char bytes[8];
		double x;
	} all[] = {
		{ "<f8", false, 8, { 0, 0, 0, 0, 0, 0, 0xf8, 0xbf }, -1.5 },
		{ "<f4", false, 4, { 0, 0, 0x20, 0x40 }, 2.5 },
		{ "<f2", false, 2, { 0, 0xc1 }, -2.5 },
		{ "<f2", false, 2, { 1, 0 }, 0x1p-24 },
		{ "|i1", true, 1, { 0xff }, -1 },
		{ "|u1", true, 1, { 0xff }, 255 },
		{ "<i2", true, 2, { 0, 0x80 }, -32768 },
		{ "<u4", true, 4, { 0xff, 0xff, 0xff, 0xff }, 4294967295.0 },
		{ "<i8", true, 8, { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, -2 },
		{ "|b1", true, 1, { 1 }, 1 },
	};
	Arena arena = { 0 };
	Npy a;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		const char *h = arena_fmt(
			&arena, "{'descr': '%s', 'fortran_order': False, 'shape': (1,), }\n",
			all[i].type);
		assert_true(npy_reads(&arena, h, all[i].bytes, (size_t)all[i].size, &a));
		assert_true(a.ndim == 1 && a.n == 1 && a.whole == all[i].whole
		            && a.x[0] == all[i].x);
	}
	arena_free(&arena);
}

static void
test_shapes(void **state)
{
	(void)state;
	static const unsigned char six[6] = { 0, 1, 2, 3, 4, 5 };
	Arena arena = { 0 };
	Npy a;

	assert_true(npy_reads(&arena, "{'shape': (2, 3), 'fortran_order': False, 'descr': '|u1'}",
	                      six, 6, &a));
	assert_true(a.ndim == 2 && a.dim[0] == 2 && a.dim[1] == 3 && a.x[5] == 5);
	assert_true(npy_reads(&arena, "{'shape': (), 'fortran_order': False, 'descr': '|u1'}",
	                      six + 4, 1, &a));
	assert_true(a.ndim == 0 && a.n == 1 && a.x[0] == 4);
	arena_free(&arena);
}

static void
test_refused(void **state)
{
	(void)state;
	static const unsigned char data[16] = { 0, 0, 0xc0, 0x7f }; /* a NaN first */
	static const char *bad[] = {
		"{'descr': '<f4', 'fortran_order': False, 'shape': (4,)}",
		"{'descr': '>u4', 'fortran_order': False, 'shape': (4,)}",
		"{'descr': '<c8', 'fortran_order': False, 'shape': (2,)}",
		"{'descr': '<u4', 'fortran_order': True, 'shape': (4,)}",
		"{'descr': '<u4', 'fortran_order': False, 'shape': (5,)}",
		"{'descr': '<u4', 'fortran_order': False, 'shape': (-4,)}",
		"{'descr': '<u4', 'fortran_order': False, 'shape': (4",
		"{'descr': '<u4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1, 1, 1, 1, 4)}",
		"{'descr': '<u4', 'fortran_order': False, 'shape': (99999999, 99999999, 99999999)}",
		"{'descr': '<u4', 'shape': (4,)}",
		"{'descr': [('a', '<u4')], 'fortran_order': False, 'shape': (4,)}",
		"",
	};
	Arena arena = { 0 };
	Npy a;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(npy_reads(&arena, bad[i], data, sizeof data, &a));
	arena_free(&arena);
}

/* Every beginning of a file is refused, and only read as far as it goes. */
static void
test_cut(void **state)
{
	(void)state;
	unsigned char file[256];
	Arena arena = { 0 };

	for (int v = 1; v <= 3; v++) {
		size_t n = make_npy(file, v,
		                    "{'descr': '<u2', 'fortran_order': False, 'shape': (3,)}",
		                    "abcdef", 6);
		for (size_t cut = 0; cut <= n; cut++) {
			unsigned char *part = malloc(cut + 1);
			const char *why = NULL;
			Npy a;
			memcpy(part, file, cut);
			assert_true(npy_read(&arena, part, cut, &a, &why) == (cut == n));
			free(part);
		}
	}
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
