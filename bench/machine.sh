#!/bin/bash
# usage: bench/machine.sh BUILD-DIR
#
# C programs on the machine of machine/ and elsewhere, in seconds of processor time: compiled for
# this processor; their WebAssembly in node; in twasm, one text, one core; the machine's file in
# ONNX Runtime, of which only so many steps are tried as it says. What each computes:
#
#     native   the program
#     node     the program, from its WebAssembly
#     T2       the transformer: what is different since the same instruction was last carried out;
#              look-ups for heads, proved to be what softmax gives
#     T1       the same, and nothing is kept from step to step but what attention reads: every
#              weight is multiplied but those that are 0, or whose input is 0
#     T0       the transformer as the file has it, softmax over all positions and zeros too
#     ORT      the same, by ONNX Runtime
#
# For the three rungs it is the steps a second; starting up and loading are taken off.
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/.." || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
puzzle=53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79
few=100
failed=0
TIMEFORMAT='%U'

# seconds FILE COMMAND...: what it prints into the file; on standard output its seconds
seconds() {
	local to=$1
	shift
	{ time "$@" <"$tmp/in" >"$to" 2>"$tmp/err"; } 2>&1
}

# ort: seconds of the last `few` steps of the program that was run last
ort() {
	"$bin/twasm" run --steps=$((steps - few)) --checkpoint="$tmp/kept" "$wasm" <"$tmp/in" \
		>"$tmp/none"
	{ tr '\n' ' ' <"$tmp/kept"; echo; } >"$tmp/prompt"
	seconds "$tmp/none" node tests/model/judge.mjs "$bin/wasm32.onnx" "$tmp/prompt" --mode step
}

# rung NAME STEPS: its steps a second, of so many of the program
rung() {
	local t from
	t=$(seconds "$tmp/none" "$bin/twasm" run --rung="$1" --steps="$2" $wasm)
	from=$(seconds "$tmp/none" "$bin/twasm" run --rung="$1" --steps=1 $wasm)
	awk "BEGIN { d = $t - $from; printf \"%.0f\", $2 / (d > 0 ? d : 0.001) }"
}

echo "$puzzle" >"$tmp/in"
printf '%-10s %9s %9s %9s %9s %9s %7s %14s\n' program steps native node T2 T1 T0 \
	"ORT, $few steps"
for c in hashes hungarian queens factorial sudoku; do
	wasm=tests/wasm/$c.wasm
	${CC:-cc} -O2 -w -o "$tmp/native" tests/wasm/$c.c
	native=$(seconds "$tmp/want" "$tmp/native")
	node=$(seconds "$tmp/node" node --no-warnings tests/wasm/node.mjs $wasm)
	"$bin/twasm" run --stats $wasm <"$tmp/in" >"$tmp/got" 2>"$tmp/err"
	steps=$(sed -n 's/ steps in .*//p' "$tmp/err")
	cmp -s "$tmp/want" "$tmp/got" && cmp -s "$tmp/want" "$tmp/node" || {
		echo "$c: other output"
		failed=1
	}
	there=-
	[ $c = hungarian ] && there=$(ort)
	printf '%-10s %9d %9s %9s %9s %9s %7s %14s\n' $c "$steps" "$native" "$node" \
		"$(rung T2 "$steps")" "$(rung T1 "$steps")" "$(rung T0 $few)" "$there"
done
exit $failed
