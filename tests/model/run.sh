#!/bin/bash
# usage: tests/model/run.sh BUILD-DIR
#
# check.sh on the models that tests/unit/runtime_test.c makes by hand, and on
# every example and some functions of counts with the first prompts of their own
# tests. With SLOW=1, set where the programs are built with sanitizers, only twrun
# is asked: ONNX Runtime has seen the same files then.
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/../.." || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
failed=0

ask() { # ask MODEL PROMPTS
	local name=${1##*/}
	if [ "${SLOW:-}" ]; then
		"$bin/twrun" "$1" --batch "$2" >/dev/null
	else
		tests/model/check.sh "$bin" "$1" "$2" && "$bin/twrun" "$1" --check --batch "$2" >/dev/null
	fi || { echo "FAIL $name"; failed=1; }
}

TW_KEEP=$tmp "$bin/unit/runtime_test" >"$tmp/log" 2>&1 || { cat "$tmp/log"; exit 1; }
printf '%s\n' ab b 'ab"\é' éééa abababa 'bab"\a' >"$tmp/prompts"
for model in "$tmp"/*.onnx; do
	ask "$model" "$tmp/prompts"
done

for example in examples/*.tw tests/lang/count_functions.tw; do
	model=$tmp/$(basename "$example" .tw).onnx
	sed -n 's/^[ \t]*test[ \t]*"\([^"\\]*[^"\\]\)".*/\1/p' "$example" | head -n 20 >"$tmp/prompts"
	[ -s "$tmp/prompts" ] || continue
	"$bin/twc" "$example" -o "$model" && ask "$model" "$tmp/prompts" || failed=1
done
exit $failed
