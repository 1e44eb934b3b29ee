#!/bin/bash
# usage: bench/machine.sh BUILD-DIR
#
# C programs on the machine of machine/ and elsewhere, in seconds of processor time: compiled for
# this processor; their WebAssembly in node; in twasm, one text, one core; the machine's file in
# ONNX Runtime, of which only so many steps are tried as it says. What each computes:
#
#     native   the program
#     node     the program, from its WebAssembly
#     twasm    the transformer: look-ups for heads, proved to be what softmax gives; a weight that
#              is 0, or whose input is 0, is left out; all others are multiplied
#     ORT      the transformer as the file has it, softmax and zeros too
#
# Starting up and loading are in the seconds, and are taken off for the steps a second.
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

echo "$puzzle" >"$tmp/in"
load=$(seconds "$tmp/none" "$bin/twasm" run --steps=1 tests/wasm/queens.wasm)
echo "loading the machine, and one step: $load s"
printf '%-10s %9s %9s %9s %9s %12s %14s\n' program steps native node twasm 'steps/s' \
	"ORT, $few steps"
for c in hashes hungarian queens factorial sudoku; do
	wasm=tests/wasm/$c.wasm
	${CC:-cc} -O2 -w -o "$tmp/native" tests/wasm/$c.c
	native=$(seconds "$tmp/want" "$tmp/native")
	node=$(seconds "$tmp/node" node --no-warnings tests/wasm/node.mjs $wasm)
	here=$(seconds "$tmp/got" "$bin/twasm" run --stats $wasm)
	steps=$(sed -n 's/ steps in .*//p' "$tmp/err")
	cmp -s "$tmp/want" "$tmp/got" && cmp -s "$tmp/want" "$tmp/node" || {
		echo "$c: other output"
		failed=1
	}
	there=-
	[ $c = hungarian ] && there=$(ort)
	printf '%-10s %9d %9s %9s %9s %12.0f %14s\n' $c "$steps" "$native" "$node" "$here" \
		"$(awk "BEGIN { print $steps / ($here > $load ? $here - $load : 0.001) }")" "$there"
done
exit $failed
