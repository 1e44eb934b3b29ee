#!/bin/bash
# usage: tests/fuzz/run.sh BUILD-DIR
#
# Random well-typed programs (programs.c): what they mean by the manual, the
# reference evaluator, twrun and ONNX Runtime agree in every output, next token and
# named value, at every position of texts of every length. One that fails is made
# small, and kept in BUILD-DIR/fuzz/found.
#
# Then the same with one mistake each, which gets one error at its place. And
# programs in pieces (mutate.c): whatever they are, twc answers
# within a few seconds, exits with 0, 1 or 2, and says why when it refuses.
#
# N=n tries n of each (default 150), FROM=m starts at the m-th. With SLOW=1, set
# where the programs are built with sanitizers, ONNX Runtime is not asked.
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/../.." || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
shopt -s nullglob
set -o pipefail
from=${FROM:-1} n=${N:-150} bad=0 failed=0

programs=("$bin/fuzz/programs" --from "$from" --count "$n" --found "$bin/fuzz/found")
if [ "${SLOW:-}" ]; then
	"${programs[@]}" || failed=1
else
	"${programs[@]}" --judge "$tmp" | node tests/fuzz/judge.mjs || failed=1
fi

# One mistake is one error at its place, status 2, and no file. A mistake in what is
# never asked for (a branch not taken, a function not called) is none.
said=0 missed=0
for ((i = from; i < from + n; i += 3)); do
	"$bin/fuzz/programs" --faulty "$i" >"$tmp/faulty.tw"
	rm -f "$tmp"/faulty.onnx*
	timeout 20 "$bin/twc" "$tmp/faulty.tw" -o "$tmp/faulty.onnx" 2>"$tmp/err"
	status=$?
	[ $status = 0 ] && continue
	# Refused for a limit, without the mistake too?
	"$bin/fuzz/programs" --show "$i" >"$tmp/sound.tw"
	timeout 20 "$bin/twc" "$tmp/sound.tw" -o "$tmp/sound.onnx" 2>/dev/null || continue
	said=$((said + 1))
	line=$(grep -n 4242 "$tmp/faulty.tw" | cut -d: -f1)
	[ $status = 2 ] && [ "$(grep -c ': error: ' "$tmp/err")" = 1 ] &&
		grep -q "faulty.tw:$line:[0-9]*: error: " "$tmp/err" &&
		[ -z "$(echo "$tmp"/faulty.onnx*)" ] && continue
	missed=$((missed + 1))
	mkdir -p "$bin/fuzz/found"
	cp "$tmp/faulty.tw" "$bin/fuzz/found/faulty-$i.tw"
	echo "twc $bin/fuzz/found/faulty-$i.tw: status $status"
	cut -c 1-200 "$tmp/err" | head -n 8
done
echo "faulty: $said refused, $missed not as one should"
[ $missed = 0 ] && [ $said -gt $((n / 9)) ] || failed=1

files=(examples/*.tw stdlib/*.tw tests/lang/*.tw tests/ops/*.tw tests/err/*.tw)
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
	cp "$tmp/program.tw" "$bin/fuzz/found/mutated-$i.tw"
	echo "twc ${command[0]} $bin/fuzz/found/mutated-$i.tw: $why"
	tail -n 5 "$tmp/err" | cut -c 1-200
done
echo "mutated: $n programs, $bad that twc did not answer well"
[ $bad = 0 ] && [ $failed = 0 ]
