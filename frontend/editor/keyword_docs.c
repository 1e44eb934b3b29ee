/* One line on each reserved word, setting and built-in name, for an editor to show; the manual
 * (lang/spec.md) says more. tools/editors.mjs checks that none is missing. */

#include <string.h>

#include "frontend/editor/editor.h"

const WordDoc words[] = {
	/* statements */
	{ "use", "use digits, use \"./mine.tw\" as m",
	  "a module, of the standard library or beside this file" },
	{ "as", "use digits as d", "another name for a module" },
	{ "model", "model NAME { vocab … context … }",
	  "the vocabulary and the longest text; once, in the program's file" },
	{ "enum", "enum op { add, sub }", "a type with members op.add, op.sub" },
	{ "type", "type date = {year: int 0..9999, day: int 1..31}", "a name for a type" },
	{ "const", "const n = 3", "a compile-time value" },
	{ "let", "let x = e, let x: int 0..9 = e",
	  "a stream: a value at every position; an annotation is checked, never trusted" },
	{ "fn", "fn f(x: int 0..9, const n, k = 1) -> bool = e",
	  "a function, expanded in place for each call" },
	{ "return", "fn f(x) { let y = x + 1 return y * y }", "what a block gives; at its end" },
	{ "emit", "emit e, emit xs after p", "the next token; at most one in a file" },
	{ "after", "emit xs after p",
	  "continues from position p with the array xs as it is at p, then <end>" },
	{ "output", "output name = e", "a label at every position" },
	{ "input", "input x: [4] real -1..1", "numbers from outside at every position" },
	{ "param", "param w: [n][m] float = normal(0.02)",
	  "numbers that are learned; a function makes new ones at each call" },
	{ "loss", "loss e",
	  "what training makes small at every position, in place of the surprise" },
	{ "assert", "assert e, \"why\"",
	  "e holds at every position: proved, or checked by twc test and twc run" },
	{ "test", "test \"12*34=\" -> \"408\", test \"ab\" -> n = [1, 2]",
	  "what the answer or the labels of a text must be; for makes one test for each value" },
	/* expressions */
	{ "if", "if c then a else b",
	  "a where c holds, b elsewhere; one whose condition is a constant drops the other "
	  "branch" },
	{ "then", "if c then a else b", "what an if gives where its condition holds" },
	{ "else", "if c then a else b, x[p else d], match … { else => e }",
	  "what there is otherwise" },
	{ "match", "match x { 1 | 2 => a, 'a'..'z' => b, else => c }",
	  "the arm whose pattern x fits; the arms cover its values or there is an else" },
	{ "where", "latest j where token[j] == ':'",
	  "the condition that a position meets; what is indexed by j is there, a bare name is "
	  "here" },
	{ "by", "best j by S", "the score that is the greatest; [s, t] compares left to right" },
	{ "for", "[e for i in 0..<n], count(C for j)",
	  "one for each value, or for each visible position" },
	{ "in", "x in 0..9, for i in xs",
	  "whether a value is in a range, an array or a text; what a for runs over" },
	{ "with", "{r with sign: s}", "the record with other values in some fields" },
	{ "and", "a and b", "both hold; b is checked where a holds" },
	{ "or", "a or b", "one of them holds" },
	{ "not", "not a, x not in xs", "it does not hold" },
	{ "true", "true", "a condition that holds" },
	{ "false", "false", "a condition that does not" },
	{ "latest", "latest j where C",
	  "the last visible position where C holds: a reference, absent if there is none" },
	{ "first", "first j where C",
	  "the first visible position where C holds: a reference, absent if there is none" },
	{ "only", "only j where C",
	  "the one visible position where C holds, absent if there is none; two must not match" },
	{ "best", "best j by S where C",
	  "the visible position with the greatest score, the latest of equals" },
	/* the model's settings */
	{ "vocab", "vocab \"0123456789+=\", [\"one\", \"two\"]",
	  "the tokens: texts, one a character, and lists, one an element" },
	{ "context", "context 16", "the longest text in tokens, prompt and answer together" },
	{ "attention", "attention bidirectional",
	  "every position sees the whole text; such a model has labels and no emit" },
	/* types that are not the name of a function too */
	{ "bool", "bool", "the type of a condition" },
	{ "pos", "pos, pos?", "the type of a reference; pos? may be absent" },
	{ "real", "real lo..hi", "the type of numbers that are not whole" },
	/* the text itself */
	{ "token", "token", "the token at this position" },
	{ "index", "index", "the number of this position; the first is 0" },
	{ "here", "here", "this position, a reference" },
	{ "length", "length", "how many positions are visible" },
	{ "vocabulary", "vocabulary", "the array of the model's tokens, at compile time" },
	/* functions */
	{ "min", "min(a, b), min(xs), min(E for j else d)", "the least" },
	{ "max", "max(a, b), max(xs), max(E for j else d)", "the greatest" },
	{ "abs", "abs(x)", "x without its sign" },
	{ "int", "int(c), int lo..hi", "a condition as 0 or 1; the type of integers" },
	{ "ord", "ord(t)", "the character code of a token, -1 if it is not a single character" },
	{ "chr", "chr(x)", "the token that is the character with this code" },
	{ "id", "id(t)", "the row of a token in the vocabulary" },
	{ "from_id", "from_id(x)", "the token in row x of the vocabulary" },
	{ "len", "len(xs)", "how many elements an array has" },
	{ "concat", "concat(xs, ys)", "arrays one after the other" },
	{ "str", "str(a, \"+\", b)", "joins numbers, tokens and texts to a text, at compile time" },
	{ "number", "number(t)", "the integer that a token spells, at compile time" },
	{ "fold", "fold(f, start, xs)", "f(… f(f(start, xs[0]), xs[1]) …)" },
	{ "scan", "scan(f, start, xs)", "all intermediate results of fold, as an array" },
	{ "reachable", "reachable(step, start, x)",
	  "all values that s = step(s, x) can take from start, whatever x is: a constant array" },
	{ "exists", "exists(p)", "whether a reference found a position" },
	{ "at", "at(n)", "the position of number n, a reference" },
	{ "count", "count(C for j)", "at how many visible positions C holds" },
	{ "sum", "sum(xs), sum(E for j)", "the sum, of elements or over visible positions" },
	{ "any", "any(xs), any(C for j)", "whether one holds" },
	{ "all", "all(xs), all(C for j)", "whether all hold" },
	{ "mean", "mean(E for j)", "the mean over visible positions" },
	{ "floor", "floor(x)", "rounded down" },
	{ "ceil", "ceil(x)", "rounded up" },
	{ "load", "load(\"weights.npy\"), load(\"model.safetensors\", \"name\")",
	  "numbers from a file, at compile time; of the second kind a param begins" },
	{ "byte_pairs", "byte_pairs(\"vocab.json\", \"merges.txt\")",
	  "a vocabulary from HuggingFace's files, or from tokenizer.json: byte pairs as GPT-2 "
	  "has" },
	{ "sqrt", "sqrt(x)", "the square root" },
	{ "exp", "exp(x)", "the exponential" },
	{ "log", "log(x)", "the natural logarithm" },
	{ "sin", "sin(x)", "the sine" },
	{ "cos", "cos(x)", "the cosine" },
	{ "linear", "linear(x, w, b)", "x w + b, of the raw level" },
	{ "relu", "relu(x)", "x where it is above 0, else 0" },
	{ "approx", "approx(e, t)",
	  "e to within t: exp, log, sqrt, sin, cos, * and / of any numbers are allowed in e" },
	{ "attend", "attend(q, k, v)", "softmax attention, of the raw level or of floats" },
	{ "float", "float(x), float",
	  "a number as a 32-bit float computes it: of it nothing is proved; the type of it" },
	{ "tanh", "tanh(x)", "the hyperbolic tangent, of a float" },
	{ "softmax", "softmax(xs)", "exp(x) for each, so that their sum is 1: of floats" },
	{ "likely", "likely(scores)",
	  "the token of the greatest score, one for each of the vocabulary; what training aims "
	  "at" },
	{ "normal", "normal(s)", "how a param begins: random numbers around 0, of deviation s" },
	{ 0 },
};

const WordDoc *
find_word(const char *name)
{
	for (const WordDoc *w = words; w->name; w++)
		if (!strcmp(w->name, name))
			return w;
	return NULL;
}
