/* The operators of the graph, one row each. The enum, the names of the graph's
 * text form, the verifier, the evaluator (eval_NAME in ir/), the mapping to
 * weights (emit_NAME in backend/), `twc --ops` and the editors' lists all come
 * from here.
 *
 * nargs: a number, or -1 for "one or more". attr: what the node's `k`, `table` and
 * `real` hold, A_NONE, A_K (k), A_TABLE (table[ntable], and k the value of entry 0),
 * A_REALS (real[nreal], and k). Values are integers but where the doc says "real".
 *
 *  name    args  attr     doc                                               */
OP(CONST, 0, A_K, "the integer k")
OP(TOKEN, 0, A_K, "the row of the token here; of a record, the row in its field k")
OP(INDEX, 0, A_NONE, "the number of this position, the first is 0")
OP(ADD, 2, A_NONE, "sum")
OP(SUB, 2, A_NONE, "difference")
OP(MUL, 2, A_NONE, "product")
OP(DIV, 2, A_NONE, "quotient rounded down; the divisor is never 0")
OP(MOD, 2, A_NONE, "remainder of DIV, of the divisor's sign")
OP(MIN, -1, A_NONE, "the least")
OP(MAX, -1, A_NONE, "the greatest")
OP(ABS, 1, A_NONE, "absolute value")
OP(EQ, 2, A_NONE, "1 where equal")
OP(LT, 2, A_NONE, "1 where the first is less")
OP(NOT, 1, A_NONE, "1 - x")
OP(AND, -1, A_NONE, "1 where all are 1")
OP(OR, -1, A_NONE, "1 where any is 1")
OP(IF, 3, A_NONE, "the second where the first is 1, else the third")
OP(TABLE, 1, A_TABLE, "table[x - k]")
OP(PICK, -1, A_NONE, "PICK(i, d, x0, x1 ...): x_i, d where there is no such element")
OP(HERE, 0, A_NONE, "reference: this position")
OP(AT, 1, A_NONE, "reference: the position of that number, absent where it is not visible")
OP(LATEST, 1, A_NONE, "reference: the last visible position where the condition holds")
OP(FIRST, 1, A_NONE, "reference: the first visible position where the condition holds")
OP(BEST, 2, A_NONE,
   "BEST(s, c): reference: the visible position where c holds with the greatest s, the latest of "
   "equals")
OP(SUM, 2, A_NONE, "SUM(e, c): the sum of e over the visible positions where c holds")
OP(THERE, 1, A_NONE, "inside a LATEST, FIRST, BEST, SUM or MEAN: x at the position looked at")
OP(READ, 3, A_K, "READ(x, p, d): x at p + k, and d (here) where that is absent")
OP(AS, 2, A_NONE, "AS(x, y): x, computed as y, which is equal")
OP(MEAN, 2, A_REALS,
   "real: MEAN(e, c): the mean of e over the visible positions where c holds, real[0] if there is "
   "none")
OP(REAL, 0, A_REALS, "real: real[0]")
OP(LINEAR, -1, A_REALS, "real: the sum of real[i] * x_i, and the last of real[]")
OP(VALUES, 1, A_REALS, "real: real[x - k]")
OP(RELU, 1, A_NONE, "real: x where that is above 0, else 0")
OP(CURVE, 1, A_K, "real: exp, log, sqrt, sin or cos of x, or 1 / x: function number k")
OP(TIMES, 2, A_NONE, "real: product, of two streams")
OP(APPROX, 1, A_REALS,
   "real: x, computed to within real[0]; with k = 1 from its operands as they are, one CURVE or "
   "TIMES")
OP(ABOVE, 1, A_NONE, "1 where the real x is above 0")
OP(FLOOR, 1, A_NONE, "the greatest integer that is not above the real x")
OP(INPUT, 0, A_K, "number k of those that are fed here; real if it was declared so")
OP(ATTEND, -1, A_NONE,
   "real: ATTEND(v, q1, k1, q2, k2 ...): the mean of v over the visible positions, weighed by "
   "exp(sum of q_i here * k_i there)")
