#!/bin/bash
# usage: tests/wasm/run.sh BUILD-DIR
#
# WebAssembly programs in the machine: what they print, how they exit, what is refused. The .wasm
# files are made of the .c and .wast beside them (make.sh); what is expected here was
# printed by node (node.mjs), and own.wast is judged by wabt too.

cd "$(dirname "$0")/../.." || exit 2
bin=$(cd "$1" && pwd) || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
failed=0

fail() {
	echo "tests/wasm: $*"
	failed=1
}

# check STATUS OUTPUT ERROR COMMAND...: OUTPUT may be *; ERROR is part of standard error
check() {
	local status=$1 output=$2 error=$3 got
	shift 3
	"$@" >"$tmp/out" 2>"$tmp/err"
	got=$?
	[ $got = "$status" ] || fail "status $got, not $status: $*"
	[ "$output" = '*' ] || [ "$(cat "$tmp/out")" = "$output" ] ||
		fail "$*: printed '$(head -c 300 "$tmp/out")', not '$output'"
	[ -z "$error" ] || grep -qF -e "$error" "$tmp/err" ||
		fail "$*: said '$(head -c 300 "$tmp/err")', not '$error'"
}

twasm=$bin/twasm here=tests/wasm

check 0 $'ae4d67e2\nb74574de\n5cac4f980fedc3d3f1f99b4be3472c9b30d56523e632d151237ec9309048bda9' '' \
	"$twasm" run $here/hashes.wasm < <(printf 'The quick brown fox')
sorted='-93 -62 -53 -41 23 26 31 58 59 64 84 97' reversed='97 84 64 59 58 31 26 23 -41 -53 -62 -93'
check 7 $'2 10 4 \n'"$sorted"$'\n'"$reversed" '' \
	"$twasm" run $here/queens.wasm
check 0 $'9 5 10 8 4 7 2 3 1 6\n142' '' "$twasm" run $here/hungarian.wasm
puzzle=5346.8912672195348198342567859761.234268.3791713.24856.6153728428741.635345286179
check 0 "$(sed 's/./& /g; s/ *$//' <<<$'534678912\n672195348\n198342567\n859761423\n426853791\n713924856\n961537284\n287419635\n345286179')" '' \
	"$twasm" run $here/sudoku.wasm <<<"$puzzle"
hello='++++++++[>++++[>++>+++>+++>+<<<<-]>+>+>->>+[<]<-]>>.>---.+++++++..+++.>,.!x'
check 0 Hellox '' "$twasm" run $here/brainf.wasm <<<"$hello"
last=$("$twasm" test $here/own.json | tail -n 1)
[[ $last = "45 passed, 0 failed; 2 modules,"* ]] || fail "own.json: $last"

# The same with softmax over everything beside the look-ups.
check 1 '' 'stopped after 20 steps' "$twasm" run --check --steps=20 $here/hashes.wasm <<<fox

# Whatever is computed for a step, the steps are the same; so are the logits, beside all weights.
for rung in T0 T1 T2; do
	"$twasm" run --rung=$rung --trace --steps=60 $here/hashes.wasm <<<fox >"$tmp/out" \
		2>"$tmp/$rung"
	cmp -s "$tmp/T0" "$tmp/$rung" || fail "--rung=$rung: other steps"
	[ $rung = T0 ] ||
		check 1 '' 'stopped after 400 steps' \
			"$twasm" run --rung=$rung --check --steps=400 $here/queens.wasm
done
"$twasm" run --rung=T1 --trace --steps=3000 $here/queens.wasm >"$tmp/out" 2>"$tmp/T1"
"$twasm" run --trace --steps=3000 $here/queens.wasm >"$tmp/out" 2>"$tmp/T2"
cmp -s "$tmp/T1" "$tmp/T2" || fail 'T1 and T2: other steps'
check 7 '*' 'T2: what is different' "$twasm" run --stats $here/queens.wasm
check 2 '' 'T0|T1|T2' "$twasm" run --rung=T3 $here/queens.wasm

# Stopped and gone on with: the same output in two parts, the same exit status.
"$twasm" run --steps=4000 --checkpoint="$tmp/kept" $here/queens.wasm >"$tmp/first" ||
	fail "no checkpoint"
sorted='-93 -62 -53 -41 23 26 31 58 59 64 84 97' reversed='97 84 64 59 58 31 26 23 -41 -53 -62 -93'
check 7 $'2 10 4 \n'"$sorted"$'\n'"$reversed" '' \
	sh -c "cat '$tmp/first'; '$twasm' run --resume='$tmp/kept' $here/queens.wasm"
echo '{kind: state} {kind: state}' >"$tmp/bad"
check 2 '' 'is not one token' "$twasm" run --resume="$tmp/bad" $here/queens.wasm

# The prompt alone is enough for twrun: two positions, and the trap.
"$twasm" prompt $here/traps.wasm >"$tmp/prompt"
check 0 '*' '' "$bin/twrun" "$bin/wasm32.onnx" --prompt "$tmp/prompt"
[[ $(cat "$tmp/out") = *"end: divide_by_zero}" ]] || fail "twrun ends in $(tail -c 60 "$tmp/out")"

# Each word of memory is in the prompt once: all of 65,000.
byte=$(node $here/large.mjs "$tmp/large.wasm")
check "$byte" '' '' "$twasm" run "$tmp/large.wasm"

# The other instruction set: what isa.mjs, another reader of it, printed.
for want in fib:102334155 gcd:21 primes:25 bubble:-1526473430; do
	check 0 "${want#*:}" '' "$twasm" run $here/isa/${want%:*}.isa
done
echo '1 7 1 0 14 0 5 0' >"$tmp/divides.isa" # by number: 7 / 0
check 1 '' 'integer divide by zero, in instruction 2' "$twasm" run "$tmp/divides.isa"
echo 'PUSH 1 JZ 3 PUSH 2 HALT' >"$tmp/two.isa"
check 2 '' 'line 1: instruction 3 (HALT): it is reached with two heights of the stack' \
	"$twasm" run "$tmp/two.isa"
for bad in 'PUSH' 'PUSH 4294967296' 'JUMP 3' 'ADD HALT' 'RETURN' ''; do
	echo "$bad" >"$tmp/bad.isa"
	check 2 '' 'bad.isa: ' "$twasm" run "$tmp/bad.isa"
done

check 2 '' 'wat2wasm, which converts it, is not installed' \
	env PATH=/nowhere "$twasm" run $here/traps.wat

# A trap is told with its function and place, and a step with what it wrote.
check 1 '' "traps.wasm: integer divide by zero, in function 0 (main), offset 0x27" \
	"$twasm" run $here/traps.wasm
check 1 '' 'div_s r2 s65 r1' "$twasm" run --trace $here/traps.wasm
[ "$("$twasm" code $here/traps.wasm | grep -c div_s)" = 1 ] || fail "code shows no division"

# What heads and neurons an instruction uses: the division of traps.wasm is its last step.
"$twasm" explain $here/traps.wasm >"$tmp/kinds" || fail "explain: $?"
grep -qE '^div_s +1 .* fetch a_written b_written$' "$tmp/kinds" || fail "explain: no division"
last=$("$twasm" run --trace $here/traps.wasm 2>&1 | grep -c ' # ')
"$twasm" explain --step="$last" $here/traps.wasm >"$tmp/step"
for line in 'fetch +the code at [0-9]+: div_s r2 s65 r1' 'a_written +s65 = 0x' \
	'next +end: divide_by_zero'; do
	grep -qE "$line" "$tmp/step" || fail "explain --step: no '$line' in $(cat "$tmp/step")"
done
check 2 '' 'it ends after' "$twasm" explain --step=99 $here/traps.wasm

# Programs in weights of their own: the same output and status, in two parts too.
own="--model=$tmp/queens.onnx"
"$twasm" build $here/queens.wasm -o "$tmp/queens.onnx" || fail "build: $?"
check 7 $'2 10 4 \n'"$sorted"$'\n'"$reversed" '' "$twasm" run "$own" $here/queens.wasm
"$twasm" run "$own" --steps=4000 --checkpoint="$tmp/kept" $here/queens.wasm >"$tmp/first"
check 7 $'2 10 4 \n'"$sorted"$'\n'"$reversed" '' \
	sh -c "cat '$tmp/first'; '$twasm' run '$own' --resume='$tmp/kept' $here/queens.wasm"
"$twasm" build $here/traps.wasm -o "$tmp/traps.onnx" || fail "build traps: $?"
for program in queens traps; do
	"$twasm" run --trace --steps=300 $here/$program.wasm 2>"$tmp/machine" >"$tmp/out"
	"$twasm" run --trace --steps=300 --model="$tmp/$program.onnx" $here/$program.wasm \
		2>"$tmp/own" >"$tmp/out"
	cmp "$tmp/machine" "$tmp/own" || fail "$program: other steps in its own weights"
done
check 2 '' 'is that of another program' "$twasm" run "$own" $here/traps.wasm
check 2 '' 'it is the model of one program' "$twasm" test "$own" $here/own.json
"$twasm" build $here/isa/fib.isa -o "$tmp/fib.onnx" || fail "build fib.isa: $?"
check 0 102334155 '' "$twasm" run --model="$tmp/fib.onnx" $here/isa/fib.isa
[ "$("$twasm" prompt --model="$tmp/fib.onnx" $here/isa/fib.isa | wc -l)" = 1 ] ||
	fail "fib.isa needs more than its first state"
"$twasm" build $here/traps.wasm -o "$tmp/traps.tw" && "$bin/twc" check "$tmp/traps.tw" ||
	fail "build -o traps.tw: $?"
{
	echo PUSH 1
	seq 2600 | sed 's/.*/PUSH & ADD/'
	echo HALT
} >"$tmp/long.isa"
check 2 '' 'at most 2500 can be in the weights' "$twasm" build "$tmp/long.isa" -o "$tmp/l.onnx"
echo kept >"$tmp/l.tw"
check 2 '' 'at most 2500 can be in the weights' "$twasm" build "$tmp/long.isa" -o "$tmp/l.tw"
[ ! -e "$tmp/l.onnx" ] && [ "$(cat "$tmp/l.tw")" = kept ] || fail "a file of what was refused"

# What is no module, or not all of one, is refused with a line.
head -c 30 $here/traps.wasm >"$tmp/cut.wasm"
check 2 '' 'functions without bodies' "$twasm" run "$tmp/cut.wasm"
check 2 '' 'does not begin as a WebAssembly module' "$twasm" run $here/own.wast
check 2 '' 'No such file' "$twasm" run "$tmp/none.wasm"
for cut in $(seq 1 3 "$(wc -c <$here/queens.wasm)"); do
	head -c "$cut" $here/queens.wasm >"$tmp/cut.wasm"
	"$twasm" code "$tmp/cut.wasm" >/dev/null 2>"$tmp/err"
	[ $? = 2 ] && [ "$(wc -l <"$tmp/err")" = 1 ] ||
		fail "queens.wasm cut after $cut bytes: $(cat "$tmp/err")"
done

exit $failed
