#!/bin/bash
# usage: bench/kinds.sh BUILD-DIR [KIND...]
#
# All kinds of models through twrun's runtime and ONNX Runtime, one thread each, the same file
# and the same random texts, answers compared: ns a token, one after the other (decoding) and
# each at its best of decoding, whole texts and batches. The last column but one is the ratio of
# the two at their best. Below it what only twrun does: texts for which ONNX Runtime has not the
# memory, many prompts on two threads, and loading models of long contexts.
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/.." || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
shift
failed=0

# dense N: a model of dense layers, of N numbers each, as a raw graph
dense() {
	awk -v n="$1" 'BEGIN {
		seed = 1
		printf "model dense_%d {\n  context 256\n}\n\ninput x: [%d] real -1..1\n\n", n, n
		for (k = 0; k < 3; k++) {
			printf "const W%d = [", k
			for (i = 0; i < n; i++) {
				printf "%s[", i ? ", " : ""
				for (j = 0; j < n; j++) {
					seed = seed * 16807 % 2147483647
					printf "%s%.4f", j ? ", " : "",
						(seed / 1073741824 - 1) / sqrt(n)
				}
				printf "]"
			}
			print "]"
		}
		print "const zero = [0 for i in 0..<" n "]"
		print "let a = relu(linear(x, W0, zero))"
		if (n > 64)
			print "let b = relu(linear(a, W1, zero))"
		else
			print "let b = attend(query: a, key: x, value: a)"
		print "output y = linear(b, W2, zero)" }'
}

kind() { # kind NAME SOURCE LENGTH TEXTS [ROWS]
	local ours=() its=()
	case " ${wanted[*]} " in *" $1 "* | '  ') ;; *) return ;; esac
	"$bin/twc" "$2" -o "$tmp/$1.onnx" 2>"$tmp/error" || { cat "$tmp/error"; exit 1; }
	read -ra ours < <("$bin/bench/kinds" "$tmp/$1.onnx" "$3" "$4" "$tmp/fed" "$tmp/said" \
		${5:+"$5"})
	read -ra its < <(node bench/kinds.mjs "$tmp/$1.onnx" "$3" "$4" "$tmp/fed" "$tmp/said")
	[ ${#its[@]} = 4 ] || { echo "$1: failed"; failed=1; return; }
	awk -v what="$1" -v a="${ours[*]}" -v b="${its[*]}" 'function best(x, i, least) {
			least = 0
			for (i = 1; i <= 3; i++)
				if (x[i] && (!least || x[i] < least)) least = x[i]
			return least }
		function shown(x) { return x ? sprintf("%d", x) : "-" }
		BEGIN { split(a, x, " "); split(b, y, " ")
		printf "%-20s %9s %9s %10s %10s %8s %8.1f %9s\n", what, shown(x[1]), shown(best(x)),
			shown(y[1]), shown(best(y)),
			x[1] && y[1] ? sprintf("%.1f", y[1] / x[1]) : "-",
			best(y) / best(x), y[4] }'
	[ "${its[3]}" = 0 ] || failed=1
}

# What ONNX Runtime has not the memory for: twrun alone.
alone() { # alone NAME SOURCE LENGTH TEXTS [ROWS]
	local ours=()
	case " ${wanted[*]} " in *" $1 "* | '  ') ;; *) return ;; esac
	"$bin/twc" "$2" -o "$tmp/$1.onnx" 2>"$tmp/error" || { cat "$tmp/error"; exit 1; }
	read -ra ours < <("$bin/bench/kinds" "$tmp/$1.onnx" "$3" "$4" "$tmp/fed" "$tmp/said" \
		${5:+"$5"})
	printf '%-20s %9s %9s\n' "$1" "${ours[0]}" "${ours[1]}"
}

# A process that loads a model of a long context: its processor time and memory.
loading() { # loading NAME SOURCE CONTEXT
	local ms mb
	case " ${wanted[*]} " in *" $1 "* | '  ') ;; *) return ;; esac
	sed "s/context .*/context $3/" "$2" >"$tmp/$1.tw"
	"$bin/twc" "$tmp/$1.tw" -o "$tmp/$1.onnx" 2>"$tmp/error" || { cat "$tmp/error"; exit 1; }
	read -r _ _ mb ms < <("$bin/bench/measure" 5 "$bin/twrun" "$tmp/$1.onnx" --batch /dev/null)
	printf '%-20s %6s ms %6s MB\n' "$1" "$ms" "$mb"
}

# Many prompts by twrun --batch as a whole process, in wall time: a thread, and two where there are
# two cores.
threads() { # threads NAME EXAMPLE
	local ms=() n
	case " ${wanted[*]} " in *" $1 "* | '  ') ;; *) return ;; esac
	[ "$(nproc)" -gt 1 ] || return
	"$bin/twc" "examples/$2.tw" -o "$tmp/$2.onnx" || exit 1
	"$bin/differential/prompts" "$2" 10000 | cut -f 1 >"$tmp/some"
	for ((n = 0; n < 40; n++)); do cat "$tmp/some"; done >"$tmp/prompts"
	for n in 1 2; do
		read -r ms[n] _ < <("$bin/bench/measure" 7 sh -c 'exec "$@" >/dev/null' sh \
			"$bin/twrun" "$tmp/$2.onnx" --batch "$tmp/prompts" -j "$n")
	done
	awk -v what="$1" -v a="${ms[1]}" -v b="${ms[2]}" -v n="$(wc -l <"$tmp/prompts")" 'BEGIN {
		printf "%-20s %9.0f %9.0f answers/s, on one thread and on two: %.2f x\n", what,
			n / a * 1000, n / b * 1000, a / b }'
}

wanted=("$@")
dense 64 >"$tmp/dense_64.tw"
dense 256 >"$tmp/dense_256.tw"
echo "ns a token, one thread each, on $(sed -n 's/^model name.*: //p;T;q' /proc/cpuinfo):"
printf '%-20s %9s %9s %10s %10s %8s %8s %9s\n' '' twrun 'its best' 'ORT' 'its best' 'x' \
	'x best' differ
kind calculator examples/calculator.tw 12 64
kind calculator_wide examples/calculator_wide.tw 24 64
kind alu32 examples/alu32.tw 4 64
kind machine32 examples/machine32.tw 200 4
kind memory examples/memory.tw 2000 1
kind means_causal bench/models/means_causal.tw 256 16
kind kernel examples/kernel.tw 64 64
kind sort_by_frequency examples/sort_by_frequency.tw 24 64
kind sort_40 bench/models/sort_40.tw 40 64
kind means_bidirectional bench/models/means_bidirectional.tw 256 16
kind dense_64 "$tmp/dense_64.tw" 256 16
kind dense_256 "$tmp/dense_256.tw" 256 16
kind keys_16 bench/models/keys.tw 2000 1 16
kind keys_16000 bench/models/keys.tw 2000 1
alone keys_16_long bench/models/keys.tw 60000 1 16
alone keys_16000_long bench/models/keys.tw 60000 1
alone first_8000 bench/models/first.tw 8000 1
alone first_60000 bench/models/first.tw 60000 1
alone at_place_30000 bench/models/at_place.tw 30000 1
alone prompt_100000 examples/memory.tw 99999 1
threads two_threads calculator
loading load_65536 examples/memory.tw 65536
loading load_2^28 examples/memory.tw 268435456
exit $failed
