#!/bin/bash
# usage: tests/fuzz/run.sh BUILD-DIR
#
# Programs with faults in them, through twc: whatever they are, it answers within
# a few seconds, exits with 0, 1 or 2, and says why when it refuses. FUZZ=n tries
# n programs (default 300), FROM=m starts at the m-th.
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/../.." || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
shopt -s nullglob
files=(examples/*.tw stdlib/*.tw tests/lang/*.tw tests/ops/*.tw tests/err/*.tw)
from=${FROM:-1} n=${FUZZ:-300} bad=0

for ((i = from; i < from + n; i++)); do
	"$bin/fuzz/mutate" "$i" "${files[@]}" >"$tmp/program.tw" || exit 2
	command=(--dump=lower "$tmp/program.tw")
	((i % 4)) || command=(test "$tmp/program.tw")
	timeout 20 "$bin/twc" "${command[@]}" >"$tmp/out" 2>"$tmp/err"
	status=$?
	why=
	[ $status -le 2 ] || why="exit status $status"
	[ $status != 2 ] || [ -s "$tmp/err" ] || why="refused without a word"
	[ -z "$why" ] && continue
	bad=$((bad + 1))
	mkdir -p "$bin/fuzz/found"
	cp "$tmp/program.tw" "$bin/fuzz/found/$i.tw"
	echo "twc ${command[0]} $bin/fuzz/found/$i.tw: $why"
	tail -n 5 "$tmp/err" | cut -c 1-200
done
echo "fuzz: $n programs, $bad that twc did not answer well"
[ $bad = 0 ]
