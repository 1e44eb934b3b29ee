#!/bin/bash
# usage: tests/hostile/models.sh BUILD-DIR DIR
#
# What the fuzzers start from: small models of every kind in DIR, and in DIR/prompts
# prompts for them, the first byte picking the model by its number.
bin=$(cd "$1" && pwd) && dir=$(cd "$2" && pwd) || exit 2
cd "$(dirname "$0")/../.." || exit 2

TW_KEEP=$dir "$bin/unit/runtime_test" >"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
for example in adder_1digit binary_increment caesar histogram most_frequent range_printer \
	reverse sort_digits calculator tally raw_graph; do
	"$bin/twc" examples/$example.tw -o "$dir/$example.onnx" || exit 1
done
for example in adder_1digit reverse; do
	"$bin/twc" examples/$example.tw -o "$dir/$example.safetensors" || exit 1
	"$bin/twc" --uniform examples/$example.tw -o "$dir/$example.uniform.onnx" || exit 1
done
# Keys of many numbers, and a search by digits.
cat >"$dir/keys.tw" <<'END'
use bits
model keys {
  token { key: int 0..63, digit: int 0..9, ask: bool }
  context 200
}
let k = bits.of(token.key, 6)
let last = latest j where k[j] == k and token.digit[j] == token.digit and not token.ask[j]
let sum = (index + token.digit) % 7
output found = token.key[last else 0]
output mean = count(sum[j] == sum and k[j][0] == k[0] for j) > 2
END
cat >"$dir/digits.tw" <<'END'
model digits {
  token { v: int 0..255, u: int 0..9, w: bool }
  context 60000
}
output most = token.u[best j by token.v[j] where token.w[j] else 0]
END
for name in keys digits; do
	"$bin/twc" "$dir/$name.tw" -o "$dir/$name.onnx" || exit 1
done
mkdir -p "$dir/prompts"
number=0
for model in "$dir"/*.onnx; do
	name=$(basename "$model" .onnx)
	{ printf "\\$(printf %03o $number)"
	  sed -n 's/^[ \t]*test[ \t]*"\([^"\\]*\)".*/\1/p' \
		"examples/${name%.uniform}.tw" 2>/dev/null
	} >"$dir/prompts/$name"
	number=$((number + 1))
done
