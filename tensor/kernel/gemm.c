/* The matrix product for each processor (gemm_tiles.h). */

#include "tensor/kernel/gemm_tiles.h"

#include "lang/interval.h"
#include "tensor/kernel/program.h"

int64_t
gemm_room(int m, int n, int k)
{
	int kc = min_int(k, GEMM_BLOCK);

	if (m == 1)
		return min_int(n, COLUMNS);
	int64_t rows = min_int(m, ROWS) + TILE_ROWS_MAX, columns = n + TILE_COLUMNS_MAX;

	return (rows + columns) * kc;
}

GemmRun *
gemm_run(int level)
{
#if defined(__x86_64__)
	return level == VECTORS_AVX512 ? gemm_v4 : level == VECTORS_AVX2 ? gemm_v3 : gemm_portable;
#else
	(void)level;
	return gemm_portable;
#endif
}
