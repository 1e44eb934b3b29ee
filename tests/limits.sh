#!/bin/bash
# usage: tests/limits.sh BUILD-DIR
#
# What the compiler promises of the examples' sizes, and of its own time and
# memory (not where it is built with sanitizers, SLOW=1).
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/.." || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
failed=0
fail() { echo "$*"; failed=1; }

at_most() { # at_most WHAT VALUE LIMIT
	awk -v v="$2" -v limit="$3" 'BEGIN { exit !(v != "" && v + 0 <= limit) }' ||
		fail "$1: $2, more than $3"
}
field() { sed -n "s/.*\"$1\":[^0-9]*\([0-9]*\).*/\1/p"; } # field NAME: of the JSON read
size() { # size EXAMPLE LAYERS D_MODEL
	"$bin/twc" report "examples/$1.tw" --json >"$tmp/report" || failed=1
	at_most "layers of $1" "$(field layers <"$tmp/report")" "$2"
	at_most "d_model of $1" "$(field d_model <"$tmp/report")" "$3"
}

size adder 3 24
size calculator 4 40
size sort_digits 3 22
size dyck2 5 63
size induction 2 22
size fibonacci 3 19
size range_printer 5 36
size sort_by_frequency 6 97
size scratchpad_adder 4 28
size rule110 3 20
size histogram 2 8
size caesar 2 14
size reverse 2 7
size reverse_emit 2 9
size parity 1 52
size most_frequent 3 10
size dyck1 3 43
size turing 1 27
size life 1 10
size long_division 5 29
# The scratchpad is as deep at fifteen digits as at three, and right.
sed 's/before(\(sign\|equals\), 3)/before(\1, 15)/; s/columns = 6/columns = 30/; s/0\.\.<3/0..<15/
	s/0\.\.28/0..136/; s/context 64/context 160/; /^test/d' \
	examples/calculator_scratchpad.tw >"$tmp/scratchpad.tw"
cat >>"$tmp/scratchpad.tw" <<'END'
test "999999999999999*999999999999999=" -> "1c80c170c260c350c440c530c620c710c800c890c980c1070c1160c1250c1348c1269c1179c1089c999c909c819c729c639c549c459c369c279c189c99c0>999999999999998000000000000001"
test "100000000000000-999999999999999=" -> "9c09c09c09c09c09c09c09c09c09c09c09c09c09c08c00c00c00c00c00c00c00c00c00c00c00c00c00c00c00c0>-899999999999999"
test "123456789012345+987654321098765=" -> "0c11c11c11c11c11c00c11c11c11c11c11c11c11c11c11c00c00c00c00c00c00c00c00c00c00c00c00c00c00c0>1111111110111110"
END
"$bin/twc" test "$tmp/scratchpad.tw" >"$tmp/out" || { cat "$tmp/out"; failed=1; }
layers=$("$bin/twc" report "$tmp/scratchpad.tw" --json | field layers)
at_most "layers of the scratchpad at fifteen digits" "$layers" 5
if [ -z "${SLOW:-}" ]; then
	read -r _ _ mb _ < <("$bin/bench/measure" 1 "$bin/twc" examples/calculator.tw \
		-o "$tmp/c.onnx")
	at_most "compiling the calculator, MB" "$mb" 100
fi
# A chain of 100,000 nodes, each made of the one before, needs no stack.
awk 'BEGIN {
	print "model \"chain\"\nvocab \"0\" \"1\"\ncontext 8\nattention causal"
	print "n0 = TOKEN\nn1 = INDEX"
	for (i = 2; i < 100002; i++)
		printf "n%d = ADD(n%d, n1)\n", i, i == 2 ? 0 : i - 1
	print "output o int n100001"
}' >"$tmp/chain.twg"
"$bin/twc" "$tmp/chain.twg" -o "$tmp/chain.onnx" || failed=1
[ "$("$bin/twrun" "$tmp/chain.onnx" 011)" = "o: 0 100001 200001" ] || fail "the chain is not summed"
exit $failed
