/* What is simpler and means the same, over the reals: RULE(from, to, when).
 *
 * a b c d stand for any expression, k l m for constants, i j for ranges, r for the range of the
 * reduction, n for its extent. Sums and products match either way round; a constant stands
 * second. The first rule that fits is taken, so the order matters.
 *
 * when   ALWAYS
 *        INTEGERS   all that the letters stand for are integers, and constants positive
 *        DIGIT      ... and 0 <= b < k
 *        WHOLE      all are integers, constants of any sign
 *        TRUTH      a is 0 or 1
 *        FREE_A     a does not depend on r
 *        FREE_B     b does not depend on r
 *
 * Each is tried on random expressions by tests/unit/tensor_test.c.
 */

/* clang-format off */

/* sums */
RULE("a + 0", "a", ALWAYS)
RULE("a - 0", "a", ALWAYS)
RULE("a + a", "a * 2", ALWAYS)
RULE("a - a", "0", ALWAYS)
RULE("a - k", "a + (0 - k)", ALWAYS)
RULE("a - (0 - b)", "a + b", ALWAYS)
RULE("a + (0 - b)", "a - b", ALWAYS)
RULE("0 - (a - b)", "b - a", ALWAYS)
RULE("(a + b) - b", "a", INTEGERS)
RULE("(a - b) + b", "a", INTEGERS)
RULE("(a + k) + l", "a + (k + l)", WHOLE)
RULE("(a + k) + b", "(a + b) + k", WHOLE)
RULE("(a + k) - b", "(a - b) + k", WHOLE)
RULE("a - (b + k)", "(a - b) + (0 - k)", WHOLE)

/* products */
RULE("a * 0", "0", ALWAYS)
RULE("a * 1", "a", ALWAYS)
RULE("0 / a", "0", ALWAYS)
RULE("a / 1", "a", ALWAYS)
RULE("(a * k) * l", "a * (k * l)", ALWAYS)
RULE("(a * k) * b", "(a * b) * k", ALWAYS)
RULE("(0 - a) * b", "0 - a * b", ALWAYS)
RULE("(0 - a) / b", "0 - a / b", ALWAYS)

/* digits */
RULE("a // 1", "a", INTEGERS)
RULE("a % 1", "0", INTEGERS)
RULE("a * k // k", "a", INTEGERS)
RULE("a * k % k", "0", INTEGERS)
RULE("(a * k + b) // k", "a", DIGIT)
RULE("(a * k + b) % k", "b", DIGIT)
RULE("a // k // l", "a // (k * l)", INTEGERS)
RULE("a // k * k + a % k", "a", INTEGERS)
RULE("i == a * k + b", "where(i // k == a, i % k == b, 0)", DIGIT)

/* conditions */
RULE("a == a", "1", ALWAYS)
RULE("a < a", "0", ALWAYS)
RULE("where(a, 1, 0)", "a", TRUTH)
RULE("where(a, b, b)", "b", ALWAYS)
RULE("where(a, where(a, b, c), d)", "where(a, b, d)", ALWAYS)
RULE("where(a, b, where(a, c, d))", "where(a, b, d)", ALWAYS)
RULE("where(where(a, b, 0), c, 0)", "where(a, where(b, c, 0), 0)", ALWAYS)
RULE("(a == b) * c", "where(a == b, c, 0)", ALWAYS)
RULE("(a < b) * c", "where(a < b, c, 0)", ALWAYS)
RULE("where(a, b, 0) * c", "where(a, b * c, 0)", ALWAYS)
RULE("where(a, 0, b) * c", "where(a, 0, b * c)", ALWAYS)
RULE("where(a, b, 0) / c", "where(a, b / c, 0)", ALWAYS)
RULE("where(a, 0, b) / c", "where(a, 0, b / c)", ALWAYS)
RULE("where(a, 0 - b, 0)", "0 - where(a, b, 0)", ALWAYS)
RULE("where(a, 0, 0 - b)", "0 - where(a, 0, b)", ALWAYS)
RULE("max(a, a)", "a", ALWAYS)
RULE("stop(k)", "k", ALWAYS)
RULE("stop(stop(a))", "stop(a)", ALWAYS)

/* reductions */
RULE("sum(a for r)", "a * n", FREE_A)
RULE("sum(a * b for r)", "a * sum(b for r)", FREE_A)
RULE("sum(a / b for r)", "sum(a for r) / b", FREE_B)
RULE("sum(0 - a for r)", "0 - sum(a for r)", ALWAYS)
RULE("max(a for r)", "a", FREE_A)

/* clang-format on */
