#!/bin/bash
# usage: tests/cli.sh BUILD-DIR
#
# The command lines of twc and twrun: what they print, where, and how they exit.
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/.." || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
failed=0
fail() { echo "$*"; failed=1; }

# check STATUS OUTPUT ERRORS COMMAND...: exit status; standard output, whole;
# what standard error contains, in one line ('' for silence, '*' for anything).
check() {
	local status=$1 out=$2 err=$3 got
	shift 3
	timeout 60 "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	got=$?
	local why=
	[ $got = "$status" ] || why="exit status $got, not $status"
	[ "$out" = '*' ] || [ "$out" = "$(cat "$tmp/out")" ] ||
		why="printed '$(head -c 300 "$tmp/out")', not '$out'"
	case $err in
	'*') ;;
	'')  [ -s "$tmp/err" ] && why="said '$(head -c 300 "$tmp/err")'" ;;
	*)   grep -qF -e "$err" "$tmp/err" || why="said '$(head -c 300 "$tmp/err")', not '$err'"
	     [ "$(wc -l <"$tmp/err")" = 1 ] || why="more than a line on standard error" ;;
	esac
	[ -z "$why" ] || fail "$*: $why"
}
twc=$bin/twc twrun=$bin/twrun calc=examples/calculator.tw model=$tmp/calculator.onnx

check 0 '' ''   "$twc" $calc -o "$model"
check 0 408 ''  "$twrun" "$model" "12*34="
check 0 408 ''  "$twc" run $calc "12*34="
check 0 '' ''   "$twc" $calc -o "$tmp/c.safetensors"
check 0 408 ''  "$twrun" "$tmp/c.safetensors" "12*34="

# An ordinary Llama: a file, a folder, the same bytes each time; and why there is none.
check 0 '' ''   "$twc" $calc -o "$tmp/c.gguf"
[ "$(head -c 4 "$tmp/c.gguf")" = GGUF ] || fail "c.gguf is no GGUF"
check 0 '' ''   "$twc" $calc -o "$tmp/again.gguf"
cmp -s "$tmp/c.gguf" "$tmp/again.gguf" || fail "a .gguf differs when written again"
check 0 '' ''   "$twc" $calc -o "$tmp/folder/"
check 0 '' ''   "$twc" $calc -o "$tmp/folder/"
for name in config generation_config tokenizer tokenizer_config special_tokens_map; do
	node -e 'JSON.parse(require("fs").readFileSync(process.argv[1]))' "$tmp/folder/$name.json" ||
		fail "$name.json is no JSON"
done
[ -s "$tmp/folder/model.safetensors" ] || fail "a folder has no weights"
check 0 '' ''   "$twc" $calc -o "$tmp/folder.onnx/"
check 0 408 ''  "$twrun" "$tmp/folder.onnx/onnx/model.onnx" "12*34="
[ -s "$tmp/folder.onnx/tokenizer.json" ] || fail "a folder of an .onnx has no tokenizer"
check 2 '' "it labels and does not emit" "$twc" examples/tally.tw -o "$tmp/none.gguf"
check 2 '' "it labels and does not emit" "$twc" examples/tally.tw -o "$tmp/none.onnx/"
check 2 '' "config.json: Not a directory" "$twc" $calc -o "$tmp/c.gguf/"
"$twc" examples/memory.tw -o "$tmp/none.gguf" 2>"$tmp/err" && fail "memory.gguf is written"
grep -q 'the head of line 11 (latest) needs keys' "$tmp/err" &&
	grep -q 'with --profile=f32 .* -ctk f32 -ctv f32 -fa off' "$tmp/err" ||
	fail "a file for a 16-bit cache is refused without a word of what to do"
[ ! -e "$tmp/none.gguf" ] || fail "what is refused is written"
check 0 '' ''   "$twc" examples/memory.tw --profile=f32 -o "$tmp/memory.gguf"

# The circuit as data.
check 0 '' ''   "$twc" graph examples/adder.tw -o "$tmp/adder.json"
node -e 'const c = JSON.parse(require("fs").readFileSync(process.argv[1]));
	const edge = c.edges.find((e) => e[0] == "m0.n0" && e[1] == "a1.h0");
	if (c.name != "adder" || !edge || edge[2] != "v0" || !c.circuit.nodes) process.exit(1)' \
	"$tmp/adder.json" || fail "the adder as data lacks an edge"

# Data sets: as many lines as asked, each with an answer that the program gives; a seed is one set.
"$twc" sample $calc -n 50 --seed 7 >"$tmp/samples"
"$twc" sample $calc -n 50 --seed 7 -o "$tmp/again.jsonl" &&
	cmp -s "$tmp/samples" "$tmp/again.jsonl" ||
	fail "twc sample gives other texts for the same seed"
node -e 'const text = require("fs").readFileSync(process.argv[1], "utf8");
for (const line of text.trim().split("\n")) {
	const s = JSON.parse(line);
	if (s.named.equals.length != s.prompt.length + s.answer.length) process.exit(1);
	console.log(s.prompt); console.error(s.answer) }' \
	"$tmp/samples" >"$tmp/prompts" 2>"$tmp/answers"
[ "$(wc -l <"$tmp/prompts")" = 50 ] || fail "twc sample gives no 50 lines"
"$twrun" "$model" --batch "$tmp/prompts" | cmp -s - "$tmp/answers" ||
	fail "twc sample gives answers that twrun does not"
"$twc" sample $calc -n 50 --seed 8 | cmp -s - "$tmp/samples" && fail "all seeds are one"
cat >"$tmp/no.tw" <<'END'
model m { vocab "ab" context 4 }
let x = first j where token[j] in "ab"
assert token[x else 'b'] == 'a' and index > 0
emit token
END
check 2 '' 'no text of 50 was found that keeps its asserts' "$twc" sample --no-warnings \
	"$tmp/no.tw"

# Random programs: as many, as large and as deep as asked, each with its circuit.
"$twc" random -n 30 --size 9 --depth 5 --seed 4 >"$tmp/programs"
"$twc" random -n 30 --size 9 --depth 5 --seed 4 | cmp -s - "$tmp/programs" ||
	fail "a seed is not one set"
node -e 'const lines = require("fs").readFileSync(process.argv[1], "utf8").trim().split("\n");
	for (const line of lines) {
		const p = JSON.parse(line), lets = p.program.match(/^let /gm).length;
		const level = [];
		for (const [, i, e] of p.program.matchAll(/^let v(\d+) = (.*)$/gm)) {
			const read = [...e.matchAll(/\bv(\d+)/g)];
			level[i] = 1 + Math.max(0, ...read.map((m) => level[m[1]]));
		}
		if (lets != 9 || Math.max(...level) != 5 || !p.circuit.edges) process.exit(1);
	}
	process.exit(lines.length == 30 ? 0 : 1)' "$tmp/programs" ||
	fail "random programs are not as asked"
check 2 '' 'a program of depth 4 has 4 to 200 values' "$twc" random --size 3 --depth 4

# The same model less tidy: it answers the same, and is proved by another program.
check 0 '' ''   "$twc" $calc --realism permute,dead,noise --seed 2 -o "$tmp/untidy.onnx"
check 0 408 ''  "$twrun" "$tmp/untidy.onnx" "12*34="
check 0 408 ''  "$twrun" --check "$tmp/untidy.onnx" "12*34="
check 0 '*' ''  env ASAN_OPTIONS=detect_leaks=0 "$bin/twprove" "$tmp/untidy.onnx"
check 0 '' ''   "$twc" $calc --realism permute,dead,noise --seed 2 -o "$tmp/again.onnx"
cmp -s "$tmp/untidy.onnx" "$tmp/again.onnx" || fail "a seed is not one model"
check 0 '' ''   "$twc" $calc --realism scale -o "$tmp/scaled.onnx"
check 0 408 ''  "$twrun" "$tmp/scaled.onnx" "12*34="
check 2 '' "no dial 'twist'" "$twc" $calc --realism scale,twist -o "$tmp/none.onnx"

# A file of Windows: a byte order mark, and line ends of two characters.
printf '\357\273\277model m { vocab "01" context 3 }\r\nemit token\r\n' >"$tmp/windows.tw"
check 0 00 ''   "$twc" run "$tmp/windows.tw" 0
# Without a model: a library, unless something in it needs one.
printf 'emit token\ntest "1" -> "1"\n' >"$tmp/bare.tw"
"$twc" test "$tmp/bare.tw" 2>&1 | grep -q ':1:1: error: a program needs a model' ||
	fail "a program without a model is tested"
check 2 'nothing was tested' '*' "$twc" test "$tmp/bare.tw"
printf 'fn double(x) = 2 * x\n' >"$tmp/library.tw"
check 0 '0 passed, 0 failed' '*' "$twc" test "$tmp/library.tw"
check 0 '0 passed, 0 failed' '' "$twc" test --no-warnings "$tmp/library.tw"
check 2 '' "twc: $tmp/gone/m.onnx: No such file or directory" "$twc" $calc -o "$tmp/gone/m.onnx"
check 0 '' ''   "$twc" $calc --uniform -o "$tmp/u.onnx"
check 0 408 ''  "$twrun" "$tmp/u.onnx" "12*34="
check 0 '*' ''  "$twc" --help
check 0 '*' ''  "$twc" --version
check 0 '*' ''  "$twc" --ops
check 0 '*' ''  "$twc" report $calc

# the table of verbs: every one has help with an example, and is in all that is made of it
verbs=$("$twc" --help | sed -n 's/^  twc \([a-z]*\) .*/\1/p')
[ "$verbs" ] || fail "no verbs"
"$twc" --man >"$tmp/man"
"$twrun" --man >"$tmp/man.run"
for v in $verbs; do
	"$twc" "$v" --help >"$tmp/help" && grep -q "^  .*twc .*$v" "$tmp/help" ||
		fail "no example of $v"
	grep -q "^.SS twc $v " "$tmp/man" || fail "$v is not in the manual page"
	for shell in bash zsh fish; do
		"$twc" --completions $shell | grep -w -e "$v" >/dev/null ||
			fail "$shell does not complete $v"
	done
done
offers() {      # offers PROGRAM WORD... wants what bash offers for the last word in $want
	local COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
	"_$1"
	[ "${COMPREPLY[*]}" = "$want" ] ||
		fail "bash completes '$*' as '${COMPREPLY[*]}', not '$want'"
}
eval "$("$twc" --completions=bash)" && eval "$("$twrun" --completions=bash)" || failed=1
want=report offers twc repo
want=examples/caesar.tw offers twc test examples/caes
want=--json offers twc report --j
want= offers twc fmt --j
want="bash zsh fish" offers twc --completions = 
want=--max-tokens offers twrun m.onnx --max
check 2 '' "no verb 'tset'"         "$twc" tset
check 2 '' '--json is no option of fmt' "$twc" fmt --json $calc
check 2 '' 'needs a value'         "$twc" $calc -o
check 2 '' 'takes no value'        "$twc" report --json=3 $calc
check 2 '' 'needs a number'        "$twrun" --max-tokens=-1 "$model" "1+1="
check 2 '' 'from 1 to 1024'        "$twrun" -j 0 "$model" "1+1="
check 2 '' 'MODEL is missing'      "$twrun"
check 2 '' 'too many arguments'    "$twrun" "$model" "1+1=" "1+2="
check 2 '' 'bash, zsh and fish'    "$twc" --completions=ksh

# what became of a program: values in plenty, and pictures, drawn by a stand-in for Graphviz
check 0 '*' ''  "$twc" explain $calc
check 0 '*' ''  "$twc" explain $calc answer
check 2 '' "no value named 'nothing'"  "$twc" explain $calc nothing
check 0 '' ''   "$twc" graph $calc -o "$tmp/g.dot"
check 0 '' ''   "$twc" graph --layered $calc -o "$tmp/l.dot"
grep -q 'answer\[0\]' "$tmp/g.dot" && grep -q 'label="layer 1"' "$tmp/l.dot" ||
	fail "graph: no names, or no layers"
mkdir "$tmp/bin" "$tmp/none"
printf '#!/bin/sh\necho "$1"; exec /bin/cat\n' >"$tmp/bin/dot"; chmod +x "$tmp/bin/dot"
check 0 '' ''   env PATH="$tmp/bin" "$twc" graph $calc -o "$tmp/g.svg"
{ echo -Tsvg; cat "$tmp/g.dot"; } | cmp - "$tmp/g.svg" || failed=1
check 2 '' 'apt-get install graphviz' env PATH="$tmp/none" "$twc" graph $calc -o "$tmp/none/g.svg"
[ -z "$(ls "$tmp/none")" ] || fail "graph: left $(ls "$tmp/none")"
check 2 '' 'ends in .svg' "$twc" graph $calc -o "$tmp/g.txt"
check 2 '' 'ends in .svg' "$twc" graph $calc

# colour on a terminal and nowhere else
printf 'model m { vocab "ab" context 4 }\nemit nonsense\n' >"$tmp/red.tw"
on_terminal() { script -qec "env TERM=xterm $*" /dev/null </dev/null; }
on_terminal "'$twc' --dump=lower '$tmp/red.tw'" | grep -q $'\033\[1;31merror' ||
	fail "no colour on a terminal"
on_terminal "NO_COLOR=1 '$twc' --dump=lower '$tmp/red.tw'" | grep -q $'\033' &&
	fail "colour in spite of NO_COLOR"
"$twc" test "$tmp/red.tw" 2>&1 | grep -q $'\033' && fail "colour in a pipe"

# labels that are conditions, from both
cat >"$tmp/labels.tw" <<'TW'
model m { vocab "ab" context 4 }
output b = token == 'b'
output n = index
TW
check 0 '' '' "$twc" "$tmp/labels.tw" -o "$tmp/labels.onnx"
check 0 $'b: false true\nn: 0 1' '' "$twc" run "$tmp/labels.tw" ab
check 0 $'b: false true\nn: 0 1' '' "$twrun" "$tmp/labels.onnx" ab

# tokens that are records
state='{kind: code, op: push, arg: 7, value: 0, below: 0, pc: 0},
	{pc: 0, kind: state, op: halt, arg: 0, value: 0, below: 0}'
after='{kind: state, op: push, arg: 7, value: 7, below: 1, pc: 1}'
check 0 '' '' "$twc" examples/machine_step.tw -o "$tmp/machine.onnx"
check 0 "$after" '' "$twc" run examples/machine_step.tw "$state"
check 0 "$after" '' "$twrun" "$tmp/machine.onnx" "$state"
check 2 '' "the field 'arg' cannot be '256'" "$twrun" "$tmp/machine.onnx" "${state/7/256}"

check 0 '*' '' "$twc" doctor
[ "$(head -n 4 "$tmp/out" | grep -c ^ok)" = 4 ] || fail "doctor finds something wrong"
check 1 '*' '' "$twc" doctor --stdlib="$tmp/nowhere"

# limits: met, or refused with the least that would do
check 0 '*' ''  "$twc" test examples/adder.tw --heads 1 --neurons 4
check 0 '*' ''  "$twc" test $calc --d-model 24
check 2 '*' '*' "$twc" report $calc --d-model 5
"$twc" report $calc --d-model 5 2>&1 | grep -q 'the least that was found to do is' ||
	fail "limits: not what would do"
n=$("$twc" report examples/adder.tw --d-model 16 --neurons 1 2>&1 |
	sed -n 's/.*--neurons 1 is too few: \([0-9]*\) were found to do.*/\1/p')
check 0 '*' '*' "$twc" report examples/adder.tw --d-model 16 --neurons "${n:-1}"
check 0 '' 'more than without limits'  "$twc" examples/adder.tw --heads 1 -o "$tmp/a.onnx"
check 2 '*' '*' "$twc" report examples/adder.tw --layers 2
"$twc" report examples/adder.tw --layers 2 2>&1 | grep -q 'needs 3 layers' ||
	fail "limits: not what would do"

# a library elsewhere, and none
cp -r stdlib "$tmp/lib"
check 0 408 ''  "$twc" --stdlib "$tmp/lib" run $calc "12*34="
check 2 '' '*'  "$twc" --stdlib "$tmp/nowhere" run $calc "12*34="
# none beside twc: the one inside, whose files have names of their own
mkdir "$tmp/alone"
cp "$twc" "$tmp/alone/twc"
check 0 408 '' "$tmp/alone/twc" run $calc "12*34="
printf 'use digts\nmodel m { vocab "ab" context 4 }\nemit token[here]\n' >"$tmp/misspelt.tw"
for one in "$twc" "$tmp/alone/twc"; do
	check 2 '' '*' "$one" run "$tmp/misspelt.tw" a
	grep -qF "did you mean 'digits'?" "$tmp/err" || fail "$one: no module is near"
done
check 0 '*' '' "$tmp/alone/twc" report $calc
grep -qF '<stdlib>/digits.tw:' "$tmp/out" || fail "no file of the library inside"

# numbers in place of tokens
raw=$tmp/raw.onnx
npy() { node tests/model/npy.mjs "$tmp/$1.npy" "$2" "$3" "$4"; }
npy ends 2,2 -1 1
npy wide 2,3 -1 1
npy far 2,2 -1 2
npy long 17,2 -1 1
printf 'no array' >"$tmp/text.npy"
head -c 130 "$tmp/ends.npy" >"$tmp/cut.npy"
check 0 '' ''   "$twc" examples/raw_graph.tw -o "$raw"
check 0 '*' ''  "$twrun" "$raw" --input "$tmp/ends.npy"
check 0 "$(cat "$tmp/out")" ''  "$twc" run examples/raw_graph.tw --input "$tmp/ends.npy"
check 0 '*' ''  "$twrun" "$raw" --trace --input "$tmp/ends.npy"
check 2 '' 'takes numbers: --input'  "$twrun" "$raw" "12"
check 2 '' 'takes numbers: --input'  "$twc" run examples/raw_graph.tw "12"
check 2 '' 'takes tokens'  "$twrun" "$model" --input "$tmp/ends.npy"
check 2 '' 'takes tokens'  "$twc" run $calc --input "$tmp/ends.npy"
check 2 '' 'an array of 1 to 16 positions by 2 numbers'  "$twrun" "$raw" --input "$tmp/wide.npy"
check 2 '' 'an array of 1 to 16 positions by 2 numbers'  "$twrun" "$raw" --input "$tmp/long.npy"
check 2 '' 'position 1: x[0] is 2, the model takes real -1..1' \
	"$twrun" "$raw" --input "$tmp/far.npy"
check 2 '' 'it is no .npy file'  "$twrun" "$raw" --input "$tmp/text.npy"
check 2 '' 'its shape does not fit its length'  "$twrun" "$raw" --input "$tmp/cut.npy"
check 2 '' 'No such file'  "$twrun" "$raw" --input "$tmp/none.npy"
check 2 '' 'one of them'  "$twrun" "$model" "12*34=" --input "$tmp/ends.npy"

# usage errors and refused input
check 2 '' 'FILE is missing'       "$twc"
check 2 '' 'say what to do'        "$twc" $calc
check 2 '' 'no pass'               "$twc" --dump=nonsense $calc
check 2 '' ' circuit schedule columns weights' "$twc" --dump=nonsense $calc
check 0 '' ''                      "$twc" --verify $calc
check 0 '' ''                      "$twc" --verify $calc --d-model 24 -o "$tmp/verified.onnx"
check 0 '*' ''                     "$twc" --dump=columns $calc
check 2 '' 'ends in .onnx'         "$twc" $calc -o "$tmp/x.txt"
check 2 '' 'none.tw'               "$twc" "$tmp/none.tw" -o "$tmp/x.onnx"
check 2 '' '*'                     "$twc" "$tmp" -o "$tmp/x.onnx"
check 2 '' '*'                     "$twc" $calc -o "$tmp/no/such/folder/x.onnx"
check 2 '' '*'                     "$twc" --nonsense $calc
check 2 '' 'x'                     "$twc" run $calc "12x34="
check 2 '' 'too long'              "$twc" run $calc "12345678901234567890="
check 2 '' 'empty'                 "$twc" run $calc ""
check 2 '' 'x'                     "$twrun" "$model" "12x34="
check 2 '' 'too long'              "$twrun" "$model" "12345678901234567890="
check 2 '' 'empty'                 "$twrun" "$model" ""
check 2 '' 'none.onnx'             "$twrun" "$tmp/none.onnx" "1+1="
check 2 '' 'no prompt'             "$twrun" "$model"
[ -e "$tmp/x.onnx" ] && fail "a refused program left a file"

# damaged files: cut short anywhere, and with bytes changed
size=$(stat -c %s "$model")
for part in 0 1 10 1000 $((size / 2)) $((size - 1)); do
	head -c "$part" "$model" >"$tmp/cut.onnx"
	check 2 '' cut.onnx "$twrun" "$tmp/cut.onnx" "1+1="
done
head -c 4096 /dev/zero >"$tmp/zero.onnx"
check 2 '' zero.onnx "$twrun" "$tmp/zero.onnx" "1+1="

# a model of another producer, and other files
printf '\x08\x08\x12\x07pytorch\x3a\x03\x12\x01g' >"$tmp/foreign.onnx"
check 2 '' 'foreign.onnx: not a tw model' "$twrun" "$tmp/foreign.onnx" "1+1="
LC_ALL=C sed -z 's/layers\.[01]\.wv/layers\n0.wv/g' "$model" >"$tmp/names.onnx"
check 2 '' "'layers?0.wv'" "$twrun" "$tmp/names.onnx" "1+1="   # no line of its own
for other in README.md "$twrun" /dev/null /; do
	check 2 '' "twrun: $other: " "$twrun" "$other" "1+1="
done

# look-ups and softmax agree; a file that says of a head what is not so
check 0 '*' ''           "$twrun" --check "$model" "999*999="
for lie in '"offset":-1/"offset":-2' '"latest"/"first" ' '"layer":0/"layer":9' \
	'"head":0/"head":7'; do
	sed "s/$lie/" "$model" >"$tmp/lie.onnx"
	check 2 '' 'certificate' "$twrun" "$tmp/lie.onnx" "1+1="
done

# an output file appears whole or not at all
echo 'model m { vocab "a" context 4 } emit nonsense' >"$tmp/bad.tw"
echo kept >"$tmp/old.onnx"
check 2 '' '*' "$twc" "$tmp/bad.tw" -o "$tmp/old.onnx"
[ "$(cat "$tmp/old.onnx")" = kept ] || fail "a failed compilation touched its output"

# a failing test fails, and says where
sed '/^test/d' $calc >"$tmp/wrong.tw"
echo 'test "1+1=" -> "3"' >>"$tmp/wrong.tw"
line=$(wc -l <"$tmp/wrong.tw")
says='"1+1=": expected "3", the evaluator gives "2", the transformer "2"'
check 1 "$tmp/wrong.tw:$line: $says"$'\n''0 passed, 1 failed' '' "$twc" test "$tmp/wrong.tw"
check 2 '*' '*' "$twc" test $calc "$tmp/bad.tw"
# of a long answer only where it first differs
sed '/^test/d; s/context 32/context 64/' examples/reverse_emit.tw >"$tmp/long.tw"
echo 'test "abcdabcdabcdabcdab=" -> "badcbadcbadcbadcdd"' >>"$tmp/long.tw"
line=$(wc -l <"$tmp/long.tw")
says='at token 16 of the answer: expected "d", the evaluator gives "b", the transformer "b"'
check 1 "$tmp/long.tw:$line: \"abcdabcdabcdabcdab=\": $says"$'\n''0 passed, 1 failed' '' \
	"$twc" test "$tmp/long.tw"

# a bool that is neither 0 nor 1: every 1 of this file is made 0.5
cat >"$tmp/flag.tw" <<-'END'
	model flag {
	  vocab "ab"
	  context 4
	}
	output flag = token == 'a'
END
"$twc" "$tmp/flag.tw" -o "$tmp/flag.onnx" || fail "flag.tw is refused"
LC_ALL=C sed 's/\x00\x00\x80\x3f/\x00\x00\x00\x3f/g' "$tmp/flag.onnx" >"$tmp/half.onnx"
check 0 'flag: true false' '' "$twrun" "$tmp/flag.onnx" ab
check 1 '*' 'flag at position 0 is 0.5, and a bool is 0 or 1' "$twrun" "$tmp/half.onnx" ab

# -o through a symbolic link changes the file behind it
mkdir "$tmp/links"
"$twc" $calc -o "$tmp/links/real.onnx" && ln -s real.onnx "$tmp/links/link.onnx" &&
	echo old >"$tmp/links/real.onnx" && "$twc" $calc -o "$tmp/links/link.onnx" &&
	[ -L "$tmp/links/link.onnx" ] && cmp "$tmp/links/real.onnx" "$model" &&
	[ "$(ls "$tmp/links")" = $'link.onnx\nreal.onnx' ] || fail "-o through a link failed"

# many prompts: one answer a line; one that is refused is told, and the others go on
printf '1+1=\n9*9=\n1-9=\n' >"$tmp/batch"
check 0 $'2\n81\n-8' ''  "$twrun" "$model" --batch "$tmp/batch"
check 0 $'2\n81\n-8' ''  "$twc" run $calc --batch "$tmp/batch"
echo '1?1=' >>"$tmp/batch"
echo '2+2=' >>"$tmp/batch"
check 1 $'2\n81\n-8\n\n4' 'line 4' "$twrun" "$model" --batch "$tmp/batch"
check 2 '' 'line 4'      "$twc" run $calc --batch "$tmp/batch"
"$twc" examples/balanced_parens.tw -o "$tmp/parens.onnx"
printf '()\n((\n' >"$tmp/parens"
balanced=$'balanced: false true\nhopeful: true true\n\nbalanced: false false\nhopeful: true true'
check 0 "$balanced" '' "$twrun" "$tmp/parens.onnx" --batch "$tmp/parens"
check 0 "$balanced" '' "$twc" run examples/balanced_parens.tw --batch "$tmp/parens"
[ "$(printf '1+1=\n' | "$twrun" "$model" --batch -)" = 2 ] || fail "--batch - failed"
[ "$(printf '1+1=\n' | "$twc" run $calc --batch -)" = 2 ] || fail "twc run --batch - failed"

# many more than a worker takes at once: in order, over any number of threads, and
# what stands around a refused line of a stream is answered; memory does not grow
for i in {1..3000}; do echo "$((i % 1000))+$((i * 7 % 1000))="; done >"$tmp/many"
awk -F '[+=]' '{ print $1 + $2 }' "$tmp/many" >"$tmp/sums"
for j in 1 2 5; do
	"$twrun" -j $j "$model" --batch "$tmp/many" | cmp - "$tmp/sums" ||
		fail "--batch -j $j differs"
done
(cat "$tmp/many"; echo '1?1='; cat "$tmp/many") |
	"$twrun" "$model" --batch - >"$tmp/out" 2>"$tmp/err"
[ $? = 1 ] || fail "a stream with a bad line is not refused"
cmp "$tmp/out" <(cat "$tmp/sums"; echo; cat "$tmp/sums") && grep -q 'line 3001' "$tmp/err" ||
	fail "a stream is answered wrong around a bad line"
printf '1+1=\n2+\0002=\n' >"$tmp/zero"
check 1 2 'line 2: the prompt holds a zero byte' "$twrun" "$model" --batch "$tmp/zero"
# a line far too long is told, in bounded memory; answers come as soon as their lines are there
(echo '1+1='; head -c 100000000 /dev/zero | tr '\0' 1; echo; echo '2+2=') >"$tmp/long"
check 1 $'2\n\n4' 'line 2: the line is longer than 16 MB' "$twrun" "$model" --batch "$tmp/long"
read -r _ _ most _ < <("$bin/bench/measure" 1 sh -c \
	"'$twrun' -j 1 '$model' --batch '$tmp/long' >/dev/null 2>&1; true")
[ -n "${SLOW:-}" ] || awk -v most="$most" 'BEGIN { exit !(most < 64) }' ||
	fail "a line of 100 MB takes $most MB"
rm "$tmp/long"
[ "$({ echo '1+1='; sleep 2; } | { "$twrun" "$model" --batch - | timeout 1 head -n 1; })" = 2 ] ||
	fail "an answer waits for more lines"
# a prompt of a file
echo '12*34=' >"$tmp/prompt"
check 0 408 '' "$twrun" "$model" --prompt "$tmp/prompt"
[ "$(echo '12*34=' | "$twrun" "$model" --prompt -)" = 408 ] || fail "--prompt - failed"
check 2 '' 'No such file' "$twrun" "$model" --prompt "$tmp/no-such-prompt"
if [ -z "${SLOW:-}" ]; then
	for i in {1..50}; do cat "$tmp/many"; done >"$tmp/more"
	memory() { "$bin/bench/measure" 1 sh -c "exec '$twrun' '$model' --batch '$1' >/dev/null"; }
	read -r _ _ few _ < <(memory "$tmp/many")
	read -r _ _ most _ < <(memory "$tmp/more")
	awk -v few="$few" -v most="$most" 'BEGIN { exit !(few > 0 && most < few + 3) }' ||
		{ echo "150,000 prompts take $most MB, 3,000 take $few"; failed=1; }
fi
script -qec "'$twrun' '$model' --batch '$tmp/many' >'$tmp/out'" /dev/null </dev/null |
	grep -q '\[#.*%' || fail "no progress bar on a terminal"
cmp "$tmp/out" "$tmp/sums" || failed=1
for field in loading tokens time weights memory softmax; do
	"$twrun" --stats "$model" --batch "$tmp/many" 2>&1 >/dev/null | grep -q "^$field .*[0-9]" ||
		{ echo "--stats says nothing of $field"; failed=1; }
done
check 0 40 ''            "$twrun" --max-tokens 2 "$model" "12*34="
check 0 '*' ''           "$twrun" --trace "$model" "12*34="
# what cannot be written is told, once, and nothing half is left
for command in "$twrun --help" "$twc --help" "$twrun $model 12*34=" \
	"$twrun $model --batch $tmp/many" \
	"$twc report $calc" "$twc test $calc" "$twc run $calc 1+1="; do
	$command >/dev/full 2>"$tmp/err"
	[ $? = 2 ] && [ "$(grep -c 'No space left' "$tmp/err")" = 1 ] &&
		[ "$(wc -l <"$tmp/err")" = 1 ] ||
		fail "$command, to a full disk: $(cat "$tmp/err")"
done
for i in $(seq 300); do cat "$tmp/many"; done >"$tmp/lots"
{ "$twrun" "$model" --batch "$tmp/lots" 2>"$tmp/err"; echo $? >"$tmp/status"; } |
	head -n 1 >/dev/null
[ "$(cat "$tmp/status")" = 2 ] && grep -q 'Broken pipe' "$tmp/err" ||
	fail "a closed pipe: status $(cat "$tmp/status"), $(cat "$tmp/err")"
mkfifo "$tmp/fifo"
env --default-signal=INT "$twrun" "$model" --batch "$tmp/fifo" 2>"$tmp/err" &
exec 9>"$tmp/fifo"
kill -INT $!
wait $!
[ $? = 130 ] && [ "$(cat "$tmp/err")" = 'twrun: interrupted' ] || fail "SIGINT: $(cat "$tmp/err")"
exec 9>&-

# prompts that a person types
printf '12*34=\n1+x=\n\n2+3=\n' | script -qec "'$twrun' '$model'" /dev/null >"$tmp/typed"
for line in 'Ctrl-D ends' 408 'not in the model' 5; do
	tr -d '\r' <"$tmp/typed" | grep -q "$line" || fail "at a terminal: no line '$line'"
done

# a program's tests in a model file; in one of another program they are refused
check 0 '66 passed, 0 failed' '' "$twc" test $calc --model "$model"
check 2 '*' 'is no model of this program: it takes other tokens' \
	"$twc" test examples/adder.tw --model "$model"

# every named value has a column of its own
for example in adder:12 calculator:15 machine_step:24; do
	"$twc" "examples/${example%:*}.tw" -o "$tmp/traced.onnx" || failed=1
	prompt="12+34="
	[ "${example%:*}" != machine_step ] ||
		prompt="{kind: state, op: halt, arg: 0, value: 0, below: 0, pc: 0}"
	shown=$("$twrun" --trace "$tmp/traced.onnx" "$prompt" | grep '^pos ' | tr -s ' ' '\n' |
		grep -cvx 'pos\|token')
	[ "$shown" = "${example#*:}" ] || fail "--trace shows $shown named values of $example"
done

# the report's fields stay
"$twc" report $calc --json >"$tmp/json" || failed=1
for field in layers d_model heads neurons parameters nonzeros context compile_ms; do
	grep -q "\"$field\":" "$tmp/json" || fail "report --json has no $field"
done

"$twc" explain $calc --json >"$tmp/explained.json" || failed=1
"$twc" explain $calc a --json >"$tmp/value.json" || failed=1
"$twrun" "$model" --json "12*34=" >"$tmp/trace.json" || failed=1
node tests/json.mjs "$tmp"/{explained,value,trace}.json || failed=1

# view: a page that leads to the playground; where there is none, a line
mkdir -p "$tmp/placed/bin" "$tmp/placed/share/tw"
cp "$twc" "$tmp/placed/bin/twc"
unset DISPLAY WAYLAND_DISPLAY BROWSER
check 2 '' 'the playground is not here' "$tmp/placed/bin/twc" view $calc
touch "$tmp/placed/share/tw/playground.html"
TMPDIR=$tmp check 0 '*' 'no browser' "$tmp/placed/bin/twc" view $calc "12*34="
view=$(cat "$tmp/out")
grep -q "placed/share/tw/playground.html#p=.*&q=12%2A34%3D\"" "$view" || fail "$view leads elsewhere"
BROWSER=cat TMPDIR=$tmp check 0 '*' '' "$tmp/placed/bin/twc" view $calc
grep -q '<title>tw</title>' "$tmp/out" || fail "BROWSER is not called"
check 2 '' '*' "$tmp/placed/bin/twc" view "$tmp/nowhere.tw"

# what --dump prints reads back as itself
"$twc" --dump=lower $calc >"$tmp/one.twg" || failed=1
"$twc" --dump=lower "$tmp/one.twg" >"$tmp/two.twg" || failed=1
cmp "$tmp/one.twg" "$tmp/two.twg" || fail "--dump=lower does not read back as itself"
check 0 408 '' "$twc" run "$tmp/one.twg" '12*34='
check 2 '' 'text is not formatted' "$twc" fmt "$tmp/one.twg"
cp "$tmp/one.twg" "$tmp/one.tw"
check 2 '' '*' "$twc" --dump=lower "$tmp/one.tw"
exit $failed
