#!/bin/bash
# usage: tests/train/run.sh BUILD-DIR
#
# twc train: a small transformer on a text, a small net on arrays; a run that is taken up again, or
# interrupted; what is refused, and that nothing is lost then.
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")" || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
failed=0
fail() { echo "$*"; failed=1; }

tr -c 'a-z \n.,' ' ' <../../lang/tutorial.md | tr -s ' ' | head -c 20000 >"$tmp/text"
train() { "$bin/twc" train "$@" 2>"$tmp/err"; }
letters() { train letters.twt --data "$tmp/text" --schedule constant --warm-up 5 "$@"; }
# at_most LIMIT NAME: the last loss on what is held back
at_most() { awk -v limit="$1" 'END { exit !($7 + 0 < limit && $7 > 0) }' "$tmp/out" ||
	fail "$2: $(tail -n 1 "$tmp/out"), not below $1"; }

# ---- it learns ----

letters --rate 0.01 --steps 150 --plot "$tmp/loss.svg" -o "$tmp/a.safetensors" >"$tmp/out" ||
	fail "training: $(cat "$tmp/err")"
at_most 2.6 "letters held back"
grep -q '<polyline' "$tmp/loss.svg" || fail "no curve in the plot"

# It goes on with a text: likeliest tokens, or drawn ones, by a seed; past its context too.
run() { "$bin/twrun" "$@" 2>"$tmp/err"; }
run "$tmp/a.safetensors" 'the ' >"$tmp/likely" || fail "running: $(cat "$tmp/err")"
[ "$(wc -c <"$tmp/likely")" = 25 ] || fail "it says '$(cat "$tmp/likely")'"
run "$tmp/a.safetensors" 'the ' --temperature 0 >"$tmp/cold"
run "$tmp/a.safetensors" 'the ' --top-k 1 >"$tmp/first"
cmp "$tmp/likely" "$tmp/cold" && cmp "$tmp/likely" "$tmp/first" ||
	fail "temperature 0 or the likeliest alone is not the likeliest"
for seed in 1 1 2; do
	run "$tmp/a.safetensors" 'the ' --sample --seed $seed -n 100 >"$tmp/drawn.$((++i))"
done
cmp "$tmp/drawn.1" "$tmp/drawn.2" || fail "the same seed draws otherwise"
cmp -s "$tmp/drawn.1" "$tmp/drawn.3" && fail "another seed draws the same"
run_refused() { # run_refused TEXT ARGUMENT...
	local text=$1
	shift
	run "$@" >"$tmp/out" && fail "twrun $*: not refused"
	grep -qF -e "$text" "$tmp/err" || fail "twrun $*: said '$(cat "$tmp/err")', not '$text'"
}
run_refused "'7' is no token" "$tmp/a.safetensors" 'a 7'
run_refused 'no prompt' "$tmp/a.safetensors"
run_refused 'give it a prompt' "$tmp/a.safetensors" ''
run_refused 'is no number' "$tmp/a.safetensors" a --temperature hot
run_refused 'takes a prompt' "$tmp/a.safetensors" a --check
# What reads later positions, by itself or by a mean over all of them, does not go on with a text.
sed 's/^x .*/mean [v < 31] = sum(w[token[r], v] for r < 8) \/ 8/; s/w.x.t., v./mean[v]/' \
	future.twt >"$tmp/mean.twt"
sed 's/t + 1/t - 1/' future.twt >"$tmp/before.twt"
later() { # later GRAPH TEXT: is it refused by that?
	train "$1" --data "$tmp/text" --steps 3 -o "$tmp/later.safetensors" >"$tmp/out" ||
		fail "$1: $(cat "$tmp/err")"
	run_refused "$2" "$tmp/later.safetensors" a
}
later future.twt 'depends on later ones'
later "$tmp/mean.twt" 'not computed position by position'
train "$tmp/before.twt" --data "$tmp/text" --steps 3 -o "$tmp/later.safetensors" >"$tmp/out"
run "$tmp/later.safetensors" a >/dev/null || fail "the token before: $(cat "$tmp/err")"
head -c 3000 "$tmp/a.safetensors" >"$tmp/cut.safetensors"
run_refused 'truncated' "$tmp/cut.safetensors" a

# ONNX Runtime gives the same scores.
train odd.twt --data "$tmp/text" --steps 3 -o "$tmp/odd.safetensors" >"$tmp/out" ||
	fail "odd: $(cat "$tmp/err")"
for model in a odd; do
	i=0
	for text in 'the ' 'a' 'one two three, four'; do
		run "$tmp/$model.safetensors" "$text" --json >"$tmp/$model.$((++i)).json"
	done
	"$bin/twc" "$tmp/$model.safetensors" -o "$tmp/$model.onnx" || fail "$model is no .onnx"
	[ ! -x "$bin/model/check" ] || "$bin/model/check" "$tmp/$model.onnx" ||
		fail "$model.onnx: the checker of ONNX refuses it"
done
CONTEXT=24 node onnx.mjs "$tmp/a.onnx" "$tmp"/a.?.json || fail "ONNX Runtime differs"
CONTEXT=20 node onnx.mjs "$tmp/odd.onnx" "$tmp"/odd.?.json || fail "ONNX Runtime differs"
"$bin/twc" "$tmp/a.safetensors" -o "$tmp/a.gguf" 2>"$tmp/err" && fail "a .gguf was written"
grep -q 'as an .onnx' "$tmp/err" || fail "a .gguf: $(cat "$tmp/err")"

node circle.mjs "$tmp"
for how in '--rate 0.02' '--optimizer sgd --rate 0.2'; do
	train circle.twt --data "x=$tmp/x.npy,target=$tmp/inside.npy" --steps 400 --batch 32 $how \
		-o "$tmp/circle.safetensors" >"$tmp/out" || fail "circle: $(cat "$tmp/err")"
	at_most 0.35 "circle $how"
done

# ---- programs ----

cat >"$tmp/letters.tw" <<'END'
use nn
model letters {
  vocab   "abcdefghijklmnopqrstuvwxyz ,.\n"
  context 16
}
let x = nn.embed(token, 16, 0.1) + nn.place(16, 16, 0.1)
emit likely(nn.dense(nn.norm(nn.block(x, 2)), len(vocabulary)))
END
train "$tmp/letters.tw" --data "$tmp/text" --rate 0.01 --steps 100 -o "$tmp/b" >"$tmp/out" ||
	fail "a program: $(cat "$tmp/err")"
at_most 2.7 "a program"
run "$tmp/b" 'the ' >/dev/null || fail "a program's model does not run: $(cat "$tmp/err")"

# Digits are found exactly, and what they add up to is learned of an exact program: all 100 sums
# were right when this was written, and two may be wrong.
train sums.tw --like ../../examples/adder_1digit.tw --rate 0.02 --batch 64 --steps 1500 \
	-o "$tmp/sums" >"$tmp/out" || fail "like a program: $(cat "$tmp/err")"
for a in {0..9}; do for b in {0..9}; do echo "$a+$b="; done; done >"$tmp/asked"
"$bin/twc" run sums.tw --model "$tmp/sums" --batch "$tmp/asked" |
	awk '$1 == int((NR - 1) / 10) + (NR - 1) % 10 { right++ }
		END { print right + 0, "right"; exit right < 98 }' || fail "sums that were learned"
"$bin/twc" run sums.tw --model "$tmp/b" '1+2=' 2>"$tmp/err" && fail "foreign weights were taken"
grep -q 'in the program' "$tmp/err" || fail "foreign weights: $(cat "$tmp/err")"

run_refused 'runs it' "$tmp/sums" '1+2='
"$bin/twc" equal ../../examples/adder_1digit.tw sums.tw --model "$tmp/b" --shape 'D+D=' \
	>"$tmp/out" 2>"$tmp/err" && fail "foreign weights are equal"
"$bin/twc" equal ../../examples/adder_1digit.tw sums.tw --model "$tmp/sums" --shape '[12]+[34]=' \
	>"$tmp/out" 2>"$tmp/err" || fail "equal: $(cat "$tmp/out" "$tmp/err")"
grep -q 'equal: all 4 prompts' "$tmp/out" || fail "equal: $(cat "$tmp/out")"
train sums.tw --like ../../examples/adder_1digit.tw --steps 1 -o "$tmp/new" >"$tmp/out"
"$bin/twc" equal ../../examples/adder_1digit.tw sums.tw --model "$tmp/new" --shape 'D+D=' \
	>"$tmp/out" && fail "what is not trained is equal"
grep -q '^not equal, with' "$tmp/out" || fail "not equal: $(cat "$tmp/out")"

# A convolution of the library, against loops.
node planes.mjs "$tmp" >"$tmp/planes.want"
"$bin/twc" run planes.tw --model "$tmp/planes.safetensors" --input "$tmp/planes.npy" |
	sed 's/.*: //' | cmp - "$tmp/planes.want" || fail "nn.conv is not what loops say"

# The exact half of such a program as text says whose its values are, and is not read back alone.
"$bin/twc" --dump=lower sums.tw >"$tmp/half.twg" || fail "no dump of a half-exact program"
"$bin/twc" --dump=lower "$tmp/half.twg" >/dev/null 2>"$tmp/err" && fail "half a program was read"
grep -q 'is learned, which a .twg does not have' "$tmp/err" || fail "half.twg: $(cat "$tmp/err")"

# ---- the weights of an exact program, learned further ----

# right LINE LEAST MOST NAME: so many percent of the tokens held back are right
right() { sed -n "$1p" "$tmp/out" | awk -v a="$2" -v b="$3" '{ exit !($8 >= a && $8 <= b) }' ||
	fail "$4: $(sed -n "$1p" "$tmp/out"), not $2..$3 % right"; }
free() { train ../../examples/adder.tw --free "$@" >"$tmp/out" ||
	fail "--free $*: $(cat "$tmp/err")"; }
for example in adder calculator long_division; do
	train ../../examples/$example.tw --free --rate 0 --steps 1 \
		-o "$tmp/free.safetensors" >"$tmp/out"
	right 1 100 100 "$example as it is compiled"
	right '$' 100 100 "$example at rate 0"
done
"$bin/twc" test ../../examples/$example.tw --model "$tmp/free.safetensors" >"$tmp/out" 2>&1 ||
	fail "weights as they were fail the tests: $(cat "$tmp/out")"
run "$tmp/free.safetensors" '75/4=' | grep -q '^1383' ||
	fail "a long division by kernels: $(cat "$tmp/err")"
# A rate that is small for other models destroys it; its head alone may move.
free --steps 40 -o "$tmp/free.broken.safetensors"
"$bin/twc" test ../../examples/adder.tw --model "$tmp/free.broken.safetensors" >"$tmp/err" &&
	fail "weights that are wrong pass the tests"
right '$' 0 50 'adder, all free'
"$bin/twc" ../../examples/adder.tw --model "$tmp/free.broken.safetensors" \
	-o "$tmp/broken.onnx" || fail "no .onnx of weights that were learned further"
for text in 12+34= 9+1= 999+999=; do
	run "$tmp/broken.onnx" "$text" >"$tmp/broken.said"
	run "$tmp/free.broken.safetensors" "$text" | cmp - "$tmp/broken.said" ||
		fail "its .onnx says otherwise of $text"
done
free --only head --steps 40 -o "$tmp/free.head"
right '$' 80 100 'adder, its head free'
"$bin/twc" run ../../examples/adder.tw --model "$tmp/free.broken.safetensors" 1+1= \
	2>"$tmp/err" && fail "twc run of an exact program takes a model"
grep -q 'twrun runs' "$tmp/err" || fail "twc run with a model: $(cat "$tmp/err")"
# What is begun anew and learned beside exact layers.
free --only layers.2.w?,layers.2.b?,head --fresh layers.2,head --rate 0.01 --steps 300 \
	-o "$tmp/free.anew"
right '$' 35 100 'adder, its last neurons learned anew'
free --only 'layers.1.*' --steps 4 --schedule constant -o "$tmp/free.part"
free --only 'layers.1.*' --steps 9 --schedule constant -o "$tmp/free.whole"
free --only 'layers.1.*' --steps 9 --resume "$tmp/free.part" -o "$tmp/free.part"
cmp "$tmp/free.whole" "$tmp/free.part" || fail "--free --only, taken up again, differs"

# Parts of a model replaced: what needs them is wrong then, and nothing else.
ablated() { # ablated LEAST MOST ARGUMENT...: percent right in the last line
	local least=$1 most=$2
	shift 2
	"$bin/twc" ablate "$@" -n 300 >"$tmp/out" 2>"$tmp/err" ||
		fail "ablate $*: $(cat "$tmp/err")"
	sed -n '$s/.* \([0-9.]*\) % .*/\1/p' "$tmp/out" |
		awk -v a="$least" -v b="$most" '{ exit !($1 >= a && $1 <= b) }' ||
		fail "ablate $*: $(tail -n 1 "$tmp/out"), not $least..$most % right"
}
ablated 20 60 ../../examples/adder.tw a
ablated 20 35 ../../examples/adder.tw plus
ablated 20 60 ../../examples/adder.tw a0.h3=0
ablated 55 80 ../../examples/adder.tw m1.g2      # the carries: what has none stays right
ablated 0 5 ../../examples/adder.tw m2
ablated 50 90 ../../examples/calculator.tw 'a[1]'
ablated 0 60 sums.tw --like ../../examples/adder_1digit.tw --model "$tmp/sums" a
ablated 0 60 ../../examples/adder.tw --model "$tmp/free.head" m2=0
"$bin/twc" ablate ../../examples/adder.tw -n 50 --json | node -e '
	const { loss, right, ablated } = JSON.parse(require("fs").readFileSync(0));
	process.exit(+!(loss > 0 && right === 100 && ablated.length === 12 &&
		ablated.every((p) => p.part && p.what && p.at === "mean" && p.loss > loss)))' ||
	fail "ablate --json"
for bad in "a9: 'a9' is no part" "a0=x: 'x' is no number"; do
	"$bin/twc" ablate ../../examples/adder.tw "${bad%%:*}" -n 20 >"$tmp/out" 2>"$tmp/err" &&
		fail "ablate ${bad%%:*} is not refused"
	grep -q "${bad#*: }" "$tmp/err" || fail "ablate ${bad%%:*}: $(cat "$tmp/err")"
done

# Gradients: of a value by itself; of nothing by exact heads' queries; of a loss by what is learned.
grad() { "$bin/twc" grad "$@" >"$tmp/out" 2>"$tmp/err" || fail "grad $*: $(cat "$tmp/err")"; }
told() { grep -qE -e "$1" "$tmp/out" || fail "grad: no line '$1' in $(cat "$tmp/out")"; }
grad ../../examples/calculator.tw '12*34=' --of 'a[1]'
told '^a\[1\] at position 5: 1$'
told '^  a\[1\] +0 +0 +0 +0 +0 +1 '
grad ../../examples/adder.tw '12+34='
told "^score of '4' at position 5: 16$"
told '^  layers.0.wq +\[11\]\[8\] +0$'
told '^  head.b +\[14\] +1$'
grad ../../examples/adder.tw '12+34=' --of '<end>'
told '^score of <end> at position 5: '
grad sums.tw '3+4=' --model "$tmp/sums" --of loss --json
told '"of":	"surprise of '
grad letters.twt 'the ' --model "$tmp/a.safetensors"
told 'norm of the gradient of parameters'
grad_refused() { # grad_refused TEXT ARGUMENT...
	local text=$1
	shift
	"$bin/twc" grad "$@" >"$tmp/out" 2>"$tmp/err" && fail "grad $*: not refused"
	grep -qF -e "$text" "$tmp/err" || fail "grad $*: said '$(cat "$tmp/err")', not '$text'"
}
grad_refused 'is no token' ../../examples/adder.tw x
grad_refused 'tokens are records' ../../examples/turing.tw x
grad_refused "'z' is no part" ../../examples/adder.tw 1+ --of z
grad_refused 'is empty' ../../examples/adder.tw ''
grad_refused 'longer than the context' ../../examples/adder.tw 11111111111111111
grad_refused 'no tokens' mlp.twt 1

# Sizes: of a product of matrices two operations for each weight and token, less one a sum.
"$bin/twc" report ../../examples/learned/letters.tw >"$tmp/out" || fail "report: $(cat "$tmp/out")"
grep -qE '^  scores.dense +1950 +7800 +3870 +30$' "$tmp/out" || fail "report: $(cat "$tmp/out")"

# Operators, by all their names.
ops=$("$bin/twc" --ops | cut -d' ' -f1)
for op in $ops exp log sqrt sin tanh where floor stop rmax load '//'; do
	"$bin/twc" explain --op "$op" >"$tmp/out" 2>&1 || fail "explain --op $op: $(cat "$tmp/out")"
done
"$bin/twc" explain --op mul >"$tmp/out"
grep -q '^  gradient  a gets g \* b, b gets g \* a ' "$tmp/out" || fail "$(cat "$tmp/out")"
grep -q '^  becomes   quarter squares: ' "$tmp/out" || fail "$(cat "$tmp/out")"
"$bin/twc" explain --op foo 2>"$tmp/err" && fail "explain --op foo is not refused"

# A step of training as a picture: stages by words and shape, all that is read is drawn.
for file in sums.tw letters.twt ../../examples/adder.tw; do
	"$bin/twc" graph --grad $file -o "$tmp/step.dot" || fail "graph --grad $file"
	for text in 'shape=box.*forward: product' 'shape=hexagon.*backward: product' \
		'shape=parallelogram.*step: strips' 'operators fused", peripheries=2'; do
		grep -q "$text" "$tmp/step.dot" || fail "graph --grad $file: no $text"
	done
	awk '$2 == "->" { read[$1]; read[$3] } $2 ~ /^\[shape/ { drawn[$1] }
		END { for (n in read) if (!(n in drawn)) { print n; exit 1 } }' "$tmp/step.dot" ||
		fail "graph --grad $file: a node is read and not drawn"
done

# ---- taken up again: the same bits ----

letters --steps 20 -o "$tmp/whole" >/dev/null
letters --steps 9 -o "$tmp/part" >/dev/null
train letters.twt --data "$tmp/text" --resume "$tmp/part" --steps 20 -o "$tmp/part" >/dev/null
cmp "$tmp/whole" "$tmp/part" || fail "a run that was taken up again differs"
letters --steps 20 --seed 2 -o "$tmp/other" >/dev/null
cmp -s "$tmp/whole" "$tmp/other" && fail "another seed gives the same"

# One thread or three: the same bits.
for j in 1 3; do letters --steps 5 --batch 40 -j $j -o "$tmp/threads.$j" >/dev/null; done
cmp "$tmp/threads.1" "$tmp/threads.3" || fail "three threads give other bits"

# An interrupt writes what was learned, and the rest goes on as if there had been none.
"$bin/twc" train letters.twt --data "$tmp/text" --schedule constant --warm-up 5 --steps 100000 \
	-o "$tmp/cut" >"$tmp/out" 2>"$tmp/err" &
sleep 0.7
kill -INT $!
wait $! || fail "an interrupted run ends with $?"
grep -q 'interrupted after [1-9]' "$tmp/err" || fail "interrupted: $(cat "$tmp/err")"
steps=$(sed -n 's/.*after \([0-9]*\) steps.*/\1/p' "$tmp/err")
if [ "$steps" ] && [ "$steps" -lt 500 ]; then
	letters --steps "$steps" -o "$tmp/short" >/dev/null
	for f in cut short; do tail -c 4000 "$tmp/$f" >"$tmp/$f.end"; done
	cmp "$tmp/cut.end" "$tmp/short.end" || fail "the interrupted run has other parameters"
fi

# ---- what is refused ----

refused() { # refused TEXT ARGUMENT...
	local text=$1
	shift
	cp "$tmp/whole" "$tmp/kept"
	train "$@" -o "$tmp/kept" >/dev/null && fail "$*: not refused"
	grep -qF -e "$text" "$tmp/err" || fail "$*: said '$(cat "$tmp/err")', not '$text'"
	[ "$(wc -l <"$tmp/err")" = 1 ] || fail "$*: $(wc -l <"$tmp/err") lines of error"
	[ "${changes:-}" ] || cmp "$tmp/whole" "$tmp/kept" || fail "$*: the file has changed"
}
printf 'a text with a 7\n' >"$tmp/seven"
printf 'bad\0text' >"$tmp/zero"
head -c 1000 "$tmp/whole" >"$tmp/damaged"
refused 'to learn from' letters.twt
refused 'one of them' letters.twt --data "$tmp/text" --like ../../examples/adder.tw
refused 'has no param' ../../examples/adder.tw --data "$tmp/text"
refused 'it has parameters' sums.tw --free
refused 'its tokens are records' ../../examples/turing.tw --free
refused 'that it comes next' ../../examples/histogram.tw --free
refused "'layers.9' is no parameter" ../../examples/adder.tw --free --only layers.9
refused '--fresh goes with --free' letters.twt --data "$tmp/text" --fresh a
refused 'for exact programs' letters.twt --data "$tmp/text" --free
refused "no token of" sums.tw --like ../../examples/caesar.tw
refused 'No such file' letters.twt --data "$tmp/none"
refused 'byte 0' letters.twt --data "$tmp/zero"
refused '12 tokens, and the program reads 24' letters.twt --data <(printf 'a short text')
refused 'is no token' letters.twt --data "$tmp/seven" --resume "$tmp/whole"
refused 'different tokens' letters.twt --data ../../lang/spec.md
refused 'truncated' letters.twt --data "$tmp/text" --resume "$tmp/damaged"
refused "it has no 'adamw.m.a.w'" circle.twt --data "x=$tmp/x.npy,target=$tmp/inside.npy" \
	--resume "$tmp/whole"
refused 'inputs are x target weight' circle.twt --data "y=$tmp/x.npy"
refused 'no array is given' circle.twt --data "x=$tmp/x.npy"
refused '1 numbers an example, and x[1][2] is 2' circle.twt --data "x=$tmp/inside.npy"
refused 'no .npy' circle.twt --data "x=$tmp/text"
refused 'is no number' letters.twt --data "$tmp/text" --rate much
refused 'a percentage' letters.twt --data "$tmp/text" --validate 95
changes=1 refused 'is no number; a smaller --rate' letters.twt --data "$tmp/text" --rate 1e30 \
	--warm-up 0 --steps 5
changes=

# A full disk: told, and what was there stays.
cp "$tmp/whole" "$tmp/full"
(
	ulimit -f 8
	trap '' XFSZ
	letters --steps 2 -o "$tmp/full" >/dev/null
) && fail "a full disk was not told"
grep -q 'full: ' "$tmp/err" || fail "a full disk: $(cat "$tmp/err")"
cmp "$tmp/whole" "$tmp/full" || fail "a full disk took the file"
train letters.twt --data "$tmp/text" --steps 1 -o "$tmp/none/model" && fail "no such folder"
grep -q 'No such file' "$tmp/err" || fail "no folder: $(cat "$tmp/err")"
exit $failed
