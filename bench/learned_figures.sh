#!/bin/bash
# usage: bench/learned_figures.sh BUILD-DIR
#
# The tables of examples/learned/README.md: what becomes of exact weights that are learned further,
# and of what is learned beside exact parts. Each figure is the percentage of tokens right, of
# prompts that were not learned from. About two minutes of a core.
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/.." || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT

# trained FILE ARGUMENT...: a line a step that is told
trained() { "$bin/twc" train "$@" -o "$tmp/model.safetensors" >"$tmp/out" || exit; }
# right STEP: percent, after so many
right() { sed -n "s/^step $1 .* \([0-9.]*\) % right/\1/p" "$tmp/out"; }
row() { printf "| %-36s" "$1"; shift; printf " | %6s" "$@"; echo " |"; }
heading() { echo; row "$@"; printf '|---'; printf '|---%.0s' "${@:2}"; echo '|'; }
free() { # free NAME ARGUMENT...: the adder's weights, learned further
	local name=$1
	shift
	trained examples/adder.tw --free --schedule constant --warm-up 0 --steps 1000 "$@"
	row "$name" "$(right 0)" "$(right 50)" "$(right 200)" "$(right 1000)"
}

echo "adder.tw, all weights learned further, to answer as it does:"
heading 'optimizer, rate' 'step 0' 50 200 1000
for rate in 1e-6 1e-5 1e-4 1e-3; do free "AdamW, $rate" --rate $rate; done
for rate in 1e-6 1e-5 1e-4 1e-3; do free "SGD, $rate" --rate $rate --optimizer sgd; done

echo
echo "The same with AdamW at 1e-3, some weights alone:"
heading 'weights' 'step 0' 50 200 1000
some() { free "$1" --rate 1e-3 --only "$2"; }
some 'queries and keys' 'layers.?.[wb][qk]'
some 'values and outputs of heads' 'layers.?.[wb][vo]'
some 'neurons' 'layers.?.[wb][12]'
some 'neurons of the last layer' 'layers.2.[wb][12]'
some 'the head' 'head'
some 'embeddings' 'embed'

echo
echo "adder.tw, its last neurons and its head begun anew beside exact layers, AdamW:"
heading 'steps' right
for steps in 1000 4000 16000; do
	trained examples/adder.tw --free --only 'layers.2.[wb][12],head' \
		--fresh 'layers.2.[wb][12],head' --rate 0.01 --steps $steps
	row "$steps, rate 0.01" "$(right $steps)"
done

echo
echo "examples/learned/, like adder.tw:"
heading 'program, steps' right 'all sums'
for program in adder_learned adder_carries; do
	for steps in 1000 4000 20000; do
		trained examples/learned/$program.tw --like examples/adder.tw --rate 0.01 \
			--steps $steps
		# every sum of numbers of up to two digits; make exhaustive has those of three
		all=$("$bin/twc" equal examples/adder.tw examples/learned/$program.tw \
			--model "$tmp/model.safetensors" --shape 'D{1,2}+D{1,2}=' |
			head -n 1)
		row "$program, $steps" "$(right $steps)" \
			"$([[ $all == equal* ]] && echo yes || echo no)"
	done
done
