#!/bin/bash
# usage: tests/fmt.sh BUILD-DIR
#
# twc fmt: the style (tests/fmt/NAME.in gives NAME.out), then for every program here,
# and for each with other gaps between its tokens: formatting twice is formatting
# once, and the graph and the comments are the same. All .tw here is formatted.
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/.." || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
failed=0
bad() { echo "$*"; failed=1; }

for f in tests/fmt/*.in; do
	"$bin/twc" fmt - <"$f" | diff -u "${f%.in}.out" - || bad "$f is formatted otherwise"
done

# The graph, or that there is none.
graph() { "$bin/twc" --dump=lower "$1" 2>/dev/null || echo "status $?"; }
comments() { node tests/fmt/mess.mjs comments "$1"; }

one() {         # one NAME FILE
	"$bin/twc" fmt - <"$2" >"$tmp/once.tw" 2>"$tmp/err" || return
	"$bin/twc" fmt --check "$tmp/once.tw" >"$tmp/log" ||
		bad "$1: formatting twice is not formatting once"
	graph "$2" >"$tmp/before" && graph "$tmp/once.tw" | cmp -s - "$tmp/before" ||
		bad "$1: the graph changed"
	cmp -s <(comments "$2") <(comments "$tmp/once.tw") || bad "$1: a comment changed"
}
seed=0
for f in examples/*.tw stdlib/*.tw tests/*/*.tw; do
	"$bin/twc" fmt - <"$f" >/dev/null 2>&1 || continue
	"$bin/twc" fmt --check "$f" >/dev/null || bad "$f is not formatted: run make fmt"
	case $f in stdlib/*) continue ;; esac
	seed=$((seed + 1))
	node tests/fmt/mess.mjs $seed "$f" >"$tmp/mess.tw" || bad "mess.mjs failed"
	"$bin/twc" fmt - <"$tmp/mess.tw" >/dev/null || bad "$f with other gaps, seed $seed: refused"
	one "$f with other gaps, seed $seed" "$tmp/mess.tw"
done
[ $seed -ge 120 ] || bad "only $seed programs can be formatted"

# in place, and what is refused stays as it was
printf 'let x=1' >"$tmp/a.tw"
chmod 640 "$tmp/a.tw"
"$bin/twc" fmt "$tmp/a.tw" && [ "$(cat "$tmp/a.tw")" = "let x = 1" ] ||
	bad "in place: not formatted"
[ "$(stat -c %a "$tmp/a.tw")" = 640 ] || bad "in place: the file's mode changed"
printf 'let x = (1' >"$tmp/b.tw"
"$bin/twc" fmt "$tmp/b.tw" 2>/dev/null
[ $? = 2 ] && [ "$(cat "$tmp/b.tw")" = "let x = (1" ] || bad "a syntax error is not refused"
printf 'let x=1' | "$bin/twc" fmt --check - >"$tmp/log"
[ $? = 1 ] && [ "$(cat "$tmp/log")" = "standard input" ] || bad "--check does not tell"
exit $failed
