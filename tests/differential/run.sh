#!/bin/bash
# usage: tests/differential/run.sh BUILD-DIR
#
# The same prompts through the reference evaluator, twrun and ONNX Runtime, each
# answer against plain arithmetic: all 1-digit sums, all shifts of 200 random
# words, sums, calculations, increments and 32-bit operations with every edge among
# them, all states of random programs of the stack machines. Prints, for each example,
# how many prompts there were and how many answers were wrong. SAMPLE=n asks about
# that many of each (default 10000, fewer of the largest; SLOW=1, set where the
# programs are built with sanitizers, makes it 1000 and leaves out ONNX Runtime,
# which gets the same files then).
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/../.." || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT

sample=${SAMPLE:-10000}
words=200
[ "${SLOW:-}" ] && sample=1000 words=10

# The answers in $2 beside the wanted ones of $tmp/all: how many are wrong.
wrong() {
	paste "$tmp/all" "$2" | awk -F '\t' -v engine="$1" -v n="$(wc -l <"$2")" '
		function say(s) { print "  " engine ": " s > "/dev/stderr" }
		NF != 3 || $2 != $3 {
			if (++bad <= 3)
				say($1 " wanted " $2 ", got " $3)
		}
		END {
			if (n != NR) {
				say(n " answers to " NR " prompts")
				bad += !bad
			}
			print bad + 0
		}'
}

# One line an answer: the bits of a word come as a label each, and an empty line ends the text.
lines() {
	if [ $example = alu32 ]; then
		awk 'NF { word = word ($2 == "true"); next }
			{ print word; word = "" }
			END { if (word) print word }'
	else
		cat
	fi
}

failed=0
printf '%-18s %8s %10s %7s %13s\n' example prompts evaluator twrun 'ONNX Runtime'
for example in adder_1digit adder calculator calculator_wide caesar binary_increment alu32 \
	machine_step machine32; do
	source=examples/$example.tw model=$tmp/$example.onnx
	case $example in
		caesar) n=$words ;;
		adder|binary_increment) n=$((sample / 2)) ;;
		alu32) n=$((sample / 4)) ;;
		machine_step) n=$((sample / 100)) ;;
		machine32) n=$((sample / 400)) ;;
		*) n=$sample ;;
	esac
	every=1
	# The slowest in ONNX Runtime:
	[ $example = calculator_wide ] && [ -z "${SAMPLE:-}" ] && every=8
	"$bin/differential/prompts" $example $n | awk -v n=$every 'NR % n == 0' >"$tmp/all" &&
		[ -s "$tmp/all" ] || exit 2
	cut -f 1 "$tmp/all" >"$tmp/prompts"
	"$bin/twc" $source -o "$model" || { failed=1; continue; }

	"$bin/twc" run $source --batch "$tmp/prompts" | lines >"$tmp/evaluator"
	"$bin/twrun" "$model" --batch "$tmp/prompts" | lines >"$tmp/twrun"
	e=$(wrong evaluator "$tmp/evaluator") r=$(wrong twrun "$tmp/twrun") o=-
	if [ -z "${SLOW:-}" ]; then
		node tests/model/judge.mjs "$model" "$tmp/prompts" | lines >"$tmp/ort"
		o=$(wrong 'ONNX Runtime' "$tmp/ort")
	fi
	printf '%-18s %8d %10s %7s %13s\n' $example "$(wc -l <"$tmp/all")" "$e" "$r" "$o"
	[ "$e" = 0 ] && [ "$r" = 0 ] && { [ "$o" = 0 ] || [ "$o" = - ]; } || failed=1
done
exit $failed
