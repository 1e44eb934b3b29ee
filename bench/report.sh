#!/bin/bash
# usage: bench/report.sh BUILD-DIR
#
# What this compiler is meant to reach and what it reaches, from compiles made now:
# sizes of models beside the figures asked for, of others and of hand-made ones, then
# times and memory of whole processes. Then every example with its longest chain.
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/.." || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT

field() { # field FILE NAME: of a JSON report, arrays summed up
	sed -n "/\"$2\":/{s/.*: *//;s/[],[]/ /g;p;}" "$1" |
		awk '{ for (i = 1; i <= NF; i++) n += $i } END { print n }'
}

# ---- sizes ----

# row WHAT SOURCE LAYERS WIDTH OTHERS BY-HAND [FLAG...]: at most so many layers, so
# wide; - where nothing is asked.
row() {
	local what=$1 source=$2 layers=$3 width=$4 others=$5 hand=$6
	shift $(($# < 6 ? $# : 6))
	if ! "$bin/twc" report "$source" --json "$@" >"$tmp/json" 2>"$tmp/error"; then
		printf '%-28s %4s / %-5s %s\n' "$what" "$layers" "$width" \
			"$(sed -n 's/^.*error: //p;1q' "$tmp/error")"
		return
	fi
	local l d
	l=$(field "$tmp/json" layers) d=$(field "$tmp/json" d_model)
	local met=yes
	[ "$layers" = - ] || [ "$l" -le "$layers" ] || met=no
	[ "$width" = - ] || [ "$d" -le "$width" ] || met=no
	printf '%-28s %4s / %-5s %4d / %-5d %-4s %6d %8d %9d   %-22s %s\n' "$what" \
		"$layers" "$width" "$l" "$d" $met "$(field "$tmp/json" heads)" \
		"$(field "$tmp/json" neurons)" "$(field "$tmp/json" nonzeros)" "$others" "$hand"
}

echo "layers / d_model:"
printf '%-28s %12s %12s %-4s %6s %8s %9s   %-22s %s\n' model asked reached met heads neurons \
	nonzeros others 'by hand'
row 'adder, 3 digits' examples/adder.tw 3 24 '29 / 1024' '3 / 9, 2 / 16'
row 'calculator, 3 digits' examples/calculator.tw 4 40 '38 / 2048, 25-29 / 8192' '4 / 14, 3 / 24'
row '  the same, --d-model 24' examples/calculator.tw - 24 '' '' --d-model 24
row 'calculator, 9 digits' examples/calculator_wide.tw 6 120 '38-43 / 8192' '6 / 55, 5 / 59'
row 'scratchpad, 3 digits' examples/calculator_scratchpad.tw 5 - '18, fails at 9 digits'
for n in 6 9 12 15 20; do        # carries go up to 9 for a digit
	sed "s/before(\(sign\|equals\), 3)/before(\1, $n)/
		s/columns = 6/columns = $((2 * n))/; s/0\.\.<3/0..<$n/
		s/0\.\.28/0..$((9 * n + 1))/; s/context 64/context $((8 * n + 40))/; /^test/d" \
		examples/calculator_scratchpad.tw >"$tmp/scratchpad.tw"
	row "  the same, $n digits" "$tmp/scratchpad.tw" 5 -
done
row 'scratchpad adder, 3 digits' examples/scratchpad_adder.tw - -
row 'binary_increment' examples/binary_increment.tw 3 32 '20 / 512'
row 'caesar' examples/caesar.tw 2 32
row 'reverse' examples/reverse.tw 3 32
row 'histogram' examples/histogram.tw 3 32
row 'sort_digits, 10 digits' examples/sort_digits.tw 3 64 '37-63 / 384'

for t in tests/rasp/*.tw; do        # what one head and one MLP need for each step
	row "rasp: $(basename "$t" .tw)" "$t" "$(sed -n '1s/# layers: //p' "$t")" -
done
for t in tests/walls/*.tw; do        # what each says it takes at most
	most=$(sed -n 's/^# AT MOST: \([0-9]*\) layers.*/\1/p' "$t")
	row "walls: $(basename "$t" .tw)" "$t" "$most" -
done
for n in 3 8; do        # random automata of n states
	awk -v n=$n 'BEGIN {
		srand(n)
		print "use seq\nmodel automaton { vocab \"abc\" context 500 }"
		for (i = 0; i < n; i++) {
			row = ""
			for (k = 0; k < 3; k++)
				row = row (k ? ", " : "") int(n * rand())
			all = all (i ? ", " : "") "[" row "]"
		}
		print "const next = [" all "]\nfn step(s, x) = next[s][x else 0]"
		print "output state = seq.scan(step, 0, id(token))"
	}' >"$tmp/automaton.tw"
	row "automaton, $n states of 500" "$tmp/automaton.tw" 10 -
done

# Long texts: layers, as above, neurons, and how large the file is.
long_row() { # long_row WHAT LAYERS NEURONS CONTEXT OUTPUT [TOKEN]
	local vocab='vocab "01"' n
	printf 'model long { %s context %d }\n%s\n' "${6:-$vocab}" "$4" "$5" >"$tmp/long.tw"
	row "$1" "$tmp/long.tw" "$2" -
	"$bin/twc" "$tmp/long.tw" -o "$tmp/long.onnx" 2>"$tmp/error" || return
	n=$("$bin/twc" report "$tmp/long.tw" --json | sed -n '/"compile_ms"/s/[^0-9.]//gp')
	printf '%-28s at most %s neurons and 1 MB: %s bytes%s\n' '' "$3" \
		"$(wc -c <"$tmp/long.onnx")" "${n:+, compiled in $n ms}"
}
echo
echo "long texts:"
ones="count(token[j] == '1' for j)"
long_row 'count > k, 1,000,000' 2 - 1000000 "output x = $ones > 777777"
long_row 'majority, 1,000,000' 2 - 1000000 "output x = $ones > count(token[j] == '0' for j)"
long_row 'parity, 1,000,000' 7 - 1000000 "output x = $ones % 2"
long_row 'the count, 100,000' 6 600 100000 "output x = $ones"
long_row 'latest by key, 26 bits, 2^28' 3 - 268435456 \
	'let j = latest j where token.store[j] and token.w[j] == token.q
output x = token.v[j else 0]' \
	'token { store: bool, w: [26] bool, q: [26] bool, v: int 0..9 }'

# ---- times ----

# time_row WHAT SOURCE RUNS ASKED-MS ASKED-MB: a busy machine stretches the time that
# passes, not the time that the processor needs
time_row() {
	if [ ! -f "$2" ]; then
		printf '%-32s %8s ms %6s MB   %s\n' "$1" "$4" "$5" 'there is no such program yet'
		return
	fi
	read -r _ middle most busy < <(
		"$bin/bench/measure" "$3" "$bin/twc" "$2" -o "$tmp/x.onnx" 2>/dev/null)
	local met
	met=$(awk -v a="$middle" -v b="$4" -v m="$most" -v n="$5" 'BEGIN {
		print a <= b && (n == "-" || m <= n) ? "yes" : "no" }')
	printf '%-32s %8s ms %6s MB %9s ms %6.0f MB  %-4s %9s ms\n' "$1" "$4" "$5" "$middle" \
		"$most" "$met" "$busy"
}

echo
echo "twc SOURCE -o OUT.onnx, a whole process:"
printf '%-32s %21s %22s  %-4s %s\n' program 'at most' 'middle of runs' met 'processor time'
# the longest example of at most 20 lines
for f in examples/*.tw; do
	n=$(grep -vc '^#\|^test\|^$' "$f")
	[ "$n" -le 20 ] && echo "$n $f"
done | sort -n | tail -n 1 >"$tmp/twenty"
read -r lines twenty <"$tmp/twenty"
time_row "$(basename "$twenty" .tw), $lines lines" "$twenty" 21 5 -
time_row 'calculator, 3 digits' examples/calculator.tw 11 1000 300
time_row 'calculator, 9 digits' examples/calculator_wide.tw 3 1000 300
for n in 25000 50000 100000; do
	"$bin/bench/generate_rules" $n >"$tmp/rules.tw"
	nodes=$("$bin/twc" --dump=lower "$tmp/rules.tw" | grep -c '^ *n[0-9]* =')
	time_row "rules, $nodes nodes" "$tmp/rules.tw" 1 $((20000 * n / 100000)) -
done

echo
for f in examples/*.tw; do "$bin/twc" report "$f" || exit; echo; done
