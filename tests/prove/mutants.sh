#!/bin/bash
# usage: tests/prove/mutants.sh BUILD-DIR N
#
# The soundness loop (mutants.mjs) over twenty of the examples, in as many parts as there
# are cores.
cd "$(dirname "$0")/../.." || exit 2
bin=$(cd "$1" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
parts=$(nproc)
models=()
for name in adder adder_1digit balanced_parens binary_increment caesar calculator dyck1 dyck2 \
	fibonacci histogram induction most_frequent neighbour parity range_printer reverse \
	reverse_emit shuffle_dyck2 sort_digits tally turing; do
	"$bin/twc" examples/$name.tw -o "$tmp/$name.onnx" --prove >/dev/null || exit
	models+=("$tmp/$name.onnx=examples/$name.tw")
done
for ((i = 0; i < parts; i++)); do
	SEED=$((${SEED:-1} + i)) node tests/prove/mutants.mjs "$bin" $((($2 + parts - 1) / parts)) \
		"${models[@]}" &
	jobs+=($!)
done
status=0
for job in "${jobs[@]}"; do
	wait "$job" || status=1
done
exit $status
