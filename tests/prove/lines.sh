#!/bin/bash
# usage: tests/prove/lines.sh
#
# How many lines of code, without comments and blank lines, each row of the table in
# prove/README.md has, and all of the rows that the theorem rests on.
cd "$(dirname "$0")/../../prove" || exit 2
code() {
	gcc -fpreprocessed -dD -E -P -x c - 2>/dev/null | grep -c '[^[:space:]]'
}
total=0
while IFS='|' read -r _ what files _; do
	n=$(cat $(grep -o '`[a-z]*\.[ch]`' <<<"$files" | tr -d '`') | code)
	[[ $what == *"*"* ]] || total=$((total + n))
	printf '%6d  %s\n' "$n" "$what"
done < <(sed -n '/^| what | files/,/^$/p' README.md | grep '`')
printf '%6d  what the theorem rests on: all without a star\n' "$total"
