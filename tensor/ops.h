/* The operators of a scalar expression, one row each: all that is known of an operator as such.
 * What is missing on purpose: reshape, transpose, broadcast, slice, gather, pad. They are ways to
 * write an index, as in x[j, i], x[i // 4, i % 4], table[ids[t], c].
 *
 * name      X_name
 * args      how many operands; -1: of its own form
 * prec      how tightly it binds, between its two operands; 0: it is written as a call
 * text      its name in the text form (tensor_print.c)
 * gradient  for each operand what it gets of g, the gradient of the result y, in the operands
 *           a b c; "" where nothing flows. A reduction's a is its body, r its range.
 * doc       what it means
 *
 * The evaluator (tensor_eval.c) gives each its meaning on doubles.
 */

/* clang-format off */

OP(CONST, 0, 0, "const", "", "", "", "a number")
OP(RANGE, 0, 0, "range", "", "", "", "where the expression is along an axis, or in a reduction")
OP(LOAD, -1, 0, "load", "", "", "", "a tensor at indices; 0 outside of its shape")

OP(ADD, 2, 2, "+", "g", "g", "", "sum")
OP(SUB, 2, 2, "-", "g", "0 - g", "", "difference")
OP(MUL, 2, 3, "*", "g * b", "g * a", "", "product")
OP(DIV, 2, 3, "/", "g / b", "0 - g * y / b", "", "quotient")
OP(FLOOR, 2, 3, "//", "", "", "", "quotient rounded down")
OP(MOD, 2, 3, "%", "", "", "", "a - a // b * b")
OP(MAX, 2, 0, "max", "where(a < b, 0, g)", "where(a < b, g, 0)", "",
   "the greater; of equal ones the gradient goes to the first")

OP(EXP, 1, 0, "exp", "g * y", "", "", "e to the power of it")
OP(LOG, 1, 0, "log", "g / a", "", "", "the natural logarithm")
OP(SQRT, 1, 0, "sqrt", "0.5 * g / y", "", "", "the square root")
OP(SIN, 1, 0, "sin", "g * sin(a + 1.5707963267948966)", "", "", "the sine of radians")
OP(TANH, 1, 0, "tanh", "g * (1 - y * y)", "", "", "the hyperbolic tangent")
OP(STOP, 1, 0, "stop", "", "", "", "the same value, and no gradient")

OP(LT, 2, 1, "<", "", "", "", "1 if less, else 0")
OP(EQ, 2, 1, "==", "", "", "", "1 if equal, else 0")
OP(WHERE, 3, 0, "where", "", "where(a, g, 0)", "where(a, 0, g)", "b where a is not 0, else c")

OP(SUM, -1, 0, "sum", "g", "", "", "the sum over a range")
OP(RMAX, -1, 0, "max", "where(a == y, g / sum(where(a == y, 1, 0) for r), 0)", "", "",
   "the greatest over a range; equal ones share the gradient")

/* clang-format on */
