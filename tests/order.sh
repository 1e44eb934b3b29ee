#!/bin/bash
# usage: tests/order.sh BUILD-DIR
#
# Independent lines in another order give the same weights, and so the same file
# but for the names and places in it.
bin=$(cd "$1" && pwd) || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT

model='model m { vocab "abcd01" context 6 }'
one='let x = latest j where token[j] == '\''a'\'
two='let first_one = int(index == 0)'
three='let u = token == '\''b'\'
last='output o = if token == '\''b'\'' then 0 else sum([length, id(token), 5])'
printf '%s\n' "$model" "$one" "$two" "$three" "$last" >"$tmp/1.tw"
printf '%s\n' "$model" "$three" "$two" "$one" "$last" >"$tmp/2.tw"
printf '%s\n' "$two" "$three" "$model" "$one" "$last" >"$tmp/3.tw"

# What follows the header of the file, whose length stands first.
weights() {
	local n=$((8 + 0x$(od -An -tx8 -N8 "$1" | tr -d ' ')))
	tail -c +$((n + 1)) "$1"
}
for i in 1 2 3; do
	"$bin/twc" "$tmp/$i.tw" -o "$tmp/$i.safetensors" || exit 1
	weights "$tmp/$i.safetensors" >"$tmp/$i"
	[ -s "$tmp/$i" ] && cmp "$tmp/1" "$tmp/$i" || exit 1
done
