#!/bin/bash
# usage: bench/run.sh BUILD-DIR
#
# Prints what it costs to compile each example (whole processes), how large the
# transformer is, and how fast twrun answers, beside ONNX Runtime over the same
# file and prompts in the same run.
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/.." || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT

field() { # field NAME: of the JSON report, arrays summed up
	sed -n "/\"$1\":/{s/.*: *//;s/[],[]/ /g;p;}" "$tmp/report" | awk '{ for (i = 1; i <= NF; i++) n += $i } END { print n }'
}

printf '%-18s %6s %7s %6s %8s %10s %9s   %s\n' example layers d_model heads neurons parameters nonzeros 'compile: ms, MB'
for source in examples/*.tw; do
	name=$(basename "$source" .tw)
	"$bin/twc" report "$source" --json >"$tmp/report" || exit 1
	read -r _ middle most < <("$bin/bench/measure" 11 "$bin/twc" "$source" -o "$tmp/$name.onnx")
	printf '%-18s %6d %7d %6d %8d %10d %9d   %s ms, %s MB\n' "$name" "$(field layers)" "$(field d_model)" \
		"$(field heads)" "$(field neurons)" "$(field parameters)" "$(field nonzeros)" "$middle" "$most"
done

# Answers a second, over the calculator's prompts; ONNX Runtime takes them in
# batches, which is the best it can do.
"$bin/differential/prompts" calculator 10000 | cut -f 1 | head -n 10000 >"$tmp/prompts"
n=$(wc -l <"$tmp/prompts")
echo
echo "calculator, $n prompts, whole processes (loading included):"
read -r _ ours _ < <("$bin/bench/measure" 3 "$bin/twrun" "$tmp/calculator.onnx" --batch "$tmp/prompts" >"$tmp/out"; tail -n 1 "$tmp/out")
read -r _ peer _ < <("$bin/bench/measure" 1 node tests/model/judge.mjs "$tmp/calculator.onnx" "$tmp/prompts" >"$tmp/out"; tail -n 1 "$tmp/out")
awk -v n="$n" -v ours="$ours" -v peer="$peer" 'BEGIN {
	printf "  twrun         %8.0f ms, %7.0f answers a second\n", ours, n / ours * 1000
	if (peer) printf "  ONNX Runtime  %8.0f ms, %7.0f answers a second\n", peer, n / peer * 1000 }'
