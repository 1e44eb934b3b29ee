#!/bin/bash
# usage: tests/gpt2/run.sh BUILD-DIR
#
# GPT-2 with random weights in HuggingFace's files: byte pairs, weights by name, going on with a
# text; what is refused.
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")" || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
failed=0
fail() { echo "$*"; failed=1; }
mkdir "$tmp/a" "$tmp/b"
node random.mjs "$tmp/a" '{"layers": 2, "width": 24, "heads": 3, "context": 12}' || exit 2
node random.mjs "$tmp/b" '{"layers": 2, "width": 24, "heads": 3, "context": 12,
	"prefix": "transformer."}' || exit 2
cd "$tmp/a" || exit 2

# ---- byte pairs ----

"$bin/twc" gpt2.tw -o model.tw.safetensors || fail "gpt2.tw is not written"
rows() { "$bin/twrun" model.tw.safetensors "$1" --json | sed -n 's/.*"rows": \[\(.*\)\],.*/\1/p'; }
cuts() { # cuts TEXT ROWS
	local got
	got=$(rows "$1")
	[ "$got" = "$2" ] || fail "'$1' is cut into $got, not $2"
}
# 0..255 are bytes; "Ġ t" is 256, "h e" 257, "Ġt he" 258, "i n" 259, "e r" 260, "Ġ a" 261, "Ġa n"
# 262, "l l" 263, "Ġ Ġ" 264, "ĠĠ ĠĠ" 265, "' s" 266, "Ã ©" 267, "o n" 268, "1 2" 269, "a a" 270
cuts "the" "116, 257"
cuts " the" "258"
cuts "the then" "116, 257, 258, 110"
cuts "an an" "97, 110, 262"
cuts "aaaaa" "270, 270, 97"
cuts "he's" "257, 266"
cuts "he'son" "257, 266, 268"
cuts "' s" "39, 32, 115"
cuts "é" "267"
cuts "     a" "265, 261"
cuts "a     " "97, 265, 32"
cuts "12a12" "269, 97, 269"
cuts "a1" "97, 49"
cuts "<|endoftext|>in" "271, 259"
cuts "<|endoftext|" "60, 124, 101, 110, 100, 111, 102, 116, 101, 120, 116, 124"

# ---- it goes on as the reference evaluator does, with either name and either vocabulary ----

for text in " the" "he's 12"; do
	"$bin/twc" run gpt2.tw "$text" >want || fail "twc run: $text"
	"$bin/twrun" model.tw.safetensors "$text" -n $((12 - $(rows "$text" | wc -w))) >got
	cmp want got || fail "twrun goes on with '$text' otherwise than twc run"
done
"$bin/twc" ../b/gpt2.tw -o ../b/model.tw.safetensors || fail "names with transformer. before them"
cmp model.tw.safetensors ../b/model.tw.safetensors || fail "the same weights by other names"
sed 's/byte_pairs(.*)/byte_pairs("tokenizer.json")/' gpt2.tw >json.tw
"$bin/twc" json.tw -o json.safetensors || fail "tokenizer.json"
cmp model.tw.safetensors json.safetensors || fail "tokenizer.json is another vocabulary"
cat >>json.tw <<-'END'
	output all = sum(softmax([e for e in end]))
	output it = token == " the"
	output special = token == "<|endoftext|>"
	output number = if token in "12" then 1 else 0
	output accent = if token == "é" then ord(token) else 0
	output bare = token == "<0xe2>"
	test " the12é<|endoftext|>" -> all = [1, 1, 1, 1], it = [true, false, false, false],
	  special = [false, false, false, true], number = [0, 1, 0, 0], accent = [0, 0, 233, 0]
	test "—" -> bare = [true, false, false]
END
"$bin/twc" test json.tw >out || fail "twc test: $(cat out)"

# The whole text at once, by ONNX Runtime.
"$bin/twrun" model.tw.safetensors "he's 12" --json >next.json
"$bin/twc" gpt2.tw -o model.onnx && cp "$OLDPWD/../train/onnx.mjs" . &&
	ln -s "$OLDPWD/../../node_modules" . && CONTEXT=12 node onnx.mjs model.onnx next.json ||
	fail "ONNX Runtime differs"

# ---- it learns on, from any text ----

head -c 4000 "$OLDPWD/../../lang/spec.md" >text
"$bin/twc" train gpt2.tw --data text --steps 30 --rate 0.003 -o tuned.safetensors >out ||
	fail "training"
awk 'END { exit !($7 + 0 > 0 && $7 + 0 < 8) }' out || fail "training: $(tail -n 1 out)"
"$bin/twrun" tuned.safetensors " the" --sample --seed 1 -n 4 >out ||
	fail "what was trained: $(cat out)"
"$bin/twc" train gpt2.tw --data text --resume tuned.safetensors --steps 31 -o tuned.safetensors \
	>out || fail "taken up again"

# ---- what is refused ----

printf 'Ġ x y\n' >three.txt
printf 'Ġ zz\n' >unknown.txt
echo '{"a": 0, "c": 2}' >hole.json
echo '{"a": 0, "b": 0}' >twice.json
echo '{"model": {"type": "BPE", "vocab": {}, "merges": []}, "pre_tokenizer": {"type": "Split"}}' \
	>split.json
echo '{"model": {"type": "WordPiece", "vocab": {"a": 0}}}' >pieces.json

refused() { # refused TEXT SED-COMMAND: the program so changed
	sed "$2" gpt2.tw >bad.tw
	grep -q ^emit bad.tw || echo 'emit token' >>bad.tw
	"$bin/twc" bad.tw -o bad.safetensors 2>err && fail "$2: not refused"
	grep -qF -e "$1" err || fail "$2: said '$(head -n 1 err)', not '$1'"
}
refused "has no 'g.0.ln_1.weight'; did you mean 'h.0.ln_1.weight', one of the 28 arrays" \
	's/"h\./"g./'
refused "has no 'gain.weight'; that is none of the 28 arrays" 's/"ln_f"/"gain"/'
refused "'h.0.attn.c_attn.weight' is [24][72] in model.safetensors, but the param is [24][48]" \
	's/3 \* width/2 * width/'
refused "cannot read 'none.safetensors', which is looked for beside the program" \
	's/model.safetensors/none.safetensors/'
refused "cannot read 'none.json', which is looked for beside the program" 's/vocab.json/none.json/'
refused '"merges.txt": no JSON' 's/byte_pairs(.*)/byte_pairs("merges.txt")/'
refused 'a vocab.json goes with its merges.txt' 's/byte_pairs(.*)/byte_pairs("vocab.json")/'
refused 'byte_pairs takes vocab.json and merges.txt' 's/byte_pairs(.*)/byte_pairs("a", "b", "c")/'
refused 'byte_pairs(...) is a vocabulary, all of it' 's/vocab .*/vocab "a", byte_pairs("a", "b")/'
refused "'Ġ x y' is no merge of two tokens" 's/merges.txt/three.txt/'
refused "'Ġ zz' is no merge of two tokens" 's/merges.txt/unknown.txt/'
refused "there is no token 1, and there is a 2" 's/vocab.json/hole.json/'
refused "'a' and 'b' are both token 0" 's/vocab.json/twice.json/'
refused 'its model is WordPiece, not BPE' 's/byte_pairs(.*)/byte_pairs("pieces.json")/'
refused 'it cuts texts by Split' 's/byte_pairs(.*)/byte_pairs("split.json")/'
refused 'byte pairs are for programs that learn' '/^const/,$d; /^}/q'
"$bin/twc" gpt2.tw -o model.gguf 2>err && fail "a .gguf was written"
grep -q 'is written as a .safetensors, an .onnx or a .c' err || fail "a .gguf: $(cat err)"
"$bin/twc" run gpt2.tw "" 2>err && fail "an empty prompt"
grep -q 'the prompt is empty' err || fail "an empty prompt: $(cat err)"
"$bin/twc" run gpt2.tw "a b c d e f g h i j" 2>err && fail "a long prompt"
grep -q 'the prompt is too long: the model takes 12 tokens' err || fail "too long: $(cat err)"
exit $failed
