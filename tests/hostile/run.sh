#!/bin/bash
# usage: tests/hostile/run.sh BUILD-DIR
#
# A short round of what `make hostile` does with libFuzzer, the same each time:
# changed model files and prompts through the runtime, and model files through twprove.
# RUNS=n: of each (default 3000).
# Files that other producers make, or that are no files, are refused with a line.
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/../.." || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
failed=0

tests/hostile/models.sh "$bin" "$tmp" || exit 2
"$bin/hostile/file" "${RUNS:-3000}" 1 "$tmp"/*.onnx "$tmp"/*.safetensors >"$tmp/log" 2>&1 ||
	{ tail -n 30 "$tmp/log"; failed=1; }
"$bin/hostile/proof" "$((${RUNS:-3000} / 10))" 1 "$tmp"/*.onnx "$tmp"/*.safetensors \
	>"$tmp/log" 2>&1 ||
	{ tail -n 30 "$tmp/log"; failed=1; }
TW_MODELS=$(printf '%s\n' "$tmp"/*.onnx) \
	"$bin/hostile/prompt" "${RUNS:-3000}" 1 "$tmp"/prompts/* >"$tmp/log" 2>&1 ||
	{ tail -n 30 "$tmp/log"; failed=1; }
exit $failed
