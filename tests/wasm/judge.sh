#!/bin/bash
# usage: tests/wasm/judge.sh BUILD-DIR [SUITE-DIR [MODULES]]
#
# twasm against other engines: C programs compiled here, in node, run by the machine and by a
# transformer of their own (twasm build); the end of their texts, in ONNX Runtime; random modules
# (MODULES, 100), in node; the official test suite, converted by wast2json, where a folder has it
# as NAME/NAME.json. Such a folder is made of github.com/WebAssembly/testsuite: for each f.wast
#
#     mkdir -p DIR/f && wast2json --disable-bulk-memory --disable-reference-types \
#         --disable-simd f.wast -o DIR/f/f.json
#
# of which this runs what needs i32 and i64 alone and fails at the rest. Ends in "N passed, N
# failed".

cd "$(dirname "$0")/../.." || exit 2
bin=$(cd "$1" && pwd) || exit 2
suite=${2:-}
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0

machine=$bin/wasm32.onnx

# same NAME ENGINE PROGRAM [ARG...]: reads $tmp/in; prints and exits as in node
same() {
	local name=$1 engine=$2 want got
	shift 2
	node --no-warnings "tests/wasm/$engine.mjs" "$@" <"$tmp/in" >"$tmp/want"
	want=$?
	"$bin/twasm" run --model="$machine" --stats "$@" <"$tmp/in" >"$tmp/got" 2>"$tmp/err"
	got=$?
	if [ $got = $want ] && cmp -s "$tmp/want" "$tmp/got"; then
		passed=$((passed + 1))
		echo "$name: as node has it; $(head -n 1 "$tmp/err")"
	else
		failed=$((failed + 1))
		echo "$name: status $got and not $want, or other output: $(head -n 1 "$tmp/err")"
	fi
}

# script NAME.json: adds what it counted
script() {
	local counts
	counts=$("$bin/twasm" test "$1" 2>&1 | tee "$tmp/log" | tail -n 1)
	if [[ $counts =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
		passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
		[ "${BASH_REMATCH[2]}" = 0 ] || head -n 5 "$tmp/log"
	else
		failed=$((failed + 1))
		echo "$1: $counts"
	fi
}

printf 'The quick brown fox' >"$tmp/in"
for c in hashes queens factorial hungarian sudoku brainf; do
	[ $c = sudoku ] &&
		echo 5346.8912672195348198342567859761.234268.3791713.24856.6153728428741.635345286179 \
			>"$tmp/in"
	[ $c = brainf ] && echo '++++++++[>++++++++<-]>+.+.+.>++++++++++.,.!x' >"$tmp/in"
	clang --target=wasm32 -O2 -ffreestanding -fno-builtin -nostdlib -c tests/wasm/$c.c \
		-o "$tmp/o"
	wasm-ld --no-entry --export=main --allow-undefined "$tmp/o" -o "$tmp/$c.wasm"
	same $c node "$tmp/$c.wasm"
	"$bin/twasm" build "$tmp/$c.wasm" -o "$tmp/$c.onnx" && machine=$tmp/$c.onnx
	same "$c, in its own weights" node "$tmp/$c.wasm"
	machine=$bin/wasm32.onnx
done
clang --target=wasm32-wasi --sysroot=/usr -O2 -c tests/wasm/mandelbrot.c -o "$tmp/o"
lib=/usr/lib/wasm32-wasi
wasm-ld -L$lib $lib/crt1-command.o "$tmp/o" -lc -o "$tmp/mandelbrot.wasm"
printf 'pear\nfig\napple\nquince\n' >"$tmp/in"
same mandelbrot wasi "$tmp/mandelbrot.wasm" one 'two three'

# The last 200 steps of a program, or all if they are fewer, in twrun and in ONNX Runtime: each
# token the same.
engines() {
	local steps
	set -- --model="$machine" "$1"
	"$bin/twasm" run --stats "$@" <"$tmp/in" >/dev/null 2>"$tmp/err"
	steps=$(sed -n 's/ steps in .*//p' "$tmp/err")
	[ "$steps" -gt 200 ] || { "$bin/twasm" prompt "$@" >"$tmp/kept"; }
	[ "$steps" -le 200 ] || "$bin/twasm" run --steps=$((steps - 200)) --checkpoint="$tmp/kept" \
		"$@" <"$tmp/in" >/dev/null
	{ tr '\n' ' ' <"$tmp/kept"; echo; } >"$tmp/prompt"
	"$bin/twrun" "$machine" --prompt "$tmp/prompt" >"$tmp/got"
	node tests/model/judge.mjs "$machine" "$tmp/prompt" --mode step >"$tmp/want"
	[ "$steps" -le 200 ] || steps=200
	if [ "$(grep -o 'puts: ' "$tmp/got" | wc -l)" = "$steps" ] &&
		cmp -s "$tmp/want" "$tmp/got"; then
		passed=$((passed + 1))
		echo "$(basename "$2"): $steps steps as ONNX Runtime has them"
	else
		failed=$((failed + 1))
		echo "$(basename "$2"): ONNX Runtime and twrun differ"
	fi
}
printf 'fox' >"$tmp/in"
for c in hashes queens factorial hungarian; do
	engines tests/wasm/$c.wasm
done
machine=$tmp/queens.onnx
engines "$tmp/queens.wasm"
machine=$bin/wasm32.onnx
for c in fib gcd primes bubble; do
	engines tests/wasm/isa/$c.isa
done
engines "$tmp/mandelbrot.wasm"
echo '+++>>++[<]<.>>++++[<++++++++>-]<.++.!' >"$tmp/in"
engines tests/wasm/brainf.wasm

before=$failed
for n in $(seq "${3:-100}"); do
	node tests/wasm/isa.mjs --random "$n" >"$tmp/random.isa"
	want=$(node tests/wasm/isa.mjs "$tmp/random.isa")
	case $("$bin/twasm" run "$tmp/random.isa" 2>&1) in
	*"$want"*) passed=$((passed + 1)) ;;
	*)
		failed=$((failed + 1))
		echo "isa.mjs --random $n: twasm does not say $want"
		;;
	esac
done
[ $failed = $before ] && echo "random programs of 55 opcodes: as isa.mjs has them"

mkdir "$tmp/random"
seed=${SEED:-$(date +%s)}
node tests/wasm/random.mjs "${3:-100}" "$seed" "$tmp/random"
before=$failed
script "$tmp/random/random.json"
echo "random modules, seed $seed: $(tail -n 1 "$tmp/log")"
[ $failed = $before ] || cp -r "$tmp/random" "$bin/wasm-failed"

if [ "$suite" ]; then
	for json in "$suite"/*/*.json; do
		script "$json"
		echo "$(basename "$json" .json): $(tail -n 1 "$tmp/log")"
	done
else
	echo "the official suite is left out: SUITE=DIR names a folder (judge.sh says how)"
fi

echo "$passed passed, $failed failed"
[ $failed = 0 ]
