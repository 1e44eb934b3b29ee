#!/bin/bash
# usage: tests/hostile/models.sh BUILD-DIR DIR
#
# What the fuzzers start from: small models of every kind in DIR, and in DIR/prompts
# prompts for them, the first byte picking the model by its number.
bin=$(cd "$1" && pwd) && dir=$(cd "$2" && pwd) || exit 2
cd "$(dirname "$0")/../.." || exit 2

TW_KEEP=$dir "$bin/unit/runtime_test" >"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
for example in adder_1digit binary_increment caesar histogram most_frequent range_printer \
	reverse sort_digits calculator tally raw_graph; do
	"$bin/twc" examples/$example.tw -o "$dir/$example.onnx" || exit 1
done
for example in adder_1digit reverse; do
	"$bin/twc" examples/$example.tw -o "$dir/$example.safetensors" || exit 1
	"$bin/twc" --uniform examples/$example.tw -o "$dir/$example.uniform.onnx" || exit 1
done
mkdir -p "$dir/prompts"
number=0
for model in "$dir"/*.onnx; do
	name=$(basename "$model" .onnx)
	{ printf "\\$(printf %03o $number)"
	  sed -n 's/^[ \t]*test[ \t]*"\([^"\\]*\)".*/\1/p' \
		"examples/${name%.uniform}.tw" 2>/dev/null
	} >"$dir/prompts/$name"
	number=$((number + 1))
done
