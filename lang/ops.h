/* The operators of the graph, one row each: all that is known of an operator as such. The enum,
 * the names of the graph's text form, the rules of the verifier, folding, types, ranges, the
 * evaluator, `twc --ops`, what `twc explain` says and the editors' lists come from here. To add
 * one, add its row and run make: the compiler and the linker name what is missing.
 *
 * name    OP_name
 * args    how many operands, or -1 for "one or more"
 * attr    what the node's k, table and real hold (ir.h, Attr)
 * class   where its value comes from
 *           LITERAL    from the node itself
 *           POINTWISE  from its operands' values here: eval_name in ir/operators.c
 *           STREAM     from the text, or from other positions: look_name in ir/eval.c
 *           REFERENCE  it is a position, or none: look_name; only READ takes one
 *           THERE      it marks what a search takes where it looks
 *         All but references and THERE become weights: emit_name in backend/map/.
 * traits  ir.h, Trait
 * fold    fold_... in ir/fold.c or ir/real.c: what is simpler and means the same
 * type    type_... in ir/type.c or ir/real.c: what is known of its values
 * range   range_... in ir/range.c: of type pointwise, extreme and table, by its operands' ranges
 * doc     what it means; an integer where it does not say "real"
 * rule, how   what `twc explain` calls the way it is made, and what that is in weights
 */

/* clang-format off */

OP(CONST, 0, A_K, LITERAL, T_FREE, none, const, none,
   "the integer k",
   "constant", "the same everywhere: lives in the biases of who reads it")
OP(TOKEN, 0, A_OFFSET, STREAM, T_WIDE_SET, none, token, none,
   "the row of the token here; of a record, the row in its field k",
   "feature", "depends on the token alone: columns of the token table")
OP(INDEX, 0, A_NONE, STREAM, T_WIDE_SET, none, index, none,
   "the number of this position, the first is 0",
   "feature", "the position itself")

OP(ADD, 2, A_NONE, POINTWISE, T_ADDS | T_FREE, add, pointwise, corners,
   "sum",
   "sum", "a sum of what is there: lives in the weights of who reads it")
OP(SUB, 2, A_NONE, POINTWISE, T_ADDS | T_FREE, sub, pointwise, corners,
   "difference",
   "sum", "a sum of what is there: lives in the weights of who reads it")
OP(MUL, 2, A_NONE, POINTWISE, 0, mul, pointwise, product,
   "product",
   "quarter squares",
   "a*b is q(a+b) - q(a-b), q(x) = x*x/4 a staircase; a factor of 0 or 1 is a gate")
OP(DIV, 2, A_NONE, POINTWISE, 0, div, pointwise, quotient,
   "quotient rounded down; the divisor is never 0",
   "quotient", "a step for each multiple of the divisor")
OP(MOD, 2, A_NONE, POINTWISE, 0, mod, pointwise, quotient,
   "remainder of DIV, of the divisor's sign",
   "remainder", "the number less the divisor times its quotient")
OP(MIN, -1, A_NONE, POINTWISE, 0, extreme, extreme, extreme,
   "the least",
   "minimum", "the negative of the greatest of negatives")
OP(MAX, -1, A_NONE, POINTWISE, 0, extreme, extreme, extreme,
   "the greatest",
   "maximum", "a neuron for each operand, in rounds, as of a tournament")
OP(ABS, 1, A_NONE, POINTWISE, 0, abs, pointwise, abs,
   "absolute value",
   "relu", "one neuron")

OP(EQ, 2, A_NONE, POINTWISE, 0, eq, pointwise, eq,
   "1 where equal",
   "equality", "whether the difference is 0: one to three neurons")
OP(LT, 2, A_NONE, POINTWISE, 0, less, pointwise, less,
   "1 where the first is less",
   "threshold", "whether the difference is at least 1: one or two neurons")
OP(NOT, 1, A_NONE, POINTWISE, T_CONDITIONS | T_FREE, not, pointwise, none,
   "1 - x",
   "sum", "a sum of what is there: lives in the weights of who reads it")
OP(AND, -1, A_NONE, POINTWISE, T_CONDITIONS, and, pointwise, logic,
   "1 where all are 1",
   "conjunction", "one neuron over how many of its parts fail")
OP(OR, -1, A_NONE, POINTWISE, T_CONDITIONS, or, pointwise, logic,
   "1 where any is 1",
   "disjunction", "one neuron over how many of its parts hold")
OP(IF, 3, A_NONE, POINTWISE, T_CHOOSES, if, if, none,
   "the second where the first is 1, else the third",
   "gate", "the branches' difference, held at 0 by the condition")
OP(TABLE, 1, A_TABLE, POINTWISE, 0, table, table, table,
   "table[x - k]",
   "staircase", "a function of one value: a neuron for each change of slope")
OP(PICK, -1, A_NONE, POINTWISE, T_CHOOSES, pick, pick, none,
   "PICK(i, d, x0, x1 ...): x_i, d where there is no such element",
   "telescoping sum", "the elements' differences, each coming in where the index reaches it")

OP(HERE, 0, A_NONE, REFERENCE, 0, none, here, none,
   "reference: this position", NULL, NULL)
OP(AT, 1, A_NONE, REFERENCE, 0, at, reference, none,
   "reference: the position of that number, absent where it is not visible", NULL, NULL)
OP(LATEST, 1, A_NONE, REFERENCE, T_SEARCH, latest, reference, none,
   "reference: the last visible position where the condition holds", NULL, NULL)
OP(FIRST, 1, A_NONE, REFERENCE, T_SEARCH, first, reference, none,
   "reference: the first visible position where the condition holds", NULL, NULL)
OP(BEST, 2, A_NONE, REFERENCE, T_SEARCH, best, reference, none,
   "BEST(s, c): reference: the visible position where c holds with the greatest s, the latest of "
   "equals", NULL, NULL)
OP(SUM, 2, A_NONE, STREAM, T_SEARCH, sum, sum, none,
   "SUM(e, c): the sum of e over the visible positions where c holds",
   "thresholds", "two neurons for each value the sum may have, over a head that averages")
OP(THERE, 1, A_NONE, THERE, T_MIXES | T_ONE_SIDED | T_WIDE_SET, there, there, none,
   "inside a LATEST, FIRST, ONLY, BEST, SUM or MEAN: x at the position looked at", NULL, NULL)
OP(READ, 3, A_OFFSET, STREAM, T_CHOOSES | T_ONE_SIDED | T_FREE, read, read, none,
   "READ(x, p, d): x at p + k, and d (here) where that is absent",
   "fetch", "a head reads it at another position")
OP(AS, 2, A_NONE, POINTWISE, T_FREE, as, as, none,
   "AS(x, y): x, computed as y, which is equal", NULL, NULL)

OP(MEAN, 2, A_REALS, STREAM, T_SEARCH | T_MIXES, mean, mean, none,
   "real: MEAN(e, c): the mean of e over the visible positions where c holds, real[0] if there is "
   "none",
   "mean", "a head that averages where the condition holds")
OP(REAL, 0, A_REALS, LITERAL, 0, none, real, none,
   "real: real[0]",
   "constant", "the same everywhere: lives in the biases of who reads it")
OP(LINEAR, -1, A_REALS, POINTWISE, T_MIXES, linear, linear, none,
   "real: the sum of real[i] * x_i, and the last of real[]",
   "sum", "a sum of what is there: lives in the weights of who reads it")
OP(VALUES, 1, A_REALS, POINTWISE, 0, values, values, none,
   "real: real[x - k]",
   "staircase", "a function of one value: a neuron for each change of slope")
OP(RELU, 1, A_NONE, POINTWISE, T_MIXES, relu, relu, none,
   "real: x where that is above 0, else 0",
   "relu", "one neuron")
OP(CURVE, 1, A_K, POINTWISE, T_MIXES | T_CURVED, curve, curve, none,
   "real: exp, log, sqrt, sin or cos of x, or 1 / x: function number k",
   "broken line", "curves and products by straight pieces: a neuron for each change of slope")
OP(TIMES, 2, A_NONE, POINTWISE, T_MIXES | T_CURVED, times, times, none,
   "real: product, of two streams",
   "broken line", "curves and products by straight pieces: a neuron for each change of slope")
OP(APPROX, 1, A_REALS, POINTWISE, T_MIXES, approx, approx, none,
   "real: x, computed to within real[0]; with k = 1 from its operands as they are, one CURVE or "
   "TIMES",
   "broken line", "curves and products by straight pieces: a neuron for each change of slope")
OP(ABOVE, 1, A_NONE, POINTWISE, T_OF_REALS, above, pointwise, flag,
   "1 where the real x is above 0",
   "threshold", "whether it is beyond half a step of its grid: one or two neurons")
OP(FLOOR, 1, A_NONE, POINTWISE, T_OF_REALS, floor, pointwise, floor,
   "the greatest integer that is not above the real x",
   "thresholds", "one or two neurons for each integer that it may reach")
OP(INPUT, 0, A_K, STREAM, 0, none, input, none,
   "number k of those that are fed here; real if it was declared so",
   "input", "a column that is fed")
OP(ATTEND, -1, A_NONE, STREAM, T_MIXES | T_ONE_SIDED, none, attend, none,
   "real: ATTEND(v, q1, k1, q2, k2 ...): the mean of v over the visible positions, weighed by "
   "exp(sum of q_i here * k_i there)",
   "attention", "a head whose scores are the products of queries and keys")

/* last, so that the numbers of the others, of which their hashes are made, stay what they were */
OP(ONLY, 1, A_NONE, REFERENCE, T_SEARCH, none, reference, none,
   "reference: the visible position where the condition holds, which is one at most", NULL, NULL)

OP(LEARNED, 0, A_K, STREAM, 0, none, learned, none,
   "value number k of what is learned, which is chosen and not proved",
   "learned", "what is learned gives it")

/* clang-format on */
