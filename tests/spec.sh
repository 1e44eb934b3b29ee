#!/bin/sh
# usage: tests/spec.sh BUILD-DIR
#
# Every ```tw block of the manual is a whole program and a test.
set -eu
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

awk -v dir="$tmp" '
	/^```tw$/ { n++; name = sprintf("%s/spec_line_%03d.tw", dir, NR); next }
	/^```/ { name = "" }
	name { print > name }
	END { exit n == 0 }' lang/spec.md
JOBS=1 tests/run.sh "$1" "$tmp"/*.tw
