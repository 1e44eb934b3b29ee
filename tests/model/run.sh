#!/bin/bash
# usage: tests/model/run.sh BUILD-DIR
#
# check.sh on the models that tests/unit/runtime_test.c makes by hand, and on
# every example, some functions of counts and of two positions, with the first
# prompts of their own tests. With SLOW=1, set where the programs are built with
# sanitizers, only twrun is asked: ONNX Runtime has seen the same files then.
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/../.." || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
failed=0
fail() { echo "$*"; failed=1; }

ask() { # ask MODEL PROMPTS
	local name=${1##*/}
	if [ "${SLOW:-}" ]; then
		"$bin/twrun" "$1" --batch "$2" >/dev/null
	else
		tests/model/check.sh "$bin" "$1" "$2" &&
			"$bin/twrun" "$1" --check --batch "$2" >/dev/null
	fi || fail "FAIL $name"
}

TW_KEEP=$tmp "$bin/unit/runtime_test" >"$tmp/log" 2>&1 || { cat "$tmp/log"; exit 1; }
printf '%s\n' ab b 'ab"\é' éééa abababa 'bab"\a' >"$tmp/prompts"
for model in "$tmp"/*.onnx; do
	ask "$model" "$tmp/prompts"
done

for example in examples/*.tw \
	tests/lang/{count_functions,both_{scores,sums}{,_ahead},both_nearest}.tw; do
	model=$tmp/$(basename "$example" .tw).onnx
	sed -n 's/^[ \t]*test[ \t]*"\([^"\\]*[^"\\]\)".*/\1/p' "$example" |
		head -n 20 >"$tmp/prompts"
	[ -s "$tmp/prompts" ] || continue
	"$bin/twc" "$example" -o "$model" && ask "$model" "$tmp/prompts" || failed=1
done
# Searches at far places.
"$bin/twc" tests/model/far.tw -o "$tmp/far.onnx" && "$bin/model/check" "$tmp/far.onnx" || failed=1
[ "${SLOW:-}" ] || node tests/model/far.mjs "$tmp/far.onnx" || failed=1
# Tokens that are records.
records() { # records EXAMPLE PROMPT...
	printf '%s\n' "${@:2}" >"$tmp/prompts"
	"$bin/twc" "examples/$1.tw" -o "$tmp/$1.onnx" && ask "$tmp/$1.onnx" "$tmp/prompts" ||
		failed=1
}
red='{x: 0, y: 0, colour: red}'
blue='{x: 15, y: 15, colour: blue}'
point='{x: 5, y: 5, colour: none}'
records neighbour "$point" "$red $blue $point" \
	"$blue $point $red $point {x: 15, y: 0, colour: none}"
records turing '{state: A, head: 0, at: 0, wrote: 0}' '{state: B, head: -16, at: -15, wrote: 1}'
# Models of numbers: real labels differ in their last digits from engine to engine, and
# those of approx from what is meant by no more than their models say.
near() { # near WHAT FILE: beside what the evaluator says
	paste -d '\n' "$tmp/evaluator" "$2" | awk -v what="$1" -v bounds="$tmp/bounds" '
		BEGIN { while ((getline < bounds) > 0) bound[$1] = $2 }
		NR % 2 { n = split($0, meant); next }
		{ if (split($0, got) != n) bad = 1
		  for (i = 1; i <= n; i++) {
			if (meant[i] == got[i])
				continue
			d = meant[i] - got[i]
			far = 2e-5
			if (bound[got[1]] > far)                # and six digits are printed
				far = bound[got[1]] + 1e-5 * (meant[i] < 0 ? -meant[i] : meant[i])
			if (d == 0 || d > far || d < -far)      # not numbers, or too far apart
				bad = 1
		  }
		  if (bad) { print what ": " $0; exit } }
		END { exit bad }' && [ "$(wc -l <"$2")" = "$(wc -l <"$tmp/evaluator")" ]
}
for program in examples/{raw_graph,kernel}.tw tests/lang/{raw,numbers,approx}.tw; do
	model=$tmp/numbers.onnx
	"$bin/twc" $program -o "$model" && "$bin/model/check" "$model" || failed=1
	node tests/model/bounds.mjs "$model" >"$tmp/bounds" || failed=1
	width=$("$bin/twc" --dump=lower $program | grep -c '^input ')
	files=
	rm -f "$tmp/evaluator" "$tmp/twrun"
	for shape in 8,$width 1,$width 40,5,$width 2,1,$width; do
		node tests/model/npy.mjs "$tmp/$shape.npy" $shape "$model" || failed=1
		"$bin/twc" run $program --input "$tmp/$shape.npy" >"$tmp/out" || failed=1
		sed '/^$/d' "$tmp/out" >>"$tmp/evaluator"
		"$bin/twrun" "$model" --input "$tmp/$shape.npy" >"$tmp/out" || failed=1
		sed '/^$/d' "$tmp/out" >>"$tmp/twrun"
		files="$files $tmp/$shape.npy"
	done
	near "$program, twrun" "$tmp/twrun" || failed=1
	[ "${SLOW:-}" ] && continue
	for mode in batch step whole; do
		node tests/model/judge.mjs "$model" $files --mode $mode >"$tmp/ort" &&
			near "$program, ONNX Runtime, $mode" "$tmp/ort" || failed=1
	done
done
exit $failed
