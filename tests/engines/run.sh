#!/bin/bash
# usage: tests/engines/run.sh BUILD-DIR      N=200 prompts a program, SEED=1; make test-engines
#
# Compiled models in other engines, each logit held against libtw's: llama.cpp with its defaults and
# with float32 keys and values, one text at a time and eight, examples and random programs; its
# builds for all processors that this one can be; HuggingFace's tokenizers; transformers.js; torch,
# from HuggingFace's folder alone; the Python package. Prints tables, and ends in "N passed, N
# failed".
here=$(cd "$(dirname "$0")/../.." && pwd)
cd "$here" || exit 2
bin=$(cd "$1" && pwd) || exit 2
engines=$here/build-engines
libraries=$engines/node_modules/@node-llama-cpp/linux-x64/bins/linux-x64
python=/usr/bin/python3         # Debian's, which has its torch
count=${N:-200}
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0
tally() { # tally STATUS
	if [ "$1" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}
export PYTHONPATH=$here/python TW_BUILD=$bin

version=$(sed 's/.*"tag": "\([^"]*\)".*/\1/' <<<"$(tr -d '\n' <"$engines/llama/info.json")")
${CC:-cc} -O1 -std=gnu11 -I. -I"$engines/llama/include" -o "$tmp/llama" tests/engines/llama.c \
	"$bin/libtw.a" -L"$libraries" -l:libllama."$version".so -l:libggml."$version".so \
	-l:libggml-base.so -lprotobuf-c -lcjson -lm -Wl,-rpath,"$libraries" || exit 2

# ---- programs that can be a Llama, and their prompts ----

names=()
for program in examples/*.tw; do
	name=$(basename "$program" .tw)
	"$bin/twc" "$program" -o "$tmp/$name.onnx" || exit 2
	for profile in f16kv f32; do
		"$bin/twc" "$program" --profile=$profile -o "$tmp/$name.$profile.gguf" \
			2>"$tmp/$name.$profile.why"
	done
	[ -e "$tmp/$name.f32.gguf" ] || continue
	names+=("$name")
	# what is held against a Llama whose tokens are records has them as its tokens too
	if grep -aq tw.fields "$tmp/$name.onnx"; then
		"$bin/twc" "$program" -o "$tmp/flat.onnx/" || exit 2
		cp "$tmp/flat.onnx/onnx/model.onnx" "$tmp/$name.onnx"
	fi
	"$python" - "$tmp/$name.onnx" >"$tmp/$name.json" <<-'END'
		import json, sys, tw
		print(json.dumps(tw.open(sys.argv[1]).vocab))
	END
	"$python" tests/engines/prompts.py "$program" "$count" 3 "$tmp/$name.json" \
		>"$tmp/$name.prompts"
done

ask() { # ask BACKEND f16|f32 SEQUENCES NAME PROFILE <PROMPTS
	"$tmp/llama" "$libraries" "$1" "$2" "$3" "$tmp/$4.$5.gguf" "$tmp/$4.onnx" 2>"$tmp/said"
}

table() { # table TITLE f16|f32 SEQUENCES PROFILE
	printf '\n%s\n\n' "$1"
	printf '| %-21s | %7s | %6s | %7s | %9s | %13s |\n' \
		program prompts tokens logits differing 'wrong answers'
	printf '|%s|%s|%s|%s|%s|%s|\n' ----------------------- --------- -------- --------- \
		----------- ---------------
	local name line
	for name in "${names[@]}"; do
		if [ ! -e "$tmp/$name.$4.gguf" ]; then
			printf '| %-21s | refused: %s |\n' "$name" \
				"$(sed -n '1s/.*16-bit cache: //p' "$tmp/$name.$4.why")"
			continue
		fi
		line=$(ask best "$2" "$3" "$name" "$4" <"$tmp/$name.prompts")
		tally $?
		read -r _ prompts _ tokens _ logits _ different _ wrong _ <<<"$line"
		printf '| %-21s | %7s | %6s | %7s | %9s | %13s |\n' "$name" "$prompts" "$tokens" \
			"$logits" "$different" "$wrong"
	done
}

table "llama.cpp $version with its defaults (16-bit cache, flash attention)" f16 1 f16kv
table "llama.cpp $version with -ctk f32 -ctv f32 -fa off" f32 1 f32
table "llama.cpp $version with its defaults, eight texts at once" f16 8 f16kv

# ---- programs that nobody wrote ----

mkdir "$tmp/random"
"$python" tests/engines/random_programs.py "$bin/twc" 30 "${SEED:-1}" "$tmp/random" || exit 2
echo '["a", "b", "c", "d", "e", "f", "g", "h"]' >"$tmp/letters.json"
right=0 refused=0
for program in "$tmp"/random/*.tw; do
	"$bin/twc" "$program" --no-warnings -o "$tmp/random.onnx" 2>/dev/null || continue
	"$python" tests/engines/prompts.py "$program" 10 4 "$tmp/letters.json" >"$tmp/few"
	for profile in f16kv f32; do
		"$bin/twc" "$program" --no-warnings --profile=$profile \
			-o "$tmp/random.$profile.gguf" 2>"$tmp/why" ||
			{ refused=$((refused + 1)); continue; }
		ask best "${profile%kv}" 1 random $profile <"$tmp/few" >/dev/null
		status=$?
		tally $status
		[ $status = 0 ] && right=$((right + 1)) ||
			{ echo "wrong in llama.cpp, $profile:"; cat "$program"; }
	done
done
printf 'αété→tok\néαtok ab\nα<x>\nα a\ntoktokétéα\n' >"$tmp/few"
"$bin/twc" tests/engines/letters.tw --no-warnings -o "$tmp/letters.onnx" &&
	"$bin/twc" tests/engines/letters.tw --no-warnings -o "$tmp/letters.f16kv.gguf" &&
	ask best f16 1 letters f16kv <"$tmp/few" >"$tmp/ids" && grep -q '^prompts 5 ' "$tmp/ids"
tally $?
printf '\nllama.cpp on random programs, either cache: %s right, %s refused by twc\n' $right $refused

# ---- every build of llama.cpp for a processor that this one can be ----

printf '\nllama.cpp %s, its builds for x86-64: a hash of all logits\n\n' "$version"
for name in adder calculator sort_digits; do
	head -n 20 "$tmp/$name.prompts" >"$tmp/few"
	rm -f "$tmp/hashes"
	for library in "$libraries"/libggml-cpu-*.so; do
		backend=$(basename "$library" .so)
		backend=${backend#libggml-cpu-}
		line=$(ask "$backend" f16 1 "$name" f16kv <"$tmp/few")
		status=$?
		[ $status != 3 ] || continue    # not for this processor
		tally $status
		printf '%-12s %-15s %s\n' "$name" "$backend" "${line##* }"
		echo "${line##* }" >>"$tmp/hashes"
	done
	[ "$(sort -u "$tmp/hashes" | wc -l)" = 1 ]
	tally $?
done

# ---- HuggingFace's tokenizers ----

printf "\nHuggingFace's tokenizers (JavaScript), the ids of all prompts\n\n"
for name in "${names[@]}"; do
	"$bin/twc" "examples/$name.tw" -o "$tmp/$name/" || exit 2
	node tests/engines/tokenizer.mjs "$engines" "$tmp/$name" "$tmp/$name.prompts" \
		>"$tmp/ids" 2>&1 &&
		"$python" - "$tmp/$name.onnx" "$tmp/$name.prompts" >"$tmp/want" <<-'END' &&
			import sys, tw
			model = tw.open(sys.argv[1])
			with open(sys.argv[2], encoding="utf-8") as f:
			    for line in f.read().split("\n")[:-1]:
			        print(model.bos, *(r[0] for r in model.tokenize(line)))
			print(model.bos, model.bos + 1)
		END
		cmp -s "$tmp/ids" "$tmp/want"
	status=$?
	tally $status
	[ $status = 0 ] && echo "$name: $(wc -l <"$tmp/want") equal" ||
		{ echo "$name: differs"; diff "$tmp/ids" "$tmp/want" | head -n 4; }
done

# ---- transformers.js ----

printf '\ntransformers.js on folders of -o x.onnx/: what generate() says\n\n'
for name in "${names[@]}"; do
	"$bin/twc" "examples/$name.tw" -o "$tmp/$name.onnx.folder.onnx/" || exit 2
	# a few of each length, and one that fills the context
	{
		head -n 12 "$tmp/$name.prompts"
		"$python" - "$tmp/$name.onnx" <<-'END'
			import sys, tw
			model = tw.open(sys.argv[1])
			tokens = [t for t in model.vocab if "\n" not in t]
			n = min(model.context, 300)
			print("".join(tokens[i * i % len(tokens)] for i in range(n)))
		END
	} >"$tmp/few"
	node tests/engines/generate.mjs "$engines" "$tmp/$name.onnx.folder.onnx" "$tmp/few" \
		>"$tmp/ids" 2>"$tmp/said"
	"$python" - "$tmp/$name.onnx" "$tmp/few" "$tmp/ids" <<-'END'
		import sys, tw
		model = tw.open(sys.argv[1])
		want = []
		with open(sys.argv[2], encoding="utf-8") as f:
		    for line in f.read().split("\n"):
		        rows = model.tokenize(line)
		        if not line or len(rows) > model.context:
		            continue
		        with model.session(False) as s:
		            s.feed(rows)
		            n = len(rows)
		            while len(rows) < min(n + 300, model.context):
		                rows.append(s.next_rows())
		                if rows[-1] == [model.end]:
		                    break
		                s.feed([rows[-1]])
		        want.append(" ".join(str(i) for i in [model.bos] + [r[0] for r in rows]))
		with open(sys.argv[3], encoding="utf-8") as f:
		    got = f.read().split("\n")[:-1]
		wrong = sum(a != b for a, b in zip(got, want)) + abs(len(got) - len(want))
		print(f"{sys.argv[1].split('/')[-1][:-5]}: {len(want)} texts, {wrong} wrong")
		sys.exit(wrong != 0)
	END
	status=$?
	tally $status
	[ $status = 0 ] || head -n 3 "$tmp/said"
done

# ---- layers and times ----

# One layer more at most, which makes what a token is as a number; and another where a plain head
# compares two counts, which here are rounded first.
printf '\nlayers of the .gguf, and of the .onnx\n\n'
for name in "${names[@]}"; do
	"$python" - "$tmp/$name.f32.gguf" "$tmp/$name.onnx" <<-'END'
		import struct, sys, tw
		with open(sys.argv[1], "rb") as f:
		    data = f.read(1 << 16)
		key = b"llama.block_count"
		at = data.index(key) + len(key) + 4
		plain = len(tw.open(sys.argv[2]).layers)
		layers, = struct.unpack("<I", data[at:at + 4])
		more = layers - max(plain, 1)
		print(f"{sys.argv[2].split('/')[-1][:-5]}: {layers}, {plain}")
		sys.exit(more > 1 + (sys.argv[2].endswith("/sort_digits.onnx")))
	END
	tally $?
done

cpu() { # cpu COMMAND…: the least of five of its seconds of processor time
	local TIMEFORMAT='%U %S' best=
	for _ in 1 2 3 4 5; do
		t=$({ time "$@" >/dev/null 2>&1; } 2>&1 | awk '{ print $1 + $2 }')
		best=$(printf '%s\n' $best "$t" | sort -n | head -n 1)
	done
	echo "$best"
}
t=$(cpu "$bin/twc" examples/calculator.tw -o "$tmp/time.gguf")
printf '\ncalculator.gguf, compiled and written: %s ms of processor time\n' \
	"$(awk "BEGIN { print 1000 * $t }")"
t=$(cpu "$bin/twc" random -n 1000 --size 8 --depth 4 --seed 1)
printf 'random programs with their circuits: %.0f a second\n' "$(awk "BEGIN { print 1000 / $t }")"
t=$(cpu "$bin/twc" sample examples/calculator.tw -n 10000 --seed 1)
printf 'samples of the calculator: %.0f a second\n' "$(awk "BEGIN { print 10000 / $t }")"
named=$("$python" - "$tmp" "${names[@]}" <<-'END'
	import math, sys, tw
	shown = missing = 0
	for name in sys.argv[2:]:
	    model = tw.open(f"{sys.argv[1]}/{name}.onnx")
	    run = model.run([[0]])
	    for i in range(len(model.named)):
	        nan = any(math.isnan(x) for x in run.value(i))
	        missing += nan
	        shown += not nan
	print(f"{shown} of {shown + missing}")
	sys.exit(missing != 0)
	END
)
tally $?
printf 'named values that Python shows: %s\n' "$named"

# ---- torch, and the Python package ----

printf '\npython3-torch and the package tw: tests of python/tests\n\n'
"$python" -m pytest -q -p no:cacheprovider python/tests >"$tmp/log" 2>&1 ||
	grep -E '^(FAILED|ERROR|E  )' "$tmp/log" | head -n 20
last=$(tail -n 1 "$tmp/log")
echo "$last"
ok=$(sed -n 's/^\(.* \)\{0,1\}\([0-9]*\) passed.*/\2/p' <<<"$last")
bad=$(sed -n 's/^\([0-9]*\) failed.*/\1/p' <<<"$last")
passed=$((passed + ${ok:-0})) failed=$((failed + ${bad:-0}))
[ "$ok" ] || failed=$((failed + 1))

echo "$passed passed, $failed failed"
[ $failed = 0 ]
