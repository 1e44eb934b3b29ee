#!/bin/sh
# usage: tests/exhaustive/adder.sh BUILD-DIR
#
# All 1,000,000 prompts "a+b=" of examples/adder.tw through twrun, against
# addition. Prints how many are wrong; exit status 1 if any is.
set -eu
bin=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

"$bin/twc" examples/adder.tw -o "$tmp/adder.onnx"
parts=$(nproc)
for part in $(seq 0 $((parts - 1))); do
	(
		list() {        # prompts, or sums, of every parts-th a
			awk -v part="$part" -v parts="$parts" -v sums="$1" 'BEGIN {
				for (a = part; a < 1000; a += parts)
					for (b = 0; b < 1000; b++)
						print sums ? a + b : a "+" b "=" }'
		}
		list 0 >"$tmp/prompts$part"
		list 1 >"$tmp/sums$part"
		"$bin/twrun" "$tmp/adder.onnx" --batch "$tmp/prompts$part" >"$tmp/answers$part" || echo "twrun failed" >&2
		# a missing answer is an empty line of paste's, so it counts as wrong
		paste -d ' ' "$tmp/prompts$part" "$tmp/sums$part" "$tmp/answers$part" |
			awk 'NF != 3 || $2 != $3 { wrong++; if (wrong <= 5) print "wrong: " $0 > "/dev/stderr" }
			     END { print NR, wrong + 0 }' >"$tmp/count$part"
	) &
done
wait
cat "$tmp"/count* | awk '
	{ all += $1; wrong += $2 }
	END { printf "adder, exhaustive: %d prompts, %d wrong\n", all, wrong
	      exit all != 1000000 || wrong > 0 }'
