#!/bin/bash
# usage: tests/bounds/run.sh BUILD-DIR
#
# audit.c on every example and every test of the language that compiles: is what the
# certificates claim true of the weights, on random texts and on those of the tests?
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/../.." || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
failed=0 audited=0

for program in examples/*.tw tests/lang/*.tw tests/bounds/*.tw; do
	"$bin/twc" "$program" -o "$tmp/m.onnx" 2>/dev/null || continue    # it tests what is refused
	sed -n 's/^[ \t]*test[ \t]*"\([^"\\]*[^"\\]\)".*/\1/p' "$program" | head -n 20 >"$tmp/prompts"
	"$bin/bounds/audit" "$tmp/m.onnx" "$tmp/prompts" >"$tmp/log" 2>&1 ||
		{ echo "$program"; cat "$tmp/log"; failed=1; }
	audited=$((audited + 1))
done
[ $audited -ge 100 ] || { echo "only $audited programs compile"; failed=1; }
exit $failed
