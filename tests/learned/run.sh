#!/bin/bash
# usage: tests/learned/run.sh BUILD-DIR
#
# Parameters that begin as a .safetensors has them, and what is wrong with such a file; a program
# trained, and evaluated with what was learned.
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/../.." || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
failed=0
complain() {
	echo "$*"
	failed=1
}

# 1, 2, 3, 4, 0.5, -1
json='{"h.0.w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"b":{"dtype":"F32","shape":[2],"data_offsets":[16,24]},"n":{"dtype":"I32","shape":[2],"data_offsets":[16,24]}}'
printf -v json '%-256s' "$json"
{
	printf '\0\1\0\0\0\0\0\0%s' "$json"
	printf '\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40\0\0\x80\x40\0\0\0\x3f\0\0\x80\xbf'
} >"$tmp/w.safetensors"

program() {
	cat <<-END >"$tmp/p.tw"
		model m { vocab "ab" context 4 }
		param b: [2] float = load("w.safetensors", "b")
		fn layer(x, i) {
		  param w: $1 float = load("$2", str("h.", i, ".$3"))
		  return linear(x, w, b)
		}
		output y = fold(layer, [float(1), float(index)], [0])
		test "ab" -> y = [[1.5, 2], [3.5, 6]]
	END
}
program '[2][2]' w.safetensors w
"$bin/twc" test "$tmp/p.tw" >"$tmp/out" 2>&1 || complain "weights of a file: $(cat "$tmp/out")"
refused() {
	"$bin/twc" check "$tmp/p.tw" 2>"$tmp/err" && complain "not refused: $1"
	grep -qF "$1" "$tmp/err" || complain "said $(cat "$tmp/err"), not $1"
}
program '[2][3]' w.safetensors w
refused "'h.0.w' is [2][2] in w.safetensors, but the param is [2][3]"
program '[2][2]' w.safetensors v
refused "w.safetensors has no 'h.0.v'"
program '[2][2]' none.safetensors w
refused "none.safetensors', which is looked for beside the program"
head -c 100 "$tmp/w.safetensors" >"$tmp/cut.safetensors"
program '[2][2]' cut.safetensors w
refused "cut.safetensors: truncated, or no .safetensors"

# A few steps of a half-compiled program, which its evaluator then runs with what was learned.
"$bin/twc" train examples/learned/adder_learned.tw --like examples/adder.tw --steps 1500 \
	--rate 0.02 --validate 0 -o "$tmp/adder.safetensors" >"$tmp/out" 2>&1 ||
	complain "$(tail -n 3 "$tmp/out")"
for sum in 123+456=579 99+1=100 905+96=1001; do
	got=$("$bin/twc" run examples/learned/adder_learned.tw --model "$tmp/adder.safetensors" \
		"${sum%=*}=" | head -n 1)
	[ "$got" = "${sum#*=}" ] || complain "${sum%=*}= goes on with $got"
done
"$bin/twc" run tests/learned/floats.tw --model "$tmp/adder.safetensors" a 2>"$tmp/err"
grep -qF 'w is missing there, and [3][4] in the program' "$tmp/err" ||
	complain "weights of another program: $(cat "$tmp/err")"
exit $failed
