#!/bin/bash
# usage: tests/prove/run.sh BUILD-DIR
#
# twprove proves every example, test of the language and module of the library that claims to be
# exact, from its file alone; open.txt has those that it does not prove yet, each with its reason,
# and fails here as soon as one of them is proved, so that the list shrinks. A file that is no
# model is told from one that is not exact.
cd "$(dirname "$0")/../.." || exit 2
bin=$(cd "$1" && pwd)
tmp=$(mktemp -d)
export ASAN_OPTIONS=detect_leaks=0        # what twprove has read it gives back by ending
trap 'rm -rf "$tmp"' EXIT
failed=0

complain() {
	echo "$1"
	failed=1
}

# The examples, the tests of the language and the library, by its examples.
prove_all() {
	for e; do
		name=$(basename "$e" .tw)
		grep -q 'ERROR: ' "$e" && continue
		"$bin/twc" prove --no-warnings "$e" >"$tmp/out.$name" 2>&1
		status=$?
		[ $status = 2 ] && grep -q '^# RUN: ' "$e" && continue # refused on purpose
		if grep -q "^$name: " tests/prove/open.txt; then
			[ $status != 0 ] || echo "$name is proved, and open.txt says that it is not"
		elif [ $status != 0 ]; then
			echo "$name: exit status $status: $(head -n 3 "$tmp/out.$name")"
		fi
		grep -q "^$name: \|^circuit of $name: " tests/prove/open.txt ||
			grep -q 'circuit \([0-9]*\) of \1,' "$tmp/out.$name" ||
			echo "$name is not shown to be its circuit"
	done
}
export -f prove_all
export bin tmp
ls examples/*.tw tests/lang/*.tw stdlib/*.tw |
	xargs -n 8 -P "$(nproc)" bash -c 'prove_all "$@"' _ >"$tmp/all"
[ ! -s "$tmp/all" ] || complain "$(cat "$tmp/all")"

for kind in onnx safetensors; do
	"$bin/twc" examples/adder.tw -o "$tmp/m.$kind"
	"$bin/twprove" --json "$tmp/m.$kind" | sed 's/^{"file":"[^"]*"/{/' >"$tmp/$kind.json"
done
cmp -s "$tmp/onnx.json" "$tmp/safetensors.json" || complain "the two kinds of file are told apart"
grep -q '"proved":true' "$tmp/onnx.json" || complain "--json does not say that it is proved"
for n in 0 1 8 100 1000 5000 9000; do
	for kind in onnx safetensors; do
		head -c $n "$tmp/m.$kind" >"$tmp/cut"
		"$bin/twprove" "$tmp/cut" 2>/dev/null
		[ $? = 2 ] || complain "$n bytes of a file ($kind) are taken for a model"
	done
done
sed 's/Relu/Sqrt/' "$tmp/m.onnx" >"$tmp/other.onnx"
"$bin/twprove" "$tmp/other.onnx" 2>"$tmp/err"
[ $? = 2 ] && grep -q "Relu.*is missing" "$tmp/err" || complain "another graph is taken for ours"

"$bin/twc" tests/lang/only.tw -o "$tmp/m.onnx" && "$bin/twprove" "$tmp/m.onnx" >"$tmp/out"
[ $? = 0 ] && grep -q "assumed: 3 heads" "$tmp/out" ||
	complain "what an 'only' promises is not said"
"$bin/twc" examples/adder.tw -o "$tmp/m.onnx"

# A model of another target is told from a broken file.
"$bin/twc" examples/caesar.tw -o "$tmp/llama.gguf" && "$bin/twc" examples/caesar.tw -o "$tmp/llama/"
for file in llama.gguf llama/model.safetensors; do
	"$bin/twprove" "$tmp/$file" 2>"$tmp/err"
	[ $? = 2 ] && grep -q "a Llama" "$tmp/err" || complain "$file: $(cat "$tmp/err")"
done

# Of the machine of twasm all heads are proved, and of its sums not all yet. The scores of one head
# are of bits that carry, so that its queries are looked at case by case.
if [ -f "$bin/wasm32.onnx" ]; then
	"$bin/twprove" --json "$bin/wasm32.onnx" >"$tmp/out"
	[ $? = 1 ] && grep -q '"scores":\[\([0-9]*\),\1\],"heads":\[\([0-9]*\),\2\]' "$tmp/out" ||
		complain "the machine: $(head -c 300 "$tmp/out")"
	for change in 'wk 3 64' 'bq 0 8'; do
		node tests/prove/change.mjs "$bin/wasm32.onnx" "$tmp/other.onnx" layers.3.$change
		"$bin/twprove" --json "$tmp/other.onnx" >"$tmp/out"
		[ $? = 1 ] && ! grep -q '"scores":\[\([0-9]*\),\1\]' "$tmp/out" ||
			complain "the machine with another $change: $(head -c 300 "$tmp/out")"
	done
fi

# A weight that was changed is told by the digest; a claim that is not so by working it out.
node tests/prove/change.mjs "$tmp/m.onnx" "$tmp/other.onnx" layers.1.wk 0 16777216
"$bin/twprove" "$tmp/other.onnx" >"$tmp/out"
[ $? = 1 ] && grep -q "they were changed" "$tmp/out" &&
	grep -q "head 0 of layer 1 (finds plus)" "$tmp/out" ||
	complain "a changed weight is not told from another: $(cat "$tmp/out")"
sed 's/"gap":128/"gap":129/' "$tmp/m.onnx" >"$tmp/other.onnx"
"$bin/twprove" "$tmp/other.onnx" >"$tmp/out"
[ $? = 1 ] && grep -q "leads by 129, which is 128" "$tmp/out" ||
	complain "a false claim holds"

# What a value can be, and on what it depends.
"$bin/twc" prove --range "a[0]" examples/calculator.tw >"$tmp/out"
grep -q "between 0 and 9$" "$tmp/out" || complain "the range of a digit: $(tail -n 1 "$tmp/out")"
"$bin/twc" prove --depends ok examples/dyck1.tw >"$tmp/out"
grep -q "how many positions head" "$tmp/out" || complain "what dyck1 depends on is not told"
"$bin/twc" prove --range nothing examples/adder.tw >"$tmp/out" 2>&1
[ $? = 2 ] && grep -q "is called 'nothing'" "$tmp/out" || complain "an unknown name is taken"
"$bin/twc" examples/adder.tw -o "$tmp/m.onnx" --prove | grep -q "m.onnx: proved" ||
	complain "--prove does not prove"

# The weights are what the circuit says; a changed one is not, whether it is exact or not.
"$bin/twc" examples/adder.tw -o "$tmp/m.onnx" --prove >/dev/null
"$bin/twprove" --circuit "$tmp/m.onnx" >"$tmp/out" || complain "not its circuit: $(cat "$tmp/out")"
node tests/prove/change.mjs "$tmp/m.onnx" "$tmp/other.onnx" layers.1.w1 2 -1
"$bin/twprove" --circuit "$tmp/other.onnx" >"$tmp/out"
[ $? = 1 ] && grep -q "neuron . of layer 1.*not shown" "$tmp/out" ||
	complain "a changed neuron is taken for the circuit's: $(cat "$tmp/out")"

# The circuit means the graph, node by node; another operator is told.
"$bin/twc" examples/adder_1digit.tw -o "$tmp/m.onnx" --prove >/dev/null
"$bin/twprove" --graph "$tmp/m.onnx" >"$tmp/out" && grep -q 'graph \([0-9]*\) of \1,' "$tmp/out" ||
	complain "the circuit is not its graph: $(cat "$tmp/out")"
for change in '"DIV"/"DIX"' '"DIV"/"MOD"' '"MOD"/"DIV"' '"ADD"/"SUB"' \
	'"of":\[14,15\]/"of":[14,17]' \
	'"READ","k":0,"of":\[20,2\]/"READ","k":0,"of":[19,2]' '"next":\[26\]/"next":[25]'; do
	sed "s/$change/" "$tmp/m.onnx" >"$tmp/other.onnx"
	"$bin/twprove" --graph "$tmp/other.onnx" >"$tmp/out"
	[ $? = 1 ] && grep -q " of the graph.*: its form is " "$tmp/out" ||
		complain "a graph with $change means the same: $(cat "$tmp/out")"
done
"$bin/twc" examples/adder.tw -o "$tmp/m.onnx" --prove >/dev/null

# Two programs, or a program and a model, over all prompts of a shape.
sed 's/, 3)/, 2)/' examples/adder.tw >"$tmp/two.tw"
"$bin/twc" equal examples/adder.tw "$tmp/m.onnx" --shape 'D{1,2}+D{2}=' >"$tmp/out" &&
	grep -q "equal: all 11000 prompts" "$tmp/out" || complain "adder is not equal to itself"
"$bin/twc" equal --no-warnings examples/adder.tw "$tmp/two.tw" --shape '[12]D{1,2}+3=' >"$tmp/out"
[ $? = 1 ] && grep -q "not equal, with '100+3='" "$tmp/out" ||
	complain "an adder of two digits: $(cat "$tmp/out")"

# Of a program alone: its asserts are properties of all prompts of a shape.
echo 'assert sum[2] < 9 or a[2] + b[2] != 9, "no carry"' | cat examples/adder.tw - >"$tmp/two.tw"
"$bin/twc" prove examples/adder.tw --shape 'D{1,2}+D{2}=' >"$tmp/out" &&
	grep -q "all 11000 prompts of the shape: answered as the program means" "$tmp/out" ||
	complain "adder over a shape: $(tail -n 1 "$tmp/out")"
"$bin/twc" prove "$tmp/two.tw" --shape '[19]D+D{2}=' >"$tmp/out" &&
	grep -q "2000 prompts.*its asserts hold" "$tmp/out" || complain "an assert that holds"
"$bin/twc" prove "$tmp/two.tw" --shape '[34]00+5D0=' >"$tmp/out"
[ $? = 1 ] && grep -q "with '400+500=', after 10 prompts that are: an assert.*carry" "$tmp/out" ||
	complain "a broken assert: $(tail -n 2 "$tmp/out")"
"$bin/twc" prove --no-warnings "$tmp/m.onnx" --shape 'D' 2>"$tmp/err"
[ $? = 2 ] && grep -q "is of a program" "$tmp/err" || complain "--shape of a model is taken"

# A few changed models; make test-check has a thousand.
[ "${SLOW:-}" ] ||
	node tests/prove/mutants.mjs "$bin" 40 "$tmp/m.onnx=examples/adder.tw" >"$tmp/out" ||
	complain "$(cat "$tmp/out")"
exit $failed
