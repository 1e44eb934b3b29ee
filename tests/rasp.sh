#!/bin/bash
# usage: tests/rasp.sh BUILD-DIR
#
# Programs of the kind of RASP (Weiss, Goldberg and Yahav, "Thinking like transformers",
# 2021): each takes the layers that its first line names, what one head and one MLP need for
# each step, and none more; and is right.
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/rasp" || exit 2
for t in *.tw; do
	want=$(sed -n '1s/# layers: //p' "$t")
	got=$("$bin/twc" report --json --no-warnings "$t" |
		sed -n 's/.*"layers":[^0-9]*\([0-9]*\),.*/\1/p')
	[ "$want" ] && [ "$got" ] && [ "$got" -le "$want" ] ||
		{ echo "$t: ${got:-no} layers, not $want"; failed=1; }
done
"$bin/twc" test ./*.tw || failed=1
exit "${failed:-0}"
