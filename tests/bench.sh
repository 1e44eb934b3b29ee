#!/bin/bash
# usage: tests/bench.sh BUILD-DIR
#
# What measures speed answers as twrun does, in every way, tokens that are records among
# them. The times it prints are not looked at.
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/.." || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
failed=0
fail() { echo "$*"; failed=1; }

check() { # EXAMPLE WAY...
	local e=$1 way
	shift
	"$bin/twc" "examples/$e.tw" -o "$tmp/$e.onnx" || exit 1
	"$bin/differential/prompts" "$e" 3 | cut -f1 | head -n 3 >"$tmp/prompts"
	"$bin/twrun" "$tmp/$e.onnx" --batch "$tmp/prompts" >"$tmp/want" || exit 1
	for way; do
		"$bin/bench/speed" "$way" "$tmp/$e.onnx" "$tmp/prompts" "$tmp/got" >"$tmp/times" &&
			cmp "$tmp/want" "$tmp/got" || fail "$e, $way"
	done
}

# what was fed, and what came of it: the next token of two texts, six values a label of six places
kinds() { # kinds EXAMPLE FED SAID
	"$bin/twc" "examples/$1.tw" -o "$tmp/$1.onnx" || exit 1
	"$bin/bench/kinds" "$tmp/$1.onnx" 6 2 "$tmp/fed" "$tmp/said" | grep -q '^[0-9]* [1-9]' &&
		[ "$(stat -c %s "$tmp/fed" "$tmp/said" | xargs)" = "$2 $3" ] || fail "kinds, $1"
}

kinds adder 48 8
kinds sort_by_frequency 48 48
check machine_step single
check adder batch
exit $failed
