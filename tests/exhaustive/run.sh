#!/bin/sh
# usage: tests/exhaustive/run.sh BUILD-DIR
#
# Every prompt of two numbers below 1000 through twrun, against arithmetic: the
# 1,000,000 sums of examples/adder.tw, the 3,000,000 sums, differences and products of
# examples/calculator.tw. Prints how many are wrong; exit status 1 if any is. Then adder_learned.tw,
# trained here, against adder.tw.
set -eu
bin=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
status=0

# all_prompts MODEL OPERATORS
all_prompts() {
	model=$1
	operators=$2
	"$bin/twc" "examples/$model.tw" -o "$tmp/model.onnx"
	list() {                # prompts, or answers
		awk -v answers="$1" -v operators="$operators" '
		BEGIN {
			for (o = 1; o <= length(operators); o++) {
				op = substr(operators, o, 1)
				for (a = 0; a < 1000; a++)
					for (b = 0; b < 1000; b++)
						print answers ? result(a, op, b) : a op b "="
			}
		}
		function result(a, op, b) {
			return op == "+" ? a + b : op == "-" ? a - b : a * b
		}'
	}
	list 0 >"$tmp/prompts"
	list 1 >"$tmp/right"
	"$bin/twrun" "$tmp/model.onnx" --batch "$tmp/prompts" >"$tmp/answers" ||
		echo "twrun failed" >&2
	# a missing answer is an empty line of paste's, so it counts as wrong
	paste -d ' ' "$tmp/prompts" "$tmp/right" "$tmp/answers" |
		awk -v model="$model" -v due=$((1000000 * ${#operators})) '
			NF != 3 || $2 != $3 "" {
				if (++wrong <= 5)
					print "wrong: " $0 > "/dev/stderr"
			}
			END { printf "%s, exhaustive: %d prompts, %d wrong\n", model, NR, wrong
			      exit NR != due || wrong > 0 }' || status=1
}

all_prompts adder +
all_prompts calculator '+-*'

# Half compiled, half learned: trained anew, then every prompt of one to three digits.
learned=examples/learned/adder_learned.tw
"$bin/twc" train $learned --like examples/adder.tw --steps 4000 --rate 0.01 \
	-o "$tmp/learned.safetensors" | tail -n 1
"$bin/twc" equal examples/adder.tw $learned --model "$tmp/learned.safetensors" \
	--shape 'D{1,3}+D{1,3}=' || status=1
exit $status
