#!/bin/sh
# usage: tests/spec.sh BUILD-DIR
#
# Every ```tw block of the manual and of the tutorial is a whole program and a test.
set -eu
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

for page in spec tutorial; do
	awk -v dir="$tmp" -v page=$page '
		/^```tw$/ { n++; name = sprintf("%s/%s_line_%03d.tw", dir, page, NR); next }
		/^```/ { name = "" }
		name { print > name }
		END { exit n == 0 }' lang/$page.md
done
JOBS=1 tests/run.sh "$1" "$tmp"/*.tw
