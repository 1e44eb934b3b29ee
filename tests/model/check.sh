#!/bin/bash
# usage: tests/model/check.sh BUILD-DIR MODEL.onnx PROMPTS.txt
#
# The ONNX checker accepts the model, and ONNX Runtime answers the prompts as
# twrun does: in batches with padding and cache, one by one with the cache, and
# without it.
bin=$1 model=$2 prompts=$3
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT

"$bin/model/check" "$model" || exit 1
"$bin/twrun" "$model" --batch "$prompts" >"$tmp/twrun" || exit 1
for mode in batch step whole; do
	node "$(dirname "$0")/judge.mjs" "$model" "$prompts" --mode $mode >"$tmp/$mode" &&
		diff -u --label twrun --label "ONNX Runtime, $mode" "$tmp/twrun" "$tmp/$mode" ||
			exit 1
done
