#!/bin/bash
# usage: tests/forms.sh BUILD-DIR
#
# The same bits from every form of the kernels: fused and unfused, vectors of each kind, one thread
# and two, the C compiler's, a run that is taken up again; and a model as C against twrun.
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/train" || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
failed=0
fail() { echo "$*"; failed=1; }

tr -c 'a-z \n.,' ' ' <../../lang/tutorial.md | tr -s ' ' | head -c 20000 >"$tmp/text"
node circle.mjs "$tmp" || fail "no data"
letters() {
	"$bin/twc" train letters.twt --data "$tmp/text" --steps 12 --schedule constant \
		--warm-up 3 --batch 4 "$@" >"$tmp/out" 2>&1
}
circle() {
	"$bin/twc" train circle.twt --data "x=$tmp/x.npy,target=$tmp/inside.npy" --rate 0.02 \
		--steps 400 --batch 32 "$@" >"$tmp/out" 2>&1
}

# ---- training ----

forms=('-j 1' '-j 2' '--unfused' '--unfused -j 2' '--vectors portable' '--vectors avx2'
	'--cc -j 2' '--cc --unfused')
letters -j 1 -o "$tmp/letters" || fail "training: $(cat "$tmp/out")"
for form in "${forms[@]}"; do
	# shellcheck disable=SC2086 # several options
	letters $form -o "$tmp/other" && cmp -s "$tmp/letters" "$tmp/other" ||
		fail "$form gives other bits: $(cat "$tmp/out")"
done
letters --steps 5 -o "$tmp/half" &&
	letters --resume "$tmp/half" --cc -o "$tmp/other" &&
	cmp -s "$tmp/letters" "$tmp/other" || fail "resumed, --cc: other bits: $(cat "$tmp/out")"
count() { "$bin/twc" kernels letters.twt "$@" | wc -l; }
[ "$(count --unfused)" -gt "$(count)" ] ||
	fail "--unfused does not take kernels apart"

CC=no-such-compiler letters --cc -o "$tmp/other" && fail "--cc without a compiler"
[ "$(cat "$tmp/out")" = "twc: --cc: there is no C compiler 'no-such-compiler' here (CC names \
another); without --cc kernels have the same bits" ] || fail "no compiler: $(cat "$tmp/out")"

# ---- as C ----

mv "$tmp/letters" "$tmp/letters.safetensors"
"$bin/twc" "$tmp/letters.safetensors" -o "$tmp/m.c" || fail "as C: no file"
"$bin/twrun" "$tmp/letters.safetensors" 'the ' -n 60 >"$tmp/said"
"$bin/twrun" "$tmp/letters.safetensors" 'the ' -n 60 --cc >"$tmp/other"
cmp -s "$tmp/said" "$tmp/other" || fail "twrun --cc says something else"
for flags in '-O2' '-O1 -march=native -ffp-contract=fast'; do
	# shellcheck disable=SC2086
	cc $flags -w -Wno-psabi -o "$tmp/m" "$tmp/m.c" -lm || fail "cc $flags: no program"
	"$tmp/m" 'the ' 60 >"$tmp/other" && cmp -s "$tmp/said" "$tmp/other" ||
		fail "cc $flags: it says '$(cat "$tmp/other")'"
	"$tmp/m" 'the cat' scores >"$tmp/scores"
	"$bin/twrun" "$tmp/letters.safetensors" 'the cat' --json | grep -o '"score": [^,]*' |
		awk '{ printf "%.9g\n", $2 }' | cmp -s - "$tmp/scores" ||
		fail "cc $flags: other scores"
done
"$tmp/m" 'the 7' >"$tmp/other" 2>&1 && fail "a token that is none"

# One that takes numbers and gives scores; as functions of a program of one's own too.
circle -o "$tmp/circle.safetensors" && circle --cc --unfused -o "$tmp/other" &&
	cmp -s "$tmp/circle.safetensors" "$tmp/other" || fail "circle: $(cat "$tmp/out")"
"$bin/twc" "$tmp/circle.safetensors" -o "$tmp/circle.c" || fail "circle as C"
cc -O2 -w -Wno-psabi -o "$tmp/circle" "$tmp/circle.c" -lm || fail "circle: no program"
inside() { echo "$*" | "$tmp/circle" | paste -s | awk '{ print ($2 > $1) }'; }
[ "$(inside 0 0.1)$(inside 0.9 0.9)$(inside -0.2 0.3)$(inside -1 0.5)" = 1010 ] ||
	fail "circle: other answers as C"
cat >"$tmp/own.c" <<'END'
#include "circle.c"
int
main(void)
{
	model_load();
	model_x()[0] = 0, model_x()[1] = 0.1f;
	model_run();
	return !(model_scores()[1] > model_scores()[0]);
}
END
cc -O2 -w -Wno-psabi -DMODEL_NO_MAIN -o "$tmp/own" "$tmp/own.c" -lm && "$tmp/own" ||
	fail "circle: its functions cannot be called"
# Many parameters stand beside it.
cat >"$tmp/wide.twt" <<'END'
input x [1][2]
param a.w [300000][2] = normal(1)
a [t < 1][n < 300000] = max(sum(x[t, r] * a.w[n, r] for r < 2), 0)
param b.w [2][300000] = normal(0.01)
scores [t < 1][n < 2] = sum(a[t, r] * b.w[n, r] for r < 300000)
output scores
END
"$bin/twc" train "$tmp/wide.twt" --data "x=$tmp/x.npy,target=$tmp/inside.npy" --steps 1 \
	--batch 1 -o "$tmp/wide.safetensors" >"$tmp/out" 2>&1 || fail "wide: $(cat "$tmp/out")"
"$bin/twc" "$tmp/wide.safetensors" -o "$tmp/wide.c" && [ -s "$tmp/wide.weights" ] &&
	cc -O2 -w -Wno-psabi -o "$tmp/wide" "$tmp/wide.c" -lm || fail "wide as C"
[ "$(cd "$tmp" && echo 0 0.1 | ./wide | grep -c '[0-9]')" = 2 ] || fail "wide: no answer"
(cd / && echo 0 0.1 | "$tmp/wide" >"$tmp/out" 2>&1) && fail "wide: an answer without its weights"
grep -q 'weights cannot be read' "$tmp/out" || fail "wide, no weights: $(cat "$tmp/out")"

"$bin/twc" ../../examples/adder.tw -o "$tmp/adder.c" 2>"$tmp/out" && fail "an exact program as C"
grep -q 'C is for what is learned' "$tmp/out" || fail "an exact program: $(cat "$tmp/out")"

# ---- twc kernels ----

"$bin/twc" kernels letters.twt --grad >"$tmp/out"
for stage in forward backward step; do
	grep -q "^[a-z]* *$stage .*MFLOP.*MB.* = " "$tmp/out" || fail "no kernel is $stage"
done
"$bin/twc" kernels letters.twt up >"$tmp/out"
grep -q '^// up .i < 16' "$tmp/out" && grep -q 'greater_lanes' "$tmp/out" ||
	fail "up as C: $(cat "$tmp/out")"
"$bin/twc" kernels letters.twt nothing 2>"$tmp/out" && fail "a kernel of nothing"
"$bin/twc" kernels "$tmp/letters.safetensors" --grad -o "$tmp/all.c" &&
	cc -O1 -w -c -o "$tmp/all.o" "$tmp/all.c" || fail "all kernels as C"
# An exact program's weights: lanes go through several ranges at once.
"$bin/twc" kernels ../../examples/adder_1digit.tw --grad -o "$tmp/all.c" &&
	cc -O0 -w -Wno-psabi -c -o "$tmp/all.o" "$tmp/all.c" ||
	fail "kernels of an exact program as C"

exit $failed
