#!/bin/bash
# usage: tests/machines/run.sh BUILD-DIR
#
# Random programs of kinds whose cost can explode (machines.c): each compiles and answers as plain
# C does, or is refused with an error at a place of its own, within 1 GB of memory and ten
# seconds. One that does not is kept in BUILD-DIR/machines/found.
#
# N=n tries n of them (default 20), FROM=m starts at the m-th. With SLOW=1, set where the programs
# are built with sanitizers, memory is not limited, and they may take a minute.
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/../.." || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
from=${FROM:-1} n=${N:-20} seconds=${SLOW:+60} refused=0 bad=0
seconds=${seconds:-10}

for ((i = from; i < from + n; i++)); do
	"$bin/machines/machines" "$i" >"$tmp/program.tw" || exit 2
	(
		ulimit -t "$seconds"
		# what runs a long text reserves more than it uses: the limit is the compiler's
		([ "${SLOW:-}" ] || ulimit -v 1048576
		"$bin/twc" check --no-warnings "$tmp/program.tw") &&
			"$bin/twc" test --no-warnings "$tmp/program.tw"
	) >"$tmp/out" 2>&1
	status=$?
	[ $status = 0 ] && continue
	if [ $status = 2 ] && grep -q "program.tw:[0-9]*:[0-9]*: \(error\|note\): " "$tmp/out"; then
		refused=$((refused + 1))
		[ "${VERBOSE:-}" ] && { echo "$i: refused"; head -n 1 "$tmp/out"; }
		continue
	fi
	bad=$((bad + 1))
	mkdir -p "$bin/machines/found"
	cp "$tmp/program.tw" "$bin/machines/found/$i.tw"
	echo "twc test $bin/machines/found/$i.tw: status $status"
	head -n 5 "$tmp/out" | cut -c 1-200
done
echo "machines: $n programs from $from on, $refused refused, $bad wrong or beyond their limits"
[ $bad = 0 ] && [ $((4 * refused)) -lt "$n" ]
