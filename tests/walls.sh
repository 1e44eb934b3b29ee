#!/bin/bash
# usage: tests/walls.sh BUILD-DIR
#
# Programs that once had no model, or one that exploded: each is within what its comment
# "# AT MOST: 8 layers, 2000 neurons, 2 s" says; of the time, only make report speaks.
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/.." || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
failed=0
fail() { echo "$*"; failed=1; }

field() { # field NAME: of the report, arrays summed up
	sed -n "/\"$1\":/{s/.*: *//;s/[],[]/ /g;p;}" "$tmp/report" |
		awk '{ for (i = 1; i <= NF; i++) n += $i } END { print n }'
}

for t in tests/walls/*.tw; do
	read -r layers neurons < <(
		sed -n 's/^# AT MOST: \([0-9]*\) layers, \([0-9]*\) neurons.*/\1 \2/p' "$t")
	"$bin/twc" report "$t" --json >"$tmp/report" || failed=1
	[ "$layers" ] || { echo "$t: no line '# AT MOST:'"; failed=1; continue; }
	[ "$(field layers)" -le "$layers" ] && [ "$(field neurons)" -le "$neurons" ] ||
		fail "$t: $(field layers) layers, $(field neurons) neurons, not $layers, $neurons"
done

# --fewest: no other choice has fewer of what it asks for.
t=tests/walls/cups.tw
for what in layers neurons nonzeros; do
	for by in layers neurons nonzeros; do
		"$bin/twc" report "$t" --json --fewest=$by >"$tmp/report" || failed=1
		echo "$(field $what) $by"
	done | sort -n >"$tmp/order"
	read -r least _ <"$tmp/order"
	grep -q "^$least $what\$" "$tmp/order" ||
		fail "--fewest=$what is not the one with fewest $what: $(cat "$tmp/order")"
	[ "$(cut -d' ' -f1 "$tmp/order" | sort -u | wc -l)" -gt 1 ] ||
		fail "--fewest makes no difference to $what"
done
exit $failed
