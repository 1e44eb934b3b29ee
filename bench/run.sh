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
	sed -n "/\"$1\":/{s/.*: *//;s/[],[]/ /g;p;}" "$tmp/report" |
		awk '{ for (i = 1; i <= NF; i++) n += $i } END { print n }'
}

printf '%-18s %6s %7s %6s %8s %10s %9s   %s\n' example layers d_model heads neurons parameters \
	nonzeros 'compile: ms, MB'
for source in examples/*.tw; do
	name=$(basename "$source" .tw)
	"$bin/twc" report "$source" --json >"$tmp/report" || exit 1
	read -r _ middle most _ < <(
		"$bin/bench/measure" 11 "$bin/twc" "$source" -o "$tmp/$name.onnx")
	printf '%-18s %6d %7d %6d %8d %10d %9d   %s ms, %s MB\n' "$name" "$(field layers)" \
		"$(field d_model)" "$(field heads)" "$(field neurons)" "$(field parameters)" \
		"$(field nonzeros)" "$middle" "$most"
done

# ---- speed: twrun's runtime and ONNX Runtime, one thread each, same files and prompts

# A line of the table.
row() { # row WHAT OURS PEER UNIT NOTE
	awk -v what="$1" -v a="$2" -v b="$3" -v unit="$4" -v note="$5" 'BEGIN {
		printf "  %-28s %12.0f %12.0f %s %8.1f x   %s\n", what, a, b, unit, a / b, note }'
}
per_second() { awk -v n="$2" -v s="$1" 'BEGIN { print n / s }'; }

ask() { # ask WAY NAME: into $all $tokens $decoding $decoded
	read -r all tokens decoding decoded < <(
		"$bin/bench/speed" "$1" "$tmp/$2.onnx" "$tmp/prompts" "$tmp/answers.$1") || exit 1
}

compare() { # compare NAME
	local name=$1 n single dense softmax wide many
	"$bin/differential/prompts" "$name" 10000 >"$tmp/all"
	awk -v n="$(wc -l <"$tmp/all")" '
		BEGIN { FS = "\t"; step = int(n / 1000); if (step < 1) step = 1 }
		NR % step == 0 && k++ < 1000' "$tmp/all" >"$tmp/pairs"
	cut -f 1 "$tmp/pairs" >"$tmp/prompts"
	cut -f 2 "$tmp/pairs" >"$tmp/answers.want"
	n=$(wc -l <"$tmp/prompts")

	ask dense "$name" && dense=$(per_second "$decoding" "$decoded")
	ask softmax "$name" && softmax=$(per_second "$decoding" "$decoded")
	ask portable "$name" && wide=$(per_second "$all" "$n")
	ask batch "$name" && many=$(per_second "$all" "$n")
	ask single "$name" && single=$(per_second "$decoding" "$decoded")
	local first=$(per_second "$all" "$n")
	read -r all harness decoding idle decoded size < <(
		node bench/peer.mjs single "$tmp/$name.onnx" "$tmp/prompts" "$tmp/answers.ort")
	local peer=$(awk -v a="$decoding" -v b="$idle" -v n="$decoded" \
		'BEGIN { print n / (a - b) }')
	local note=$(awk -v a="$decoding" -v b="$idle" -v n="$decoded" 'BEGIN {
		printf "its harness: %.0f of %.0f us a token", b / n * 1e6, a / n * 1e6 }')
	local whole=$(awk -v a="$all" -v b="$harness" -v n="$n" 'BEGIN { print n / (a - b) }')
	read -r all harness decoding idle decoded size < <(
		node bench/peer.mjs batch "$tmp/$name.onnx" "$tmp/prompts" "$tmp/answers.ortbatch")
	local batch=$(awk -v a="$all" -v b="$harness" -v n="$n" 'BEGIN { print n / (a - b) }')
	local its=$(awk -v a="$all" -v b="$harness" -v size="$size" 'BEGIN {
		printf "in batches of %d; its harness: %.0f %%", size, b / a * 100 }')

	echo
	printf '%-30s %12s %12s\n' "$name, $n prompts" twrun 'ONNX Runtime'
	row 'single stream, decoding' "$single" "$peer" 'tokens/s ' "$note"
	row 'single stream, all of it' "$first" "$whole" 'answers/s' 'prompt in one call'
	row 'batch' "$many" "$batch" 'answers/s' "$its"
	row 'batch, portable code' "$wide" "$batch" 'answers/s' 'no instructions beyond the base'
	row 'softmax, zeros skipped' "$softmax" "$peer" 'tokens/s ' \
		'decoding; what is gained without look-ups'
	row 'softmax, every zero kept' "$dense" "$peer" 'tokens/s ' 'decoding; dense'
	local wrong=0
	for answers in single batch portable softmax dense ort ortbatch; do
		wrong=$((wrong + $(paste "$tmp/answers.want" "$tmp/answers.$answers" |
			awk -F '\t' '$1 != $2' | wc -l)))
	done
	echo "  answers that differ from arithmetic, in all seven ways: $wrong"
	[ $wrong = 0 ] || exit 1
}

echo
echo "Speed: one thread each, after a warm-up; each answer and each call at its fastest of"
echo "several. ONNX Runtime has its cache; what its harness costs is off before the ratio."
for name in calculator adder caesar; do
	compare "$name"
done

echo
printf '%-30s %12s %12s %12s\n' "a token, alone" 'at its start' 'at its end' 'bytes/position'
read -r first last bytes context < <("$bin/bench/speed" long "$tmp/memory.onnx")
awk -v a="$first" -v b="$last" -v bytes="$bytes" -v n="$context" 'BEGIN {
	printf "  %-28s %9.0f ns %9.0f ns %14.1f\n", "memory, context " n, a, b, bytes }'
read -r ms bytes < <("$bin/bench/speed" load "$tmp/calculator.onnx")
echo
echo "calculator: loaded in $ms ms; a session takes $bytes bytes a position"

# ---- all kinds of models

echo
bench/kinds.sh "$bin" || exit 1

# ---- the language server, in an editor

echo
node bench/lsp.mjs "$bin/twc"
