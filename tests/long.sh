#!/bin/bash
# usage: tests/long.sh BUILD-DIR
#
# Texts of about 100,000 tokens through examples/memory.tw, against awk: names that
# were stored early, late, again, in part, or never. Then counts up to every number that
# they can come to, a million and more. With ORT=1 (make exhaustive) one
# of them goes through ONNX Runtime too.
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/.." || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT

texts=20 answers=4      # so many different ones at least
[ "${SLOW:-}" ] && texts=3 answers=2
awk -v texts=$texts -v prompts="$tmp/prompts" '
function say(s) { printf "%s", s > prompts; n += length(s) }
BEGIN {
	srand(1)
	for (t = 0; t < texts; t++) {
		split("", last)
		size = t ? int(99997 - t * t * 100 * rand()) : 99997    # one as long as it may be
		names = 2 + int(rand() * 7)
		# Stored at the beginning only.
		rare = substr("abcdefgh", 1 + int(rand() * 8), 1)
		for (n = 0; n < size;) {
			k = int(rand() * 100)
			name = n < 50 ? rare : substr("abcdefgh", 1 + int(rand() * names), 1)
			if (n >= 50 && name == rare)
				continue
			if (k < 70 && n + 3 <= size)
				say(name "=" (last[name] = int(rand() * 10)))
			else if (k < 80 && n + 3 <= size)
				say(k % 10 "=" int(rand() * 10))
			else
				say(substr("0123456789 ", 1 + int(rand() * 11), 1))
		}
		ask = t % 2 ? rare : substr("abcdefgh", 1 + int(rand() * 8), 1)
		say(ask "?\n")
		print (ask in last ? last[ask] : " ")
	}
}' >"$tmp/want"
"$bin/twc" examples/memory.tw -o "$tmp/memory.onnx" || exit 1
"$bin/twrun" "$tmp/memory.onnx" --batch "$tmp/prompts" --max-tokens 1 >"$tmp/got" || exit 1
diff "$tmp/want" "$tmp/got" || exit 1
counts() { # counts CONTEXT LENGTH LABEL AWK: of texts of that many 1, each label by n
	printf '%s\n' "model long { vocab \"01\" context $1 }" \
		"let n = count(token[j] == '1' for j)" "output x = $3" >"$tmp/counts.tw"
	"$bin/twc" "$tmp/counts.tw" -o "$tmp/counts.onnx" || exit 1
	awk -v n="$2" 'BEGIN { while (n--) printf "1"; print "" }' >"$tmp/ones"
	"$bin/twrun" "$tmp/counts.onnx" --batch "$tmp/ones" | tr ' ' '\n' | tail -n +2 >"$tmp/got"
	awk -v size="$2" "BEGIN { for (n = 1; n <= size; n++) print ($4) }" | cmp - "$tmp/got" ||
		{ echo "wrong: $3, context $1"; exit 1; }
}
long=1000000
[ "${SLOW:-}" ] && long=20000
counts 1030000 $long n n
counts 100000 $((long / 10)) n n
counts 1000000 $long 'n % 2' 'n % 2'
steps= passed=0
for t in 2 1023 9999 65536 524288 777777 999999; do
	steps+="${steps:+ + }(if n >= $t then 1 else 0)" passed+=" + (n >= $t)"
done
counts 1000000 $long "$steps" "$passed"
printf '%s\n' 'model parity { vocab "01" context 1000000 }' \
	"output x = count(token[j] == '1' for j) % 2" >"$tmp/parity.tw"
"$bin/twc" "$tmp/parity.tw" -o "$tmp/parity.onnx" || exit 1
[ "$(stat -c %s "$tmp/parity.onnx")" -lt 1000000 ] || { echo "a parity takes a megabyte"; exit 1; }
[ "$(sort -u "$tmp/want" | wc -l)" -ge $answers ] || { echo "these texts ask too little"; exit 1; }
[ "${ORT:-}" ] || exit 0
head -n 1 "$tmp/prompts" >"$tmp/one"
node tests/model/judge.mjs "$tmp/memory.onnx" "$tmp/one" --mode long >"$tmp/got" || exit 1
head -n 1 "$tmp/want" | diff - "$tmp/got"
